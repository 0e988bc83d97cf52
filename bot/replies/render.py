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
from jinja2 import ChainableUndefined, Environment, StrictUndefined, Template, Undefined

from bot.replies import english, french
from bot.turn import Say, Voice
from connectors.ports import Product
from connectors.segments import count_segments, plain_text

LANGUAGES = {"fr": french, "en": english}
LONGEST = 3  # segments of a text message; more costs the shop and tires the reader
FACT, END = "\ue000", "\ue001"  # private characters that no fact may hold
MARKS = re.compile(f"[{FACT}{END}]")
EMOJI = re.compile(r" ?[\u2600-\u27bf\U0001f300-\U0001faff\u2b50]\ufe0f?")
_EMOJI_RUN = re.compile(f"(?:{EMOJI.pattern})+")
_STOPS = ".!?…:;,-«("


def speak(says: Iterable[Say], *, language: str, voice: Voice, now: datetime) -> str:
    """The sentences as one text for a message: plain spaces, emoji only if the voice has
    them. Raises KeyError for a sentence that does not exist, UndefinedError for a fact."""
    marked = speak_marked(says, language=language, voice=voice, now=now)
    return " ".join(unmark(text) for _, text in marked)


def speak_marked(
    says: Iterable[Say], *, language: str, voice: Voice, now: datetime
) -> list[tuple[Say, str]]:
    """Each sentence with its text, in which every fact stands between FACT and END. Of two
    articles the same may be said: once is enough."""
    said: dict[str, tuple[Say, str]] = {}
    for say in says:
        text = _fill(say.key, say.facts, language, voice.address, now)
        if not voice.emoji:
            text = drop_emoji(text)
        said.setdefault(unmark(text), (say, text))
    return list(said.values())


def unmark(text: str) -> str:
    return MARKS.sub("", text).strip()


def _mark(value: Any) -> str:
    """What Jinja does to every fact that it writes."""
    return f"{FACT}{MARKS.sub('', str(value))}{END}"


def fit_text(text: str, segments: int = LONGEST) -> str:
    """The text as a text message of at most so many segments, if taking out emoji and the
    few accents that cost twice the room (ê, ô, ç …) can make it so."""
    text = plain_text(text)
    if count_segments(text).count <= segments:
        return text
    text = drop_emoji(text)
    if count_segments(text).count <= segments:
        return text
    return "".join(c if count_segments(c).encoding == "GSM-7" else _bare(c) for c in text)


def drop_emoji(text: str) -> str:
    """The text without emoji; one that ended a sentence leaves a full stop there."""

    def leave(run: re.Match[str]) -> str:
        before = text[: run.start()].rstrip(f" {FACT}{END}")
        after = text[run.end() :].lstrip(f" {FACT}{END}")
        ends = not after or after[0] == "\n" or after[0].isupper()
        return "." if ends and before and before[-1] not in f"{_STOPS}\n" else ""

    return _EMOJI_RUN.sub(leave, text)


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
    text = unmark(_fill(f"desk.{key}", facts, language, "vous", now))
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
    if isinstance(value, Product):
        return grammar.Article(value.title, value.reference)
    return value


@lru_cache
def _sentences(language: str) -> dict[str, dict[str, Template]]:
    """All sentences of a language: name -> tone ("tu", "vous" or "all") -> template."""
    strict = _environment(language, StrictUndefined)
    lenient = _environment(language, ChainableUndefined)
    read: dict[str, Any] = {}
    for path in sorted((Path(__file__).parent / language).glob("*.yaml")):
        read |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        key: {
            # One summary serves all who escalate for its reason, each with what it knows
            tone: (lenient if key.startswith("desk.summary.") else strict).from_string(text)
            for tone, text in (value if isinstance(value, dict) else {"all": value}).items()
        }
        for key, value in read.items()
    }


def _environment(language: str, undefined: type[Undefined]) -> Environment:
    environment = Environment(undefined=undefined, autoescape=False, finalize=_mark)  # noqa: S701  # plain text
    environment.filters.update(LANGUAGES[language].FILTERS)
    return environment
