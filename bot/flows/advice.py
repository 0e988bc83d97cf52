"""Taste and judgement: a person's, with everything prepared."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.flows.finding import orders_at_hand, reference_of
from bot.flows.handover import priority_of, when_answered
from bot.flows.questions import quote
from bot.turn import Escalate, Outcome, Say, Turn
from connectors.errors import ConnectorError
from connectors.ports import Order, OrderLine, Product, Stock

# Which size suits: what the shop wrote of its sizes helps, what goes with it does not
WHICH_SIZE = re.compile(r"\b(?:quelle taille|ma taille|which size|what size)\b", re.IGNORECASE)
AT_MOST = 3  # products in a suggestion


@dataclass(frozen=True)
class Idea:
    """A product that goes with what they have, in stock; `size` theirs where it is known."""

    product: Product
    size: str | None
    count: int


def advise(turn: Turn) -> Outcome:
    """Handed over with purchases, occasion, what goes with it in stock in their size, and a
    reply to make one's own."""
    orders = orders_at_hand(turn)
    bought = _spoken_of(turn, orders)
    size = turn.customer.usual_size or _size_bought(orders)
    around = bought or _mentioned(turn)
    ideas = _ideas(turn, around, size)
    facts = {
        "text": turn.text,
        "purchases": _lines(orders),
        "bought": around,
        "occasion": turn.understanding.entities.event or "",
        "size": size,
        "ideas": ideas,
    }
    suggestion: tuple[Say, ...] = (
        Say(
            "styling.suggestion",
            {
                "name": turn.customer.first_name,
                "bought": around,
                "ideas": ideas,
                "occasion": facts["occasion"],
                "closes": _closes(turn),
            },
        ),
    )
    if len(turn.understanding.entities.sizes) > 1 or WHICH_SIZE.search(turn.text):
        page = quote(turn)
        suggestion = page.say if page else ()
    elif not ideas:
        suggestion = ()
    return Outcome(
        say=(Say("styling.passed_on", when_answered(turn)),),
        escalations=(Escalate("styling_advice", priority_of(turn), facts, suggestion),),
        answered=False,
        remember={"product": around.reference} if around else {},
    )


def _lines(orders: list[Order]) -> list[dict[str, object]]:
    return [
        {"line": line, "on": order.placed_at.date()} for order in orders for line in order.lines
    ]


def _spoken_of(turn: Turn, orders: list[Order]) -> Product | None:
    """The product of theirs that the message names; their newest when it names none."""
    bought = [reference_of(turn, line.sku) for order in orders for line in order.lines]
    mentions = [ref for m in turn.understanding.entities.products for ref in m.references]
    named = [ref for ref in mentions if ref in bought]
    if named:
        return turn.shop.product(named[0])
    return turn.shop.product(bought[0]) if bought and not mentions else None


def _mentioned(turn: Turn) -> Product | None:
    """A product that they speak of without having bought it, or of which the talk is."""
    for mention in turn.understanding.entities.products:
        if mention.references:
            return turn.shop.product(mention.references[0])
    return turn.shop.product(turn.memory.get("product") or "")


def _size_bought(orders: list[Order]) -> str:
    """The size of clothes they bought last."""
    lines: list[OrderLine] = [line for order in orders for line in order.lines]
    return next((line.size for line in lines if line.size), "")


def _ideas(turn: Turn, around: Product | None, size: str) -> tuple[Idea, ...]:
    """What goes with it and is in stock; of the kind they ask for, when they name one."""
    if around is None or turn.shop.inventory is None:
        return ()
    products = [p for ref in around.goes_with if (p := turn.shop.product(ref))]
    asked = {
        ref
        for mention in turn.understanding.entities.products
        for ref in mention.references
        if ref != around.reference
    }
    wanted = [p for p in products if p.reference in asked] or products
    try:
        stock = turn.shop.inventory.read_stock([v for p in wanted for v in p.variants])
    except ConnectorError:
        return ()
    found = (_idea(p, size, stock) for p in wanted)
    return tuple(idea for idea in found if idea is not None)[:AT_MOST]


def _idea(product: Product, size: str, stock: dict[str, Stock]) -> Idea | None:
    there = [v for v in product.variants if v.sku in stock and stock[v.sku].available > 0]
    mine = [v for v in there if v.size == size]
    if mine:
        return Idea(product, mine[0].size, stock[mine[0].sku].available)
    sizes = {v.size for v in product.variants}
    if size in sizes or not there:  # it comes in their size, but there is none left
        return None
    return Idea(product, None, sum(stock[v.sku].available for v in there))


def _closes(turn: Turn) -> object:
    """When the shop closes, if it is open: until then they may come by."""
    span = turn.tenant.hours.on(turn.now.date())
    return span[1] if span and turn.tenant.hours.is_open(turn.now) else None
