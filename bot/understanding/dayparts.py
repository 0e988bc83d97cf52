"""Parts of a day, moments and bounds that a text names: "en fin d'après-midi", "tout à
l'heure", "à partir de" (dayparts.yaml)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml

PartName = Literal[
    "morning",
    "early_morning",
    "late_morning",
    "lunch",
    "afternoon",
    "early_afternoon",
    "mid_afternoon",
    "late_afternoon",
    "evening",
]


@dataclass(frozen=True)
class Part:
    """Part of a day; `this`: of the present one ("ce soir")."""

    name: PartName
    this: bool = False


@dataclass(frozen=True)
class Moment:
    name: Literal["later", "now", "opening", "closing"]


@dataclass(frozen=True)
class Bound:
    """What stands before a time: "avant", "à partir de", "d'ici", "jusqu'à"."""

    name: Literal["before", "from", "by", "until"]


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(
        Path(__file__).with_name("dayparts.yaml").read_text(encoding="utf-8")
    )
    return data


def _any(lines: str) -> str:
    return "|".join(lines.strip().replace("{aprem}", _data()["aprem"]).splitlines())


@lru_cache(maxsize=1)
def _parts() -> tuple[tuple[re.Pattern[str], PartName], ...]:
    this = r"(?:(?P<this>ce|cet|cette|this)\s+)?(?:en |in the )?(?:toute )?"
    return tuple(
        (re.compile(rf"\b{this}(?:{_any(lines)})\b(?!-)"), name)
        for name, lines in _data()["parts"].items()
    )


@lru_cache(maxsize=1)
def _others() -> tuple[tuple[re.Pattern[str], Part | Moment | Bound], ...]:
    found: list[tuple[str, Part | Moment | Bound]] = [
        (_data()["tonight"], Part("evening", this=True))
    ]
    found += [(lines, Moment(name)) for name, lines in _data()["moments"].items()]
    found += [(lines, Bound(name)) for name, lines in _data()["bounds"].items()]
    return tuple((re.compile(rf"(?<!\w)(?:{_any(lines)})(?!\w)"), value) for lines, value in found)


def find_dayparts(text: str) -> Iterator[tuple[int, int, Part | Moment | Bound]]:
    """Every one named in a folded text, overlapping ones too: where, and which."""
    for pattern, name in _parts():
        for found in pattern.finditer(text):
            yield found.start(), found.end(), Part(name, this=found["this"] is not None)
    for pattern, value in _others():
        for found in pattern.finditer(text):
            yield found.start(), found.end(), value
