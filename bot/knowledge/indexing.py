"""Documents into the tables: their passages, and what these are found by."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from bot.knowledge.blocks import CannotRead, Read
from bot.knowledge.cutting import PATH, Piece, cut_up
from bot.knowledge.embedding import BATCH, Embedder, Vector
from bot.knowledge.spelling import forms_of, keys_of
from bot.knowledge.stems import Stems, stems
from bot.knowledge.wording import split_words
from bot.models.knowledge import (
    Document,
    Word,
    delete_document,
    documents_by_source,
    passages_of,
)
from bot.models.tenants import lock_tenant
from bot.understanding.language import detect_language
from bot.understanding.normalize import fold

MOST_PASSAGES = 20_000  # of a document
_AT_ONCE = 500  # rows sent together
_MOST_POSITIONS = 250  # of a stem in a passage: PostgreSQL keeps 255
_SAMPLE = 4000  # characters by which a document's language is told
Item = TypeVar("Item")
_Counts = Counter[tuple[str, str]]  # (folded word, stem) -> how many passages have it

# All rows of a batch in one statement: sent one by one they take most of the time
_KEEP_PASSAGES = text(
    """INSERT INTO passages (tenant_id, document_id, position, title, question, text, words,
        search, embedding)
    SELECT tenant_id, document_id, position, title, question, text, words,
        CAST(search AS tsvector), embedding
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS kept (tenant_id bigint,
        document_id bigint, position bigint, title text, question text, text text,
        words bigint, search text, embedding real[])"""
)
_COUNT_WORDS = text(
    """INSERT INTO words (tenant_id, language, word, stem, passages, keys)
    SELECT :tenant, :language, word, stem, passages, keys
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS counted (word text, stem text,
        passages bigint, keys bigint[])
    ON CONFLICT (tenant_id, language, word, stem)
    DO UPDATE SET passages = words.passages + excluded.passages"""
)


@dataclass(frozen=True)
class Cut:
    """A document ready to be indexed. `vectors`: one a piece, or none."""

    read: Read
    pieces: tuple[Piece, ...]
    language: str
    vectors: tuple[Vector, ...] = ()


def prepare(read: Read, usual: str = "fr") -> Cut:
    """Cut it and tell its language (`usual` when it does not tell). Raises CannotRead."""
    pieces = tuple(cut_up(read))
    if len(pieces) > MOST_PASSAGES:
        raise CannotRead(f"{read.source}: more than {MOST_PASSAGES} passages; cut it into parts")
    sample = " ".join(piece.text for piece in pieces[:50])[:_SAMPLE]
    return Cut(read, pieces, detect_language(sample, usual))


def embed(cut: Cut, embedder: Embedder) -> Cut:
    """With a vector for each piece. Asks the model: no transaction should be open."""
    texts = [f"{p.title}\n{p.question}\n{p.text}" for p in cut.pieces]
    vectors = [v for some in _batches(texts, BATCH) for v in embedder.embed(some)]
    return Cut(cut.read, cut.pieces, cut.language, tuple(vectors))


def index(
    tenant_id: int,
    db: Session,
    documents: Sequence[Cut],
    now: datetime,
    *,
    author: str = "",
    progress: Callable[[int], None] = lambda _: None,
) -> list[Document]:
    """Keep them in place of what the tenant had under the same sources. `progress` is told of
    each further passages kept."""
    lock_tenant(tenant_id, db)  # two would count the same words and wait for each other
    for old in documents_by_source(tenant_id, db, [cut.read.source for cut in documents]):
        _forget(tenant_id, db, old)
    rows = [_document(tenant_id, cut, now, author) for cut in documents]
    db.add_all(rows)
    db.flush()
    words = [[_Words.of(piece) for piece in cut.pieces] for cut in documents]
    known = stems(db, {word for its in words for each in its for word in each.all})
    kept = (
        passage
        for row, cut, its in zip(rows, documents, words, strict=True)
        for passage in _passages(row, cut, its, known)
    )
    for some in _batches(kept, _AT_ONCE):
        db.execute(_KEEP_PASSAGES, {"rows": json.dumps(some)})
        progress(len(some))
    for language in {row.language for row in rows}:
        of_it = [w for row, its in zip(rows, words, strict=True) if row.language == language
                 for w in its]  # fmt: skip
        _count(tenant_id, db, language, _counts(of_it, known, language))
    return rows


def remove(tenant_id: int, db: Session, source: str) -> bool:
    """Forget a document; whether there was one."""
    lock_tenant(tenant_id, db)
    found = documents_by_source(tenant_id, db, [source])
    for row in found:
        _forget(tenant_id, db, row)
    return bool(found)


def _forget(tenant_id: int, db: Session, row: Document) -> None:
    old = passages_of(tenant_id, db, row.id)
    words = [_Words.of(Piece(p.title, p.question, p.text)) for p in old]
    known = stems(db, {word for each in words for word in each.all})
    fewer = Counter({pair: -n for pair, n in _counts(words, known, row.language).items()})
    _count(tenant_id, db, row.language, fewer)
    delete_document(tenant_id, db, row.id)


def _document(tenant_id: int, cut: Cut, now: datetime, author: str) -> Document:
    return Document(
        tenant_id=tenant_id,
        source=cut.read.source,
        title=cut.read.title or cut.read.source,
        kind=cut.read.kind,
        language=cut.language,
        author=author,
        passages=len(cut.pieces),
        imported_at=now,
    )


@dataclass(frozen=True)
class _Words:
    """The words of a piece: of its own heading and question, of the headings above, of its text."""

    head: Sequence[str]
    above: Sequence[str]
    text: Sequence[str]

    @classmethod
    def of(cls, piece: Piece) -> _Words:
        above, _, own = piece.title.rpartition(PATH)
        head = f"{piece.question}" if piece.question else own
        outer = piece.title if piece.question else above
        return cls(split_words(head), split_words(outer), split_words(piece.text))

    @property
    def all(self) -> Iterator[str]:
        yield from self.head
        yield from self.above
        yield from self.text


def _passages(
    row: Document, cut: Cut, words: Sequence[_Words], known: Mapping[str, Stems]
) -> Iterator[dict[str, object]]:
    vectors: Iterable[Vector | None] = cut.vectors or [None] * len(words)
    each = zip(cut.pieces, words, vectors, strict=True)
    for position, (piece, its, vector) in enumerate(each):
        yield {
            "tenant_id": row.tenant_id,
            "document_id": row.id,
            "position": position,
            "title": piece.title,
            "question": piece.question,
            "text": piece.text,
            "words": sum(1 for _ in its.all),
            "search": _tsvector(its, known, row.language),
            "embedding": vector,
        }


def _tsvector(words: _Words, known: Mapping[str, Stems], language: str) -> str:
    """PostgreSQL's own notation: 'horair':1A,7 'ouvert':2."""
    places: dict[str, list[str]] = {}
    position = 0
    for weight, part in (("A", words.head), ("B", words.above), ("", words.text)):
        for word in part:
            position = min(position + 1, 16383)
            places.setdefault(known[word].of(language), []).append(f"{position}{weight}")
    return " ".join(f"'{stem}':{','.join(at[:_MOST_POSITIONS])}" for stem, at in places.items())


def _counts(words: Iterable[_Words], known: Mapping[str, Stems], language: str) -> _Counts:
    return Counter(
        pair
        for each in words
        for pair in {(fold(word), known[word].of(language)) for word in each.all}
    )


def _count(tenant_id: int, db: Session, language: str, counts: _Counts) -> None:
    """So many passages more, or fewer, have these words."""
    for some in _batches(sorted(counts.items()), 10 * _AT_ONCE):
        rows = [
            {
                "word": word,
                "stem": stem,
                "passages": count,
                "keys": keys_of(tenant_id, forms_of(word)),
            }
            for (word, stem), count in some
        ]
        values = {"tenant": tenant_id, "language": language, "rows": json.dumps(rows)}
        db.execute(_COUNT_WORDS, values)
    if counts and min(counts.values()) < 0:
        db.execute(delete(Word).where(Word.tenant_id == tenant_id, Word.passages <= 0))


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
