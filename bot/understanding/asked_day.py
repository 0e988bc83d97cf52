"""The day that a question is about: "vous êtes ouverts dimanche ?"."""

from __future__ import annotations

from datetime import datetime

from bot.hours import OpeningHours
from bot.understanding.folding import cut, fold_verbs
from bot.understanding.spans import Resolver
from bot.understanding.times import find_whens


def read_asked_day(text: str, now: datetime, hours: OpeningHours) -> datetime | None:
    """The first day that a text names, at whatever hour; None when it names none. `now` in
    the shop's zone. Never raises on any text."""
    resolver = Resolver(now, hours)
    for when in find_whens(fold_verbs(cut(text)), now.date()):
        span = resolver.resolve(when) if when.dated else None
        if span is not None:
            return span.start
    return None
