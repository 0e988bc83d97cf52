"""The desk's words, and how it writes times, money and numbers."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

import dashboard
from bot import incidents, sending
from bot.inbox import PROVEN_BY
from bot.media.types import REASONS, Kind
from bot.models.messages import PROGRESS
from bot.models.reservations import LIVE
from bot.sending import SENDING
from bot.turn import INTENTS, Entities, Level, Sentiment, Urgency
from connectors.ports import OrderState, ParcelStatus
from connectors.twilio.templates import Approval
from dashboard import unsubscribe
from dashboard.facts import SHOWN
from dashboard.formats import Formats, home_of
from dashboard.inbox import Show, Status
from dashboard.texts import LANGUAGES, Texts
from tests.dashboard.cast import NOW

ROOT = Path(dashboard.__file__).parent
SOURCES = [*ROOT.rglob("*.html"), *ROOT.glob("*.py")]

# Keys that are put together from a value: every value they can take.
FAMILIES = {
    "status.": get_args(Status),
    "channels.": ("sms", "whatsapp", "email", "web"),
    "states.": ("received", *PROGRESS),
    "authors.": ("customer", "assistant", "adviser"),
    "handled.": get_args(Level),
    "intents.": INTENTS,
    "reasons.": (*INTENTS, "not_understood", "system_down", "delivery_failed", "low_rating"),
    "urgency.": get_args(Urgency),
    "sentiment.": get_args(Sentiment),
    "entities.": tuple(Entities.__dataclass_fields__),
    "held.": (*(s for s in LIVE if s == "pending"), "cancelled", "expired", "collected"),
    "inbox.show_": get_args(Show),
    "inbox.none_": (*get_args(Show), "found"),
    "menu.": ("inbox", "alerts", "reservations", "notifications", "incidents", "templates"),
    "incidents.why.": get_args(incidents.Why),
    "incidents.cannot.": ("gone", "final"),
    "deliveries.": ("message", "status", "event"),
    "approvals.": get_args(Approval),
    "agreed.": ("commercial", "all"),
    "proofs.": ("crm", "carrier", "opted_out", "bounced", "complained", unsubscribe.HOW),
    "vouchers.": ("crm", "shop", *filter(None, PROVEN_BY.values())),
    "unsubscribe.": [
        f"{state}{end}" for state in ("ask", "left", "unknown") for end in ("", "_title")
    ],
    "opinion.": [
        f"{state}{end}" for state in ("ask", "thanks", "unknown") for end in ("", "_title")
    ],
    "phone.no_": ("number", "address", "text"),
    "thread.trouble_": ("failed", "unknown", "other"),
    "media.kinds.": get_args(Kind),
    "media.refused.": [reason for reason in REASONS if reason != "too_many"],
    "contacts.": ("phone", "email", "claimed_email", "whatsapp", "site_user"),
    "kinds.": (*SENDING, "automatic"),
    "sending.": (
        *re.findall(r'"never", "(\w+)"', inspect.getsource(sending)),
        "stopped",
        "template",
        "other_channel",
        "commercial_hours",
        "service_hours",
    ),
    "facts.": tuple(SHOWN),
    "order_states.": get_args(OrderState),
    "parcel_states.": get_args(ParcelStatus),
    "reply.picture_": ("refused", "too_large", "not_kept"),
    "person.": ("open", "closed"),
    "refusal.csrf.": ("title", "text"),
    **{f"refusal.{code}.": ("title", "text") for code in (400, 403, 404, 405, 409, 413, 429)},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_that_is_used_exists(language: str) -> None:
    texts = Texts(language)
    used = set()
    for source in SOURCES:
        code = source.read_text("utf-8")
        used |= set(re.findall(r"""\bt\(\s*["']([\w.]+)["']\s*[,)]""", code))
        used |= set(re.findall(r"""texts(?:\(\))?\(\s*["']([\w.]+)["']""", code))
        used |= set(re.findall(r"""["']((?:phone|reply|done|held|told|turn)\.\w+)["']""", code))
    used |= {family + value for family, values in FAMILIES.items() for value in values}
    assert len(used) > 150
    known = texts.names() | {
        key.rpartition(".")[0] for key in texts.names() if key.endswith(".one")
    }
    assert used - known - {"phone.page", "phone.text", "phone.move_clock"} - FILES == set()


FILES = {f"{name}.html" for name in ("phone",)}


def test_the_languages_have_the_same_texts_with_the_same_gaps() -> None:
    french, english = (Texts(language) for language in ("fr", "en"))
    assert french.names() == english.names()
    for key in french.names():
        gaps = [set(re.findall(r"\{(\w+)\}", t._texts[key])) for t in (french, english)]
        assert gaps[0] == gaps[1] or key.endswith(".one"), key


def test_no_page_carries_words_of_its_own() -> None:
    for template in ROOT.rglob("*.html"):
        code = re.sub(
            r"\{% block (?:body_class|main_attributes) %\}.*?\{% endblock %\}|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}",
            " ",
            template.read_text("utf-8"),
            flags=re.S,
        )
        shown = re.sub(r"<[^>]*>", " ", code)
        words = set(re.findall(r"[^\W\d_]{2,}", shown)) - {"Coccinelle"}
        assert not words, (template.name, words)


def test_french_marks_keep_their_spaces() -> None:
    texts = Texts("fr")
    assert texts("phone.they_wrote") == "La boutique\u00a0:"
    assert "«\u00a0Bonjour" in texts("phone.none")
    assert "38\u202f?\u00a0»" in texts("phone.none")
    for key in texts.names():
        assert not re.search(r"[^\d] [!?;:»](\s|$)|« ", texts._texts[key]), key


def test_counts_agree_with_their_nouns() -> None:
    french, english = Texts("fr"), Texts("en")
    assert french("menu.unread", count=0) == "0 non lue"
    assert french("menu.unread", count=2) == "2 non lues"
    assert english("today.received", count=0) == "messages received"
    assert english("today.received", count=1) == "message received"


PARIS = ZoneInfo("Europe/Paris")
FR = Formats(PARIS, Texts("fr"), NOW)
EN = Formats(PARIS, Texts("en"), NOW)


def at(hour: int, minute: int = 0, day: int = 13, month: int = 1, year: int = 2025) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("moment", "french", "english"),
    [
        (at(17), "aujourd’hui à 17\u00a0h", "today at 5:00\u00a0pm"),
        (at(17, 5), "aujourd’hui à 17\u00a0h\u00a005", "today at 5:05\u00a0pm"),
        (at(18, day=14), "demain à 18\u00a0h", "tomorrow at 6:00\u00a0pm"),
        (at(10, 15, day=12), "hier à 10\u00a0h\u00a015", "yesterday at 10:15\u00a0am"),
        (at(9, day=18), "sam. 18 janv. à 9\u00a0h", "Sat 18 Jan at 9:00\u00a0am"),
        (at(9, month=12, year=2024), "13 déc. 2024 à 9\u00a0h", "13 Dec 2024 at 9:00\u00a0am"),
        (
            datetime(2025, 1, 13, 23, 30, tzinfo=UTC),
            "demain à 0\u00a0h\u00a030",
            "tomorrow at 12:30\u00a0am",
        ),
    ],
)
def test_times_are_the_shops_own_in_the_readers_words(
    moment: datetime, french: str, english: str
) -> None:
    assert FR.moment(moment) == french
    assert EN.moment(moment).replace("\u202f", "\u00a0") == english


@pytest.mark.parametrize(
    ("gone", "french"),
    [
        (timedelta(seconds=-5), "à l’instant"),
        (timedelta(seconds=59), "à l’instant"),
        (timedelta(seconds=61), "il y a 1\u00a0min"),
        (timedelta(minutes=59), "il y a 59\u00a0min"),
        (timedelta(minutes=119), "il y a 1\u00a0h"),
        (timedelta(hours=10), "il y a 10\u00a0h"),
        (timedelta(hours=13), "hier à 22\u00a0h\u00a020"),
        (timedelta(days=3), "ven. 10 janv."),
    ],
)
def test_how_long_ago(gone: timedelta, french: str) -> None:
    assert FR.ago(NOW - gone) == french


def test_spans_money_shares_and_durations() -> None:
    assert FR.span(at(14), at(18)) == "aujourd’hui, de 14\u00a0h à 18\u00a0h"
    assert FR.span(at(14), None) == FR.moment(at(14))
    assert FR.span(at(10, day=20), at(19, day=25)) == "du lun. 20 janv. au sam. 25 janv."
    assert FR.money("1720.00", "EUR") == "1\u202f720,00\u00a0€"
    assert EN.money("4.9", "EUR") == "€4.90"
    assert FR.percent(0.957) == "96\u00a0%"
    assert [FR.duration(s) for s in (8, 60, 150, 3900)] == [
        "8\u00a0s",
        "1\u00a0min",
        "2\u00a0min\u00a030\u00a0s",
        "1\u00a0h\u00a005",
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("+33645789012", "06 45 78 90 12"),
        ("+32470123456", "+32 470 12 34 56"),
        ("not a number", "not a number"),
        ("", ""),
    ],
)
def test_phones_are_written_as_at_home(value: str, written: str) -> None:
    assert FR.phone(value).replace("\u00a0", " ") == written


def test_home_is_where_the_shop_is() -> None:
    assert home_of("+3222345678") == "BE"
    assert home_of("05 31 61 60 42") == "FR"
    assert home_of("") == "FR"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"amount": "89.00", "currency": "EUR"}, "89,00\u00a0€"),
        ({"start": "2025-01-13T17:00:00+01:00", "end": None}, "aujourd’hui à 17\u00a0h"),
        ("2025-01-18", "samedi 18 janvier 2025"),
        ("2025-01-14T18:00:00+01:00", "demain à 18\u00a0h"),
        ("2025-01-14T18:00:00", "2025-01-14T18:00:00"),
        (["38", "40"], "38, 40"),
        ({"title": "Robe", "size": "38", "reference": "RF-2847"}, "Robe 38 RF-2847"),
        (True, "oui"),
        (2, "2"),
        ("2025-99-99", "2025-99-99"),
    ],
)
def test_facts_are_written_by_what_they_are(value: object, written: str) -> None:
    assert FR.fact(value) == written
