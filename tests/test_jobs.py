"""What a worker does when the bell rings."""

from __future__ import annotations

import time

from house import JULIE, House

from bot import clock, jobs
from bot.inbox import read_deliveries
from bot.settings import settings


def test_what_becomes_due_while_the_worker_looks_is_looked_at_again(house: House) -> None:
    with house.held():
        house.text(JULIE, "Bonjour")
        looked_at = clock.now()
        read_deliveries()
        time.sleep(settings().settling_seconds + 0.01)  # due now, and was not when we looked
        assert jobs._until_next(looked_at) == 0
        assert jobs._until_next(clock.now()) is None  # seen due: another worker has it
    house.settle()
    assert len(house.replies(JULIE)) == 1
