"""The words of the trade (clothes.yaml): kinds of pieces, colours, what tells pieces apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml

from bot.understanding.folding import fold

Class = Literal["kind", "color", "hard", "soft"]
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_KEPT = {"dress", "bus", "gris", "tights", "trainers"}  # the singular is another word, or none


@dataclass(frozen=True)
class Concept:
    """What a word stands for: ("color", "noir") for "noire", "black" …"""

    cls: Class
    name: str


@dataclass(frozen=True)
class Clothes:
    """`words` maps stems to concepts; `nouns` are the stems that need an article or a
    colour; `wider` maps a kind to wider ones, or a colour to the one it also answers to;
    `gender` a kind to f, m, fp or mp."""

    words: Mapping[tuple[str, ...], Concept]
    nouns: frozenset[str]
    wider: Mapping[Concept, frozenset[str]]
    gender: Mapping[str, str]
    no_clothes: frozenset[str]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Singular and masculine, roughly: "fleuries" and "fleuri" meet at one stem."""
    if word in _KEPT or len(word) < 4:
        return word
    if word.endswith(("s", "x")):
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def split_words(text: str) -> list[tuple[int, int, str]]:
    """Words and figures of a folded text, and where they stand."""
    return [(m.start(), m.end(), m[0]) for m in _TOKEN.finditer(text)]


def stems(words: str) -> tuple[str, ...]:
    return tuple(stem(word) for _, _, word in split_words(fold(words)))


def _groups(data: Mapping[str, Any]) -> Iterator[tuple[Class, str, list[str], list[str]]]:
    """Class, name, words and wider ones of every entry."""
    for name, entry in data["kinds"].items():
        yield "kind", name, entry["words"] + entry.get("noun", []), entry.get("is", [])
    for name, entry in data["colors"].items():
        yield "color", name, entry["words"], [entry["is"]] if "is" in entry else []
    for name, words in data["hard"].items():
        yield "hard", name, words, []
    for name, words in data["soft"].items():
        yield "soft", name, words, []


@lru_cache(maxsize=1)
def clothes() -> Clothes:
    data = yaml.safe_load(Path(__file__).with_name("clothes.yaml").read_text(encoding="utf-8"))
    words: dict[tuple[str, ...], Concept] = {}
    wider: dict[Concept, frozenset[str]] = {}
    for cls, name, names, above in _groups(data):
        concept = Concept(cls, str(name))
        wider[concept] = frozenset(above)
        for word in names:
            words.setdefault(stems(str(word)), concept)
    return Clothes(
        words=words,
        nouns=frozenset(stem(w) for e in data["kinds"].values() for w in e.get("noun", ())),
        wider=wider,
        gender={name: entry["gender"] for name, entry in data["kinds"].items()},
        no_clothes=frozenset(data["no_clothes"].split()),
    )


def lookup(
    tokens: list[str], at: int, vocabulary: Mapping[tuple[str, ...], Concept], most: int = 4
) -> tuple[int, Concept] | None:
    """The longest entry that begins at `tokens[at]` (stems): how many tokens, and what."""
    for length in range(min(most, len(tokens) - at), 0, -1):
        concept = vocabulary.get(tuple(tokens[at : at + length]))
        if concept:
            return length, concept
    return None
