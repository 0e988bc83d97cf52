"""A small storm among the tests; `make chaos` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.play import Order, run
from tests.chaos.storm import WEIGHTS


@pytest.mark.timeout(300)
def test_nothing_is_lost_doubled_or_out_of_order_while_everything_dies(tmp_path: Path) -> None:
    # After a crash PostgreSQL makes sure of its files for many seconds: not here
    kinds = [kind for kind in WEIGHTS if kind != "postgres crash"]
    order = Order(messages=300, seed=7, storm=30, calm=200, every=2.5, burst=25, kinds=kinds)
    figures = run(order, tmp_path)
    assert figures["wrong"] == {}
    assert figures["messages"] == 300
    assert figures["duplicates"] > 20
    assert figures["answers"] > 100
    killed = {"web", "all workers", "clock", "redis", "postgres"}
    assert killed <= set(figures["blows"])
