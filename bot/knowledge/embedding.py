"""Meaning as numbers: used beside the words where a model and PostgreSQL's `vector` are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from bot.logs import log

Vector = list[float]
BATCH = 64  # texts embedded in one call


class Embedder(Protocol):
    """A model that embeds. May raise connectors.errors.ConnectorError."""

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in their order, all as long."""
        ...


def has_vectors(db: Session) -> bool:
    """Whether this database has pgvector's type."""
    return db.scalar(text("SELECT to_regtype('vector') IS NOT NULL")) is True


def prepare_vectors(db: Session) -> bool:
    """Switch pgvector on where the server carries it; whether it is on. Embeddings are kept in
    plain arrays, so a server without it goes on by words alone."""
    if has_vectors(db):
        return True
    offered = db.scalar(text("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"))
    if offered is None:
        return False
    try:
        with db.begin_nested():
            db.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
    except ProgrammingError as error:  # not ours to create: an administrator can
        log().warning("vectors not allowed", error=type(error.orig).__name__)
        return False
    return True
