"""The sending planner, rule by rule."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.hours import OpeningHours
from bot.keywords import read_keyword
from bot.sending import SENDING, Plan, Way, plan

PARIS = ZoneInfo("Europe/Paris")
HOURS = OpeningHours(PARIS, {n: (time(10), time(19)) for n in range(6)})
MONDAY = datetime(2025, 1, 13, 10, tzinfo=PARIS)


def way(channel: str, *, hours_ago: float | None = 1, **more: object) -> Way:
    wrote = None if hours_ago is None else MONDAY - timedelta(hours=hours_ago)
    return Way(channel, "+33600000000", "+33939035761", 1, wrote, **more)  # type: ignore[arg-type]


def planned(kind: str, *ways: Way, at: datetime = MONDAY, **more: object) -> Plan:
    return plan(kind, ways, now=at, hours=HOURS, stopped=False, **more)  # type: ignore[arg-type]


def test_an_answer_goes_back_the_way_the_question_came_at_any_hour() -> None:
    midnight = datetime(2025, 1, 12, 23, 59, tzinfo=PARIS)  # a Sunday
    chosen = planned("reply", way("sms"), way("email"), at=midnight, preferred="email")
    assert (chosen.how, chosen.way and chosen.way.channel, chosen.at) == ("text", "sms", midnight)


@pytest.mark.parametrize("kind", SENDING)
def test_stop_silences_every_kind_of_message(kind: str) -> None:
    chosen = plan(kind, [way("sms", commercial=True)], now=MONDAY, hours=HOURS, stopped=True)
    assert (chosen.how, chosen.why) == ("never", "stopped")


def test_whatsapp_is_free_text_within_a_day_of_their_last_message() -> None:
    assert planned("reply", way("whatsapp", hours_ago=23.9)).how == "text"


def test_after_a_day_whatsapp_takes_the_template_of_that_kind() -> None:
    closed = way("whatsapp", hours_ago=24.1, templates={"reservation_reminder": "HX1"})
    chosen = planned("reservation_reminder", closed)
    assert (chosen.how, chosen.template) == ("template", "HX1")


def test_after_a_day_without_a_template_another_channel_is_taken() -> None:
    chosen = planned("adviser", way("whatsapp", hours_ago=30), way("sms", hours_ago=None))
    assert (chosen.how, chosen.why, chosen.way and chosen.way.channel) == (
        "text",
        "other_channel",
        "sms",
    )


def test_after_a_day_with_nothing_else_it_is_not_sent_and_says_why() -> None:
    chosen = planned("adviser", way("whatsapp", hours_ago=30))
    assert (chosen.how, chosen.why) == ("never", "window_closed")


def test_a_reminder_takes_the_preferred_channel_before_the_last_one() -> None:
    chosen = planned("reservation_reminder", way("email"), way("sms"), preferred="sms")
    assert chosen.way
    assert chosen.way.channel == "sms"


def test_without_preference_a_reminder_goes_where_they_last_wrote() -> None:
    chosen = planned("reservation_reminder", way("sms"), way("email", hours_ago=None))
    assert chosen.way
    assert chosen.way.channel == "sms"


def test_a_silenced_channel_is_passed_over() -> None:
    chosen = planned("reservation_reminder", way("email", silenced=True), way("sms"))
    assert chosen.way
    assert chosen.way.channel == "sms"
    assert planned("reservation_reminder", way("email", silenced=True)).why == "unreachable"


def test_advertising_needs_an_opt_in_for_that_channel() -> None:
    assert planned("follow_up", way("sms")).why == "no_consent"
    chosen = planned("follow_up", way("sms"), way("email", commercial=True))
    assert chosen.way
    assert chosen.way.channel == "email"


def test_a_kind_that_nobody_has_thought_about_is_advertising() -> None:
    assert planned("birthday_wishes", way("sms")).why == "no_consent"


@pytest.mark.parametrize(
    ("at", "goes"),
    [
        (datetime(2025, 1, 13, 10, tzinfo=PARIS), datetime(2025, 1, 13, 10, tzinfo=PARIS)),
        (datetime(2025, 1, 13, 7, 59, tzinfo=PARIS), datetime(2025, 1, 13, 8, tzinfo=PARIS)),
        (datetime(2025, 1, 13, 20, 0, tzinfo=PARIS), datetime(2025, 1, 14, 8, tzinfo=PARIS)),
        (datetime(2025, 1, 18, 20, 30, tzinfo=PARIS), datetime(2025, 1, 20, 8, tzinfo=PARIS)),
        (datetime(2025, 1, 19, 12, tzinfo=PARIS), datetime(2025, 1, 20, 8, tzinfo=PARIS)),
        (datetime(2025, 7, 14, 12, tzinfo=PARIS), datetime(2025, 7, 15, 8, tzinfo=PARIS)),
        (datetime(2025, 12, 24, 21, tzinfo=PARIS), datetime(2025, 12, 26, 8, tzinfo=PARIS)),
        (datetime(2025, 4, 20, 12, tzinfo=PARIS), datetime(2025, 4, 22, 8, tzinfo=PARIS)),
    ],
)
def test_advertising_waits_for_a_permitted_hour(at: datetime, goes: datetime) -> None:
    chosen = planned("follow_up", way("sms", commercial=True), at=at)
    assert chosen.at == goes
    assert chosen.how == ("text" if at == goes else "wait")


def test_a_service_message_wakes_nobody() -> None:
    at = datetime(2025, 1, 13, 6, tzinfo=PARIS)
    chosen = planned("reservation_reminder", way("sms"), at=at)
    assert (chosen.how, chosen.at) == ("wait", at.replace(hour=8))


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("STOP", "stop"),
        ("stop", "stop"),
        (" Stop ! ", "stop"),
        ("« STOP »", "stop"),
        ("STOP SMS", "stop"),
        ("Arrêt", "stop"),
        ("STOP au 36180", "stop"),
        ("unsubscribe", "stop"),
        ("Stop pub", "stop"),
        ("Désabonnement", "stop"),
        ("réabonnement", "start"),
        ("AIDE", "help"),
        ("help?", "help"),
        ("Start", "start"),
        ("stop au prochain arrêt on descend", None),
        ("non stop", None),
        ("vous pouvez arrêter la commande ?", None),
        ("aide moi à choisir", None),
        ("", None),
        ("STOP " * 20, None),
        ("38", None),
    ],
)
def test_keywords_are_whole_messages(text: str, keyword: str | None) -> None:
    assert read_keyword(text) == keyword
