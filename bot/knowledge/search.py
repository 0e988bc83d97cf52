"""The passages that may answer a question, best first, found in PostgreSQL.

Candidates are the passages that say most of what is asked (full text, the rarest words first).
They are ranked by BM25 over stems and by PostgreSQL's own measure of nearness, and by meaning
where vectors are there; the rankings are fused by reciprocal rank. How likely a passage
answers is said by `bot.knowledge.relevance`, apart from its rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from bot.knowledge.asking import Asked, Term, ask
from bot.knowledge.embedding import Vector, has_vectors
from bot.knowledge.passages import Passage
from bot.knowledge.relevance import Evidence, relevance_of

CANDIDATES = 50
WIDEST = 500  # passages looked at, about: words that more have do not make candidates
FUSION = 60  # the constant of reciprocal rank fusion (Cormack and others, 2009)
_K, _B = 1.2, 0.6  # of BM25
_USUAL_LENGTH = 90.0  # words of a passage
_FIELDS = {"A": 3.0, "B": 1.5, "D": 1.0}  # a word in the heading says more

_CANDIDATES = """WITH found AS MATERIALIZED (
    SELECT p.* FROM passages p
    WHERE p.tenant_id = :tenant AND p.search @@ CAST(:wide AS tsquery)
    ORDER BY {coverage} DESC, p.id LIMIT :most)
SELECT f.id, d.source, f.title, f.question, f.text, d.language, f.words,
    ts_rank_cd(f.search, CAST(:any AS tsquery), 1) AS nearness,
    (SELECT string_agg(u.lexeme || ' ' || array_to_string(u.weights, ''), ' ')
        FROM unnest(f.search) u WHERE u.lexeme = ANY(:stems)) AS hits
FROM found f JOIN documents d ON d.id = f.document_id"""

_NEAREST = text(
    """SELECT p.id, d.source, p.title, p.question, p.text, d.language, p.words,
        0.0 AS nearness, '' AS hits
    FROM passages p JOIN documents d ON d.id = p.document_id
    WHERE p.tenant_id = :tenant AND cardinality(p.embedding) = :length
    ORDER BY CAST(p.embedding AS vector) <=> CAST(CAST(:vector AS real[]) AS vector), p.id
    LIMIT :most"""
)


@dataclass(frozen=True)
class Candidate:
    """A passage that says something of what is asked. `hits`: stem -> the weights of its places
    there ("A" own heading, "B" headings above, "D" text)."""

    id: int
    source: str
    title: str
    question: str
    text: str
    language: str
    words: int
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
    after as good ones in it. `vector`: the question's, where a model made one: passages near
    it in meaning then rise, but how likely they answer is said by the words they share."""
    asked = ask(tenant_id, db, question)
    found = find_candidates(tenant_id, db, asked)
    fused = fuse([_by_bm25(asked, found), _by_nearness(found)])
    first = sorted(found, key=lambda c: (-fused[c.id], c.id))[: 2 * limit + 5]
    judged = [_judged(candidate, asked, language, db) for candidate in first]
    judged.sort(key=lambda passage: -passage.score)
    if vector is not None and has_vectors(db):
        judged = _with_meaning(judged, _by_meaning(tenant_id, db, vector))
    return tuple(judged[:limit])


def _with_meaning(by_words: Sequence[Passage], by_meaning: Sequence[Candidate]) -> list[Passage]:
    passages = {c.id: _passage(c, 0.0) for c in by_meaning} | {p.id: p for p in by_words}
    fused = fuse([[p.id for p in by_words], [c.id for c in by_meaning]])
    return sorted(passages.values(), key=lambda p: (-fused[p.id], p.id))


def fuse(rankings: Iterable[Sequence[int]]) -> dict[int, float]:
    """Reciprocal rank fusion: id -> the sum of 1 / (FUSION + rank)."""
    fused: dict[int, float] = {}
    for ranking in rankings:
        for rank, found in enumerate(ranking, start=1):
            fused[found] = fused.get(found, 0.0) + 1 / (FUSION + rank)
    return fused


def _judged(candidate: Candidate, asked: Asked, language: str, db: Session) -> Passage:
    return _passage(candidate, relevance_of(db, asked.terms, evidence_of(candidate, language)))


def _passage(candidate: Candidate, score: float) -> Passage:
    return Passage(
        id=candidate.id,
        source=candidate.source,
        title=candidate.title,
        question=candidate.question,
        text=candidate.text,
        language=candidate.language,
        score=score,
    )


def evidence_of(candidate: Candidate, language: str) -> Evidence:
    return Evidence(
        hits=candidate.hits,
        heading=candidate.question or candidate.title,
        same_language=candidate.language == language,
    )


def find_candidates(tenant_id: int, db: Session, asked: Asked) -> list[Candidate]:
    """The passages that say most of what is asked, in no order."""
    terms = [term for term in asked.terms if term.known]
    if not terms:
        return []
    tiers = [_tiers(term) for term in terms]
    values = {
        f"{kind}{i}_{j}": value
        for i, of_term in enumerate(tiers)
        for j, (stems, weight) in enumerate(of_term)
        for kind, value in (("stems", stems), ("weight", weight))
    }
    all_stems = sorted({stem for term in terms for stem in term.stems})
    rows = db.execute(
        _candidates_like(tuple(map(len, tiers))),
        {"tenant": tenant_id, "wide": _any_of(_wide(terms, asked.spread)),
         "any": _any_of(all_stems), "stems": all_stems, "most": CANDIDATES, **values},
    )  # fmt: skip
    return [_candidate(row) for row in rows]


def _candidate(row: Row[Any]) -> Candidate:
    hits = row.hits.split()
    given = {**row._mapping, "hits": dict(zip(hits[::2], hits[1::2], strict=True))}
    return Candidate(**given)


def _tiers(term: Term) -> list[tuple[str, float]]:
    """The stems that say a term, those that say it best first, as a tsquery and its worth."""
    weights = sorted(set(term.stems.values()), reverse=True)
    return [
        (_any_of(s for s, w in term.stems.items() if w == weight), weight * term.rarity)
        for weight in weights
    ]


@lru_cache(maxsize=1024)
def _candidates_like(shape: tuple[int, ...]) -> TextClause:
    """The query for terms of so many tiers each: how much of what is asked a passage says."""
    coverage = " + ".join(
        "CASE "
        + " ".join(
            f"WHEN p.search @@ CAST(:stems{i}_{j} AS tsquery) THEN CAST(:weight{i}_{j} AS float)"
            for j in range(tiers)
        )
        + " ELSE 0 END"
        for i, tiers in enumerate(shape)
    )
    return text(_CANDIDATES.format(coverage=coverage))


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


def _by_meaning(tenant_id: int, db: Session, vector: Vector) -> list[Candidate]:
    values = {"tenant": tenant_id, "vector": vector, "length": len(vector), "most": CANDIDATES}
    return [_candidate(row) for row in db.execute(_NEAREST, values)]
