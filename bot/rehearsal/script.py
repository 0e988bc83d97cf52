"""What a rehearsal says, as plain frozen data. The reader makes it of YAML.

A key that these classes do not name is one that this product cannot play yet: it is kept aside,
and fails the rehearsal by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PositiveInt,
    Tag,
    model_validator,
)

OPENERS = ("customer", "wait", "shopify", "track", "status", "adviser", "accept", "system")
DURATION = re.compile(r"\+(\d+) ?(s|min|m|h|d|w)")
CONTENT_TYPE = re.compile(
    r"(image|audio|video|text|application|model|font)/[\w.+-]+(;.*)?", re.IGNORECASE
)
UNITS = {"s": "seconds", "min": "minutes", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _contact(value: object) -> object:
    """A number written without quotes loses its plus sign in YAML; the carrier's prefix says
    no more than `via`."""
    if isinstance(value, str):
        return value.strip().removeprefix("whatsapp:")
    return f"+{value}" if isinstance(value, int) and not isinstance(value, bool) else value


def _several(value: object) -> object:
    """One text stands for a list of one."""
    return [value] if isinstance(value, str | int | float) else value


def _files(value: object) -> object:
    """One file or a list; a file by its content type or its name alone, too."""
    if value is None:
        return []
    return [_file(item) for item in (value if isinstance(value, list | tuple) else [value])]


def _file(item: object) -> object:
    if not isinstance(item, str):
        return item
    if CONTENT_TYPE.fullmatch(item):
        return {"type": item}
    return {"name": item.rpartition("/")[2]}


def _nothing(value: object) -> object:
    """A message without words."""
    return "" if value is None else value


def _ahead(value: object) -> object:
    """« +2h » as a duration."""
    if isinstance(value, str) and (found := DURATION.fullmatch(value.strip())):
        return timedelta(**{UNITS[found[2]]: int(found[1])})
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("expected a time (ISO 8601, or +2h, +7d)") from None
    return value


VISITOR = "visitor@web.invalid"  # whoever chats on a site is told apart by `session`

Contact = Annotated[str, BeforeValidator(_contact)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]
System = Literal["shopify", "hubspot", "colissimo", "twilio", "resend", "openai", "orderdb"]
Systems = Annotated[tuple[System, ...], BeforeValidator(_several)]
Via = Literal["sms", "whatsapp", "email", "web"]


class Part(BaseModel):
    model_config = ConfigDict(
        extra="allow", frozen=True, coerce_numbers_to_str=True, populate_by_name=False
    )


# --- the world ---------------------------------------------------------------------------


class Shopper(Part):
    """A customer beside the demo's. `consent`: channels of commercial messages."""

    name: str
    phone: Contact = ""
    email: str = ""
    orders: int | None = None
    spent: str | None = None
    segment: str = ""
    size: str = ""
    consent: tuple[Via, ...] = ()


class Publication(Part):
    """A post; `sku` may also be a product's reference."""

    date: date
    sku: str
    caption: str = ""


class Rules(Part):
    reservation: Literal["auto", "ask"] | None = None
    voice: Literal["tu", "vous"] | None = None
    emoji: bool | None = None
    levels: dict[str, Literal["auto", "draft", "human", "both"]] = {}
    threshold: float | None = Field(default=None, ge=0, le=1)


class OrderLine(Part):
    sku: str
    quantity: PositiveInt = 1


class Order(Part):
    """An order in the store, whoever's it is by `phone` or `email`."""

    name: Annotated[str, AfterValidator(lambda name: f"#{name.removeprefix('#')}")]
    phone: Contact = ""
    email: str = ""
    placed: datetime | date
    lines: tuple[OrderLine, ...] = Field(min_length=1)
    state: Literal["paid", "preparing", "shipped", "delivered", "collected", "cancelled"] = "paid"
    tracking: str = ""
    delivered: datetime | date | None = None
    expected: AwareDatetime | None = None


