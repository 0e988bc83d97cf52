"""How likely a passage answers a question: between 0 and 1.

The weights are a logistic regression's (`python -m tests.knowledge.calibrate`) over the
passages found for 78 questions that the demo's pages answer and 34 that they do not, French and
English, misspelt ones too. The threshold was then chosen from a table of what each value would
have done to those 112. Of as many questions held out (76 and 34), with the demo's present pages:
the right passage first 93 %, among the first five 99 %, the fact asked for quoted 79 %, an answer
from another passage 3 %, an answer where there is none 3 %. Their totals were looked at while
this was made, their misses were not. Another kind of shop may score otherwise: measure on its own
questions before moving these.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import exp

from sqlalchemy.orm import Session

from bot.knowledge.asking import Term
from bot.knowledge.cutting import PATH
from bot.knowledge.stems import stems
from bot.knowledge.wording import split_words, wording
from bot.understanding.normalize import fold

THRESHOLD = 0.2

# Of features_of, in its order
WEIGHTS = (3.08, 2.66, 3.71, 5.83, 2.49)
BIAS = -10.02
EXACT = 0.86  # a word itself, or spelled a little wrong; not one that may stand for it


@dataclass(frozen=True)
class Evidence:
    """`hits`: the stems asked for that a passage has; `heading`: its own, or its question."""

    hits: Collection[str]
    heading: str
    same_language: bool


def features_of(db: Session, terms: Sequence[Term], evidence: Evidence) -> tuple[float, ...]:
    """In the order of WEIGHTS, each 0 to 1."""
    asked = sum(term.rarity for term in terms) or 1.0
    said = sum(term.rarity * _said(term, evidence.hits) for term in terms)
    exact = sum(term.rarity for term in terms if _said(term, evidence.hits) > EXACT)
    heading = _heading_asked(db, terms, evidence.heading)
    return (
        exact / asked,
        heading,
        heading * said / asked,
        min(said, 2.0) / 2,
        float(evidence.same_language),
    )


def relevance_of(db: Session, terms: Sequence[Term], evidence: Evidence) -> float:
    features = features_of(db, terms, evidence)
    return 1 / (1 + exp(-BIAS - sum(w * f for w, f in zip(WEIGHTS, features, strict=True))))


def _said(term: Term, hits: Collection[str]) -> float:
    """How well the passage says the term."""
    return max((weight for stem, weight in term.stems.items() if stem in hits), default=0.0)


def _heading_asked(db: Session, terms: Sequence[Term], heading: str) -> float:
    """The share of the heading's words that the question has too."""
    ignored = wording().ignored
    own = heading.rpartition(PATH)[2]
    words = {word for word in split_words(own) if fold(word) not in ignored}
    if not words:
        return 0.0
    known = stems(db, words)
    asked = {stem: weight for term in terms for stem, weight in term.stems.items()}
    return sum(
        max((asked.get(stem, 0.0) for stem in known[word].both), default=0.0) for word in words
    ) / len(words)
