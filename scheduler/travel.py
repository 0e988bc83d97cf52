"""Moves the demo's or a rehearsal's clock to its target, from one due row to the next."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from bot import clock, queue
from bot.db import transaction
from bot.due import is_settled, next_due
from bot.logs import log
from bot.settings import settings

LOOK_EVERY = 0.02  # seconds
PATIENCE = 60.0  # seconds for what is due at one moment; then the clock moves on


def travel() -> None:
    """Go where the clock is aimed; nothing to do when it is not."""
    target = clock.target()
    if target is None:
        return
    wait_until_idle()
    while (step := _next_step(target)) is not None:
        clock.set_clock(step, target=target)
        queue.ring_chores()
        wait_until_idle()
    clock.set_clock(max(target, clock.now()), target=target)
    queue.ring_chores()
    wait_until_idle()
    clock.arrive()
    log().info("clock moved")


def _next_step(target: datetime) -> datetime | None:
    """The next due time on the way. What is due within a moment of now is waited for."""
    with transaction() as db:
        due = next_due(db, after=clock.now())
    return due if due is not None and due < target else None


def wait_until_idle() -> bool:
    """Wait while a row is due now or a job waits or runs; False when patience ran out."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if is_idle():
            return True
        time.sleep(LOOK_EVERY)
    log().warning("clock moves on though something is still due")
    return False


def is_idle() -> bool:
    if not queue.is_idle():
        return False
    settling = timedelta(seconds=settings().settling_seconds)
    with transaction() as db:
        return is_settled(db, clock.now(), settling)
