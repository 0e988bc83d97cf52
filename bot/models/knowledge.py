"""What a tenant's assistant may quote: documents, their passages, and the words in these."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import REAL, BigInteger, ForeignKey, Index, UniqueConstraint, delete, select
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, TenantId, When, one_of


class Document(Base):
    """A page, file or desk entry as last imported. `source` is its path, address or, for an
    entry, a name made of its question; `author` who wrote an entry."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("tenant_id", "source"),
        one_of("kind", "markdown", "html", "pdf", "docx", "csv", "text", "entry"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    source: Mapped[str]
    title: Mapped[str]
    kind: Mapped[str]
    language: Mapped[str]
    author: Mapped[str] = mapped_column(default="")
    passages: Mapped[int]
    imported_at: Mapped[When]


class Passage(Base):
    """A part of a document. `title`: the headings above it, outermost first; `question`: of an
    entry or a table of questions, what `text` answers. `search` holds stems without accents
    (weight A: title and question); `embedding` is None where no model made one."""

    __tablename__ = "passages"
    __table_args__ = (Index("ix_passages_search", "search", postgresql_using="gin"),)

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    document_id: Mapped[int] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int]
    title: Mapped[str]
    question: Mapped[str] = mapped_column(default="")
    text: Mapped[str]
    words: Mapped[int]
    search: Mapped[Any] = mapped_column(TSVECTOR)
    embedding: Mapped[list[float] | None] = mapped_column(ARRAY(REAL))


class Word(Base):
    """A word of the tenant's passages, folded, and a stem of it. `passages`: how many have it;
    `keys`: what misspellings of it are found by (bot.knowledge.spelling)."""

    __tablename__ = "words"
    __table_args__ = (
        UniqueConstraint("tenant_id", "language", "word", "stem"),
        Index("ix_words_stem", "tenant_id", "stem"),
        Index("ix_words_keys", "keys", postgresql_using="gin"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    language: Mapped[str]
    word: Mapped[str]
    stem: Mapped[str]
    passages: Mapped[int]
    keys: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


def documents(tenant_id: int, db: Session) -> list[Document]:
    """By source."""
    return list(
        db.scalars(
            select(Document).where(Document.tenant_id == tenant_id).order_by(Document.source)
        )
    )


def documents_by_source(tenant_id: int, db: Session, sources: Collection[str]) -> list[Document]:
    """Those of these sources that the tenant has."""
    return list(
        db.scalars(
            select(Document).where(Document.tenant_id == tenant_id, Document.source.in_(sources))
        )
    )


def passages_of(tenant_id: int, db: Session, document_id: int) -> list[Passage]:
    """In their order."""
    return list(
        db.scalars(
            select(Passage)
            .where(Passage.tenant_id == tenant_id, Passage.document_id == document_id)
            .order_by(Passage.position)
        )
    )


def delete_document(tenant_id: int, db: Session, document_id: int) -> None:
    """With its passages; its words stay counted."""
    db.execute(delete(Document).where(Document.tenant_id == tenant_id, Document.id == document_id))
