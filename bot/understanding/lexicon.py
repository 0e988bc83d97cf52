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
    """Each maps a word or phrase to the one it stands for."""

    garments: Mapping[str, str]
    colors: Mapping[str, str]


def read_yaml(name: str) -> Any:
    """A data file of this package."""
    return yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _invert(groups: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {str(word): name for name, words in groups.items() for word in words}


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    data = read_yaml("lexicon.yaml")
    return Lexicon(garments=_invert(data["garments"]), colors=_invert(data["colors"]))


def any_of(words: Iterable[str]) -> str:
    """A pattern for any of `words`, the longest first, between word borders."""
    ordered = sorted(words, key=len, reverse=True)
    return r"(?<![\w-])(?:" + "|".join(re.escape(w) for w in ordered) + r")(?![\w-])"