ParcelStatus = Literal[
    "announced",
    "in_transit",
    "out_for_delivery",
    "pickup_point",
    "delivered",
    "delayed",
    "problem",
    "returned",
]


class Situation(Part):
    """Where a parcel is, by its carrier."""

    status: ParcelStatus
    expected: AwareDatetime | None = None


Hours = tuple[str, str] | Literal["closed"]


class Opening(Part):
    monday: Hours | None = None
    tuesday: Hours | None = None
    wednesday: Hours | None = None
    thursday: Hours | None = None
    friday: Hours | None = None
    saturday: Hours | None = None
    sunday: Hours | None = None
    holidays: tuple[date, ...] = ()


class Setting(Part):
    """How things differ from the demo data."""

    stock: dict[str, int] = {}
    tracking: dict[str, Situation] = {}
    customers: tuple[Shopper, ...] = ()
    orders: tuple[Order, ...] = ()
    posts: tuple[Publication, ...] = ()
    policy: Rules = Rules()
    hours: Opening = Opening()
    holidays: tuple[date, ...] = ()
    down: Systems = ()


# --- what must follow --------------------------------------------------------------------


class MessageExpected(Part):
    via: Via | None = None
    to: Contact | None = None
    subject: Texts = ()
    has: Texts = ()
    has_any: Texts = ()
    lacks: Texts = ()
    media: bool | None = None


class UnitsExpected(Part):
    available: int | None = None
    reserved: int | None = None
    committed: int | None = None
    on_hand: int | None = None


class Span(Part):
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")


class ReservationExpected(Part):
    sku: str | None = None
    status: str | None = None
    until: AwareDatetime | None = None
    pickup: AwareDatetime | Span | None = None


class ReminderExpected(Part):
    kind: str | None = None
    at: AwareDatetime | None = None
    via: Via | None = None


class EscalationExpected(Part):
    reason: str | None = None
    priority: Literal["normal", "high"] | None = None
    has: Texts = ()


class SuggestionExpected(Part):
    has: Texts = ()
    lacks: Texts = ()


class NotificationExpected(Part):
    kind: str | None = None
    has: Texts = ()


class CustomerExpected(Part):
    orders: int | None = None
    spent: float | None = None
    name: str | None = None
    segment: str | None = None
    opted_out: bool | None = None


class CallExpected(Part):
    kind: Literal["ticket", "contact_update", "note"] | None = None
    has: Texts = ()


class Expect(Part):
    """What is not named (None) is not checked."""

    replies: tuple[MessageExpected, ...] | None = None
    sent: tuple[MessageExpected, ...] | None = None
    intents: Annotated[tuple[str, ...], BeforeValidator(_several)] | None = None
    entities: dict[str, Any] | None = None
    urgency: Literal["low", "normal", "high"] | None = None
    handled: Literal["auto", "draft", "human", "both"] | None = None
    stock: dict[str, UnitsExpected] | None = None
    reservations: tuple[ReservationExpected, ...] | None = None
    reminders: tuple[ReminderExpected, ...] | None = None
    escalations: tuple[EscalationExpected, ...] | None = None
    suggestion: SuggestionExpected | None = None
    notifications: tuple[NotificationExpected, ...] | None = None
    customer: CustomerExpected | None = None
    crm: tuple[CallExpected, ...] | None = None
    label: bool | None = None
    within: float | None = Field(default=None, gt=0)


# --- what happens ------------------------------------------------------------------------


class Step(Part):
    expect: Expect = Expect()


class File(Part):
    """Something sent along, by its content type or a name that tells it."""

    name: str = ""
    type: str = ""


class Place(Part):
    latitude: float
    longitude: float
    label: str = ""
    address: str = ""


Files = Annotated[tuple[File, ...], BeforeValidator(_files)]

# Which keys of a customer's step only some channels have
ONLY_BY: Mapping[str, tuple[Via, ...]] = {
    "media": ("sms", "whatsapp"),
    "button": ("whatsapp",),
    "location": ("whatsapp",),
    "subject": ("email",),
    "attachments": ("email",),
    "authenticated": ("email",),
    "headers": ("email",),
}


