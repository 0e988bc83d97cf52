"""What the knowledge base gives: plain data, no tables here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Passage:
    """A part of a document that may answer. `score` is between 0 and 1: how likely it answers,
    as calibrated (bot.knowledge.relevance). `question` is what `text` answers, where a person
    wrote it so."""

    id: int
    source: str
    title: str
    question: str
    text: str
    language: str
    score: float


@dataclass(frozen=True)
class Answer:
    """Whole sentences of a passage, as they stand there. `score` as in Passage."""

    text: str
    title: str
    source: str
    language: str
    score: float
    passage_id: int


class KnowledgeBase(Protocol):
    """A tenant's documents, as a flow may ask them."""

    def search(self, question: str, language: str, limit: int = 5) -> tuple[Passage, ...]:
        """The likeliest passages, best first, whether or not they answer."""
        ...

    def answer(self, question: str, language: str, longest: int = 300) -> Answer | None:
        """What answers, in at most `longest` characters; None when nothing relevant is there."""
        ...
