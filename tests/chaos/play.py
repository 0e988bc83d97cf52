"""One run: a stack, a storm, customers who write through it, calm, and the comparison."""

from __future__ import annotations

import json
import os
import resource
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
from bot.missed import ASKED, DELIVERS_ONCE
from bot.models.conversations import Conversation
from bot.models.deliveries import Delivery
from bot.models.effects import Effect
from bot.models.messages import Message
from bot.models.tenants import Connection
from bot.stack import Stack
from tests.chaos.channels import CHANNELS
from tests.chaos.customers import invent
from tests.chaos.stage import open_sandbox, open_stage
from tests.chaos.storm import WEIGHTS, Storm, plan
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import Verdict, judge

LOOK_EVERY = 0.1
TELL_EVERY = 10.0
RING_EVERY = 10.0
ASK_EVERY = 60.0  # the clock's five minutes, at the storm's pace
STILL = 1.0  # seconds without progress: what is left is to be tried again later


@dataclass(frozen=True)
class Order:
    """`storm`: seconds over which the messages are spread; `calm`: seconds within which all
    must be done afterwards; `every`: seconds between two blows, of these `kinds`; `burst`: at
    most so many customers write at once."""

    messages: int
    seed: int
    storm: float
    calm: float
    every: float
    burst: int
    channels: Sequence[str] = tuple(CHANNELS)
    kinds: Sequence[str] = tuple(WEIGHTS)


def run(order: Order, folder: Path) -> dict[str, Any]:
    """The figures; `"wrong"` is empty when all is well. Call it from the main thread."""
    started, spent = time.monotonic(), _cpu_of_others()
    with open_stage(folder) as stack:
        figures = _play(order, stack, folder)
    # All have ended by now, so their time is told
    return {
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(_cpu_of_others() - spent),
        "load": round(os.getloadavg()[1], 1),
        **figures,
    }


def _play(order: Order, stack: Stack, folder: Path) -> dict[str, Any]:
    dice = Random(order.seed)
    storm = Storm(stack, open_sandbox(), plan(order.storm, order.every, order.kinds, dice))
    traffic = Traffic(invent(order.messages, order.channels, dice), dice)
    _tell(f"{len(traffic.customers)} customers, seed {order.seed}, in {folder}")
    try:
        _weather(storm, traffic, order)
    finally:
        storm.calm()
        traffic.close()
    calm = time.monotonic()
    idle = _wait_for_rest(storm, order.calm)
    rested = time.monotonic() - calm
    with transaction() as db:
        verdict = judge(db, open_sandbox().state(), traffic.sent)
        answers = db.scalar(select(func.count()).where(Message.direction == "out"))
    if not idle:
        verdict.add("not_at_rest", [f"after {order.calm:.0f} s"])
    if len(traffic.sent) != order.messages:
        verdict.add("not_written", [f"{len(traffic.sent)} of {order.messages}"])
    _tell_wrong(verdict)
    return {
        **_describe(traffic, storm),
        "broke": read_breakages(stack),
        "answers": answers,
        "seconds_to_rest": round(rested, 1),
        **verdict.figures,
    }


def _cpu_of_others() -> float:
    """Seconds of processor that processes which this one started, and which ended, took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
            _tell(f"{now:6.1f} s  {written} of {order.messages} written{_tell_waiting()}")
        time.sleep(0.02)


def _wait_for_rest(storm: Storm, longest: float) -> bool:
    """Until nothing is left to do, now or later, and the carrier has been asked what the door
    missed; the clock is put forward to what is to be tried again later."""
    start, since = time.monotonic(), clock.wall()
    left, changed, told, rung = Counter({"all": 1}), start, start, 0.0
    while time.monotonic() < start + longest:
        storm.blow()
        before, now = left, time.monotonic()
        try:
            asked = _carrier_asked_since(since)
            if not asked and now > rung + RING_EVERY and queue.is_idle():
                rung = now
                queue.ring_for_missed()
            left, later = _left()
            if asked and not left and queue.is_idle():
                left["undelivered"] += len(storm.sandbox.state()["undelivered"])
                left = +left
                if not left:
                    return True
            changed = changed if left == before else now
            if later is not None and now > changed + STILL:
                clock.set_clock(later + timedelta(milliseconds=1))
        except (SQLAlchemyError, RedisError) as error:
            _tell(f"calm: {type(error).__name__}")
        if now - told > TELL_EVERY:
            told = now
            _tell(f"calm: {dict(left)} left")
        time.sleep(LOOK_EVERY)
    return False


def _carrier_asked_since(wall: datetime) -> bool:
    """Whether a look that began later is done: what it found is stored."""
    with transaction() as db:
        connections = db.scalars(
            select(Connection.id).where(Connection.vendor.in_(DELIVERS_ONCE))
        ).all()
    looks = [queue.redis().get(ASKED.format(id=number)) for number in connections]
    return all(look and datetime.fromisoformat(look.decode()) >= wall for look in looks)


def _tell_waiting() -> str:
    try:
        left, _ = _left()
    except SQLAlchemyError:  # it is down just now
        return ""
    return f", {left['deliveries']} deliveries and {left['turns']} turns wait"


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
