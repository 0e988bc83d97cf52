"""How English says orders, their articles and their parcels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from babel.dates import format_date

from bot.replies.english_moments import all_of, day, exact, hour, on, stamp
from connectors.ports import Money, Order, OrderLine, Parcel

STATES = {
    "placed": "placed",
    "preparing": "being prepared",
    "shipped": "shipped",
    "delivered": "delivered",
    "bought_in_shop": "bought in the shop",
    "cancelled": "cancelled",
    "returned": "returned",
}

PARCELS = {
    "announced": "announced, not collected yet",
    "in_transit": "in transit",
    "out_for_delivery": "out for delivery",
    "pickup_point": "at a pick-up point",
    "delivered": "delivered",
    "delayed": "delayed",
    "problem": "delivery problem",
    "returned": "on its way back to the sender",
}


def line_words(line: Any) -> str:
    """An order's article: "Pantalon Noir Taille Haute in 40\""""
    size = _of(line, "size")
    return f"{_of(line, 'title')} in {size}" if size else str(_of(line, "title"))


def articles(lines: Sequence[Any]) -> str:
    """ "Robe Bordeaux in 38 and Sac à Main Beige"; of many the first two"""
    said = [
        line_words(line) + (f" x{line.quantity}" if line.quantity > 1 else "") for line in lines
    ]
    if len(said) > 3:
        return f"{', '.join(said[:2])} and {len(said) - 2} other articles"
    return all_of(said) or "no articles"


def receipt_line(line: OrderLine) -> str:
    """ "2 x Robe Bordeaux in 38 - €190.00\""""
    said = f"{line.quantity} x {line_words(line)}" if line.quantity > 1 else line_words(line)
    if line.price is None:
        return said
    paid = Money(line.price.amount * line.quantity, line.price.currency)
    return f"{said} - {exact(paid)}"


def of_line(line: Any) -> str:
    """ "the 40"; without a size, the article"""
    return f"the {_of(line, 'size')}" if _of(line, "size") else "the article"


def _of(line: Any, name: str) -> Any:
    """A field of an order's line, also of one that was remembered as JSON."""
    return line.get(name) if isinstance(line, Mapping) else getattr(line, name)


def order_list(orders: Sequence[Order], now: datetime) -> str:
    """ "#2901 - Shipped (13/01/2025), #2780 - Delivered (20/12/2024)\""""
    said = [
        f"#{o.number} - {(o.state_words or STATES[o.state]).capitalize()}"
        f" ({o.placed_at.astimezone(now.tzinfo):%d/%m/%Y})"
        for o in orders
    ]
    return ", ".join(said)


def leaves(workdays: int) -> str:
    """ "It should be on its way within 2 working days.\""""
    if workdays == 0:
        return "It should be on its way today."
    days = "1 working day" if workdays == 1 else f"{workdays} working days"
    return f"It should be on its way within {days}."


def parcel_words(
    parcel: Parcel, comes: datetime | None, comes_in: int | None, now: datetime
) -> str:
    """Where it is, behind "your order …\""""
    match parcel.status:
        case "delivered":
            when = f" {on(parcel.delivered_at, now)}" if parcel.delivered_at else ""
            return f"is recorded as delivered{when}"
        case "out_for_delivery":
            return "is out for delivery: it arrives today"
        case "pickup_point":
            where = f" ({parcel.pickup_point})" if parcel.pickup_point else ""
            return f"is waiting at a pick-up point{where}"
        case "announced":
            return "is packed, and the carrier has not collected it yet" + _coming(
                parcel, comes, comes_in, now
            )
        case "delayed":
            return "is running late" + _coming(parcel, comes, comes_in, now)
        case "problem":
            said = f" (“{parcel.said}”)" if parcel.said else ""
            return f"has run into a problem on its way{said}"
        case "returned":
            return "is on its way back to us: the carrier could not deliver it"
        case _:
            return "is on its way" + _coming(parcel, comes, comes_in, now)


def _coming(parcel: Parcel, comes: datetime | None, comes_in: int | None, now: datetime) -> str:
    """ ": delivery expected tomorrow (Friday) before 12 pm\""""
    if comes is None or comes.date() < now.date():
        return ""
    word = day(comes, now)
    named = f"{word} ({format_date(comes, 'EEEE', locale='en')})" if word == "tomorrow" else word
    soon = f", in {comes_in} working days" if comes_in and comes_in > 1 else ""
    before = "" if parcel.expected_day or not comes.hour else f" before {hour(comes)}"
    return f": delivery expected {named}{before}{soon}"


def parcel_state(parcel: Parcel) -> str:
    """For the desk: "in transit, expected 17/01 12 pm\""""
    state = PARCELS[parcel.status]
    if parcel.expected is None or parcel.status in {"delivered", "returned"}:
        return state
    expected = f"{parcel.expected:%d/%m}" if parcel.expected_day else stamp(parcel.expected)
    return f"{state}, expected {expected}"
