"""The vocabulary of a turn: what was said, what was understood, what is decided.

Plain frozen data. No Flask, RQ, SQLAlchemy, tables or queue here (import-linter checks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from bot.hours import OpeningHours
from bot.shop import Shop
from connectors.ports import Post, Product, Proof

# The names of formats/understanding.md. They stand in the database, metrics and tests.
INTENTS = (
    "product_availability",
    "product_inquiry",
    "photo_request",
    "reservation_create",
    "reservation_pickup",
    "reservation_extend",
    "reservation_cancel",
    "reservation_status",
    "order_status",
    "order_list",
    "order_change",
    "exchange_request",
    "return_request",
    "delivery_problem",
    "styling_advice",
    "complaint",
    "general_question",
    "quote_request",
    "back_in_stock",
    "feedback",
    "human_request",
    "opt_out",
    "opt_in",
    "greeting",
    "closing",
    "confirm",
    "deny",
    "choose",
    "unknown",
)

# Questions that the assistant can have put last (the last four are ours beside the format's).
QUESTIONS = (
    "reservation_offer",
    "pickup_time",
    "exchange_option",
    "order_identity",
    "order_number",
    "photo_offer",
    "backup_option",
    "feedback",
    "size",
    "waiting_offer",
    "clarification",
    "team_offer",
)

Urgency = Literal["low", "normal", "high"]
Sentiment = Literal["very_negative", "negative", "neutral", "positive", "very_positive"]
Level = Literal["auto", "draft", "human", "both"]
Priority = Literal["normal", "high"]


# Within how many hours of opening time a person should have answered
ANSWER_WITHIN = {"high": timedelta(hours=1), "normal": timedelta(hours=4)}


def answer_by(hours: OpeningHours, priority: Priority, now: datetime) -> datetime:
    """The time by which a person answers what is handed over now."""
    return hours.after_open_hours(now, ANSWER_WITHIN[priority])


# --- understanding -----------------------------------------------------------------------


@dataclass(frozen=True)
class TimeSpan:
    """An instant (`end` None) or, when only part of a day was said, a range. Aware."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class ProductMention:
    """The words used for a product and the catalogue's references they may mean, best
    first: none when nothing matches, several when the words do not decide."""

    words: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entities:
    products: tuple[ProductMention, ...] = ()
    sizes: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    quantity: int | None = None
    order_numbers: tuple[str, ...] = ()
    tracking_numbers: tuple[str, ...] = ()
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    pickup_time: TimeSpan | None = None
    event: str | None = None
    event_date: date | None = None
    choice: int | None = None


@dataclass(frozen=True)
class Understanding:
    """What an engine made of a customer's words. `confidence` is the least sure intent's."""

    intents: tuple[str, ...]
    confidence: float
    entities: Entities = field(default_factory=Entities)
    urgency: Urgency = "normal"
    sentiment: Sentiment = "neutral"
    language: str = "fr"
    engine: str = "local"


@dataclass(frozen=True)
class Context:
    """What an engine is told besides the text.

    `asked` is one of QUESTIONS: what the assistant had just put. `order_shapes` are
    regular expressions of the tenant's own order numbers, `own_names` the words, folded, of
    its name, its address and its advisers' names.
    """

    now: datetime
    hours: OpeningHours
    products: tuple[Product, ...] = ()
    posts: tuple[Post, ...] = ()
    order_shapes: tuple[str, ...] = ()
    asked: str | None = None
    language: str = "fr"
    own_names: frozenset[str] = frozenset()


# --- the turn ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Voice:
    """How the agent speaks: "tu" or "vous", with emoji or not."""

    address: Literal["tu", "vous"] = "vous"
    emoji: bool = False


@dataclass(frozen=True)
class Policies:
    """The tenant's rules that flows go by. Days of holds are opening days, of returns and
    exchanges calendar days; money in the tenant's currency.

    `name_and_number`: a family name with an order's number proves enough to speak of it.
    `support_phone`, as it is read aloud, is told to who is handed over.
    `send_pictures`: the catalogue's picture is sent on channels that carry pictures.
    """

    reservation: Literal["auto", "ask"] = "auto"
    hold_days: int = 1
    hold_until: str = "18:00"
    lengthen_days: int = 3
    return_days: int = 30
    exchange_hold_days: int = 7
    exchange_by_post: str = "4.90"
    name_and_number: bool = False
    support_phone: str = ""
    send_pictures: bool = False


@dataclass(frozen=True)
class Tenant:
    """The tenant as a flow sees it."""

    id: int
    name: str
    hours: OpeningHours
    address: str = ""
    phone: str = ""
    language: str = "fr"


@dataclass(frozen=True)
class Customer:
    """The customer as a flow sees them; what is not known is empty. `orders`: how many they
    have placed, as the CRM counts; `crm_id` their id there."""

    id: int
    first_name: str = ""
    name: str = ""
    segment: str = ""
    usual_size: str = ""
    language: str = ""
    orders: int | None = None
    crm_id: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Reservation:
    """Units put aside for this customer, not over. `pickup` is when they said they come."""

    id: int
    sku: str
    reference: str
    title: str
    size: str | None
    quantity: int
    until: datetime
    pickup: TimeSpan | None = None
    extended: bool = False


