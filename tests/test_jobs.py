"""What a worker does when the bell rings."""

from __future__ import annotations

import os
import time
from datetime import datetime

import pytest
from house import JULIE, House

from bot import clock, jobs, queue
from bot.conversation import take_turn
from bot.db import alone
from bot.due import Look, look
from bot.inbox import read_deliveries
from bot.outbox import send_messages
from bot.settings import settings
from bot.worker import work


def test_what_becomes_due_while_the_worker_looks_is_looked_at_again(house: House) -> None:
    with house.held():
        house.text(JULIE, "Bonjour")
        looked_at = clock.now()
        read_deliveries()
        waits = look_now(looked_at)
        time.sleep(settings().settling_seconds + 0.01)  # due now, and was not when we looked
        assert not jobs._do_round(waits)
        assert jobs._pause_until(waits.next_at) == 0
        assert look_now().turns
    house.settle()
    assert len(house.replies(JULIE)) == 1


def look_now(now: datetime | None = None) -> Look:
    with alone() as connection:
        return look(connection, now or clock.now(), clock.wall())


def test_what_waits_is_seen_by_its_kind_until_it_is_taken(house: House) -> None:
    with house.held():
        assert look_now()[:5] == (False,) * 5
        house.text(JULIE, "Je veux la robe fleurie bleue en 38")
        assert look_now()[:5] == (True, False, False, False, False)
        read_deliveries()
        time.sleep(settings().settling_seconds + 0.01)
        assert look_now()[:5] == (False, True, False, False, False)
        take_turn()
        assert look_now()[:5] == (False, False, True, False, False)
        send_messages()
        assert not any(look_now()[:5])


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
    monkeypatch.setattr(jobs, "look", lambda *now: Look(True, False, False, True, False, None))
    monkeypatch.setattr(jobs, "read_deliveries", lambda: 1)
    monkeypatch.setattr(jobs, "carry_out", release)
    jobs.answer()
    assert released
