"""What else a full database may make slow: the statements of a turn, the door, the desk."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from sqlalchemy import event, select, text

from bot import jobs
from bot.db import engine, transaction
from bot.logs import set_up_logs
from bot.models.users import User
from bot.passwords import hash_password
from bot.stack import Stack
from tests.bench.figures import Figure, percentile, say
from tests.bench.load import post_all, sign_sms
from tests.bench.turn import post
from tests.bench.turns import settle

TURNS = 20
REQUESTS = 300
PAGES = 20
STRANGERS = 99_000_000  # numbers of people who have not written before
PASSWORD = "for the time of this bench"
EMAIL = "sarah@elegance-paris.com"


def around(stack: Stack, door: str, people: int, size: int) -> list[Figure]:
    with _without_workers(stack):
        statements = _time_statements(door, people, size)
        intake = _time_door(door, size)
    settle()
    return [*statements, intake, *_time_desk(stack, size)]


def _time_statements(door: str, people: int, size: int) -> list[Figure]:
    """What the database takes for one message, from reading it to handing over its answer, done
    here one at a time: the median time, and the blocks of 8 kB looked at, which do not depend on
    what else the machine does."""
    spent: list[float] = []
    count = 0
    before = _blocks()
    with _listening() as took:
        for number in range(people - TURNS, people):
            took.clear()
            post(door, number)
            jobs.answer()
            spent.append(sum(took))
            count = len(took)
    p50 = percentile(spent, 0.5) * 1000
    blocks = (_blocks() - before) / TURNS
    say(f"growth: {size} messages stored, {p50:.1f} ms, {blocks:.0f} blocks, {count} statements")
    return [
        Figure(f"growth-{size}-statements", p50, "ms", p99_ms=max(spent) * 1000),
        Figure(f"growth-{size}-blocks", blocks, "blocks"),
    ]


def _blocks() -> int:
    """Blocks that sessions have looked at so far; what vacuums on its own is apart."""
    time.sleep(1.5)  # sessions tell of it a second late
    looked = """SELECT sum(hits + coalesce(reads, 0)) FROM pg_stat_io
        WHERE backend_type = 'client backend'"""
    with engine().connect() as connection:
        return int(connection.scalar(text(looked)) or 0)


def _time_door(door: str, size: int) -> Figure:
    """Nobody reads what is stored here until all is."""
    run = post_all(door, [sign_sms(door, STRANGERS + n) for n in range(REQUESTS)])
    assert run.statuses == {200: REQUESTS}, run.statuses
    p50, p99 = (percentile(run.latencies, share) * 1000 for share in (0.5, 0.99))
    say(f"growth: {size} messages stored, {run.rate:.0f} requests/s")
    return Figure(f"growth-{size}-intake", run.rate, "requests/s", p50_ms=p50, p99_ms=p99)


def _time_desk(stack: Stack, size: int) -> Iterator[Figure]:
    """The inbox and one conversation's page, one at a time, signed in."""
    with requests.Session() as http:
        _sign_in(http, stack.url)
        inbox = http.get(f"{stack.url}/desk/", timeout=60).text
        thread = re.search(r"/desk/conversations/\d+", inbox)
        assert thread is not None, "the inbox lists no conversation"
        for name, path in (("inbox", "/desk/"), ("thread", thread[0])):
            page = f"{stack.url}{path}"
            taken = [_seconds(http, page) for _ in range(PAGES)]
            p50, p99 = (percentile(taken, share) * 1000 for share in (0.5, 0.99))
            say(f"growth: {size} messages stored, {name} p50 {p50:.0f} ms")
            yield Figure(f"growth-{size}-{name}", p50, "ms", p50_ms=p50, p99_ms=p99)


def _seconds(http: requests.Session, page: str) -> float:
    start = time.perf_counter()
    http.get(page, timeout=60).raise_for_status()
    return time.perf_counter() - start


def _sign_in(http: requests.Session, url: str) -> None:
    with transaction() as db:
        db.scalars(select(User).where(User.email == EMAIL)).one().password_hash = hash_password(
            PASSWORD
        )
    form = http.get(f"{url}/sign-in", timeout=10).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    assert token is not None
    typed = {"csrf_token": token[1], "email": EMAIL, "password": PASSWORD}
    http.post(f"{url}/sign-in", data=typed, timeout=10).raise_for_status()


@contextmanager
def _listening() -> Iterator[list[float]]:
    """The seconds that each statement of this process takes."""
    took: list[float] = []

    def begin(connection: Any, *_: object) -> None:
        connection.info["begun"] = time.perf_counter()

    def end(connection: Any, *_: object) -> None:
        took.append(time.perf_counter() - connection.info["begun"])

    set_up_logs("bench")
    logging.getLogger().setLevel(logging.WARNING)
    event.listen(engine(), "before_cursor_execute", begin)
    event.listen(engine(), "after_cursor_execute", end)
    try:
        yield took
    finally:
        event.remove(engine(), "before_cursor_execute", begin)
        event.remove(engine(), "after_cursor_execute", end)


@contextmanager
def _without_workers(stack: Stack) -> Iterator[None]:
    stack.stop("worker")
    try:
        yield
    finally:
        stack.launch("worker")
        stack.wait_until_ready()
