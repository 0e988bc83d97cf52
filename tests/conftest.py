"""A whole product for the tests that want one: `house`. Nothing here is started unasked.

One stack for each process of pytest (xdist), started by the first test that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from house import MONDAY, House

from bot.rehearsal.stage import set_stage
from bot.stack import Stack, adopted, open_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with open_stack(tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture
def house(stack: Stack, request: pytest.FixtureRequest) -> Iterator[House]:
    """The demo world on Monday at 10:15; `@pytest.mark.clock("2025-01-18T10:00:00+01:00")`
    chooses another time. bot.* in this process works on the same database."""
    marker = request.node.get_closest_marker("clock")
    at = datetime.fromisoformat(marker.args[0] if marker else MONDAY)
    with adopted(stack.env):
        yield House(stack, set_stage("elegance-paris", at))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clock(at): the time at which `house` begins")
