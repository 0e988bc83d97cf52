"""How French says orders, their articles and their parcels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from babel.dates import format_date

from bot.replies.french_moments import all_of, day, exact, hour, on, stamp
from connectors.ports import Money, Order, OrderLine, Parcel

STATES = {
    "placed": "enregistrée",
    "preparing": "en préparation",
    "shipped": "expédiée",
    "delivered": "livrée",
    "bought_in_shop": "achetée en boutique",
    "cancelled": "annulée",
    "returned": "retournée",
}

PARCELS = {
    "announced": "annoncé, pas encore pris en charge",
    "in_transit": "en transit",
    "out_for_delivery": "en cours de livraison",
    "pickup_point": "en point de retrait",
    "delivered": "livré",
    "delayed": "retardé",
    "problem": "problème d'acheminement",
    "returned": "retour à l'expéditeur",
}


def line_words(line: Any) -> str:
    """An order's article: « Pantalon Noir Taille Haute T40 »"""
    size = _of(line, "size")
    return f"{_of(line, 'title')} T{size}" if size else str(_of(line, "title"))


def articles(lines: Sequence[Any]) -> str:
    """« Robe Bordeaux T38 et Sac à Main Beige »; of many the first two"""
    said = [
        line_words(line) + (f" x{line.quantity}" if line.quantity > 1 else "") for line in lines
    ]
    if len(said) > 3:
        return f"{', '.join(said[:2])} et {len(said) - 2} autres articles"
    return all_of(said) or "sans article"


def receipt_line(line: OrderLine) -> str:
    """« 2 x Robe Bordeaux T38 - 190,00 € »"""
    said = f"{line.quantity} x {line_words(line)}" if line.quantity > 1 else line_words(line)
    if line.price is None:
        return said
    paid = Money(line.price.amount * line.quantity, line.price.currency)
    return f"{said} - {exact(paid)}"


def of_line(line: Any) -> str:
    """« du 40 »; without a size, of the article"""
    return f"du {_of(line, 'size')}" if _of(line, "size") else "de l'article"


def _of(line: Any, name: str) -> Any:
    """A field of an order's line, also of one that was remembered as JSON."""
    return line.get(name) if isinstance(line, Mapping) else getattr(line, name)


def order_list(orders: Sequence[Order], now: datetime) -> str:
    """« #2901 - Expédiée (13/01/2025), #2780 - Livrée (20/12/2024) »"""
    said = [
        f"#{o.number} - {(o.state_words or STATES[o.state]).capitalize()}"
        f" ({o.placed_at.astimezone(now.tzinfo):%d/%m/%Y})"
        for o in orders
    ]
    return ", ".join(said)


def leaves(workdays: int) -> str:
    """« Elle devrait être expédiée d'ici 2 jours ouvrés. »"""
    if workdays == 0:
        return "Elle devrait être expédiée aujourd'hui."
    days = "1 jour ouvré" if workdays == 1 else f"{workdays} jours ouvrés"
    return f"Elle devrait être expédiée d'ici {days}."


def parcel_words(
    parcel: Parcel, comes: datetime | None, comes_in: int | None, now: datetime
) -> str:
    """Where it is, behind « ta commande … »"""
    match parcel.status:
        case "delivered":
            when = f" {on(parcel.delivered_at, now)}" if parcel.delivered_at else ""
            return f"est notée comme livrée{when}"
        case "out_for_delivery":
            return "est en cours de livraison : elle arrive aujourd'hui"
        case "pickup_point":
            where = f" ({parcel.pickup_point})" if parcel.pickup_point else ""
            return f"attend en point de retrait{where}"
        case "announced":
            return "est préparée, le transporteur ne l'a pas encore prise en charge" + _coming(
                parcel, comes, comes_in, now
            )
        case "delayed":
            return "a pris du retard" + _coming(parcel, comes, comes_in, now)
        case "problem":
            return "a un problème d'acheminement" + (f" (« {parcel.said} »)" if parcel.said else "")
        case "returned":
            return "repart vers nous : le transporteur n'a pas pu la remettre"
        case _:
            return "est en route" + _coming(parcel, comes, comes_in, now)


def _coming(parcel: Parcel, comes: datetime | None, comes_in: int | None, now: datetime) -> str:
    """« : livraison prévue demain (vendredi) avant 12h »"""
    if comes is None or comes.date() < now.date():
        return ""
    word = day(comes, now)
    named = f"{word} ({format_date(comes, 'EEEE', locale='fr')})" if word == "demain" else word
    soon = f", dans {comes_in} jours ouvrés" if comes_in and comes_in > 1 else ""
    before = "" if parcel.expected_day or not comes.hour else f" avant {hour(comes)}"
    return f" : livraison prévue {named}{before}{soon}"


def parcel_state(parcel: Parcel) -> str:
    """For the desk: « en transit, prévu 17/01 12h »"""
    state = PARCELS[parcel.status]
    if parcel.expected is None or parcel.status in {"delivered", "returned"}:
        return state
    expected = f"{parcel.expected:%d/%m}" if parcel.expected_day else stamp(parcel.expected)
    return f"{state}, prévu {expected}"
