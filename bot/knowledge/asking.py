"""A question as the index can be asked it: what it is about, and every stem that says so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import log

from sqlalchemy import BigInteger, cast, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from bot.knowledge.spelling import forms_of, keys_of, likeness, nearest
from bot.knowledge.stems import stems
from bot.knowledge.wording import asked_words, wording
from bot.models.knowledge import Word

MOST_TERMS = 10  # of a question, the rarest: what a long message is about stands in these
ALIKE = 0.85  # how much a passage says of a word by one that may stand for it
LEADS = 0.5  # … by one that it only asks for
COMMON = 0.25  # of the passages: a stem that more have stands for no other word
FEW = 50  # passages: of fewer, how many have a word says little about how rare it is
_DROPPED = 0.85  # as near as this to politeness, a misspelling is politeness

_WORDS = text(
    """SELECT stem, passages,
        (SELECT sum(passages) FROM documents WHERE tenant_id = :tenant) AS total
    FROM words WHERE tenant_id = :tenant AND stem = ANY(
        SELECT stem FROM words WHERE tenant_id = :tenant AND word = ANY(:wanted)
        UNION SELECT unnest(CAST(:wanted AS text[])))"""
)


@dataclass(frozen=True)
class Term:
    """Something asked for. `stems`: how well each stem says it (1 the word itself); `rarity`
    between 0 (every passage says it) and 1 (none does)."""

    word: str
    stems: Mapping[str, float]
    rarity: float

    @property
    def known(self) -> bool:
        return bool(self.stems)


@dataclass(frozen=True)
class Asked:
    """`spread`: stem -> how many passages have it."""

    terms: tuple[Term, ...]
    spread: Mapping[str, int]


@dataclass(frozen=True)
class _Found:
    """What the tenant's passages, `total` of them, have of the stems looked up: stem -> how
    many passages."""

    total: int
    spread: Mapping[str, int]


def ask(tenant_id: int, db: Session, question: str) -> Asked:
    """What the question is about, rarest first."""
    words = asked_words(question)
    if not words:
        return Asked((), {})
    wishes = {word: _wished(db, word, 1.0) for word in words}
    found = _look_up(tenant_id, db, {stem for wish in wishes.values() for stem in wish})
    unknown = [w for w in words if not wishes[w].keys() & found.spread.keys() and w.isalpha()]
    if unknown:
        meant = _spelled(tenant_id, db, unknown)
        for word in unknown:
            if word not in meant and _is_polite(word):
                del wishes[word]
        if meant:
            wishes |= {word: _wished(db, known, sure) for word, (known, sure) in meant.items()}
            found = _look_up(tenant_id, db, {stem for wish in wishes.values() for stem in wish})
    telling = _without_bare_asking(wishes, found.spread)
    terms = (_term(word, wish, found.spread, found.total) for word, wish in telling.items())
    ordered = sorted(terms, key=lambda term: -term.rarity)[:MOST_TERMS]
    return Asked(tuple(ordered), found.spread)


def _without_bare_asking(
    wishes: Mapping[str, Mapping[str, float]], spread: Mapping[str, int]
) -> Mapping[str, Mapping[str, float]]:
    """Without "où" and "combien" where something else tells what they ask about."""
    telling = {word: wish for word, wish in wishes.items() if word not in wording().ignored}
    return telling if any(wish.keys() & spread.keys() for wish in telling.values()) else wishes


def _term(word: str, wish: Mapping[str, float], spread: Mapping[str, int], total: int) -> Term:
    most = max(COMMON * total, 5)
    there = {
        stem: weight
        for stem, weight in wish.items()
        if stem in spread and (weight > ALIKE or spread[stem] <= most)
    }
    surest = max(there.values(), default=0.0)
    having = sum(spread[stem] for stem, weight in there.items() if weight == surest)
    among = max(total, FEW)
    rarity = log(1 + among / (having + 0.5)) / log(1 + among / 0.5)
    return Term(word, there, rarity)


def _wished(db: Session, word: str, sure: float) -> dict[str, float]:
    """Every stem that says the word or what may stand for it."""
    own = _own_stems(db, word)
    groups = _groups(db)
    known = wording()
    wish: dict[str, float] = {}
    for lead in known.leads.get(word, ()):
        for other in known.alike.get(lead, frozenset({lead})):
            wish |= dict.fromkeys(_own_stems(db, other), LEADS * sure)
    if word in known.alike:
        alike = known.alike[word]
    else:
        alike = frozenset().union(*(groups.get(stem, frozenset()) for stem in own))
    for stem in frozenset().union(*(_own_stems(db, other) for other in alike)):
        wish[stem] = ALIKE * sure
    return wish | dict.fromkeys(own, sure)


def _own_stems(db: Session, word: str) -> frozenset[str]:
    """Also as if the accent that phones leave away stood on a participle ("livrees")."""
    forms = [word]
    if word.endswith(("ee", "ees")):
        forms.append(word[: word.rindex("ee")] + "é" + word[word.rindex("ee") + 1 :])
    found = stems(db, forms)
    return frozenset({word}).union(*(found[form].both for form in forms))


_groups_by_stem: dict[str, frozenset[str]] = {}


def _groups(db: Session) -> Mapping[str, frozenset[str]]:
    """The stems of the words that may stand for others. Dictionaries being the same for all,
    read once a process."""
    if not _groups_by_stem:
        alike = wording().alike
        known = stems(db, alike)
        made: dict[str, frozenset[str]] = {}
        for word, group in alike.items():
            for stem in known[word].both:
                made[stem] = made.get(stem, frozenset()) | group
        _groups_by_stem.update(made)
    return _groups_by_stem


def _look_up(tenant_id: int, db: Session, wanted: Collection[str]) -> _Found:
    """By stem, and by the word itself (whose stem an accent may have made another)."""
    rows = db.execute(_WORDS, {"tenant": tenant_id, "wanted": sorted(wanted)})
    spread: dict[str, int] = {}
    total = 0
    for stem, passages, all_passages in rows:
        spread[stem] = spread.get(stem, 0) + passages
        total = int(all_passages)
    return _Found(total, spread)


def _spelled(tenant_id: int, db: Session, words: Iterable[str]) -> dict[str, tuple[str, float]]:
    """What each was meant to be, where something near is known, and how surely."""
    keys = {key for word in words for key in forms_of(word)}
    near = db.scalars(
        select(Word.word).where(
            Word.tenant_id == tenant_id,
            Word.keys.op("&&")(cast(keys_of(tenant_id, keys), ARRAY(BigInteger))),
        )
    )
    candidates = {*near, *(word for key in keys for word in _alike_by_key().get(key, ()))}
    meant = {word: nearest(word, candidates) for word in words}
    return {word: found for word, found in meant.items() if found is not None}


@lru_cache(maxsize=1)
def _alike_by_key() -> Mapping[int, frozenset[str]]:
    found: dict[int, frozenset[str]] = {}
    for word in wording().alike:
        for key in forms_of(word):
            found[key] = found.get(key, frozenset()) | {word}
    return found


@lru_cache(maxsize=4096)
def _is_polite(word: str) -> bool:
    return any(likeness(word, polite) >= _DROPPED for polite in wording().ignored)
