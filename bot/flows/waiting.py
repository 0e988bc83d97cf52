"""Wanting to be told when an article is back."""

from __future__ import annotations

from bot.flows.products import read_wishes
from bot.turn import AwaitArticle, Notice, Outcome, Say, Turn
from connectors.errors import Unavailable
from connectors.ports import Product, Stock


def tell_when_back(turn: Turn) -> Outcome:
    """On the waiting list; if it is there after all, that is the better news."""
    wishes = read_wishes(turn)
    if isinstance(wishes, Outcome):
        return wishes
    wish = wishes[0]
    named = wish.sizes or tuple(turn.memory.get("sizes") or ())
    size = _size(turn, wish.product, named)
    stock = _stock(turn, wish.product)
    wanted = [v for v in wish.product.variants if size is None or v.size == size]
    there = [v for v in wanted if stock.get(v.sku) and stock[v.sku].available > 0]
    remember = {
        "product": wish.product.reference,
        "offer": None,
        "pending": None,
        "sizes": None,
    }
    if there and (size is not None or wish.product.one_size):
        facts = {"article": wish.product, "size": size, "count": stock[there[0].sku].available}
        offer = {"product": wish.product.reference, "size": size}
        return Outcome(
            say=(Say("waiting.there", facts),),
            asks="reservation_offer",
            remember={**remember, "offer": offer},
        )
    facts = {"article": wish.product, "size": size}
    return Outcome(
        say=(Say("waiting.noted", facts),),
        changes=(AwaitArticle(wish.product.reference, size),),
        notices=(Notice("article_awaited", {"customer": turn.customer, **facts}),),
        remember=remember,
        covers=frozenset({"product_availability", "product_inquiry"}),
    )


def _size(turn: Turn, product: Product, named: tuple[str, ...]) -> str | None:
    """The size they name, the one spoken of last, or their own."""
    spoken = (turn.memory.get("sold_out") or {}).get("size")
    sizes = [s for s in (*named, spoken, turn.customer.usual_size) if s]
    return next((s for s in sizes if product.variant(s) is not None), None)


def _stock(turn: Turn, product: Product) -> dict[str, Stock]:
    if turn.shop.inventory is None:
        raise Unavailable("no inventory is connected")
    return turn.shop.inventory.read_stock(product.variants)
