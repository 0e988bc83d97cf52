"""The clock process."""

from __future__ import annotations

import threading

import pytest

from scheduler import __main__ as clock_process
from scheduler.ticks import Tick, table


def test_a_new_clock_asks_at_once_what_the_doors_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, waited = threading.Event(), threading.Event()
    ticks = (Tick("missed", 300, asked.set, at_start=True), Tick("other", 300, waited.set))
    monkeypatch.setattr(clock_process, "table", lambda: ticks)
    monkeypatch.setattr(clock_process, "beat", lambda: None)
    scheduler = clock_process._start()
    try:
        assert asked.wait(5)
        assert not waited.is_set()
    finally:
        scheduler.shutdown(wait=False)
    assert [tick.name for tick in table() if tick.at_start] == ["missed"]
