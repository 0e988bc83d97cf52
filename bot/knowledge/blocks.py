"""A document once read, whatever its format was."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\ud800-\udfff]"
)
_SPACES = re.compile(r"[^\S\n]+")


class CannotRead(Exception):
    """Why a document cannot be read: a message for whoever gave it."""


@dataclass(frozen=True)
class Heading:
    """`level`: 1 is the outermost."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, an item of a list or a row of a table."""

    text: str


@dataclass(frozen=True)
class Entry:
    """A question and what a person answered it with."""

    question: str
    answer: str


Block = Heading | Paragraph | Entry


@dataclass(frozen=True)
class Read:
    """`kind` as in bot.models.knowledge; `source` names it to the tenant."""

    source: str
    kind: str
    title: str
    blocks: tuple[Block, ...]


def tidy(text: str) -> str:
    """On one line, without controls and marks that do not show."""
    return _SPACES.sub(" ", _CONTROL.sub("", text).replace("\n", " ")).strip()
