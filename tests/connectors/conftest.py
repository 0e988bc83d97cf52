"""A real HTTP server with the sandbox, and worlds in it.

Everything that is said to a vendor is checked against its published contract after each
test, where the contracts are at hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import vendor_contracts
from order_worlds import Garbage
from sandbox_world import Door, Server, Tape, World, make_document

from connectors.sandbox.app import create_app

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def tape() -> Tape:
    return Tape()


@pytest.fixture(scope="session")
def sandbox(tape: Tape) -> Iterator[Server]:
    app = create_app(None)
    tape.attach(app)
    server = Server(app)
    yield server
    server.stop()


@pytest.fixture
def world(sandbox: Server, tape: Tape) -> Iterator[World]:
    """The demo shop in a world of its own; what was said is checked afterwards."""
    said_before = len(tape.exchanges)
    world = World(sandbox.url, f"test-{next(_numbers)}")
    world.replace(make_document())
    yield world
    if vendor_contracts.SPECS.is_dir():
        for exchange in tape.exchanges[said_before:]:
            vendor_contracts.check(exchange)


@pytest.fixture(scope="session")
def specs() -> Path:
    """The folder of published contracts; without it the test is skipped."""
    if not vendor_contracts.SPECS.is_dir():
        pytest.skip("the vendors' contracts (../shared/vendors/specs) are not on this machine")
    return vendor_contracts.SPECS


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    server = Server(door.app)
    door.url = server.url
    yield door
    server.stop()


@pytest.fixture
def garbage() -> Iterator[Garbage]:
    garbage = Garbage()
    server = Server(garbage.app)
    garbage.url = server.url
    yield garbage
    server.stop()
