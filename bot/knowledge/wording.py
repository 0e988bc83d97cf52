"""Words of passages and of questions, made comparable: folded, without what says nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bot.understanding.normalize import clean, fold, words_of

LANGUAGES = ("fr", "en")
LONGEST_WORD = 40  # letters; what is longer is no word that anybody asks for
MOST_WORDS = 40  # of a question: what follows is not read

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Wording:
    """words.yaml. `alike`: word -> the words it may stand for; `leads`: one way."""

    ignored: frozenset[str]
    phrases: Mapping[str, str]
    pattern: re.Pattern[str]
    alike: Mapping[str, frozenset[str]]
    leads: Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=1)
def wording() -> Wording:
    raw: Any = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"))
    phrases = {
        " ".join(phrase.split()): word
        for word, phrases in raw["phrases"].items()
        for phrase in phrases.split(",")
    }
    longest_first = sorted(phrases, key=len, reverse=True)
    alike: dict[str, frozenset[str]] = {}
    for line in raw["alike"]:
        group = frozenset(line.split())
        for word in group:
            alike[word] = alike.get(word, frozenset()) | group
    return Wording(
        ignored=frozenset(fold(raw["ignored"]).split()),
        phrases=phrases,
        pattern=re.compile(rf"(?<= )(?:{'|'.join(map(re.escape, longest_first))})(?= )"),
        alike=alike,
        leads={word: tuple(to.split()) for word, to in raw["leads"].items()},
    )


def split_words(text: str) -> list[str]:
    """The words of a passage as they stand, in lower case."""
    return [w for w in _WORD.findall(text.lower()) if _says_something(w)]


def asked_words(question: str) -> list[str]:
    """What a question is about: its words, folded, each once, in order; phrases and SMS
    spelling written out, politeness left away."""
    known = wording()
    words = [w for w in words_of(clean(question)) if w.isalnum()]
    plain = known.pattern.sub(lambda found: known.phrases[found[0]], f" {' '.join(words)} ")
    kept = (w for w in plain.split() if w not in known.ignored or w in known.leads)
    return list(dict.fromkeys(w for w in kept if _says_something(w)))[:MOST_WORDS]


def _says_something(word: str) -> bool:
    return (len(word) > 1 or word.isdigit()) and len(word) <= LONGEST_WORD
