"""One engine for all tests of the understanding, and how they let it read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from bot.demo.world import read_world
from bot.turn import Understanding
from bot.understanding.engine import Engine
from bot.understanding.local import load_engine

# A Thursday
NOON = datetime.fromisoformat("2025-01-16T12:00:00+01:00")
Read = Callable[..., Understanding]


@pytest.fixture(scope="session")
def engine() -> Engine:
    return load_engine()


@pytest.fixture(scope="session")
def read(engine: Engine) -> Read:
    def understand(
        text: str, asked: str | None = None, tenant: str = "elegance-paris"
    ) -> Understanding:
        return engine.understand(text, read_world(tenant).context(NOON, asked))

    return understand
