"""How well the demo's pages answer: questions.yaml and unanswerable.yaml against a database.

`python -m tests.knowledge.measure` prints recall, false answers and each miss, by half.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.orm import Session

from bot.knowledge.answers import find_answer
from bot.knowledge.cutting import PATH
from bot.knowledge.passages import Answer, Passage
from bot.knowledge.search import search
from bot.models.tenants import tenant_by_slug

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """`answers`: source#heading of the right passages, none when there is no answer."""

    tenant: str
    text: str
    language: str
    answers: tuple[str, ...] = ()
    has: str = ""


@dataclass(frozen=True)
class Result:
    case: Case
    found: tuple[Passage, ...]
    answer: Answer | None

    @property
    def rank(self) -> int | None:
        """Of the right passage, from 1."""
        ranks = (i for i, p in enumerate(self.found, start=1) if is_right(self.case, p))
        return next(ranks, None)

    @property
    def quotes_right(self) -> bool:
        return self.answer is not None and self.case.has.lower() in self.answer.text.lower()


def read_cases(name: str, half: str) -> list[Case]:
    """`half`: "calibration" (every other one, from the first) or "held out"."""
    raw: dict[str, list[dict[str, Any]]] = yaml.safe_load((HERE / name).read_text("utf-8"))
    return [
        Case(
            tenant,
            case["text"],
            case.get("language", "fr"),
            tuple(case["answer"].split(" | ")) if "answer" in case else (),
            str(case.get("has", "")),
        )
        for tenant, cases in raw.items()
        for case in cases[0 if half == "calibration" else 1 :: 2]
    ]


def is_right(case: Case, passage: Passage) -> bool:
    for wanted in case.answers:
        source, _, heading = wanted.partition("#")
        title = passage.question or passage.title.rpartition(PATH)[2]
        if passage.source == source and title.startswith(heading):
            return True
    return False


def play(db: Session, cases: Iterable[Case]) -> list[Result]:
    """Each question to its tenant, whose pages are loaded."""
    ids = {slug: tenant.id for slug in ("elegance-paris", "coollibri")
           if (tenant := tenant_by_slug(db, slug)) is not None}  # fmt: skip
    return [
        Result(
            case,
            search(ids[case.tenant], db, case.text, case.language),
            find_answer(ids[case.tenant], db, case.text, case.language),
        )
        for case in cases
    ]


def share(results: Sequence[Result], right: Iterable[bool]) -> float:
    return sum(right) / len(results)
