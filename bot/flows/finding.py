"""Which order, and which article of it, a message is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.turn import Outcome, Say, Turn
from connectors.errors import ConnectorError
from connectors.ports import Order, OrderLine, OrderSystem, Proof

OPEN = ("placed", "preparing", "shipped")


def find_order(turn: Turn, orders: OrderSystem, pending: str) -> Order | Outcome:
    """The customer's order that the message is about, or what to answer when it cannot be
    told. `pending` is the intent to go on with once they say which.

    An order that is not there and one that is another person's give the same words.
    """
    entities = turn.understanding.entities
    number = next(iter(entities.order_numbers), "") or _spoken_of(turn)
    number = number or _chosen(turn)
    if number:
        order = orders.find_order(number, proof_for(turn))
        return order if order is not None else not_found(number, pending)
    mine = orders.list_orders(turn.proof)
    if entities.tracking_numbers:
        number = entities.tracking_numbers[0]
        return _of_parcel(mine, number) or not_found(number, pending, parcel=True)
    named = _naming(turn, mine)
    if len(named) == 1:
        return named[0]
    open_ones = [o for o in (named or mine) if o.state in OPEN]
    if len(open_ones) == 1 and pending not in {"exchange_request", "return_request"}:
        return open_ones[0]
    if len(mine) == 1:
        return mine[0]
    return _which(mine, pending)


def find_line(turn: Turn, order: Order) -> OrderLine | Outcome:
    """The article of the order that is meant: the one named, or the only one."""
    named = _references(turn)
    lines = [line for line in order.lines if reference_of(turn, line.sku) in named] or list(
        order.lines
    )
    choice = turn.understanding.entities.choice
    if turn.asked == "clarification" and choice is not None and not named:
        lines = lines[choice - 1 : choice] or lines
    if len(lines) == 1:
        return lines[0]
    titles = [line.title for line in order.lines]
    say = Say("order.which_article", {"order": order.number, "titles": titles})
    return waiting(say, options=titles)


def orders_at_hand(turn: Turn) -> list[Order]:
    """Theirs, for what can do without: none when they cannot be had."""
    if turn.shop.orders is None:
        return []
    try:
        return turn.shop.orders.list_orders(turn.proof)
    except ConnectorError:
        return []


def proof_for(turn: Turn) -> Proof:
    """What is proven, with the family name that they say where the policy takes it."""
    if not turn.policies.name_and_number:
        return turn.proof
    said = turn.understanding.entities.last_name or ""
    return replace(turn.proof, last_name=said)


def not_found(number: str, pending: str, *, parcel: bool = False) -> Outcome:
    """`parcel`: it is a parcel's number."""
    say = Say("order.not_found", {"number": number, "by_parcel": parcel})
    return waiting(say, "order_number", pending)


def waiting(
    say: Say, asks: str = "clarification", pending: str = "", options: Sequence[str] = ()
) -> Outcome:
    """A question back: it goes out at once, whatever the level of the intent. `options`: the
    orders' numbers that it names."""
    remember: dict[str, object] = {"options": list(options)}
    if pending:
        remember |= {"pending": pending, "order": None}
    return Outcome(say=(say,), asks=asks, remember=remember, needs_approval=False)


def _spoken_of(turn: Turn) -> str:
    """The order of which the conversation is, unless they name another article."""
    number: str = turn.memory.get("order") or ""
    bought = set(turn.memory.get("order_articles") or ())
    named = _references(turn)
    return number if not named or named & bought else ""


def _chosen(turn: Turn) -> str:
    """The order that they choose of those named in the question: "la première"."""
    options: list[str] = turn.memory.get("options") or []
    choice = turn.understanding.entities.choice
    if turn.asked != "order_number" or choice is None or not 1 <= choice <= len(options):
        return ""
    return options[choice - 1]


def _of_parcel(mine: list[Order], number: str) -> Order | None:
    return next((o for o in mine if number in o.tracking_numbers), None)


def _naming(turn: Turn, mine: list[Order]) -> list[Order]:
    """Those of the orders with an article that the message names."""
    named = _references(turn)
    return [o for o in mine if any(reference_of(turn, line.sku) in named for line in o.lines)]


def _references(turn: Turn) -> set[str]:
    return {ref for mention in turn.understanding.entities.products for ref in mention.references}


def reference_of(turn: Turn, sku: str) -> str:
    """The reference of the product that an article is of; "" when the catalogue has none."""
    product = turn.shop.product_of(sku)
    return product.reference if product else ""


def _which(mine: list[Order], pending: str) -> Outcome:
    if not mine:
        return waiting(Say("order.ask_number"), "order_number", pending)
    numbers = [order.number for order in mine]
    return waiting(Say("order.which", {"orders": mine}), "order_number", pending, numbers)
