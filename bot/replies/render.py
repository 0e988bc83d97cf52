"""Turns sentences' names and facts into text. The words are in <language>/*.yaml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined, Template

from bot.replies import english, french
from bot.turn import Say, Voice
from connectors.ports import Product
from connectors.segments import count_segments, plain_text

LANGUAGES = {"fr": french, "en": english}
LONGEST = 3  # segments of a text message; more costs the shop and tires the reader
EMOJI = re.compile(r" ?[\u2600-\u27bf\U0001f300-\U0001faff\u2b50]\ufe0f?")


def speak(says: Iterable[Say], *, language: str, voice: Voice, now: datetime) -> str:
    """The sentences as one text for a message: plain spaces, emoji only if the voice has
    them. Raises KeyError for a sentence that does not exist, UndefinedError for a fact."""
    said = [_fill(say.key, say.facts, language, voice.address, now) for say in says]
    text = " ".join(dict.fromkeys(said))  # of two articles the same may be said: once is enough
    if not voice.emoji:
        text = EMOJI.sub("", text)
    return text


def fit_text(text: str, segments: int = LONGEST) -> str:
    """The text as a text message of at most so many segments, if taking out emoji and the
    few accents that cost twice the room (ê, ô, ç …) can make it so."""
    text = plain_text(text)
    if count_segments(text).count <= segments:
        return text
    text = EMOJI.sub("", text)
    if count_segments(text).count <= segments:
        return text
    return "".join(c if count_segments(c).encoding == "GSM-7" else _bare(c) for c in text)


def _bare(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[:1]


def typeset(text: str, language: str) -> str:
    """The text with typographic spaces, for screens and e-mail; never for text messages."""
    if language != "fr":
        return text
    text = re.sub(r" ([?!;])", "\u202f\\1", text)
    text = re.sub(r" (:)(?=\s|$)", "\u00a0\\1", text)
    text = re.sub(r"« ", "«\u00a0", re.sub(r" »", "\u00a0»", text))
    return re.sub(r"(?<=\d) (?=[\d€%])", "\u202f", text)


def tell_desk(key: str, facts: Mapping[str, Any], *, language: str, now: datetime) -> list[str]:
    """What the desk shows for `key`: a title, then lines."""
    text = _fill(f"desk.{key}", facts, language, "vous", now)
    return [line.strip() for line in text.splitlines() if line.strip()]


def has_sentence(key: str, language: str = "fr") -> bool:
    return key in _sentences(language)


def _fill(key: str, facts: Mapping[str, Any], language: str, address: str, now: datetime) -> str:
    by_tone = _sentences(language)[key]
    template = by_tone[address] if address in by_tone else by_tone["all"]
    grammar = LANGUAGES[language]
    ready = {name: _ready(value, grammar) for name, value in facts.items()}
    return template.render(now=now, **ready).strip()


def _ready(value: Any, grammar: Any) -> Any:
    """A product becomes words that agree with it."""
    return grammar.Article(value.title) if isinstance(value, Product) else value


@lru_cache
def _sentences(language: str) -> dict[str, dict[str, Template]]:
    """All sentences of a language: name -> tone ("tu", "vous" or "all") -> template."""
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701  # plain text
    environment.filters.update(LANGUAGES[language].FILTERS)
    read: dict[str, Any] = {}
    for path in sorted((Path(__file__).parent / language).glob("*.yaml")):
        read |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        key: {
            tone: environment.from_string(text)
            for tone, text in (value if isinstance(value, dict) else {"all": value}).items()
        }
        for key, value in read.items()
    }
