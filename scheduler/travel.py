"""Moves the demo's or a rehearsal's clock to its target, from one due row to the next."""

from __future__ import annotations

from datetime import datetime

from bot import clock, queue
from bot.db import transaction
from bot.due import next_due
from bot.idle import wait_until_idle
from bot.logs import log

PATIENCE = 60.0  # seconds for what is due at one moment; then the clock moves on


def travel() -> None:
    """Go where the clock is aimed; nothing to do when it is not."""
    target = clock.target()
    if target is None:
        return
    _settle()
    while (step := _next_step(target)) is not None:
        clock.set_clock(step, target=target)
        queue.ring_chores()
        _settle()
    clock.set_clock(max(target, clock.now()), target=target)
    queue.ring_chores()
    _settle()
    clock.arrive()
    log().info("clock moved")


def _next_step(target: datetime) -> datetime | None:
    """The next due time on the way. What is due within a moment of now is waited for."""
    with transaction() as db:
        due = next_due(db, after=clock.now())
    return due if due is not None and due < target else None


def _settle() -> None:
    if not wait_until_idle(PATIENCE):
        log().warning("clock moves on though something is still due")