class CustomerStep(Step):
    """A message arrives. `companions` (`with`) are stored right behind it, before any is
    answered; what they leave out of `via`, `from` and `to` is this one's. `authenticated`
    None: the receiving server did not say. `headers` are those of the sender's program."""

    customer: Annotated[str, BeforeValidator(_nothing)]
    via: Via = "sms"
    sender: Contact = Field(alias="from")
    to: Contact | None = None
    replay: PositiveInt = 1
    media: Files = ()
    button: str = ""
    location: Place | None = None
    subject: str | None = None
    attachments: Files = ()
    authenticated: bool | None = True
    headers: dict[str, str] = {}
    companions: tuple[CustomerStep, ...] = Field((), alias="with")

    @model_validator(mode="before")
    @classmethod
    def fill_in(cls, step: Any) -> Any:
        """What goes without saying: an address is written from by e-mail, a site by a visitor
        who has none."""
        if not isinstance(step, dict):
            return step
        by_mail = {"via": "email"} if "@" in str(step.get("from")) else {}
        visitor = {"from": VISITOR} if step.get("via") == "web" else {}
        step = {**by_mail, **visitor, **step}
        told = {name: step[name] for name in ("via", "from", "to") if name in step}
        companions = step.get("with")
        if isinstance(companions, list):
            step["with"] = [
                {**told, **one} if isinstance(one, dict) and "from" not in one else one
                for one in companions
            ]
        return step


class WaitStep(Step):
    wait: Annotated[timedelta | AwareDatetime, BeforeValidator(_ahead)]


class StatusStep(Step):
    status: Literal["delivered", "undelivered", "failed", "read", "complained"]
    code: str = ""
    replay: PositiveInt = 1


class AdviserStep(Step):
    """A text, or with `accept` the suggested reply as it is."""

    adviser: str | None = None
    accept: bool = False

    @model_validator(mode="after")
    def says_something(self) -> AdviserStep:
        if not self.accept and not (self.adviser or "").strip():
            raise ValueError("an adviser's step needs a text, or `accept: true`")
        return self


class SystemStep(Step):
    system: Literal["up", "down"]
    which: Systems


class TrackStep(Step):
    """Something happens to a parcel."""

    track: str
    status: ParcelStatus
    expected: AwareDatetime | None = None


class StoreStep(Step):
    """Something happens in the store, which tells it."""

    shopify: str
    payload: dict[str, Any] = {}
    replay: PositiveInt = 1


def _opener(step: object) -> str:
    keys = step.keys() if isinstance(step, dict) else set[str]()
    opened = [key for key in OPENERS if key in keys]
    if "track" in opened:
        opened = [key for key in opened if key != "status"]  # there it is the parcel's
    if {"adviser", "accept"} <= set(opened):
        opened.remove("accept")
    if len(opened) != 1:
        return "none"
    kind = {"accept": "adviser"}.get(opened[0], opened[0])
    return f"a step: {kind}"  # stands in an error's place, where it must not look like a key


AnyStep = Annotated[
    Annotated[CustomerStep, Tag("a step: customer")]
    | Annotated[WaitStep, Tag("a step: wait")]
    | Annotated[StatusStep, Tag("a step: status")]
    | Annotated[AdviserStep, Tag("a step: adviser")]
    | Annotated[SystemStep, Tag("a step: system")]
    | Annotated[TrackStep, Tag("a step: track")]
    | Annotated[StoreStep, Tag("a step: shopify")],
    Discriminator(
        _opener,
        custom_error_type="opener",
        custom_error_message=f"exactly one of {', '.join(OPENERS)} opens a step",
    ),
]


class Rehearsal(Part):
    name: str
    tenant: str
    clock: AwareDatetime
    world: Setting = Setting()
    steps: tuple[AnyStep, ...] = Field(min_length=1)
