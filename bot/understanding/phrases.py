"""Names for what phrases are about, from a YAML file: name -> patterns parted by commas.

A pattern stands between word borders; "*" ends a stem, "_" is up to two words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.understanding.lexicon import read_yaml
from bot.understanding.normalize import fold

_LONGEST = 10


@dataclass(frozen=True)
class _Pattern:
    words: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Phrases:
    """The patterns by their first word, and by their first stem."""

    exact: Mapping[str, Sequence[_Pattern]]
    stems: Mapping[str, Sequence[_Pattern]]

    def find(self, words: Sequence[str]) -> dict[str, list[int]]:
        """The names found in `words` (evened, see words_of), each with its positions."""
        found: dict[str, list[int]] = {}
        for i, word in enumerate(words):
            for pattern in self._starting(word):
                at = found.get(pattern.name)
                if (at is None or at[-1] != i) and _follows(
                    pattern.words[1:], words[i + 1 : i + _LONGEST]
                ):
                    found.setdefault(pattern.name, []).append(i)
        return found

    def _starting(self, word: str) -> list[_Pattern]:
        patterns = list(self.exact.get(word, ()))
        for end in range(1, len(word) + 1):
            patterns += self.stems.get(word[:end], ())
        return patterns


def _follows(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return True
    if pattern[0] == "_":
        return any(_follows(pattern[1:], words[skip:]) for skip in range(3))
    if not words:
        return False
    head = pattern[0]
    fits = words[0].startswith(head[:-1]) if head.endswith("*") else words[0] == head
    return fits and _follows(pattern[1:], words[1:])


@lru_cache
def read_phrases(file: str) -> Phrases:
    exact: dict[str, list[_Pattern]] = {}
    stems: dict[str, list[_Pattern]] = {}
    for name, patterns in read_yaml(file).items():
        for pattern in patterns.split(","):
            words = tuple(fold(pattern).split())
            where = stems if words[0].endswith("*") else exact
            where.setdefault(words[0].rstrip("*"), []).append(_Pattern(words, name))
    return Phrases(exact, stems)


@lru_cache
def words_in(file: str) -> frozenset[str]:
    """Every word that the patterns of a file are made of."""
    patterns = (p for each in read_yaml(file).values() for p in each.split(","))
    return frozenset(word.rstrip("*") for p in patterns for word in p.split())
