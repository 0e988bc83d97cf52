"""Which products and sizes a message is about."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.flows.handover import give_up, receive
from bot.turn import Outcome, Reservation, Say, Turn
from bot.understanding.folding import fold
from connectors.ports import Product

MOST_CHOICES = 4  # products named in a question back
# What may be asked of a product before it is clear of which
ABOUT_PRODUCTS = (
    "photo_request",
    "back_in_stock",
    "reservation_create",
    "product_availability",
    "product_inquiry",
)


@dataclass(frozen=True)
class Wish:
    """One product that the customer speaks of, in these sizes (none named: empty)."""

    product: Product
    sizes: tuple[str, ...]


def read_wishes(turn: Turn) -> list[Wish] | Outcome:
    """The products spoken of, or what to answer when they cannot be told.

    Without words for a product, the one that they choose of those just named, or the one
    that the conversation is about.
    """
    entities = turn.understanding.entities
    if (chosen := _chosen(turn)) is not None:
        return [Wish(chosen, entities.sizes)]
    if not entities.products:
        remembered = turn.shop.product(turn.memory.get("product", ""))
        if remembered is None and turn.memory.get("asked_back"):
            return give_up(turn)
        if remembered is None:
            which = _ask_which(turn, Say("product.which"))
            return replace(which, remember={**which.remember, "asked_back": bool(which.asks)})
        return [Wish(remembered, entities.sizes)]
    found: list[Product] = []
    for mention in entities.products:
        products = [p for ref in mention.references if (p := turn.shop.product(ref))]
        if not products:
            return _offer_like(turn, mention.words)
        if len(products) > 1:
            return _ambiguous(turn, products)
        if products[0] not in found:
            found.append(products[0])
    if len(found) > 1 and len(found) == len(entities.sizes):
        return [Wish(p, (size,)) for p, size in zip(found, entities.sizes, strict=True)]
    return [Wish(p, entities.sizes) for p in found]


def _offer_like(turn: Turn, words: str) -> Outcome:
    """Nothing is called so; what is of the same kind, where the catalogue has any."""
    said = fold(words).split()
    alike = [p for p in turn.shop.products if fold(p.title).split()[0] in said][:MOST_CHOICES]
    facts = {"words": words, "titles": [p.title for p in alike]}
    say = Say("product.like" if alike else "product.not_found", facts)
    return _ask_which(turn, say, tuple(p.reference for p in alike))


def _ambiguous(turn: Turn, products: list[Product]) -> Outcome:
    choices = products[:MOST_CHOICES]
    say = Say("product.choose", {"titles": [p.title for p in choices]})
    return _ask_which(turn, say, tuple(p.reference for p in choices))


def _ask_which(turn: Turn, say: Say, options: tuple[str, ...] = ()) -> Outcome:
    """Which product? What they want of it, and the sizes they named, wait for the answer. Of
    what they show us, a person looks which it is."""
    if turn.enclosed and not options:
        return receive(turn)
    waits = turn.memory.get("pending") if turn.asked == "clarification" else ""
    if waits not in ABOUT_PRODUCTS:
        waits = next((i for i in ABOUT_PRODUCTS if i in turn.understanding.intents), "")
    sizes = turn.understanding.entities.sizes or turn.memory.get("sizes") or ()
    return Outcome(
        say=(say,),
        asks="clarification",
        remember={"sizes": list(sizes), "pending": waits, "options": list(options)},
        needs_approval=False,
    )


def _chosen(turn: Turn) -> Product | None:
    """The product that they choose of those named in the question: "la deuxième", "la noire"."""
    options: list[str] = turn.memory.get("options") or []
    if turn.asked != "clarification" or not options:
        return None
    entities = turn.understanding.entities
    colors = {fold(color) for color in entities.colors}
    named = {
        ref
        for mention in entities.products
        if fold(mention.words) not in colors
        for ref in mention.references
    }
    if named:
        of_these = [ref for ref in options if ref in named]
    elif "confirm" in turn.understanding.intents:
        of_these = options
    elif entities.choice is not None:
        of_these = options[entities.choice - 1 : entities.choice]
    else:
        of_these = [ref for ref in options if _is_of_color(turn, ref)]
    return turn.shop.product(of_these[0]) if len(of_these) == 1 else None


def _is_of_color(turn: Turn, reference: str) -> bool:
    product = turn.shop.product(reference)
    said = [fold(color) for color in turn.understanding.entities.colors]
    return product is not None and any(
        word.startswith(fold(color)) for word in said for color in product.colors
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
