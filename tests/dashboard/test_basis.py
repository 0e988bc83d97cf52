"""What a draft or a suggestion rests on, as the desk shows it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.events import plain_facts
from bot.flows.advice import Idea
from connectors.ports import Money, Order, OrderLine, Parcel, Product
from dashboard.facts import read_facts
from dashboard.formats import Formats
from dashboard.texts import Texts
from tests.dashboard.cast import NOW, Person
from tests.dashboard.conftest import Begin
from tests.dashboard.test_desk import page_of, words

PARIS = ZoneInfo("Europe/Paris")
FRENCH = Texts("fr")
PRICE = Money(Decimal("79.00"), "EUR")
TROUSERS = OrderLine("PN-221-40", "Pantalon Noir Taille Haute", 1, "40", PRICE, "gid-1")
BLAZER = Product("2", "BL-445", "Blazer Beige Élégant")
PLACED = datetime(2025, 1, 9, 9, tzinfo=PARIS)
ORDER = Order("1", "2847", PLACED, "delivered", (TROUSERS,), delivered_at=PLACED.replace(day=10))
PARCEL = Parcel("8R00012345678", "in_transit", datetime(2025, 1, 14, 12, tzinfo=PARIS))


def told(language: str = "fr", **facts: Any) -> dict[str, str]:
    """The lines of facts that went through the database's JSON."""
    texts = Texts(language)
    lines = read_facts(plain_facts(facts), texts, Formats(PARIS, texts, NOW))
    return {line.label: words(line.text).replace("\u202f", " ") for line in lines}


def test_an_order_tells_its_number_its_state_and_its_days() -> None:
    assert told(order=ORDER)["Commande"] == "#2847 · livrée ven. 10 janv. · passée jeu. 9 janv."
    assert told(order="2847") == {"Commande": "#2847"}
    assert told("en", order=ORDER)["Order"].startswith(
        "#2847 · delivered Fri 10 Jan · placed Thu 9 Jan"
    )


def test_the_shops_own_word_for_a_state_goes_before_ours() -> None:
    made = Order("1", "CL-401372", PLACED, "placed", state_words="En production")
    assert told(order=made)["Commande"] == "#CL-401372 · En production · passée jeu. 9 janv."


def test_articles_tell_size_number_and_price() -> None:
    bags = OrderLine("SB-133", "Sac à Main Beige", 2)
    assert told(lines=(TROUSERS, bags))["Articles"] == (
        "Pantalon Noir Taille Haute, taille 40, 79,00 €, Sac à Main Beige, × 2"
    )
    assert told(lines=(bags,) * 8)["Articles"].endswith("et 2 autres")


def test_a_parcel_tells_its_number_where_it_is_and_when_it_comes() -> None:
    assert told(parcel=PARCEL)["Colis"] == "8R00012345678 · en transit · prévu demain à 12 h"
    there = Parcel("8R1", "delivered", PARCEL.expected, delivered_at=NOW)
    assert told(parcel=there)["Colis"] == "8R1 · livré aujourd’hui"
    someday = Parcel(
        "8R1", "problem", PARCEL.expected, expected_day=True, said="Adresse incomplète"
    )
    assert told(parcel=someday)["Colis"] == (
        "8R1 · problème d’acheminement · prévu demain · « Adresse incomplète »"
    )


def test_a_label_is_a_link() -> None:
    facts = {"label": "https://shop.example/l/abc", "until": NOW}
    [label, until] = read_facts(plain_facts(facts), FRENCH, Formats(PARIS, FRENCH, NOW))
    assert (label.text, label.url) == ("Ouvrir l’étiquette", "https://shop.example/l/abc")
    assert until.text.startswith("aujourd’hui")
    [shown] = read_facts({"label": "javascript:alert(1)"}, FRENCH, Formats(PARIS, FRENCH, NOW))
    assert not shown.url


def test_advice_shows_purchases_occasion_and_what_is_in_stock() -> None:
    facts: dict[str, Any] = {
        "purchases": [{"line": TROUSERS, "on": PLACED.date()}],
        "occasion": "dîner chic",
        "ideas": (Idea(BLAZER, "38", 4),),
        "bought": BLAZER,
    }
    shown = told(**facts)
    assert shown["Achats"] == "Pantalon Noir Taille Haute, taille 40, 79,00 € (jeu. 9 janv.)"
    assert shown["Occasion"] == "dîner chic"
    assert shown["Idées"] == "Blazer Beige Élégant (BL-445), taille 38 : 4 en stock"
    assert shown["Article acheté"] == "Blazer Beige Élégant (BL-445)"


def test_what_the_carrier_refused_is_told_in_words() -> None:
    assert told(code="30003") == {
        "L’opérateur dit": "Le téléphone est éteint ou hors de portée. (30003)"
    }
    assert told(code="99999") == {"L’opérateur dit": "99999"}


def test_what_only_helps_the_sentence_is_not_shown() -> None:
    facts: dict[str, Any] = {
        "name": "Emma",
        "tenant": {"name": "Élégance"},
        "open": True,
        "by": NOW,
        "spare": False,
    }
    assert told(**facts, text="Bonjour", others=[], express=False) == {}
    assert "Colis attendu" in told(by=NOW, spare=True)


@pytest.mark.parametrize("odd", [[], {}, "", None, {"a": 1}, [1, 2], "x", 3])
@pytest.mark.parametrize(
    "name", ["order", "lines", "parcel", "purchases", "ideas", "there", "article"]
)
def test_facts_of_another_shape_break_no_page(name: str, odd: Any) -> None:
    assert isinstance(read_facts({name: odd}, FRENCH, Formats(PARIS, FRENCH, NOW)), list)


# --- on the desk -------------------------------------------------------------------------


def test_a_draft_stands_with_what_it_rests_on_and_may_be_approved_edited_or_dropped(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin("Emma Rousseau", profile={})
    talk.says("Puis-je échanger mon pantalon ?")
    facts = plain_facts({"order": ORDER, "line": TROUSERS, "wanted": "38", "until": NOW})
    draft = talk.answers("Pas de problème !", state="draft", sent_at=None, extra={"facts": facts})
    html = sarah.get(page_of(talk)).text
    shown = words(html)
    assert "Sur quoi cela repose Commande #2847 · livrée ven. 10 janv." in shown
    assert "Souhaité 38" in shown
    assert shown.index("Approuver") < shown.index("Modifier et envoyer") < shown.index("Écarter")
    edit = sarah.get(f"{page_of(talk)}?edit=m{draft.id}").text
    assert "Pas de problème !</textarea>" in edit
    assert f'name="instead" value="m{draft.id}"' in edit


def test_a_sent_answer_shows_no_facts(sarah: Person, begin: Begin) -> None:
    talk = begin()
    talk.answers("Elle est partie.", extra={"facts": plain_facts({"order": ORDER})})
    assert "Sur quoi cela repose" not in sarah.get(page_of(talk)).text


def test_a_suggestion_stands_with_what_it_rests_on(sarah: Person, begin: Begin) -> None:
    talk = begin()
    talk.says("Quelle veste avec ma robe ?")
    facts = plain_facts({"ideas": (Idea(BLAZER, "38", 4),), "occasion": "dîner", "text": "Quelle"})
    talk.escalates(suggestion="Je dirais le blazer.", facts=facts)
    for page in (page_of(talk), "/desk/alerts"):
        shown = words(sarah.get(page).text)
        assert "Sur quoi cela repose Occasion dîner Idées Blazer Beige Élégant (BL-445)" in shown
