"""The passages that may answer a question, best first, found in PostgreSQL.

Candidates are the passages that say most of what is asked (full text, the rarest words first).
They are ranked by BM25 over stems and by PostgreSQL's own measure of nearness, and by meaning
where vectors are there; the rankings are fused by reciprocal rank. How likely a passage
answers is said by `bot.knowledge.relevance`, apart from its rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.knowledge.asking import Asked, Term, ask
from bot.knowledge.embedding import Vector, has_vectors
from bot.knowledge.passages import Passage
from bot.knowledge.relevance import Evidence, relevance_of

CANDIDATES = 50
WIDEST = 2000  # passages looked at, about: words that more have do not make candidates
FUSION = 60  # the constant of reciprocal rank fusion (Cormack and others, 2009)
_K, _B = 1.2, 0.6  # of BM25
_USUAL_LENGTH = 90.0  # words of a passage
_FIELDS = {"A": 3.0, "B": 1.5, "D": 1.0}  # a word in the heading says more

_CANDIDATES = """WITH found AS MATERIALIZED (
    SELECT p.id, p.document_id, p.words, p.search FROM passages p
    WHERE p.tenant_id = :tenant AND p.search @@ CAST(:wide AS tsquery)
    ORDER BY {coverage} DESC, p.id LIMIT :most)
SELECT f.id, f.words, d.language,
    ts_rank_cd(f.search, CAST(:any AS tsquery), 1) AS nearness,
    array_agg(u.lexeme) AS stems, array_agg(array_to_string(u.weights, '')) AS weights
FROM found f JOIN documents d ON d.id = f.document_id, LATERAL unnest(f.search) u
WHERE u.lexeme = ANY(:stems) GROUP BY f.id, f.words, d.language, f.search"""

_PASSAGES = text(
    """SELECT p.id, d.source, p.title, p.question, p.text, d.language
    FROM passages p JOIN documents d ON d.id = p.document_id
    WHERE p.tenant_id = :tenant AND p.id = ANY(:ids)"""
)

_NEAREST = text(
    """SELECT id FROM passages WHERE tenant_id = :tenant AND cardinality(embedding) = :length
    ORDER BY CAST(embedding AS vector) <=> CAST(CAST(:vector AS real[]) AS vector), id
    LIMIT :most"""
)


@dataclass(frozen=True)
class Candidate:
    """`hits`: stem -> the weights of its places in the passage ("A" heading … "D" text)."""

    id: int
    words: int
    language: str
    nearness: float
    hits: Mapping[str, str]


def search(
    tenant_id: int,
    db: Session,
    question: str,
    language: str,
    limit: int = 5,
    vector: Vector | None = None,
) -> tuple[Passage, ...]:
    """At most `limit`, likeliest first. `language`: the customer's; passages in another come
    after as good ones in it. `vector`: the question's, where a model made one."""
    asked = ask(tenant_id, db, question)
    candidates = find_candidates(tenant_id, db, asked)
    order = [_by_bm25(asked, candidates), _by_nearness(candidates)]
    if vector is not None and has_vectors(db):
        order.append(_by_meaning(tenant_id, db, vector))
    fused = fuse(order)
    first = sorted(fused, key=lambda one: (-fused[one], one))[: 2 * limit + 5]
    rows = _read(tenant_id, db, first)
    by_id = {c.id: c for c in candidates}
    found = [_judged(rows[one], by_id.get(one), asked, language, db) for one in first]
    return tuple(sorted(found, key=lambda p: -p.score)[:limit])


def fuse(rankings: Iterable[Sequence[int]]) -> dict[int, float]:
    """Reciprocal rank fusion: id -> the sum of 1 / (FUSION + rank)."""
    fused: dict[int, float] = {}
    for ranking in rankings:
        for rank, found in enumerate(ranking, start=1):
            fused[found] = fused.get(found, 0.0) + 1 / (FUSION + rank)
    return fused


