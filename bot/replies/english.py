"""How English says things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import format_date
from babel.numbers import format_currency

from bot.turn import TimeSpan
from connectors.ports import Money

PLURALS = frozenset(
    "boucles bottes bottines sandales baskets chaussures lunettes escarpins".split()
)


@dataclass(frozen=True)
class Article:
    title: str

    def __str__(self) -> str:
        return self.title

    @property
    def plural(self) -> bool:
        return self.title.split()[0].lower() in PLURALS if self.title else False

    @property
    def the(self) -> str:
        return f"the {self.title}"

    @property
    def The(self) -> str:  # noqa: N802  # the same words, with a capital
        return f"The {self.title}"

    @property
    def it(self) -> str:
        return "them" if self.plural else "it"

    @property
    def be(self) -> str:
        return "are" if self.plural else "is"


def hour(at: datetime) -> str:
    """ "6 pm", "5:30 pm\""""
    twelve = at.hour % 12 or 12
    half = "am" if at.hour < 12 else "pm"
    return f"{twelve}:{at.minute:02} {half}" if at.minute else f"{twelve} {half}"


def day(at: datetime, now: datetime) -> str:
    away = (at.date() - now.date()).days
    if away == 0:
        return "today"
    if away == 1:
        return "tomorrow"
    if 1 < away < 7:
        return format_date(at, "EEEE", locale="en")
    return format_date(at, "EEEE d MMMM", locale="en")


def moment(at: datetime, now: datetime) -> str:
    return f"{day(at, now)} {hour(at)}"


def part(span: TimeSpan) -> str:
    assert span.end is not None
    if span.end - span.start > timedelta(hours=7):
        return ""
    if span.end.hour <= 13:
        return "morning" if span.start.hour < 12 else "lunchtime"
    return "afternoon" if span.start.hour < 17 else "evening"


def meeting(span: TimeSpan, now: datetime) -> str:
    """ "tonight", "tomorrow 11 am", "on Saturday\""""
    if span.start.date() == now.date():
        return "tonight" if span.start.hour >= 17 else "later today"
    if span.end is None:
        return moment(span.start, now)
    if span.end.date() != span.start.date():
        return f"{day(span.start, now)} or {day(span.end, now)}"
    return f"{day(span.start, now)} {part(span)}".strip()


def coming(span: TimeSpan, now: datetime) -> str:
    if span.end is None:
        return moment(span.start, now)
    return meeting(span, now)


def stamp(at: datetime) -> str:
    return f"{at:%d/%m} {hour(at)}"


def price(money: Money) -> str:
    return format_currency(money.amount, money.currency, locale="en").removesuffix(".00")


def any_of(words: Sequence[str]) -> str:
    return _join(words, "or")


def all_of(words: Sequence[str]) -> str:
    return _join(words, "and")


def _join(words: Sequence[str], last: str) -> str:
    words = [str(word) for word in words]
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


FILTERS = {
    "hour": hour,
    "day": day,
    "moment": moment,
    "meeting": meeting,
    "coming": coming,
    "stamp": stamp,
    "price": price,
    "any_of": any_of,
    "all_of": all_of,
}
