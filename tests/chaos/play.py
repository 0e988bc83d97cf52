"""One run: a stack, a storm, customers who write through it, calm, and the comparison."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from redis import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot import clock, queue
from bot.db import transaction
from bot.models.conversations import Conversation
from bot.models.deliveries import Delivery
from bot.models.effects import Effect
from bot.models.messages import Message
from bot.stack import Stack
from tests.chaos.channels import CHANNELS
from tests.chaos.customers import invent
from tests.chaos.stage import open_sandbox, open_stage
from tests.chaos.storm import WEIGHTS, Storm, plan
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import Verdict, judge

LONGEST_CALM = 240.0  # seconds until all must be done after the storm
LOOK_EVERY = 0.1
TELL_EVERY = 10.0
RING_EVERY = 4.0
ASK_EVERY = 30.0  # the clock's five minutes, at the storm's pace
ROUNDS = 2  # so often the carrier is asked at least: what the last storm swallowed is found
STILL = 1.0  # seconds without progress: what is left is to be tried again later


@dataclass(frozen=True)
class Order:
    """`storm`: seconds over which the messages are spread; `every`: seconds between two
    blows, of these `kinds`; `burst`: at most so many customers write at once."""

    messages: int
    seed: int
    storm: float
    every: float
    burst: int
    channels: Sequence[str] = tuple(CHANNELS)
    kinds: Sequence[str] = tuple(WEIGHTS)


def run(order: Order, folder: Path) -> dict[str, Any]:
    """The figures; `"wrong"` is empty when all is well. Call it from the main thread."""
    started = time.monotonic()
    dice = Random(order.seed)
    with open_stage(folder) as stack:
        storm = Storm(stack, open_sandbox(), plan(order.storm, order.every, order.kinds, dice))
        traffic = Traffic(invent(order.messages, order.channels, dice), dice)
        _tell(f"{len(traffic.customers)} customers, seed {order.seed}, in {folder}")
        try:
            _weather(storm, traffic, order)
        finally:
            storm.calm()
            traffic.close()
        calm = time.monotonic()
        idle = _wait_for_rest(storm)
        rested = time.monotonic() - calm
        with transaction() as db:
            verdict = judge(db, open_sandbox().state(), traffic.sent)
            answers = db.scalar(select(func.count()).where(Message.direction == "out"))
        if not idle:
            verdict.add("not_at_rest", [f"after {LONGEST_CALM:.0f} s"])
        if len(traffic.sent) != order.messages:
            verdict.add("not_written", [f"{len(traffic.sent)} of {order.messages}"])
        _tell_wrong(verdict)
        return {
            **_describe(traffic, storm),
            "broke": read_breakages(stack),
            "answers": answers,
            "seconds_to_rest": round(rested, 1),
            "seconds": round(time.monotonic() - started, 1),
            **verdict.figures,
        }


def _describe(traffic: Traffic, storm: Storm) -> dict[str, Any]:
    return {
        "messages": len(traffic.sent),
        "customers": len(traffic.customers),
        "duplicates": len(traffic.repeats),
        "not_taken_at_the_door": sum(not s.taken for s in traffic.sent),
        "blows": dict(storm.done),
        "ended_by_themselves": dict(+storm.ended),
    }


def _weather(storm: Storm, traffic: Traffic, order: Order) -> None:
    """Bursts at the pace at which the messages last as long as the storm."""
    start, written, told, asked = time.monotonic(), 0, 0.0, 0.0
    while not traffic.over:
        storm.blow()
        now = time.monotonic() - start
        if now - asked > ASK_EVERY:
            asked = now
            with suppress(RedisError):
                queue.ring_for_missed()
        due = order.messages * min(now / order.storm, 1)
        if traffic.at_rest and written < due:
            written += traffic.burst(traffic.dice.randint(1, order.burst))
        if now - told > TELL_EVERY:
            told = now
            _tell(f"{now:6.1f} s  {written} of {order.messages} written")
        time.sleep(0.02)


def _wait_for_rest(storm: Storm) -> bool:
    """Until nothing is left to do, now or later; the clock is put forward to what is to be
    tried again later. The carrier's list is asked for what the door missed."""
    start = time.monotonic()
    left, changed, told, rounds = Counter({"all": 1}), start, start, 0
    while time.monotonic() < start + LONGEST_CALM:
        storm.blow()
        before = left
        try:
            if time.monotonic() > start + rounds * RING_EVERY:
                queue.ring_for_missed()
                rounds += 1
            left, later = _left()
            if not left and rounds > ROUNDS and queue.is_idle():
                return True
            changed = changed if left == before else time.monotonic()
            if later is not None and time.monotonic() > changed + STILL:
                clock.set_clock(later + timedelta(milliseconds=1))
        except (SQLAlchemyError, RedisError) as error:
            _tell(f"calm: {type(error).__name__}")
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            _tell(f"calm: {dict(left)} left")
        time.sleep(LOOK_EVERY)
    return False


def _left() -> tuple[Counter[str], datetime | None]:
    """What is still to be done, by what it is, and when what must wait may be tried again."""
    now = clock.now()
    waits = {
        "deliveries": (Delivery, Delivery.next_try_at, Delivery.state == "new"),
        "turns": (Conversation, Conversation.answer_after, Conversation.answer_after.is_not(None)),
        "messages": (Message, Message.send_after, Message.state.in_(("queued", "unknown"))),
        "releases": (
            Effect,
            Effect.next_try_at,
            (Effect.state == "planned") & (Effect.kind == "release"),
        ),
    }
    left: Counter[str] = Counter()
    later = []
    with transaction() as db:
        for name, (table, at, waiting) in waits.items():
            due = db.scalar(select(func.count()).select_from(table).where(waiting, at <= now))
            left[name] += due or 0
            if first := db.scalar(select(func.min(at)).where(waiting, at > now)):
                later.append(first)
        sending = select(func.count()).where(Message.state == "sending")
        left["sending"] += db.scalar(sending) or 0
    left["later"] += len(later)
    return +left, min(later, default=None)


def read_breakages(stack: Stack) -> dict[str, int]:
    """What the logs tell of exceptions, by what was being done."""
    found: Counter[str] = Counter()
    for part in ("web", "worker", "clock"):
        for text in stack.log(part).read_text(errors="replace").splitlines():
            if not text.startswith("{") or '"exception"' not in text:
                continue
            try:
                line = json.loads(text)
            except ValueError:  # cut off by a kill
                continue
            last = line["exception"].strip().splitlines()[-1].partition(":")[0]
            found[f"{part}: {line['event']}: {last}"] += 1
    return dict(found)


def _tell_wrong(verdict: Verdict) -> None:
    for name, examples in verdict.wrong.items():
        if examples:
            _tell(f"{name}: {len(examples)}, as {'; '.join(examples[:5])}")


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
