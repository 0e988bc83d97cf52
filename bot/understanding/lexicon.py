"""The words of the trade (lexicon.yaml), ready to be looked up. All folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Lexicon:
    """`garments`, `colors`, `modifiers`, `events` map a word or phrase to the one it stands
    for; `wider` maps a garment to the nouns that may be said for it ("veste" for blazer)."""

    garments: Mapping[str, str]
    wider: Mapping[str, frozenset[str]]
    colors: Mapping[str, str]
    modifiers: Mapping[str, str]
    events: Mapping[str, str]


def read_yaml(name: str) -> Any:
    """A data file of this package."""
    return yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _invert(groups: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {str(word): name for name, words in groups.items() for word in words}


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    data = read_yaml("lexicon.yaml")
    garments = data["garments"]
    return Lexicon(
        garments=_invert({name: g["words"] for name, g in garments.items()}),
        wider={name: frozenset(g.get("is", ())) for name, g in garments.items()},
        colors=_invert(data["colors"]),
        modifiers=_invert(data["modifiers"]),
        events=_invert(data["events"]),
    )


def any_of(words: Iterable[str]) -> str:
    """A pattern for any of `words`, the longest first, between word borders."""
    ordered = sorted(words, key=len, reverse=True)
    return r"(?<![\w-])(?:" + "|".join(re.escape(w) for w in ordered) + r")(?![\w-])"