def _judged(
    row: Mapping[str, Any], candidate: Candidate | None, asked: Asked, language: str, db: Session
) -> Passage:
    score = 0.0
    if candidate is not None:
        score = relevance_of(db, asked.terms, evidence_of(row, candidate, asked, language))
    return Passage(
        id=row["id"],
        source=row["source"],
        title=row["title"],
        question=row["question"],
        text=row["text"],
        language=row["language"],
        score=score,
    )


def evidence_of(
    row: Mapping[str, Any], candidate: Candidate, asked: Asked, language: str
) -> Evidence:
    return Evidence(
        hits=candidate.hits,
        heading=row["question"] or row["title"],
        same_language=row["language"] == language,
    )


def find_candidates(tenant_id: int, db: Session, asked: Asked) -> list[Candidate]:
    terms = [term for term in asked.terms if term.known]
    if not terms:
        return []
    coverage, values = _coverage(terms)
    all_stems = sorted({stem for term in terms for stem in term.stems})
    rows = db.execute(
        text(_CANDIDATES.format(coverage=coverage)),
        {"tenant": tenant_id, "wide": _any_of(_wide(terms, asked.spread)),
         "any": _any_of(all_stems), "stems": all_stems, "most": CANDIDATES, **values},
    )  # fmt: skip
    return [
        Candidate(row.id, row.words, row.language, row.nearness,
                  dict(zip(row.stems, row.weights, strict=True)))
        for row in rows
    ]  # fmt: skip


def _coverage(terms: Sequence[Term]) -> tuple[str, dict[str, object]]:
    """SQL for how much of what is asked a passage says, each word as rare as it is."""
    parts: list[str] = []
    values: dict[str, object] = {}
    for i, term in enumerate(terms):
        cases: list[str] = []
        for j, weight in enumerate(sorted(set(term.stems.values()), reverse=True)):
            name = f"s{i}_{j}"
            values[name] = _any_of(s for s, w in term.stems.items() if w == weight)
            values[f"w{name}"] = weight * term.rarity
            cases.append(f"WHEN p.search @@ CAST(:{name} AS tsquery) THEN CAST(:w{name} AS float)")
        parts.append(f"CASE {' '.join(cases)} ELSE 0 END")
    return " + ".join(parts), values


def _wide(terms: Sequence[Term], spread: Mapping[str, int]) -> set[str]:
    """The stems by which candidates are found: of the rarest terms, until WIDEST passages."""
    chosen: set[str] = set()
    passages = 0
    for term in terms:
        having = sum(spread[stem] for stem in term.stems if stem not in chosen)
        if chosen and passages + having > WIDEST:
            break
        chosen.update(term.stems)
        passages += having
    return chosen


def _any_of(stems: Iterable[str]) -> str:
    """A tsquery. Stems are letters and digits (bot.knowledge.wording)."""
    return " | ".join(f"'{stem}'" for stem in sorted(stems))


def _by_bm25(asked: Asked, candidates: Sequence[Candidate]) -> list[int]:
    scores = {c.id: sum(_bm25(term, c) for term in asked.terms) for c in candidates}
    return sorted(scores, key=lambda one: (-scores[one], one))


def _bm25(term: Term, candidate: Candidate) -> float:
    length = 1 - _B + _B * candidate.words / _USUAL_LENGTH
    best = 0.0
    for stem, weight in term.stems.items():
        often = sum(_FIELDS.get(place, 1.0) for place in candidate.hits.get(stem, ""))
        best = max(best, weight * often * (_K + 1) / (often + _K * length))
    return term.rarity * best


def _by_nearness(candidates: Sequence[Candidate]) -> list[int]:
    return [c.id for c in sorted(candidates, key=lambda c: (-c.nearness, c.id))]


def _by_meaning(tenant_id: int, db: Session, vector: Vector) -> list[int]:
    values = {"tenant": tenant_id, "vector": vector, "length": len(vector), "most": CANDIDATES}
    return list(db.scalars(_NEAREST, values))


def _read(tenant_id: int, db: Session, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    rows = db.execute(_PASSAGES, {"tenant": tenant_id, "ids": list(ids)}).mappings()
    return {row["id"]: dict(row) for row in rows}
