"""Which products and sizes a message is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.flows.handover import give_up
from bot.turn import Outcome, Reservation, Say, Turn
from connectors.ports import Product


@dataclass(frozen=True)
class Wish:
    """One product that the customer speaks of, in these sizes (none named: empty)."""

    product: Product
    sizes: tuple[str, ...]


def read_wishes(turn: Turn) -> list[Wish] | Outcome:
    """The products spoken of, or what to answer when they cannot be told.

    Without words for a product, the one that the conversation is about.
    """
    entities = turn.understanding.entities
    if not entities.products:
        remembered = turn.shop.product(turn.memory.get("product", ""))
        if remembered is None and turn.memory.get("asked_back"):
            return give_up(turn)
        if remembered is None:
            return Outcome(
                say=(Say("product.which"),), asks="clarification", remember={"asked_back": True}
            )
        return [Wish(remembered, entities.sizes)]
    found: list[Product] = []
    for mention in entities.products:
        products = [p for ref in mention.references if (p := turn.shop.product(ref))]
        if not products:
            return _not_found(mention.words)
        if len(products) > 1:
            return _ambiguous(products, entities.sizes)
        if products[0] not in found:
            found.append(products[0])
    if len(found) > 1 and len(found) == len(entities.sizes):
        return [Wish(p, (size,)) for p, size in zip(found, entities.sizes, strict=True)]
    return [Wish(p, entities.sizes) for p in found]


def _not_found(words: str) -> Outcome:
    return Outcome(say=(Say("product.not_found", {"words": words}),), asks="clarification")


def _ambiguous(products: list[Product], sizes: tuple[str, ...]) -> Outcome:
    titles = [p.title for p in products[:4]]
    return Outcome(
        say=(Say("product.choose", {"titles": titles}),),
        asks="clarification",
        remember={"sizes": list(sizes)},
    )


# They take another one instead of what they had chosen
INSTEAD = re.compile(
    r"\b(finalement|plut[oô]t|en fait|je pr[eé]f[eè]re|je prends|[àa] la place|au lieu|"
    r"[eé]changer?|changer?|instead|rather|actually|swap|change)\b",
    re.IGNORECASE,
)


def replaced_by(turn: Turn, product: Product, size: str | None) -> Reservation | None:
    """The reservation that this wish takes the place of: the same product in another size,
    when their words say so."""
    if not INSTEAD.search(turn.text):
        return None
    same = [r for r in turn.reservations if r.reference == product.reference and r.size != size]
    return same[0] if len(same) == 1 else None


def order_sizes(sizes: tuple[str, ...], usual: str) -> tuple[str, ...]:
    """The customer's usual size first."""
    return tuple(sorted(sizes, key=lambda size: size != usual))
