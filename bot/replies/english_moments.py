"""How English says days, hours, prices and lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency

from bot.hours import OpeningHours
from bot.turn import TimeSpan
from connectors.ports import Money

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def hour(at: datetime | time) -> str:
    """ "6 pm", "5:30 pm\""""
    twelve = at.hour % 12 or 12
    half = "am" if at.hour < 12 else "pm"
    return f"{twelve}:{at.minute:02} {half}" if at.minute else f"{twelve} {half}"


def day(at: datetime, now: datetime) -> str:
    """ "today", "tomorrow", "Saturday", "Saturday 25 January\""""
    away = (at.date() - now.date()).days
    if away == 0:
        return "today"
    if away == 1:
        return "tomorrow"
    if 1 < away < 7:
        return format_date(at, "EEEE", locale="en")
    return format_date(at, "EEEE d MMMM", locale="en")


def on_day(at: datetime, now: datetime) -> str:
    """ "today", "on Saturday\""""
    said = day(at, now)
    return said if said in ("today", "tomorrow") else f"on {said}"


def moment(at: datetime, now: datetime) -> str:
    """ "tomorrow 6 pm", "Saturday 25 January at 6 pm\""""
    far = (at.date() - now.date()).days >= 7
    return f"{day(at, now)}{' at' if far else ''} {hour(at)}"


def deadline(at: datetime, now: datetime) -> str:
    """Behind "until" and "by": "4 pm" of today, "tomorrow 6 pm\""""
    return hour(at) if at.date() == now.date() else moment(at, now)


def part(span: TimeSpan) -> str:
    """The part of a day that a range is: "morning", "lunchtime", "afternoon" …, or ""."""
    assert span.end is not None
    if span.end - span.start > timedelta(hours=7):
        return ""
    if span.end.hour <= 13:
        return "morning" if span.start.hour < 12 else "lunchtime"
    return "afternoon" if span.start.hour < 17 else "evening"


SOON = timedelta(hours=2)


def meeting(span: TimeSpan, now: datetime) -> str:
    """When someone comes: "tonight", "tomorrow 11 am", "Saturday morning\""""
    if span.start.date() == now.date():
        if span.end is None and span.start - now <= SOON:
            return "soon"
        return "tonight" if span.start.hour >= 17 else "later today"
    if span.end is None:
        return moment(span.start, now)
    if span.end.date() != span.start.date():
        return f"{day(span.start, now)} or {day(span.end, now)}"
    return f"{day(span.start, now)} {part(span)}".strip()


def coming(span: TimeSpan, now: datetime) -> str:
    """When someone comes, for the desk."""
    return moment(span.start, now) if span.end is None else meeting(span, now)


def stamp(at: datetime) -> str:
    """ "14/01 6 pm\""""
    return f"{at:%d/%m} {hour(at)}"


def date_words(day: date) -> str:
    """ "13 January\""""
    return format_date(day, "d MMMM", locale="en")


def on(at: datetime, now: datetime) -> str:
    """When something was, on a day: "today", "yesterday", "on Monday 13 January\""""
    at = at.astimezone(now.tzinfo)
    away = (now.date() - at.date()).days
    if away in (0, 1):
        return ("today", "yesterday")[away]
    return f"on {format_date(at, 'EEEE d MMMM', locale='en')}"


def week_runs(runs: Sequence[Mapping[str, Any]]) -> str:
    """ "Monday to Saturday from 10 am to 7 pm\""""
    said = []
    for run in runs:
        first, last = WEEKDAYS[run["from"]], WEEKDAYS[run["to"]]
        days = first if first == last else f"{first} to {last}"
        said.append(f"{days} from {hour(run['open'])} to {hour(run['close'])}")
    return all_of(said)


def week_words(hours: OpeningHours) -> str:
    return week_runs(hours.runs())


def price(money: Money) -> str:
    """ "€89", "€4.90\""""
    return exact(money).removesuffix(".00")


def exact(money: Money) -> str:
    """ "€89.00": of a receipt, always to the cent"""
    return format_currency(money.amount, money.currency, locale="en")


def euros(amount: str) -> str:
    return price(Money(Decimal(amount), "EUR"))


def any_of(words: Sequence[str]) -> str:
    """ "36, 38 or 40\""""
    return _join(words, "or")


def all_of(words: Sequence[str]) -> str:
    """ "36, 38 and 40\""""
    return _join(words, "and")


def _join(words: Sequence[str], last: str) -> str:
    words = [str(word) for word in words]
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""
