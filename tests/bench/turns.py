"""Messages of many customers, from the door to the carrier: how many a second, what CPU each
costs by kind of process, and, at a fixed rate, how long people wait.

A message brings two reports of its answer to the door; their cost is in its own.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psutil
from sqlalchemy import func, select

from bot import clock
from bot.db import transaction
from bot.due import is_settled
from bot.models.messages import Message
from bot.stack import Stack, adopted, open_stack
from connectors.sandbox.client import SandboxWorld
from tests.bench.figures import Figure, Options, percentile, say
from tests.bench.load import post_all, post_at_rate, sign_sms, sign_whatsapp

TEXTS = (
    "Bonjour, la robe fleurie bleue, vous l'avez en 38 ?",
    "Vous êtes ouverts dimanche ?",
    "Bonjour ! Le blazer beige en 40, il en reste ?",
    "Où en est ma commande 2901 ?",
    "Le pantalon noir taille haute est à combien ?",
    "Merci beaucoup, bonne journée !",
    "Vous avez le perfecto noir en 38 ?",
    "Quelle est votre adresse svp",
)
UNITS = ("RF-2847-38", "BL-445-40", "PF-229-38")
WARM_UP = 24
PATIENCE = 300.0  # seconds


def measure(options: Options) -> list[Figure]:
    if options.rate:
        return [_at_rate(rate, options) for rate in options.rate]
    return [f for workers in options.workers or (1, 2, 4) for f in _sustained(workers, options)]


def _sustained(workers: int, options: Options) -> list[Figure]:
    """As fast as the door takes them, until the carrier has all answers."""
    with _shop(workers) as (stack, door):
        signed = [_sms(door, number) for number in range(WARM_UP, WARM_UP + options.messages)]
        before = cpu_seconds(stack)
        start = time.perf_counter()
        run = post_all(door, signed)
        assert run.statuses == {200: len(signed)}, run.statuses
        wait_for_answers(WARM_UP + len(signed))
        took = time.perf_counter() - start
        settle()
        after = cpu_seconds(stack)
    spent = {kind: (after[kind] - before[kind]) / len(signed) * 1000 for kind in after}
    ours = sum(ms for kind, ms in spent.items() if kind != "sandbox")
    say(f"turns: {workers} workers, {len(signed) / took:.1f} messages/s, {ours:.1f} ms CPU each")
    return [
        Figure(f"turns-{workers}", len(signed) / took, "messages/s"),
        Figure(f"turns-{workers}-cpu", ours, "ms"),
        *(Figure(f"turns-{workers}-cpu-{kind}", ms, "ms") for kind, ms in spent.items()),
    ]


def _at_rate(rate: float, options: Options) -> Figure:
    """So many a second by WhatsApp, however far behind we are: from when each was due at the
    door until the carrier had its answer."""
    workers = (options.workers or (2,))[0]
    with _shop(workers) as (stack, door):
        numbers = range(WARM_UP, WARM_UP + options.messages)
        signed = [sign_whatsapp(door, n, TEXTS[n % len(TEXTS)]) for n in numbers]
        due = dict(zip(numbers, post_at_rate(door, signed, rate), strict=True))
        wait_for_answers(WARM_UP + len(signed))
        had = answered_at(SandboxWorld(stack.sandbox_url, "demo"))
    taken = [had[number] - due[number] for number in numbers]
    p50, p99 = percentile(taken, 0.5) * 1000, percentile(taken, 0.99) * 1000
    say(f"turns: {rate:g} messages/s, {workers} workers, p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return Figure(f"turns-{rate:g}", p99, "ms", p50_ms=p50, p99_ms=p99)


@contextmanager
def _shop(workers: int) -> Iterator[tuple[Stack, str]]:
    """A warm stack with the demo's shop, and its SMS door."""
    say(f"turns: starting a stack of {workers} workers")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_stack(
            Path(folder), workers=workers, demo=False, fsync=True, settling_seconds=0,
            web_workers=2, web_threads=2,
        ) as stack,
        adopted(stack.env),
    ):  # fmt: skip
        from bot.demo import load_demo

        load_demo()
        SandboxWorld(stack.sandbox_url, "demo").set_stock(dict.fromkeys(UNITS, 1_000_000))
        door = f"{stack.url}/webhooks/twilio/elegance-paris"
        post_all(door, [_sms(door, number) for number in range(WARM_UP)])
        wait_for_answers(WARM_UP)
        settle()
        yield stack, door


def _sms(door: str, number: int) -> bytes:
    return sign_sms(door, number, TEXTS[number % len(TEXTS)])


def wait_for_answers(count: int, look_every: float = 0.1) -> None:
    """Until the carrier has so many messages of ours. Raises TimeoutError."""
    lack = f"the carrier has not got {count} messages"
    _until(lambda: handed_over() >= count, lack, look_every)


def handed_over() -> int:
    """How many messages of ours the carrier has."""
    with transaction() as db:
        sent = select(func.count()).where(Message.direction == "out", Message.sent_at.is_not(None))
        return db.scalar(sent) or 0


def settle() -> None:
    def settled() -> bool:
        with transaction() as db:
            return is_settled(db, clock.now())

    _until(settled, "it does not come to rest")


def _until(happened: Callable[[], bool], otherwise: str, look_every: float = 0.1) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(look_every)


def answered_at(sandbox: SandboxWorld) -> dict[int, float]:
    """When the carrier got the first message to each customer, by the customer's number."""
    had: dict[int, float] = {}
    for message in sandbox.state()["messages"]:
        if message["direction"] != "inbound":
            number = int(message["to"].removeprefix("whatsapp:")[4:])
            had.setdefault(number, datetime.fromisoformat(message["at"]).timestamp())
    return had


def cpu_seconds(stack: Stack) -> Mapping[str, float]:
    """CPU time used so far by kind of process, children and those that ended included."""
    servers = {n: [s.process.pid] for n, s in stack.servers.items() if s.process}
    parts: dict[str, Sequence[int]] = {part: stack.pids(part) for part in stack.processes}
    return {
        kind: sum(_cpu_of_tree(psutil.Process(pid)) for pid in pids)
        for kind, pids in (parts | servers).items()
    }


def _cpu_of_tree(process: psutil.Process) -> float:
    used = process.cpu_times()
    own = used.user + used.system + used.children_user + used.children_system
    return own + sum(_cpu_of_tree(child) for child in process.children())
