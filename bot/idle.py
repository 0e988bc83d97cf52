"""Whether everything that is due has been done: what a moving clock and rehearsals wait for."""

from __future__ import annotations

import time
from datetime import timedelta

from bot import clock, queue
from bot.db import transaction
from bot.due import is_settled
from bot.settings import settings

LOOK_EVERY = 0.02  # seconds


def wait_until_idle(patience: float) -> bool:
    """Wait while a row is due now or a job waits or runs; False when `patience`, in seconds,
    ran out. A retry that is due later is not waited for."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if is_idle():
            return True
        time.sleep(LOOK_EVERY)
    return False


def is_idle() -> bool:
    if not queue.is_idle():
        return False
    # A moment ahead: what a worker commits while we look is dated after our now
    soon = clock.now() + timedelta(seconds=max(settings().settling_seconds, 1))
    with transaction() as db:
        return is_settled(db, soon)
