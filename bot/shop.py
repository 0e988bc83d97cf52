"""Shop: all that a flow may reach, as ports. Types only; `bot.tenants` opens real ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.knowledge.passages import KnowledgeBase
from connectors.ports import (
    CustomerSystem,
    InventorySystem,
    Order,
    OrderLine,
    OrderSystem,
    Post,
    PostalAddress,
    Product,
    TrackingSystem,
    Variant,
)


@dataclass(frozen=True)
class Held:
    """A unit was put aside. `left` is what is available after it."""

    reservation_id: int
    left: int


@dataclass(frozen=True)
class SoldOut:
    """There were not that many units available. `available` is how many there were."""

    available: int


class Holds(Protocol):
    """Puts units aside, once per turn and article, whatever dies on the way."""

    def put_aside(
        self, product: Product, variant: Variant, quantity: int, available: int, until: datetime
    ) -> Held | SoldOut:
        """Move the units in the shop's system; `available` is what was just read there.
        Flows then say `Keep` to keep them; what is not kept when the turn is recorded goes
        back. Raises Unavailable or Refused."""
        ...


@dataclass(frozen=True)
class ReturnLabel:
    """A label that was made. `url` lets whoever has it fetch the file, for the label's life."""

    url: str
    parcel_number: str


class Labels(Protocol):
    """Makes return labels, once an order's line, whatever dies on the way."""

    def make_label(self, order: Order, line: OrderLine, sender: PostalAddress) -> ReturnLabel:
        """The label of that line: made now, or the one made before. Raises Unavailable,
        Refused, and OutcomeUnknown when one may have been franked and a person must look."""
        ...


@dataclass(frozen=True)
class Shop:
    """What this tenant has connected; None where nothing is."""

    products: tuple[Product, ...]
    posts: tuple[Post, ...]
    inventory: InventorySystem | None
    customers: CustomerSystem | None
    holds: Holds | None
    orders: OrderSystem | None = None
    tracking: TrackingSystem | None = None
    labels: Labels | None = None
    knowledge: KnowledgeBase | None = None

    def product(self, reference: str) -> Product | None:
        return next((p for p in self.products if p.reference == reference), None)

    def product_of(self, sku: str) -> Product | None:
        """The product that has this article."""
        return product_of(self.products, sku)


def product_of(products: Iterable[Product], sku: str) -> Product | None:
    """The one of them that has this article."""
    return next((p for p in products if any(v.sku == sku for v in p.variants)), None)
