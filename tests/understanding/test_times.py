"""When a customer comes, by what they write: the Times of the house's understanding format."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.demo.world import read_world
from bot.hours import OpeningHours, parse_hours
from bot.turn import Context, TimeSpan
from bot.understanding.entities import read_entities

PARIS = ZoneInfo("Europe/Paris")
THURSDAY = "2025-01-16T12:00:00"


def _context(now: str = THURSDAY, asked: str | None = None) -> Context:
    at = datetime.fromisoformat(now).replace(tzinfo=PARIS)
    return read_world("elegance-paris").context(at, asked)


def _read(text: str, now: str = THURSDAY, asked: str | None = None) -> TimeSpan | None:
    return read_entities(text, _context(now, asked)).pickup_time


def _show(span: TimeSpan | None) -> str:
    """ "Fri17 11:00", "Sat18 10:00>19:00", "Mon20 10:00>Sat25 19:00" or "-"."""
    if span is None:
        return "-"
    start = span.start.strftime("%a%d %H:%M")
    if span.end is None:
        return start
    end = span.end.strftime("%a%d %H:%M")
    return f"{start}>{end.split()[1] if end.split()[0] == start.split()[0] else end}"


def _cases() -> list[tuple[str, dict[str, str], str]]:
    lines = (Path(__file__).with_name("time_cases.txt")).read_text(encoding="utf-8").splitlines()
    cases = [line.split(" | ", 2) for line in lines if line and not line.startswith("#")]
    return [(e, dict(p.split("=") for p in told.split()), text) for e, told, text in cases]


@pytest.mark.parametrize(("expected", "told", "text"), _cases(), ids=lambda v: str(v)[:60])
def test_a_message_says_when_the_customer_comes_or_does_not(
    expected: str, told: dict[str, str], text: str
) -> None:
    assert _show(_read(text, **told)) == expected


def test_times_are_aware_and_in_the_shops_zone() -> None:
    span = _read("je passe demain matin")
    assert span is not None
    assert span.end is not None
    assert span.start.tzinfo == span.end.tzinfo == PARIS


def test_a_clock_in_another_zone_is_read_in_the_shops() -> None:
    now = datetime.fromisoformat("2025-01-16T23:30:00+00:00")  # half past midnight in Paris
    span = read_entities("demain 11h", _context()).pickup_time
    later = read_entities("demain 11h", read_world("elegance-paris").context(now)).pickup_time
    assert span is not None
    assert later is not None
    assert later.start - span.start == timedelta(days=1)


def test_an_hour_from_now_is_an_hour_when_the_clocks_change() -> None:
    span = _read("j'arrive dans 2h", now="2025-03-30T01:30:00")
    assert span is not None
    assert span.start.isoformat() == "2025-03-30T04:30:00+02:00"


def _hours(**week: list[str]) -> OpeningHours:
    return parse_hours("Europe/Paris", week)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("demain matin", "Fri17 09:00>12:00"),
        ("demain en fin de journée", "Fri17 17:00>18:00"),
        ("demain", "Fri17 09:00>18:00"),
        ("la semaine prochaine", "Mon20 09:00>Fri24 18:00"),
        ("samedi", "Sat18 09:00>18:00"),  # closed: the usual hours, the flow objects
        ("je passe ce week-end", "-"),
        ("demain à la fermeture", "Fri17 18:00"),
    ],
)
def test_parts_of_a_day_follow_the_shops_own_hours(text: str, expected: str) -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday")
    hours = _hours(**{day: ["09:00", "18:00"] for day in days})
    context = Context(now=datetime.fromisoformat(THURSDAY).replace(tzinfo=PARIS), hours=hours)
    assert _show(read_entities(text, context).pickup_time) == expected


def test_a_day_that_opens_at_two_still_has_a_morning_to_object_to() -> None:
    hours = _hours(monday=["14:00", "19:00"], tuesday=["10:00", "19:00"])
    context = Context(now=datetime.fromisoformat(THURSDAY).replace(tzinfo=PARIS), hours=hours)
    assert _show(read_entities("lundi matin", context).pickup_time) == "Mon20 10:00>12:00"
