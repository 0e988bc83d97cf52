"""What the assistant asks of the outside world, and the data exchanged.

One Protocol a kind of system; vendors implement them. Every method may raise
`connectors.errors.Unavailable` (try again) or `Refused` (final).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from connectors.channels import Receipt, SignedRequest

if TYPE_CHECKING:
    from pydantic import BaseModel

Answer = TypeVar("Answer", bound="BaseModel")

# --- a vendor's points -------------------------------------------------------------------


class Budget(Protocol):
    """Points that a vendor gives an account and refills, shared by all processes that ask."""

    def take(self, cost: float) -> float:
        """Take them; 0 when they were there, otherwise the seconds until they will be."""
        ...

    def learn(self, *, most: float, left: float, rate: float) -> None:
        """What the vendor says: at most so many, so many left, refilled by `rate` a second."""
        ...


# --- money and goods ---------------------------------------------------------------------


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Variant:
    """One article that can be bought. `ref` is the vendor's id of its stock item."""

    sku: str
    ref: str
    size: str | None
    color: str | None
    price: Money


@dataclass(frozen=True)
class Product:
    """A catalogue entry. `reference` is the shop's own (RF-2847), `id` the vendor's."""

    id: str
    reference: str
    title: str
    category: str = ""
    colors: tuple[str, ...] = ()
    material: str = ""
    care: str = ""
    goes_with: tuple[str, ...] = ()
    image_url: str = ""
    variants: tuple[Variant, ...] = ()

    @property
    def price(self) -> Money | None:
        return min((v.price for v in self.variants), key=lambda m: m.amount, default=None)

    @property
    def sizes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(v.size for v in self.variants if v.size))

    @property
    def one_size(self) -> bool:
        return len(self.variants) == 1 and self.variants[0].size is None

    def variant(self, size: str | None) -> Variant | None:
        """The article of that size; of a product of one size, whatever size is asked."""
        if self.one_size:
            return self.variants[0]
        return next((v for v in self.variants if v.size == size), None)


@dataclass(frozen=True)
class Post:
    """A publication (Instagram …) that shows a product."""

    posted_on: date
    reference: str
    caption: str


@dataclass(frozen=True)
class Stock:
    """Units of one article at the tenant's location, by state.

    on_hand = available + reserved + committed. `available` may pass below zero when a
    unit held for a customer is sold at the till before its hold is released.
    """

    sku: str
    available: int
    reserved: int = 0
    committed: int = 0
    on_hand: int = 0


@dataclass(frozen=True)
class Move:
    """Units moved between two states of stock: the data of a hold or of its release.

    `expected_available` is what `available` must still be for the move to happen
    (compare-and-swap); None moves without comparing.
    """

    kind: Literal["hold", "release"]
    sku: str
    ref: str
    quantity: int
    reference: str
    expected_available: int | None = None


