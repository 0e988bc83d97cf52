"""The table of ticks. A tick only looks and rings; workers do the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot import clock, queue
from bot.db import alone, transaction
from bot.due import is_due, look
from bot.health import beat
from bot.settings import settings


@dataclass(frozen=True)
class Tick:
    """`at_start`: also at once, for whatever ended the last clock may have shut the doors too."""

    name: str
    seconds: float
    run: Callable[[], None]
    at_start: bool = False


def ring_for_waiting() -> None:
    """What a lost job or a broken bell forgot."""
    with alone() as connection:
        waits = look(connection, clock.now(), clock.wall())
    if waits.people_wait:
        queue.ring()


def ring_for_due() -> None:
    """Reminders, reservations that end, units to move back, messages without news."""
    with transaction() as db:
        due = is_due(db, clock.now(), clock.wall())
    if due:
        queue.ring_chores()


def table() -> tuple[Tick, ...]:
    return (
        Tick("heartbeat", 2, beat),
        Tick("due", 1, ring_for_due),
        Tick("waiting", settings().sweep_seconds, ring_for_waiting),
        Tick("missed", 300, queue.ring_for_missed, at_start=True),
        Tick("housekeeping", 3600, queue.ring_housekeeping),
    )
