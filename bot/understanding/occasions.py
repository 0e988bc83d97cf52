"""The occasion a customer speaks of: a wedding, a trip (events.yaml)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from bot.turn import Context
from bot.understanding.spans import Resolver

if TYPE_CHECKING:
    from bot.understanding.roles import Said


@lru_cache(maxsize=1)
def _events() -> tuple[re.Pattern[str], dict[str, str]]:
    data = yaml.safe_load(Path(__file__).with_name("events.yaml").read_text(encoding="utf-8"))
    names = {str(word): str(name) for name, words in data.items() for word in words}
    words = "|".join(re.escape(w) for w in sorted(names, key=len, reverse=True))
    # "robe de mariage" is a kind of dress, "liste de mariage" not an occasion
    dressed = r"(?<!robe de )(?<!robes de )(?<!tenue de )(?<![\w'-])ceremonie(?!\w)"
    names["ceremonie"] = "ceremony"
    pattern = rf"(?<![\w'-])(?:{words})(?!\w)|(?<=[ld]')(?:{words})(?!\w)|{dressed}"
    return re.compile(pattern), names


def find_events(text: str) -> list[tuple[int, int, str]]:
    """The occasions named in a folded text, in order: where, and by which name."""
    pattern, names = _events()
    return [(m.start(), m.end(), names[m[0]]) for m in pattern.finditer(text)]


def read_event(
    said: Sequence[Said], events: Sequence[tuple[int, int, str]], context: Context
) -> tuple[str | None, date | None]:
    """The occasion and its day. Of several occasions the first with a day, else the first."""
    resolver = Resolver(context.now.astimezone(context.hours.zone), context.hours)
    for one in said:
        day = resolver.day_of(one.when) if one.role == "event" else None
        if day is not None:
            return one.occasion, day
    return (events[0][2] if events else None), None
