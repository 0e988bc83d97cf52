"""The polite phrases that a model may write (phatic.yaml), by language and form of address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bot.understanding.normalize import fold

PHRASES = Path(__file__).parent / "phatic.yaml"
SHORTEST = 6  # letters of a word that is looked for in the text without its spaces


@dataclass(frozen=True)
class Manner:
    """The phrases of one language and address: class -> patterns, of flat text; and the words
    that reject a text, class -> words."""

    phrases: Mapping[str, tuple[re.Pattern[str], ...]]
    never: Mapping[str, frozenset[str]]

    def read(self, flat: str) -> set[str] | None:
        """The classes of the phrases that a flat text is made of; None when it is made of
        something else besides."""
        found: set[str] = set()
        at = 0
        while at < len(flat):
            ends = {
                name: max((m.end() for p in patterns if (m := p.match(flat, at))), default=at)
                for name, patterns in self.phrases.items()
            }
            name = max(ends, key=lambda n: ends[n])
            if ends[name] == at:
                return None
            found.add(name)
            at = ends[name] + 1  # and the space behind it
        return found - {"glue"}

    def forbids(self, flat: str) -> str | None:
        """The class of the first word that never may be said, also when its letters are set
        apart ("g r a t u i t"); None when there is none."""
        words = [w for part in flat.split() for w in (part, *part.split("'"))]
        close = re.sub(r"[^a-z]", "", flat)
        for name, never in self.never.items():
            if never & set(words):
                return name
            if any(word in close for word in never if len(word) >= SHORTEST and word not in flat):
                return name
        return None


def flatten(text: str) -> str:
    """Lower case without accents, commas and hyphens, one space between words."""
    return " ".join(re.sub(r"[,\-]", " ", fold(text)).split())


@lru_cache
def manner_of(language: str, address: str) -> Manner:
    """`address`: "tu" or "vous", the same in English."""
    raw = read_phrases()[language]
    own = raw[address] if address in raw else raw["all"]
    words = {**raw["words"], **own["words"]}
    return Manner(
        {
            name: tuple(_compile(pattern, words) for pattern in patterns)
            for name, patterns in raw["phrases"].items()
        },
        {
            name: frozenset(never.split()) - frozenset(raw["but"].split())
            for name, never in raw["never"].items()
        },
    )


@lru_cache
def read_phrases() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(PHRASES.read_text(encoding="utf-8"))
    return found


def _compile(pattern: str, words: Mapping[str, str]) -> re.Pattern[str]:
    """Whole words only."""
    for name, said in words.items():
        pattern = pattern.replace(f"{{{name}}}", said)
    return re.compile(rf"(?:{pattern})(?= |$)")
