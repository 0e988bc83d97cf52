"""Products by the words customers use for them, misspelt, in French and English."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from bot.demo.world import read_world
from bot.turn import Context, ProductMention
from bot.understanding.entities import read_entities
from connectors.ports import Money, Product, Variant

PARIS = ZoneInfo("Europe/Paris")


def _context(now: str = "2025-01-16T12:00:00") -> Context:
    at = datetime.fromisoformat(now).replace(tzinfo=PARIS)
    return read_world("elegance-paris").context(at)


def _mentions(text: str, now: str = "2025-01-16T12:00:00") -> tuple[ProductMention, ...]:
    return read_entities(text, _context(now)).products


def _cases() -> list[tuple[str, str]]:
    path = Path(__file__).with_name("product_cases.txt")
    lines = path.read_text(encoding="utf-8").splitlines()
    cases = [line.split(" | ", 1) for line in lines if not line.startswith("#")]
    return [(expected, text) for expected, text in cases]


@pytest.mark.parametrize(("expected", "text"), _cases(), ids=lambda v: str(v)[:60])
def test_words_stand_for_the_products_that_they_fit(expected: str, text: str) -> None:
    found = [set(mention.references) for mention in _mentions(text)]
    wanted = [] if expected == "-" else expected.split(";")
    assert found == [set() if w == "()" else set(w.split(",")) for w in wanted]


MONDAY, THURSDAY = "2025-01-13T10:15:00", "2025-01-16T12:00:00"


@pytest.mark.parametrize(
    ("now", "text", "references"),
    [
        (MONDAY, "celle que vous avez postée hier", ("RF-2847",)),
        (MONDAY, "la robe fleurie bleue que vous avez postée hier", ("RF-2847",)),
        (MONDAY, "la robe que vous avez postée hier, en 38", ("RF-2847",)),
        (MONDAY, "la robe de votre post Instagram d'hier", ("RF-2847",)),
        (MONDAY, "the dress you posted yesterday", ("RF-2847",)),
        (MONDAY, "la veste de votre story de mercredi", ("BL-445",)),
        (MONDAY, "celle de la story de mercredi", ("BL-445",)),
        (MONDAY, "la robe que vous avez publiée lundi dernier", ("RB-118",)),
        (MONDAY, "la robe postée le 6 janvier", ("RB-118",)),
        (MONDAY, "la dernière que vous avez publiée", ("RF-2847",)),
        (MONDAY, "the one from your latest post", ("RF-2847",)),
        (MONDAY, "celle que vous avez postée il y a 5 jours", ("BL-445",)),
        (THURSDAY, "la dernière robe que vous avez postée", ("RF-2847",)),
        (THURSDAY, "celle que vous avez postée hier", ()),
        (THURSDAY, "le blazer beige posté hier", ("BL-445",)),
    ],
)
def test_a_product_is_known_by_the_post_that_shows_it(
    now: str, text: str, references: tuple[str, ...]
) -> None:
    assert [m.references for m in _mentions(text, now)] == [references]


def test_the_post_office_shows_no_products() -> None:
    assert _mentions("mon colis est posté depuis hier à la poste") == ()


def test_words_are_given_back_as_they_were_written() -> None:
    (mention,) = _mentions("Coucou, la  Robe Fleurie\nBleue svp")
    assert mention.words == "Robe Fleurie"
    (mention,) = _mentions("vs avez le blaser bege ?")
    assert mention == ProductMention("blaser bege", ("BL-445",))


def _catalogue(titles: list[str]) -> tuple[Product, ...]:
    price = Money(Decimal(50), "EUR")
    return tuple(
        Product(
            id=str(n),
            reference=f"X-{n}",
            title=title,
            variants=(Variant(f"X-{n}-38", "", "38", None, price),),
        )
        for n, title in enumerate(titles, 100)
    )


def _find(text: str, titles: list[str]) -> list[list[str]]:
    products = _catalogue(titles)
    context = Context(now=_context().now, hours=_context().hours, products=products)
    by_reference = {p.reference: p.title for p in products}
    found = read_entities(text, context).products
    return [[by_reference[r] for r in m.references] for m in found]


TITLES = ["Robe Olympe", "Robe Noire", "Robe Noire Longue", "Jupe Calypso Rouge", "Kimono Yuki"]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("vous avez l'Olympe en 38 ?", ["Robe Olympe"]),
        ("la robe olimpe", ["Robe Olympe"]),
        ("la calipso", ["Jupe Calypso Rouge"]),
        ("le kimono yuki", ["Kimono Yuki"]),
        ("la robe noire", ["Robe Noire"]),
        ("la robe noire longue", ["Robe Noire Longue"]),
        ("X-103 svp", ["Jupe Calypso Rouge"]),
    ],
)
def test_a_catalogues_own_words_are_learnt(text: str, titles: list[str]) -> None:
    assert _find(text, TITLES) == [titles]


def test_the_exact_title_comes_before_those_that_say_more() -> None:
    assert _find("une robe", TITLES)[0][:2] == ["Robe Olympe", "Robe Noire"]


def test_without_a_catalogue_a_piece_is_still_spoken_of() -> None:
    assert _find("la robe bleue", []) == [[]]


def test_two_thousand_products_are_searched_within_milliseconds() -> None:
    names = [f"Robe {a}{b}{c}" for a in "BCDFGLMNPRST" for b in "aeiou" for c in ("lia", "nor")]
    titles = [f"{name} {color}" for name in names for color in ("Noire", "Bleue", "Rouge")] * 6
    products = _catalogue(titles)
    context = Context(now=_context().now, hours=_context().hours, products=products)
    read_entities("bonjour", context)  # the index is built once
    start = process_time()
    for _ in range(20):
        read_entities("Bonjour, la robe Balia noire en 38 svp, je passe demain vers 17h", context)
    assert (process_time() - start) / 20 < 0.05
