"""What a worker does when the bell rings."""

from __future__ import annotations

import os
import time

import pytest
from house import JULIE, House

from bot import clock, jobs, queue
from bot.inbox import read_deliveries
from bot.settings import settings
from bot.worker import work


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


def test_a_worker_takes_from_its_queues_in_turn_however_many_messages_wait(house: House) -> None:
    many, few = queue.queue("many"), queue.queue("few")  # which no other worker listens to
    first, *_ = [name.enqueue("os.getpid") for name in (many, many, many, few)]
    work(("many", "few"), burst=True, max_jobs=2)
    assert (len(many), len(few)) == (2, 0)
    assert first.return_value() == os.getpid()  # forking for each job would be slow
    many.empty()


def test_units_go_back_though_messages_keep_coming(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = []

    def release() -> int:
        released.append(clock.wall())
        return 0

    monkeypatch.setattr(jobs, "AT_MOST", 0.1)
    monkeypatch.setattr(jobs, "read_deliveries", lambda: 1)
    monkeypatch.setattr(jobs, "carry_out", release)
    jobs.answer()
    assert released
