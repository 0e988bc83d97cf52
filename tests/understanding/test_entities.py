"""Sizes, numbers, people, occasions and choices in customers' messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from bot.demo.world import read_world
from bot.turn import Context, Entities
from bot.understanding.entities import read_entities
from bot.understanding.people import read_names
from bot.understanding.rules import Verdict, settle

NOW = datetime(2025, 1, 16, 12, tzinfo=ZoneInfo("Europe/Paris"))


def _shop(asked: str | None = None) -> Context:
    return read_world("elegance-paris").context(NOW, asked)


def _printer(asked: str | None = None) -> Context:
    return read_world("coollibri").context(NOW, asked)


def _cases() -> list[tuple[str, str, str, str]]:
    path = Path(__file__).with_name("entity_cases.txt")
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = [line.replace("\\n", "\n") for line in lines if line[0] != "#"]
    rows = [[part.strip() for part in line.split("|", 2)] for line in lines]
    return [(*wanted.split("=", 1), asked, text) for wanted, asked, text in rows]  # type: ignore[misc]  # two of them


@pytest.mark.parametrize(("entity", "value", "asked", "text"), _cases(), ids=lambda v: str(v)[:50])
def test_a_message_names_what_it_names(entity: str, value: str, asked: str, text: str) -> None:
    found = getattr(read_entities(text, _shop(asked or None)), entity)
    shown = ",".join(found) if isinstance(found, tuple) else "" if found is None else str(found)
    assert shown == value


@pytest.mark.parametrize(
    ("text", "numbers", "name"),
    [
        ("RAMI CL-401372-487531", ("CL-401372-487531",), "RAMI"),
        ("cl 401372-487531", ("CL-401372-487531",), None),
        ("CL401372 487531", ("CL-401372-487531",), None),
        ("CL_401372_487531", ("CL-401372-487531",), None),
        ("401372-487531", ("CL-401372-487531",), None),
        ("ma commande CL-401372 ?", ("CL-401372",), None),
        ("cl 398221", ("CL-398221",), None),
        ("78542", ("78542",), None),
        ("78542, Garnier", ("78542",), "Garnier"),
        ("nom: rami numero: cl-401372-487531", ("CL-401372-487531",), "rami"),
        ("je m'appelle Mina RAMI, ma commande 78542", ("78542",), "RAMI"),
        ("Commandes 78542 et 78123", ("78542", "78123"), None),
        ("un roman de 14000 mots, 100 pages", (), None),
        ("12 rue de la Paix 75011 Paris", (), None),
        ("une commande de 500 exemplaires", (), None),
        ("commande 2901", (), None),  # four figures: not this printer's shape
    ],
)
def test_order_numbers_take_the_tenants_own_shape(
    text: str, numbers: tuple[str, ...], name: str | None
) -> None:
    found = read_entities(text, _printer())
    assert found.order_numbers == numbers
    assert found.last_name == name


def test_a_bare_name_is_one_when_it_was_asked_for() -> None:
    assert read_entities("Garnier", _printer("order_identity")).last_name == "Garnier"
    assert read_entities("Garnier", _printer()).last_name is None


def test_a_printer_has_no_sizes() -> None:
    assert read_entities("40 invitations en 38 pages", _printer()).sizes == ()


def test_a_whole_message_gives_everything_that_it_names() -> None:
    found = read_entities(
        "Bonjour, la robe bordeaux #2890 est trop grande en 40, je voudrais l'échanger contre "
        "un 38. Je peux passer samedi vers 11h ? Marine Durand, 06 98 74 56 32",
        _shop(),
    )
    assert [m.references for m in found.products] == [("RB-118",)]
    assert (found.sizes, found.order_numbers) == (("38",), ("2890",))
    assert found.phone == "+33698745632"
    assert found.pickup_time is not None
    assert found.pickup_time.start.isoformat() == "2025-01-18T11:00:00+01:00"


@pytest.mark.parametrize("text", ["", " ", "\n\n", "😰", "?", "́", "\x00", "ﷺ", "İ" * 50])
def test_nothing_is_found_in_nothing(text: str) -> None:
    assert read_entities(text, _shop()) == Entities()


def test_a_shop_without_catalogue_or_order_numbers_is_read_too() -> None:
    bare = replace(_shop(), products=(), posts=(), order_shapes=())
    found = read_entities("commande 2901, la robe bleue en 38, demain 11h", bare)
    assert found.order_numbers == ()
    assert found.pickup_time is not None


@pytest.mark.parametrize(
    "piece",
    ["je passe demain à 17h, la robe bleue en 38. ", "1", "a ", "38 ou ", "(", "demain ou ", "\n",
     "06 12 34 ", "é", "8r0001", "CL-401372-", "pas ", "2901 ", "@a.b ", "de la robe à la "],
)  # fmt: skip
def test_a_hundred_kilobytes_are_read_in_bounded_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    start = process_time()
    read_entities(text, _shop())
    assert process_time() - start < 2


def test_what_a_shop_calls_itself_is_nobodys_name() -> None:
    text = "Bonjour, une question sur la pointure.\nMaison Lilas"
    named = replace(_shop(), own_names=read_names("Maison Lilas", "3 rue des Fours, 59000 Lille"))
    assert read_entities(text, replace(named, own_names=frozenset())).last_name == "Lilas"
    assert read_entities(text, named).last_name is None


def test_an_adviser_is_thanked_by_any_name() -> None:
    """Whatever the model makes of a name that it never saw."""
    doubtful = Verdict(("complaint",), 0.4)
    named = replace(_shop(), own_names=read_names("Maison Lilas", "Solveig"))
    assert settle(doubtful, "Merci Solveig", named, 1).intents == ("closing",)
    assert settle(doubtful, "Merci Solveig", _shop(), 1) == doubtful