class InventorySystem(Protocol):
    """Stock, read live. Moves are prepared first, so that the exact request can be kept
    beside its idempotency key before it is sent, and sent again after a crash."""

    def list_products(self) -> list[Product]:
        """The whole catalogue."""
        ...

    def search_products(self, words: str, limit: int = 10) -> list[Product]: ...

    def read_stock(self, variants: Sequence[Variant]) -> dict[str, Stock]:
        """Live quantities by SKU."""
        ...

    def prepare_move(self, move: Move) -> dict[str, Any]:
        """The exact request for `move`, as JSON. Asks nothing outside but, once, settings."""
        ...

    def send_move(self, request: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Carry out a prepared request. The same request with the same key happens once.

        Raises Stale when the compared quantity changed (nothing was done), Refused,
        Unavailable, OutcomeUnknown (send the same request with the same key again), and
        NeedsNewKey when the vendor wants the request under a new key.
        """
        ...


# --- who asks ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Proof:
    """What is proven of who asks: by the carrier (phones, E.164), by the mail's
    authentication (e-mails, lower case), by the site's server (`site_user`). `last_name` is
    only what they say: with an order's number it is enough where the tenant's policy has it.
    Connectors filter by it in their query; an empty proof finds nothing."""

    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    site_user: str = ""
    last_name: str = ""


# --- orders and parcels ------------------------------------------------------------------

OrderState = Literal[
    "placed", "preparing", "shipped", "delivered", "bought_in_shop", "cancelled", "returned"
]


@dataclass(frozen=True)
class PostalAddress:
    name: str
    street: str
    postal_code: str
    city: str
    country: str = "FR"
    phone: str = ""
    email: str = ""


@dataclass(frozen=True)
class OrderLine:
    """One article of an order. `id` is what the vendor's returns are asked for with, empty
    while nothing of it was shipped; `quantity` what was not returned or refunded."""

    sku: str
    title: str
    quantity: int
    size: str | None = None
    price: Money | None = None
    id: str = ""


@dataclass(frozen=True)
class Order:
    """An order as the shop's system has it. `number` without # ("2901", "CL-401372-487531").

    `state_words` is the shop's own word for the state where it has one ("En production").
    `delivered_at` is of the whole order; `ships_on` the day it is to leave the house.
    """

    id: str
    number: str
    placed_at: datetime
    state: OrderState
    lines: tuple[OrderLine, ...] = ()
    total: Money | None = None
    tracking_numbers: tuple[str, ...] = ()
    delivered_at: datetime | None = None
    ships_on: date | None = None
    state_words: str = ""
    address: PostalAddress | None = None


class OrderSystem(Protocol):
    """Orders, each look-up filtered by who asks. An absent order and another person's give
    the same answer after the same calls."""

    def find_order(self, number: str, proof: Proof) -> Order | None:
        """The order of that number (or of which it is a telling part), if it is theirs."""
        ...

    def list_orders(self, proof: Proof, limit: int = 5) -> list[Order]:
        """Their orders, the newest first."""
        ...


@dataclass(frozen=True)
class ReturnRequest:
    """Units of an order's line that come back. `note` is the customer's reason in a line."""

    order_id: str
    line_id: str
    quantity: int
    note: str


class ReturnSystem(Protocol):
    def open_return(self, request: ReturnRequest) -> str:
        """Open it in the shop's system, or find the one that is open for the line already;
        its name there."""
        ...


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


@dataclass(frozen=True)
class Parcel:
    """Where a parcel is. `expected` is an instant, or midnight when only the day is told
    (`expected_day` then); `said` is the carrier's own last sentence."""

    number: str
    status: ParcelStatus
    expected: datetime | None = None
    expected_day: bool = False
    delivered_at: datetime | None = None
    said: str = ""
    said_at: datetime | None = None
    pickup_point: str = ""
    url: str = ""


class TrackingSystem(Protocol):
    def track(self, number: str) -> Parcel | None:
        """None: the carrier does not know it, or has not scanned it yet."""
        ...


@dataclass(frozen=True)
class LabelRequest:
    """A return label: from the customer to the shop. `weight_kg` of the parcel; `reference`
    is ours and stands on the label."""

    sender: PostalAddress
    addressee: PostalAddress
    weight_kg: Decimal
    order_number: str
    reference: str
    deposit_on: date


@dataclass(frozen=True)
class Label:
    parcel_number: str
    content: bytes
    content_type: str


class LabelSystem(Protocol):
    """Return labels. Vendors have no idempotency key and no way back: a request that may
    have been carried out is never sent again."""

    def prepare_label(self, request: LabelRequest) -> dict[str, Any]:
        """The exact request, as JSON, without secrets. Asks nothing outside."""
        ...

    def make_label(self, request: Mapping[str, Any]) -> Label:
        """Carry out a prepared request. Raises Refused, Unavailable (it was not taken) and
        OutcomeUnknown (a label may have been franked)."""
        ...


# --- customers ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Profile:
    """What the CRM knows of a customer. Money is what they have spent in all."""

    id: str
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    email: str = ""
    segment: str = ""
    orders: int | None = None
    spent: Money | None = None
    usual_size: str = ""
    preferred_channel: str = ""
    language: str = ""
    consents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ticket:
    """A request that someone follows in the CRM. `key` is ours and makes it unique there."""

    key: str
    subject: str
    content: str
    profile_id: str = ""
    priority: Literal["LOW", "MEDIUM", "HIGH"] = "MEDIUM"


@dataclass(frozen=True)
class Note:
    """A line in the CRM's story of a person. `key` is ours and makes it unique there."""

    key: str
    text: str
    at: datetime
    profile_id: str


class CustomerSystem(Protocol):
    def find_by_phone(self, phone: str) -> Profile | None:
        """`phone` in E.164. None when nobody has it."""
        ...

    def find_by_email(self, email: str) -> Profile | None: ...

    def read_profile(self, id: str) -> Profile | None: ...

    def open_ticket(self, ticket: Ticket) -> str:
        """Its id in the CRM; the one that is there already under the same `key`."""
        ...

    def add_note(self, note: Note) -> str:
        """Its id in the CRM; the one that is there already under the same `key`."""
        ...

    def update_profile(self, id: str, changes: Mapping[str, str]) -> None:
        """Write what we learned of them: keys `usual_size`, `preferred_channel`, `language`,
        `orders`, `spent`, `last_order_at`, `consents` (words separated by ;)."""
        ...


# --- what happens in the shop -------------------------------------------------------------


@dataclass(frozen=True)
class Sale:
    """An order as the shop tells of it when it is made, and who bought: `phones` (E.164) and
    `emails` (lower case) as the shop was given them. A line's price is that of one unit,
    discounts taken off; `language` a code ("fr"), or empty."""

    order: Order
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    first_name: str = ""
    last_name: str = ""
    language: str = ""


@dataclass(frozen=True)
class StoreEvent:
    """Something that happened in the shop's system. `topic` is its own word for it; `order_id`
    whose, `sale` where an order was made. "returned": all or some of it was given back."""

    kind: Literal["sale", "cancelled", "returned", "stock", "other"]
    topic: str
    order_id: str = ""
    sale: Sale | None = None


class StoreEvents(Protocol):
    """The webhooks of a shop's system. They may come twice, late and in any order."""

    def verify(self, request: SignedRequest) -> Receipt:
        """Check the signature and name the delivery. Raises BadSignature, UnknownEvent.

        Called at the door: asks nothing outside.
        """
        ...

    def read(self, request: SignedRequest) -> list[StoreEvent]:
        """What the delivery says. Raises UnknownEvent for one that cannot be read."""
        ...


# --- where files are kept -----------------------------------------------------------------


class MediaStore(Protocol):
    """A place for files under keys of ours (`12/3f0c…`). Every method may raise Unavailable."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep it, whole or not at all; again under the same key replaces it."""
        ...

    def get(self, key: str, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`. Raises Refused when nothing is kept there."""
        ...


# --- language models ---------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What a language model is asked: the `system` text says what to do, `user` on what.

    `max_tokens` bounds the answer, thoughts of the model included; `temperature` None leaves
    it to the model (some refuse any).
    """

    model: str
    system: str
    user: str
    max_tokens: int
    temperature: float | None = None


@dataclass(frozen=True)
class Usage:
    """What an answer took. `model` is the one that answered, as the vendor names it; `cost`
    None where no price is known."""

    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: Money | None = None


class LanguageModel(Protocol):
    def complete(self, question: Question, answer: type[Answer]) -> tuple[Answer, Usage]:
        """The answer, held to the shape of `answer` (every field required, none besides).

        Raises Unavailable (down, slow, over quota), Unusable (refused, cut short, rubbish)
        and Refused (wrong key, no such model).
        """
        ...

    @property
    def embeds(self) -> bool:
        """Whether the connection names an embedding model."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector a text, in their order, all of one length. Raises as `complete`, and
        BadConfig where the connection names no embedding model."""
        ...

    def price(self, model: str, prompt_tokens: int, completion_tokens: int) -> Money | None:
        """What so many tokens cost there; None where the connection has no price for it."""
        ...
