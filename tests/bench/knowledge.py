"""The time of a search among 10,000 passages of one tenant, beside a bare indexed select.

Each passage has a heading and two sentences of the demo's pages, so that what is asked for is
as common as in those pages, and made-up words, few common and most rare, up to 100 words. What
is asked are the questions of tests/knowledge, misspelt ones and those without an answer too.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from bot import clock
from bot.db import engine, migrate, transaction
from bot.demo.knowledge import HERE
from bot.embedded import start_postgres
from bot.knowledge.answers import find_answer
from bot.knowledge.blocks import Block, Heading, Paragraph, Read
from bot.knowledge.cutting import split_sentences
from bot.knowledge.indexing import index, prepare
from bot.knowledge.reading import find_files, read_file
from bot.knowledge.search import search
from bot.models.tenants import Tenant
from bot.stack import adopted
from tests.bench.figures import Figure, percentile, say
from tests.knowledge.measure import read_cases

PASSAGES = 10_000
PER_DOCUMENT = 500
FILLER = 60  # made-up words of a passage
WORDS = 30_000  # made-up words in all
WARM_UP = 30
OTHER_TENANTS = 3  # with a tenth as many, that must not slow this one


def measure() -> list[Figure]:
    say("knowledge: starting PostgreSQL")
    with tempfile.TemporaryDirectory() as folder:
        postgres = start_postgres(Path(folder))
        try:
            with adopted({"DATABASE_URL": postgres.url, "DATA_DIR": folder}):
                migrate()
                return _measure()
        finally:
            postgres.stop()


def _measure() -> list[Figure]:
    tenant_id = _fill("bench", PASSAGES)
    for number in range(OTHER_TENANTS):
        _fill(f"other-{number}", PASSAGES // 10)
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))  # as autovacuum would have by then
    halves = ("calibration", "held out")
    names = ("questions.yaml", "unanswerable.yaml")
    cases = [case for name in names for half in halves for case in read_cases(name, half)]
    with transaction() as db:
        ids = list(db.scalars(text("SELECT id FROM passages LIMIT 300")))
        floor = _time(len(ids), lambda i: _select(db, ids[i]))
        searches = _time(
            len(cases), lambda i: search(tenant_id, db, cases[i].text, cases[i].language)
        )
        answers = _time(
            len(cases), lambda i: find_answer(tenant_id, db, cases[i].text, cases[i].language)
        )
    return [
        _figure("knowledge-search", searches, floor),
        _figure("knowledge-answer", answers, floor),
    ]


def _figure(name: str, taken: list[float], floor: list[float]) -> Figure:
    p50, p95, p99 = (percentile(taken, share) * 1000 for share in (0.5, 0.95, 0.99))
    least = percentile(floor, 0.95) * 1000
    say(f"{name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms; floor p95 {least:.2f} ms")
    return Figure(name, p95, "ms (p95)", p50, p99, least, p95 / least)


def _time(count: int, do: Callable[[int], object]) -> list[float]:
    taken: list[float] = []
    for i in range(-WARM_UP, count):
        start = time.perf_counter()
        do(i % count)
        if i >= 0:
            taken.append(time.perf_counter() - start)
    return taken


def _select(db: Session, id: int) -> str:
    query = (
        "SELECT p.text FROM passages p JOIN documents d ON d.id = p.document_id WHERE p.id = :id"
    )
    return str(db.scalar(text(query), {"id": id}))


def _fill(slug: str, passages: int) -> int:
    dice = random.Random(slug)
    sentences = _sentences()
    with transaction() as db:
        tenant = Tenant(slug=slug, name=slug, created_at=clock.wall())
        db.add(tenant)
        db.flush()
        start = time.perf_counter()
        for first in range(0, passages, PER_DOCUMENT):
            count = min(PER_DOCUMENT, passages - first)
            read = _document(f"{first}.md", count, sentences, dice)
            index(tenant.id, db, [prepare(read)], clock.wall())
        taken = time.perf_counter() - start
        say(f"knowledge: {passages} passages indexed in {taken:.1f} s")
        return tenant.id


def _document(source: str, count: int, sentences: list[str], dice: random.Random) -> Read:
    blocks: list[Block] = []
    for _ in range(count):
        blocks.append(Heading(2, " ".join(dice.choice(sentences).split()[:5])))
        own = [dice.choice(sentences) for _ in range(2)]
        filler = dice.choices(_made_up_words(), cum_weights=_how_common(), k=FILLER)
        blocks.append(Paragraph(" ".join([*own, *filler])))
    return Read(source, "markdown", source, tuple(blocks))


@lru_cache
def _made_up_words() -> list[str]:
    dice = random.Random(1)
    syllables = [a + b for a in "bcdfglmnprstv" for b in ("a", "e", "i", "o", "ou", "an", "ion")]
    return ["".join(dice.choices(syllables, k=dice.randint(2, 5))) for _ in range(WORDS)]


@lru_cache
def _how_common() -> list[float]:
    """By Zipf's law."""
    return list(accumulate(1 / rank for rank in range(10, WORDS + 10)))


def _sentences() -> list[str]:
    files = [f for slug in ("elegance-paris", "coollibri") for f in find_files(HERE / slug)]
    paragraphs = [b.text for f in files if f.suffix == ".md" and f.stem != "in-english"
                  for b in read_file(f, f.name).blocks if isinstance(b, Paragraph)]  # fmt: skip
    return [sentence for paragraph in paragraphs for sentence in split_sentences(paragraph)]
