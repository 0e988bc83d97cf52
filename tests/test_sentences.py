"""Every sentence, in each language and tone, with made-up facts of each of its branches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from jinja2 import Environment, meta

from bot.flows.advice import Idea
from bot.hours import OpeningHours
from bot.replies.french import FILTERS
from bot.replies.render import fit_text, speak, tell_desk
from bot.turn import Customer, Reservation, Say, Tenant, TimeSpan, Voice
from connectors.ports import Money, Order, OrderLine, Parcel, Product
from connectors.segments import count_segments

REPLIES = Path(__file__).parents[1] / "bot" / "replies"
PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2025, 1, 16, 14, 30, tzinfo=PARIS)
TODAY, TOMORROW = NOW + timedelta(hours=2), datetime(2025, 1, 17, 12, tzinfo=PARIS)
FAR = datetime(2025, 2, 1, 18, tzinfo=PARIS)
WEEK = OpeningHours(PARIS, {day: (time(10), time(19)) for day in range(6)})
SHOP = Tenant(1, "Élégance Paris", WEEK, address="24 Rue de Rivoli, 75004 Paris")
BARE_SHOP = Tenant(1, "CoolLibri", OpeningHours(PARIS, {}))
PRICE = Money(Decimal("89.00"), "EUR")
LABEL = "https://messages.elegance-paris.fr/l/AbCdEfGhIjKlMnOpQrStUvWx"
DRESS = Product("1", "RF-2847", "Robe Fleurie Bleue")
BLAZER = Product("2", "BL-445", "Blazer Beige Élégant")
EARRINGS = Product("3", "BO-118", "Boucles d'Oreilles Dorées")
LINES = (
    OrderLine("PN-221-40", "Pantalon Noir Taille Haute", 1, "40", PRICE, "gid-1"),
    OrderLine("SB-133", "Sac à Main Beige", 2),
    OrderLine("EC-310", "Écharpe en Laine", 1),
    OrderLine("BO-118", "Boucles d'Oreilles Dorées", 1),
)
REMEMBERED = {"title": "Robe Bordeaux", "size": "38", "sku": "RB-2901-38", "quantity": 1}
NUMBER = "8R00012345678"
# A text message may cost three segments; these must say much at once
LONG = {"exchange.options": 5, "delivery.urgent": 5}


def _order(state: str, **more: Any) -> Order:
    placed = datetime(2025, 1, 13, 9, tzinfo=PARIS)
    return Order("1", "2901", placed, state, LINES[:1], **more)  # type: ignore[arg-type]  # one of the states


def _parcels() -> list[Parcel | None]:
    told: list[Parcel | None] = [
        Parcel(NUMBER, status, TOMORROW)
        for status in ("in_transit", "announced", "out_for_delivery", "pickup_point", "delayed",
                       "delivered", "problem", "returned")
    ]  # fmt: skip
    return [
        *told,
        Parcel(NUMBER, "in_transit"),
        Parcel(NUMBER, "in_transit", FAR, expected_day=True, url=f"https://suivi.fr/{NUMBER}"),
        Parcel(NUMBER, "delivered", delivered_at=TODAY - timedelta(days=4)),
        Parcel(NUMBER, "problem", said="Adresse incomplète", pickup_point="La Poste Rivoli"),
        Parcel(NUMBER, "pickup_point", pickup_point="La Poste Rivoli"),
        None,
    ]


HELD = Reservation(7, "RF-2847-38", "RF-2847", "Robe Fleurie Bleue", "38", 1, TOMORROW)
PICKED = Reservation(8, "SB-133", "SB-133", "Sac à Main Beige", None, 2, FAR, TimeSpan(TODAY))
ORDERS = [
    _order("shipped"),
    _order("delivered", delivered_at=NOW - timedelta(days=2)),
    _order("placed", state_words="En production", ships_on=date(2025, 1, 20)),
    _order("placed"),
    _order("cancelled"),
    _order("returned"),
    _order("bought_in_shop"),
    _order("shipped", tracking_numbers=(NUMBER,)),
]
PURCHASES = [{"line": line, "on": date(2025, 1, 10)} for line in LINES]
MOMENTS = [TOMORROW, TODAY, FAR]

# What each fact may be, as the flows and the modules beside them make it
BANK: dict[str, list[Any]] = {
    "about": ["price", "material", "care", ""],
    "adviser": ["Sarah", ""],
    "alone": [True, False],
    "article": [DRESS, BLAZER, EARRINGS],
    "asked": [TimeSpan(TOMORROW), None],
    "bought": [DRESS, None],
    "by": MOMENTS,
    "by_parcel": [True, False],
    "by_post": [True, False],
    "cancels": [True, False],
    "care": ["lavage à 30 °", ""],
    "closes": [FAR, None],
    "code": ["21610", ""],
    "comes": [TOMORROW, FAR, None],
    "comes_in": [1, 3, None],
    "contact": ["+33645789012"],
    "count": [1, 2],
    "customer": [Customer(1, "Julie", "Julie Mercier", "VIP"), Customer(2)],
    "dearer": [None, PRICE],
    "cheaper": [None, PRICE],
    "day": [TOMORROW, TODAY, None],
    "days": [30],
    "evening": [True, False],
    "event": ["mariage", ""],
    "express": [True, False],
    "express_chosen": [True, False],
    "of_goods": [True, False],
    "express_on": [TOMORROW, None],
    "fee": ["4.90"],
    "gone": [["36"], ["36", "40"], []],
    "items": [
        [
            {"article": DRESS, "size": "38", "quantity": 1},
            {"article": BLAZER, "size": "40", "quantity": 1},
            {"article": EARRINGS, "size": None, "quantity": 2},
        ]
    ],
    "ideas": [(Idea(BLAZER, "38", 2), Idea(EARRINGS, None, 4)), (Idea(BLAZER, "38", 1),)],
    "in_shop": [True, False],
    "in_time": [False, True],
    "kind": ["ticket", "note", "return"],
    "label": [LABEL, ""],
    "late": [False, True],
    "leaves_in": [2, 1, 0, None],
    "left": [0, 1],
    "lend": [TOMORROW + timedelta(hours=2), FAR],
    "lengthened": [True, False],
    "line": [*LINES[:2], LINES[3], REMEMBERED],
    "link": [LABEL],
    "lines": [LINES[:1], LINES[:2], LINES],
    "material": ["coton", ""],
    "moved": [True, False],
    "name": ["Julie", ""],
    "next": [(TOMORROW.replace(hour=10), TOMORROW.replace(hour=19))],
    "next_opening": [(TOMORROW.replace(hour=10), TOMORROW.replace(hour=19))],
    "number": [NUMBER],
    "occasion": ["dîner chic", ""],
    "open": [True, False],
    "open_that_day": [(TOMORROW.replace(hour=10), TOMORROW.replace(hour=19)), None],
    "opened": [True, False],
    "opening": [TOMORROW, FAR],
    "other": ["", "Blazer Beige Élégant"],
    "orders": [ORDERS[:2], ORDERS[2:5]],
    "others": [["36"], ["36", "40"], []],
    "owned": [EARRINGS, DRESS],
    "parcel": _parcels(),
    "phone": ["01 42 60 12 34"],
    "pickup": [TimeSpan(TODAY), TimeSpan(TOMORROW, TOMORROW + timedelta(hours=3))],
    "pictured": [True, False],
    "price": [PRICE, Money(Decimal("4.90"), "EUR")],
    "priority": ["high", "normal"],
    "product": [DRESS, None],
    "purchases": [PURCHASES, PURCHASES[:1], []],
    "quantity": [1, 2],
    "request": [{"subject": "Échange - commande #2847"}, {"text": "Vient."}, {"note": "Petit."}],
    "reservation": [HELD, PICKED],
    "said": [TimeSpan(TOMORROW)],
    "score": [5, None],
    "sent": [True, False],
    "since": [date(2024, 12, 1)],
    "size": ["38", None],
    "sizes": [("38",), ("38", "40"), ()],
    "sold": [1, 2],
    "span": [(TOMORROW.replace(hour=10), TOMORROW.replace(hour=19)), None],
    "spare": [True, False],
    "summary": ["Une robe tachée."],
    "tenant": [SHOP, BARE_SHOP],
    "text": ["Je passe demain."],
    "there": [[{"size": "38", "count": 2}, {"size": "40", "count": 1}], []],
    "tight": [True, False],
    "title": ["Robe Fleurie Bleue", "Boucles d'Oreilles Dorées"],
    "titles": [["Pantalon Noir Taille Haute", "Sac à Main Beige"]],
    "total": [PRICE],
    "unknown": [True, False],
    "until": MOMENTS,
    "usual": ["38", ""],
    "wanted": ["38", None],
    "watched": [True, False],
    "week": [WEEK.runs()],
    "what": ["picture", "voice", "video", "document", "place", "several"],
    "words": ["la robe verte"],
}
# Facts that are something else in some sentences
OTHERWISE: dict[str, dict[str, list[Any]]] = {
    "availability.held": {"wanted": [1, 3]},
    "availability.no_such_size": {"size": ["38"]},
    "desk.draft_waiting": {"asked": ["Et ma commande, alors."]},
    "availability.sizes": {"wanted": [True, False], "sizes": [("38",), ("38", "40")]},
    "reservation.status": {"pickup": [TimeSpan(TODAY), None]},
    "desk.pickup_changed": {"reservation": [PICKED]},
    "desk.done.pickup_changed": {"reservation": [PICKED]},
    "delivery.urgent": {"express_on": [TOMORROW]},
    "availability.several": {"gone": [["36"], ["36", "40"]]},
    "return.offer": {"line": list(LINES), "until": [date(2025, 2, 12)]},
    "exchange.in_shop": {"until": [TOMORROW, FAR, None]},
    "delivery.status": {"parcel": [p for p in _parcels() if p is not None]},
    "desk.summary.delivery_problem": {"order": [ORDERS[0], "2901", None], "parcel": _parcels()},
    "desk.exchange_chosen": {"until": [TOMORROW, None]},
    "delivery.come": {"by": [TOMORROW, None], "lend": [TOMORROW, None]},
}


@cache
def _read(language: str) -> dict[str, dict[str, str]]:
    """All sentences: name -> tone -> template."""
    read: dict[str, Any] = {}
    for path in sorted((REPLIES / language).glob("*.yaml")):
        read |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        key: value if isinstance(value, dict) else {"tu": value, "vous": value}
        for key, value in read.items()
    }


def _facts_of(key: str, template: str) -> dict[str, list[Any]]:
    """The facts that a template speaks of, each with all that it may be."""
    environment = Environment(autoescape=False)  # parsed only
    environment.filters.update(FILTERS)
    names = meta.find_undeclared_variables(environment.parse(template)) - {"now"}
    order = ORDERS if re.search(r"\border\.", template) else ["2901"]
    bank = {**BANK, "order": order, **OTHERWISE.get(key, {})}
    return {name: bank[name] for name in sorted(names)}


def _branches(facts: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Each value of each fact at least twice: amid the others' first and amid their last."""
    for base in ({n: v[0] for n, v in facts.items()}, {n: v[-1] for n, v in facts.items()}):
        yield base
        for name, values in facts.items():
            for value in values:
                yield {**base, name: value}


