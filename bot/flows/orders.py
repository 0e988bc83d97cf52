"""Where an order is, which ones there are, and changing one."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.flows.finding import find_order, reference_of, waiting
from bot.flows.handover import hand_over
from bot.turn import AddNote, Escalate, Notice, Outcome, Say, Turn
from bot.workdays import workdays_until
from connectors.errors import ConnectorError
from connectors.ports import Order, Parcel

TROUBLED = ("problem", "returned")
CANCEL = re.compile(r"\b(annul\w*|cancel\w*|supprim\w*|rembours\w*)\b", re.IGNORECASE)


def tell_status(turn: Turn) -> Outcome:
    """Where one order or parcel is, in plain words."""
    if turn.shop.orders is None:
        return hand_over(turn, "order_status")
    order = find_order(turn, turn.shop.orders, "order_status")
    if isinstance(order, Outcome):
        return order
    try:
        parcel = track(turn, order)
    except ConnectorError:
        return _carrier_down(turn, order)
    facts = {**about(turn, order), "parcel": parcel, **timing(turn, order, parcel)}
    said = Outcome(say=(Say("order.status", facts),), remember=remember(turn, order))
    if parcel is not None and parcel.status in TROUBLED:
        trouble = {"text": turn.text, "order": order.number, "parcel": parcel}
        return Outcome(
            **{**vars(said), "escalations": (Escalate("delivery_problem", "normal", trouble),)}
        )
    return said


def list_orders(turn: Turn) -> Outcome:
    """Their recent orders, newest first."""
    if turn.shop.orders is None:
        return hand_over(turn, "order_list")
    mine = turn.shop.orders.list_orders(turn.proof)
    if not mine:
        return waiting(Say("order.none"), "order_number", "order_status")
    if len(mine) == 1:
        return tell_status(turn)
    numbers = [order.number for order in mine]
    asked = waiting(Say("order.list", {"orders": mine}), "order_number", "order_status", numbers)
    return replace(asked, needs_approval=True)


def change(turn: Turn) -> Outcome:
    """An order placed is to be changed or cancelled: possible until it has left."""
    if turn.shop.orders is None:
        return hand_over(turn, "order_change")
    order = find_order(turn, turn.shop.orders, "order_change")
    if isinstance(order, Outcome):
        return order
    cancels = bool(CANCEL.search(turn.text))
    facts = {**about(turn, order), "cancels": cancels, "days": turn.policies.return_days}
    notice = Notice(
        "order_change",
        {"customer": turn.customer, "order": order.number, "cancels": cancels, "text": turn.text},
        needs_action=True,
    )
    note = AddNote(f"{turn.id}:order_change", "order_change", {"order": order.number})
    key = "order.change" if order.state in ("placed", "preparing") else "order.too_late"
    return Outcome(
        say=(Say(key, facts),), remember=remember(turn, order), notices=(notice,), changes=(note,)
    )


def track(turn: Turn, order: Order) -> Parcel | None:
    """The parcel of a shipped order. Raises what the carrier's adapter raises."""
    if turn.shop.tracking is None or not order.tracking_numbers or order.state != "shipped":
        return None
    return turn.shop.tracking.track(order.tracking_numbers[-1])


def about(turn: Turn, order: Order) -> dict[str, object]:
    """The facts of an order for a sentence."""
    return {"order": order, "lines": order.lines}


def timing(turn: Turn, order: Order, parcel: Parcel | None) -> dict[str, object]:
    """In how many working days it comes, or leaves the house; None when nobody says."""
    expected = parcel.expected if parcel else None
    today = turn.now.date()
    comes = expected.astimezone(turn.now.tzinfo) if expected else None
    return {
        "comes": comes,
        "comes_in": workdays_until(today, comes.date()) if comes else None,
        "leaves_in": workdays_until(today, order.ships_on) if order.ships_on else None,
    }


def remember(turn: Turn, order: Order) -> dict[str, object]:
    articles = [reference_of(turn, line.sku) for line in order.lines]
    return {"order": order.number, "order_articles": articles, "pending": None}


def _carrier_down(turn: Turn, order: Order) -> Outcome:
    """What the shop knows, and that the carrier cannot be asked."""
    return Outcome(
        say=(Say("order.carrier_down", about(turn, order)),),
        remember=remember(turn, order),
        escalations=(
            Escalate("system_down", "normal", {"text": turn.text, "order": order.number}),
        ),
        answered=False,
    )
