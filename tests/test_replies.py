"""Good French and English, by tone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from bot.replies.french import Article
from bot.replies.french_moments import any_of, meeting, moment, price
from bot.replies.render import speak
from bot.turn import Say, TimeSpan, Voice
from connectors.ports import Money, Product

PARIS = ZoneInfo("Europe/Paris")
MONDAY = datetime(2025, 1, 13, 10, 15, tzinfo=PARIS)
TUESDAY_18H = datetime(2025, 1, 14, 18, tzinfo=PARIS)
DRESS = Product(id="", reference="RF-2847", title="Robe Fleurie Bleue")
WARM, SOBER = Voice("tu", emoji=True), Voice("vous", emoji=False)


def held(article: Product = DRESS, **changes: object) -> Say:
    facts = {
        "article": article,
        "size": "38",
        "count": 2,
        "quantity": 1,
        "wanted": 1,
        "until": TUESDAY_18H,
        "opened": False,
    }
    return Say("availability.held", facts | changes)


def test_the_boutique_says_tu_with_emoji() -> None:
    says = [Say("greeting.hello", {"name": "Julie", "evening": False}), held(), Say("pickup.when")]
    assert speak(says, language="fr", voice=WARM, now=MONDAY) == (
        "Bonjour Julie ! 😊 Oui, on a la Robe Fleurie Bleue en 38 ! Il nous en reste 2 en "
        "boutique. Je te l'ai mise de côté jusqu'à demain 18h. Tu passes quand ?"
    )


def test_a_sober_voice_says_vous_without_emoji() -> None:
    says = [Say("greeting.hello", {"name": "", "evening": False}), held(), Say("pickup.when")]
    assert speak(says, language="fr", voice=SOBER, now=MONDAY) == (
        "Bonjour ! Oui, nous avons la Robe Fleurie Bleue en 38 ! Il nous en reste 2 en "
        "boutique. Je vous l'ai mise de côté jusqu'à demain 18h. Quand passez-vous ?"
    )


def test_the_last_one_is_called_the_last_one() -> None:
    assert "le dernier exemplaire" in speak([held(count=1)], language="fr", voice=WARM, now=MONDAY)


def test_an_english_answer_is_english() -> None:
    text = speak([held(), Say("pickup.when")], language="en", voice=WARM, now=MONDAY)
    assert text == (
        "Yes, we have the Robe Fleurie Bleue in 38! There are 2 left in the shop. I have put it "
        "aside for you until tomorrow 6 pm. When will you come by?"
    )


@pytest.mark.parametrize(
    ("title", "the", "of", "put", "your"),
    [
        ("Robe Bordeaux", "la Robe Bordeaux", "de la Robe Bordeaux", "l'ai mise", "ta"),
        ("Blazer Beige Élégant", "le Blazer Beige Élégant", "du Blazer Beige Élégant", "l'ai mis", "ton"),
        ("Escarpins Nude", "les Escarpins Nude", "des Escarpins Nude", "les ai mis", "tes"),
        ("Boucles d'Oreilles Dorées", "les Boucles d'Oreilles Dorées", "des Boucles d'Oreilles Dorées", "les ai mises", "tes"),
        ("Écharpe en Laine", "l'Écharpe en Laine", "de l'Écharpe en Laine", "l'ai mise", "ton"),
        ("Jean Brut", "le Jean Brut", "du Jean Brut", "l'ai mis", "ton"),
        ("Chemise Lin", "la Chemise Lin", "de la Chemise Lin", "l'ai mise", "ta"),
    ],
)  # fmt: skip
def test_small_words_agree_with_the_article(
    title: str, the: str, of: str, put: str, your: str
) -> None:
    article = Article(title)
    assert (article.the, article.of, f"{article.it_}ai {article.mis}", article.your) == (
        the, of, put, your,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "hour", "said"),
    [
        (13, 18, "ce soir 18h"),
        (13, 11, "aujourd'hui 11h"),
        (14, 18, "demain 18h"),
        (18, 11, "samedi 11h"),
        (25, 11, "samedi 25 janvier à 11h"),
    ],
)
def test_moments_are_said_as_people_say_them(day: int, hour: int, said: str) -> None:
    assert moment(datetime(2025, 1, day, hour, tzinfo=PARIS), MONDAY) == said


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ((13, 17), None, "ce soir"),
        ((13, 17), (13, 19), "ce soir"),
        ((13, 14), None, "tout à l'heure"),
        ((14, 11), None, "demain 11h"),
        ((18, 10), (18, 19), "samedi"),
        ((16, 10), (16, 12), "jeudi matin"),
        ((16, 12), (16, 18), "jeudi après-midi"),
    ],
)
def test_a_meeting_is_said_as_people_say_it(
    start: tuple[int, int], end: tuple[int, int] | None, said: str
) -> None:
    first = datetime(2025, 1, *start, tzinfo=PARIS)
    last = datetime(2025, 1, *end, tzinfo=PARIS) if end else None
    assert meeting(TimeSpan(first, last), MONDAY) == said


def test_prices_and_lists_are_plain_in_text_messages() -> None:
    assert price(Money(Decimal("89.00"), "EUR")) == "89 €"
    assert price(Money(Decimal("4.90"), "EUR")) == "4,90 €"
    assert price(Money(Decimal("1249.50"), "EUR")) == "1 249,50 €"
    assert any_of(["36", "38", "40"]) == "36, 38 ou 40"
    assert any_of(["38"]) == "38"