SENTENCES = [
    (language, key, tone)
    for language in ("fr", "en")
    for key, tones in _read(language).items()
    for tone in tones
]


@cache
def _texts(language: str, key: str, tone: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_speak(language, key, tone)))


def _speak(language: str, key: str, tone: str) -> Iterator[str]:
    facts = _facts_of(key, _read("fr")[key]["tu"])
    voice = Voice("tu" if tone == "tu" else "vous", emoji=True)
    for branch in _branches(facts):
        if key.startswith("desk."):
            lines = tell_desk(key.removeprefix("desk."), branch, language=language, now=NOW)
            yield "\n".join(lines)
        else:
            yield speak([Say(key, branch)], language=language, voice=voice, now=NOW)


@pytest.mark.parametrize(("language", "key", "tone"), SENTENCES)
def test_every_sentence_reads_well_in_every_branch(language: str, key: str, tone: str) -> None:
    for text in _texts(language, key, tone):
        assert text, key
        assert "None" not in text, text
        assert not re.search(r"  | [.,)]|\( |\.\.|, ,|\u00a0|\u202f|[{}]", text), text
        assert not re.search(r" [:;?!]", text) or language == "fr", text
        assert language == "en" or not re.search(r"[^\s\d/][?!]|\w[;]", _without_links(text)), text
        assert text.count("«") == text.count("»"), text
        assert text.count("“") == text.count("”"), text
        assert text.count("(") == text.count(")"), text
        if not key.startswith(("desk.", "mail.")):
            assert _ends(text), text


def _without_links(text: str) -> str:
    return re.sub(r"https?://\S+", "", text)


def _ends(text: str) -> bool:
    """With a full stop or the like, an emoji, a link or a tracking number."""
    last = text.rsplit(maxsplit=1)[-1]
    return text[-1] in ".!?" or ord(text[-1]) > 0x2600 or "://" in last or last == NUMBER


@pytest.mark.parametrize(
    ("language", "key", "tone"),
    [s for s in SENTENCES if not s[1].startswith(("desk.", "mail.", "knowledge."))],
)
def test_every_sentence_fits_a_text_message(language: str, key: str, tone: str) -> None:
    room = LONG.get(key, 3)
    for text in _texts(language, key, tone):
        assert count_segments(fit_text(text, room)).count <= room, text
