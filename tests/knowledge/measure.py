"""How well the demo's pages answer: questions.yaml and unanswerable.yaml against a database.

`python -m tests.knowledge.measure` prints recall, false answers and each miss, by half.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.orm import Session

from bot import clock
from bot.db import migrate, transaction
from bot.demo.knowledge import load_knowledge
from bot.embedded import start_postgres
from bot.knowledge.answers import find_answer
from bot.knowledge.cutting import PATH
from bot.knowledge.passages import Answer, Passage
from bot.knowledge.search import search
from bot.models.tenants import Tenant, tenant_by_slug
from bot.stack import adopted

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
    """A passage named by the case, or a person's answer elsewhere that holds its fact."""
    if case.answers and passage.question and case.has.lower() in passage.text.lower():
        return True
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


def share(right: Iterable[bool]) -> float:
    counted = list(right)
    return sum(counted) / len(counted)


def main() -> None:
    """On a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = start_postgres(Path(folder), fsync=False)
        try:
            with adopted({"DATABASE_URL": postgres.url, "DATA_DIR": folder}):
                load_pages()
                with transaction() as db:
                    for half in ("calibration", "held out"):
                        _report(db, half)
        finally:
            postgres.stop()


def load_pages() -> None:
    """The demo's tenants with their pages and nothing else, in a database made ready."""
    migrate()
    with transaction() as db:
        for slug in ("elegance-paris", "coollibri"):
            tenant = Tenant(slug=slug, name=slug, created_at=clock.wall())
            db.add(tenant)
            db.flush()
            load_knowledge(tenant.id, slug, db, clock.wall())


def _report(db: Session, half: str) -> None:
    asked = play(db, read_cases("questions.yaml", half))
    others = play(db, read_cases("unanswerable.yaml", half))
    right = share(r.rank == 1 for r in asked)
    among = share(r.rank is not None for r in asked)
    quoted = share(r.quotes_right for r in asked)
    wrong = share(r.answer is not None and r.rank != 1 for r in asked)
    false = share(r.answer is not None for r in others)
    sys.stdout.write(
        f"{half}: {len(asked)} questions: right passage first {right:.1%}, among five {among:.1%}, "
        f"answered with the fact {quoted:.1%}, with another passage {wrong:.1%}; "
        f"{len(others)} without an answer: answered {false:.1%}\n"
    )
    if half == "calibration":  # the misses of the other half are nobody's to learn from
        for r in asked:
            if r.rank != 1 or not r.quotes_right:
                told = r.answer.text if r.answer else "no answer"
                sys.stdout.write(f"  {r.case.text} -> {told}\n")


if __name__ == "__main__":
    main()
