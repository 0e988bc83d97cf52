"""What a tenant's documents answer to a question."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy.orm import Session

from bot.db import transaction
from bot.knowledge.asking import ask
from bot.knowledge.embedding import Embedder, Vector
from bot.knowledge.passages import Answer, Passage
from bot.knowledge.quoting import SMS_LENGTH, quote
from bot.knowledge.relevance import THRESHOLD
from bot.knowledge.search import search
from bot.logs import log
from bot.understanding.clauses import split_sentences
from bot.understanding.normalize import clean
from connectors.errors import ConnectorError

NEAR = 3  # passages among which the likeliest is quoted
LEFT_ALONE = 30.0  # seconds without asking a model that did not answer
MOST_SENTENCES = 8  # of a message that are asked about one by one

_silent_until: dict[int, float] = {}  # tenant -> monotonic time


def find_answer(
    tenant_id: int,
    db: Session,
    question: str,
    language: str,
    *,
    longest: int = SMS_LENGTH,
    vector: Vector | None = None,
) -> Answer | None:
    """The sentences that answer, at most `longest` characters of them; None when no passage is
    relevant enough (relevance.THRESHOLD)."""
    best: Passage | None = None
    asked = question
    for reading in _readings(question):
        for passage in search(tenant_id, db, reading, language, NEAR, vector):
            if best is None or passage.score > best.score:
                best, asked = passage, reading
    if best is None or best.score < THRESHOLD:
        return None
    return Answer(
        text=quote(db, best, ask(tenant_id, db, asked).terms, longest),
        title=best.question or best.title,
        source=best.source,
        language=best.language,
        score=best.score,
        passage_id=best.id,
    )


def _readings(message: str) -> list[str]:
    """The message as a whole, and each sentence of a longer one: what else it says must not
    drown what it asks."""
    sentences = split_sentences(clean(message))
    return [message, *sentences[:MOST_SENTENCES]] if len(sentences) > 1 else [message]


@dataclass(frozen=True)
class TenantKnowledge:
    """A tenant's knowledge base as a flow may ask it (passages.KnowledgeBase): each question
    in a transaction of its own, opened when the model, if there is one, has answered."""

    tenant_id: int
    embedder: Embedder | None = None

    def search(self, question: str, language: str, limit: int = 5) -> tuple[Passage, ...]:
        vector = self._embed(question)
        with transaction() as db:
            return search(self.tenant_id, db, question, language, limit, vector)

    def answer(self, question: str, language: str, longest: int = SMS_LENGTH) -> Answer | None:
        vector = self._embed(question)
        with transaction() as db:
            return find_answer(
                self.tenant_id, db, question, language, longest=longest, vector=vector
            )

    def _embed(self, question: str) -> Vector | None:
        """None without a model, and when it does not answer: words alone do then."""
        if self.embedder is None or time.monotonic() < _silent_until.get(self.tenant_id, 0):
            return None
        try:
            return self.embedder.embed([question])[0]
        except ConnectorError as error:
            _silent_until[self.tenant_id] = time.monotonic() + LEFT_ALONE
            log().warning("question not embedded", error=type(error).__name__, code=error.code)
            return None
