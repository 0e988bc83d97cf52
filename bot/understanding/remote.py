"""The engine that asks a language model. The model points at words; our code resolves them.

What the model says is held against the message: words that are not in it are dropped, and
products, sizes, times and numbers are read, in those that are, by the offline code. When the
model gives nothing of use, the offline engine answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.logs import log
from bot.turn import INTENTS, Context, Entities, ProductMention, Sentiment, TimeSpan, Understanding
from bot.understanding import rules
from bot.understanding.engine import Engine
from bot.understanding.entities import read_entities
from bot.understanding.language import detect_language
from bot.understanding.mood import press
from bot.understanding.normalize import clean, fold
from bot.understanding.numbers import number
from connectors.errors import ConnectorError

PROMPT = Path(__file__).parent / "remote_prompt.md"
ALONE = frozenset(("unknown", "greeting", "closing"))
ANSWERS = frozenset(("confirm", "deny", "choose"))
MOST_INTENTS = 3
SUREST = 0.99
LONGEST = 80  # characters of a name or of words for a product


class Reading(BaseModel):
    """What the model is asked for. Its schema is strict: all fields required, none besides."""

    model_config = ConfigDict(extra="forbid")

    intents: list[Literal[INTENTS]]  # type: ignore[valid-type]  # the names are in bot.turn
    confidence: Annotated[float, Field(allow_inf_nan=False)]
    sentiment: Sentiment
    language: Literal["fr", "en", "other"]
    products: list[str]
    sizes: list[str]
    colors: list[str]
    quantity: int | None
    order_numbers: list[str]
    last_name: str | None
    pickup_time: str | None
    event: str | None
    choice: int | None


@dataclass(frozen=True)
class RemoteEngine:
    """`ask` takes the system's text, the user's and the shape of the answer; it raises
    ConnectorError when there is no answer of use. `spare` then reads the message."""

    ask: Callable[[str, str, type[Reading]], Reading]
    spare: Engine

    def understand(self, text: str, context: Context) -> Understanding:
        said = clean(text)
        entities = read_entities(said, context)
        # STOP and the like never depend on a model
        if rules.decide(said, entities, context.own_names):
            return self.spare.understand(text, context)
        try:
            found = self.ask(read_prompt(), _describe(said, context), Reading)
        except ConnectorError as error:
            tell = log().info if error.code == "resting" else log().warning
            tell("offline engine reads instead", vendor=error.vendor, code=error.code)
            return self.spare.understand(text, context)
        return understand_reading(found, said, entities, context)


@lru_cache
def read_prompt() -> str:
    return PROMPT.read_text(encoding="utf-8")


def _describe(said: str, context: Context) -> str:
    """The message and what it may answer. No name, number or address of the customer but
    those that they write themselves."""
    asked = {"asked": context.asked, "language": context.language, "message": said}
    return json.dumps(asked, ensure_ascii=False)


def understand_reading(
    found: Reading, said: str, offline: Entities, context: Context
) -> Understanding:
    """What the model made of `said` (cleaned), in our terms. `offline`: what our own code
    reads there."""
    intents = tidy(found.intents, context.asked)
    entities = resolve(found, said, offline, context)
    return Understanding(
        intents=intents,
        confidence=round(min(max(found.confidence, 0.0), SUREST), 4),
        entities=entities,
        urgency=press(said, intents, entities, context),
        sentiment=found.sentiment,
        language=found.language
        if found.language != "other"
        else detect_language(said, context.language),
        engine="openai",
    )


def tidy(intents: Sequence[str], asked: str | None) -> tuple[str, ...]:
    """Those that can stand together, three at most; `unknown` when nothing is left."""
    kept = list(dict.fromkeys(intents))
    if len(kept) > 1:
        kept = [i for i in kept if i not in ALONE]
    if asked is None and len(kept) > 1:  # nothing was asked that could be answered
        kept = [i for i in kept if i not in ANSWERS]
    return tuple(kept[:MOST_INTENTS]) or ("unknown",)


# --- words into values -------------------------------------------------------------------


def resolve(found: Reading, said: str, offline: Entities, context: Context) -> Entities:
    """The words that the model points at, read by our code. Where it points at none, what our
    code reads by itself stands; so do e-mail, phone and tracking number, known by their form."""
    message = _Message(said)
    event, event_date = _read_event(found.event, message, offline, context)
    return replace(
        offline,
        products=_read_products(found.products, message, offline, context),
        sizes=_read_sizes(found.sizes, message, offline, context),
        colors=tuple(dict.fromkeys(c.lower() for c in found.colors if message.has(c)))
        or offline.colors,
        quantity=found.quantity if message.counts(found.quantity) else offline.quantity,
        order_numbers=_read_orders(found.order_numbers, message, offline, context),
        last_name=_read_name(found.last_name, message) or offline.last_name,
        pickup_time=_read_time(found.pickup_time, message, offline, context),
        event=event,
        event_date=event_date,
        choice=offline.choice or (found.choice if message.counts(found.choice) else None),
    )


class _Message:
    """What the customer wrote, to look words up in."""

    def __init__(self, said: str) -> None:
        self._words = f" {_spaced(said)} "
        self._bare = self._words.replace(" ", "")
        self._numbers = {number(word) for word in self._words.split()}

    def has(self, words: str) -> bool:
        """Whether these words stand there, in this order."""
        spaced = _spaced(words)
        return bool(spaced) and f" {spaced} " in self._words

    def spells(self, words: str) -> bool:
        """Whether these letters and digits stand there, however they are spaced."""
        bare = _spaced(words).replace(" ", "")
        return len(bare) > 2 and bare in self._bare

    def counts(self, value: int | None) -> bool:
        """Whether this number stands there, in figures or in words."""
        return value is not None and value > 0 and value in self._numbers


def _spaced(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", fold(text)))


def _alone(words: str, context: Context, asked: str | None = None) -> Entities:
    """What our code reads in these words alone, as the answer to that question."""
    return read_entities(words, replace(context, asked=asked))


def _read_products(
    given: Sequence[str], message: _Message, offline: Entities, context: Context
) -> tuple[ProductMention, ...]:
    """What our code made of the same words in their place, else of the words alone; a
    product that we do not know keeps its words."""
    mentions: list[ProductMention] = []
    for words in given:
        if not message.has(words):
            continue
        same = [m for m in offline.products if _overlap(m.words, words)]
        read = same or _alone(words, context).products or (ProductMention(words[:LONGEST]),)
        mentions += (m for m in read if m not in mentions)
    return tuple(mentions) or offline.products


def _overlap(one: str, other: str) -> bool:
    first, second = f" {_spaced(one)} ", f" {_spaced(other)} "
    return first in second or second in first


def _read_sizes(
    given: Sequence[str], message: _Message, offline: Entities, context: Context
) -> tuple[str, ...]:
    found: list[str] = []
    for words in given:
        if message.has(words):
            same = [s for s in offline.sizes if fold(s) == fold(words.strip())]
            found += same or _alone(words, context, "size").sizes
    return tuple(dict.fromkeys(found)) or offline.sizes


def _read_orders(
    given: Sequence[str], message: _Message, offline: Entities, context: Context
) -> tuple[str, ...]:
    found = list(offline.order_numbers)
    for words in given:
        if message.spells(words):
            read = _alone(words, context, "order_number").order_numbers
            found += (n for n in read if message.spells(n))
    return tuple(dict.fromkeys(found))


def _read_name(given: str | None, message: _Message) -> str | None:
    name = (given or "").strip()
    plain = all(c.isalpha() or c in " '’-" for c in name)
    return name if name and plain and len(name) <= LONGEST and message.has(name) else None


def _read_time(
    given: str | None, message: _Message, offline: Entities, context: Context
) -> TimeSpan | None:
    if given and message.has(given):
        alone = _alone(given, context, "pickup_time").pickup_time
        return alone or offline.pickup_time
    return offline.pickup_time


def _read_event(
    given: str | None, message: _Message, offline: Entities, context: Context
) -> tuple[str | None, date | None]:
    if given and message.has(given):
        alone = _alone(given, context)
        if alone.event:
            return alone.event, alone.event_date or offline.event_date
    return offline.event, offline.event_date
