"""Stems of French and English words, by PostgreSQL's own dictionaries, without accents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock

from cachetools import LRUCache
from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.understanding.normalize import fold

_ASK = text(
    """SELECT word, ts_lexize('french_stem', word), ts_lexize('english_stem', word)
    FROM unnest(CAST(:words AS text[])) word"""
)


@dataclass(frozen=True)
class Stems:
    """A word's stem in each language, folded; a word that the dictionary leaves out (a stop
    word) is its own."""

    fr: str
    en: str

    def of(self, language: str) -> str:
        return self.en if language == "en" else self.fr

    @property
    def both(self) -> frozenset[str]:
        return frozenset((self.fr, self.en))


# A dictionary never changes its mind, and loading the demo again and again asks for the same
_known: LRUCache[str, Stems] = LRUCache(200_000)
_lock = Lock()


def stems(db: Session, words: Iterable[str]) -> Mapping[str, Stems]:
    """The stems of each word (lower case, accents as written)."""
    wanted = set(words)
    with _lock:
        found = {word: known for word in wanted if (known := _known.get(word)) is not None}
    missing = sorted(wanted - found.keys())
    if missing:
        asked = {
            word: Stems(_first(french, word), _first(english, word))
            for word, french, english in db.execute(_ASK, {"words": missing})
        }
        with _lock:
            _known.update(asked)
        found.update(asked)
    return found


def _first(lexemes: list[str] | None, word: str) -> str:
    return fold(lexemes[0] if lexemes else word)