@dataclass(frozen=True)
class Turn:
    """Everything a flow may know and reach. `now` is in the tenant's time zone; `id` names
    what is done outside, so that a second run of the same turn finds it.

    `memory` is what earlier turns of the conversation chose to remember; `first` when the
    assistant has not spoken in this conversation yet. `enclosed`: what came along, each a
    picture, voice, video, document or place. `proof` is what the channel proves of who asks:
    what is shown of orders depends on it alone.
    """

    now: datetime
    tenant: Tenant
    policies: Policies
    voice: Voice
    customer: Customer
    channel: str
    text: str
    understanding: Understanding
    asked: str | None
    memory: Mapping[str, Any]
    reservations: tuple[Reservation, ...]
    first: bool
    shop: Shop
    id: int = 0
    enclosed: tuple[str, ...] = ()
    proof: Proof = field(default_factory=Proof)

    @property
    def name(self) -> str:
        """The first name, for a sentence; empty where the greeting has just said it."""
        return "" if self.first else self.customer.first_name

    @property
    def upset(self) -> bool:
        """The customer is not in the mood for cheer."""
        return (
            self.understanding.sentiment in {"negative", "very_negative"}
            or "complaint" in self.understanding.intents
        )


# --- what a flow decides -----------------------------------------------------------------


@dataclass(frozen=True)
class Say:
    """One sentence of the reply: its name in bot/replies and the facts that fill it."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Keep:
    """A unit that the flow put aside in this turn stays put aside."""

    reservation_id: int


@dataclass(frozen=True)
class SetPickup:
    """When the customer comes; `until` is when the hold then ends. Moves the reminder."""

    reservation_id: int
    pickup: TimeSpan
    until: datetime


@dataclass(frozen=True)
class Extend:
    reservation_id: int
    until: datetime


@dataclass(frozen=True)
class Cancel:
    """The customer gives the reservation up: the unit goes back."""

    reservation_id: int


@dataclass(frozen=True)
class Stop:
    """The customer wants no more messages, on any channel."""


@dataclass(frozen=True)
class Restart:
    """The customer wants messages again."""


@dataclass(frozen=True)
class OpenTicket:
    """A request to follow in the CRM. `key` names it once for the tenant; `facts` fill the
    sentences `ticket.<kind>` (a subject, then lines)."""

    key: str
    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    urgent: bool = False


@dataclass(frozen=True)
class AddNote:
    """A line in the CRM's story of the customer: the sentence `note.<kind>`."""

    key: str
    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenReturn:
    """Units of an order's line come back: opened in the shop's system."""

    order_id: str
    line_id: str
    quantity: int
    note: str


@dataclass(frozen=True)
class WatchParcel:
    """Look at a parcel every hour: the customer is told when it arrives, the desk is alerted
    when it has not by `alert_at`. `spare` is a reservation to give up once it is there."""

    number: str
    order_number: str
    alert_at: datetime
    spare: int | None = None


@dataclass(frozen=True)
class AwaitArticle:
    """Tell the customer, once, when the article is back. `size` None: any of the product."""

    reference: str
    size: str | None


@dataclass(frozen=True)
class Rate:
    """What the customer thinks of it: `score` from 1 to 5, None when only words were said."""

    score: int | None
    words: str


@dataclass(frozen=True)
class Remind:
    """A message of our own to plan; the sentence `reminder.<kind>`. `reservation_id`: what
    ends it when it is over."""

    kind: str
    at: datetime
    reservation_id: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


ReservationChange = Keep | SetPickup | Extend | Cancel
Request = OpenTicket | AddNote | OpenReturn
Change = ReservationChange | Stop | Restart | Request | WatchParcel | AwaitArticle | Rate | Remind


@dataclass(frozen=True)
class Escalate:
    """Hand over to an adviser. `facts` fill the summary and stand beside it on the desk."""

    reason: str
    priority: Priority = "normal"
    facts: Mapping[str, Any] = field(default_factory=dict)
    suggestion: tuple[Say, ...] = ()


@dataclass(frozen=True)
class Notice:
    """Something the desk shows. `kind` names its sentences in bot/replies."""

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    reservation_id: int | None = None
    needs_action: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a flow decided. `covers` are further intents of the message that it answered;
    `asks` is the question that the reply ends with, one of QUESTIONS. `answered` is False
    when what is said is at most an acknowledgement, and a person must answer. `pictures` are
    URLs to send along where the channel carries pictures. `needs_approval` is False for a
    question back, which goes out at once even where answers wait for an adviser. `instead` is
    the intent that the request turned out to be, whose level then holds."""

    say: tuple[Say, ...] = ()
    asks: str | None = None
    covers: frozenset[str] = frozenset()
    remember: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    escalations: tuple[Escalate, ...] = ()
    notices: tuple[Notice, ...] = ()
    answered: bool = True
    pictures: tuple[str, ...] = ()
    needs_approval: bool = True
    instead: str = ""
