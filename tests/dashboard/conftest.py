"""The desk on a real PostgreSQL and Redis, with two shops and their people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import text

from bot import clock
from bot import db as database
from bot.db import transaction
from bot.embedded import Servers, embedded_servers
from bot.models.base import Base
from bot.settings import settings
from tests.dashboard.cast import (
    NOW,
    Cast,
    Person,
    Talk,
    begin_talk,
    make_app,
    make_people,
    make_scene,
)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with embedded_servers(tmp_path_factory.mktemp("desk"), fsync=False) as found:
        yield found


@pytest.fixture(scope="session")
def configured(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The settings point at those servers; the clock may be moved."""
    before = dict(os.environ)
    folder = tmp_path_factory.mktemp("data")
    os.environ.update(
        DATABASE_URL=servers.database_url,
        REDIS_URL=servers.redis_url,
        DATA_DIR=str(folder),
        DEMO="true",
        SANDBOX_PORT="1",  # nobody listens
    )
    settings.cache_clear()
    database.engine.cache_clear()
    database.migrate()
    yield folder
    database.engine().dispose()
    os.environ.clear()
    os.environ.update(before)
    settings.cache_clear()
    database.engine.cache_clear()


@pytest.fixture
def cast(configured: Path) -> Cast:
    """A fresh world: everything that another test left is gone."""
    tables = ", ".join(t.name for t in Base.metadata.sorted_tables)
    with transaction() as db:
        db.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    Redis.from_url(settings().redis).flushdb()
    with transaction() as db:
        return make_people(db)


@pytest.fixture
def app(cast: Cast) -> Flask:
    return make_app()


@pytest.fixture
def stranger(app: Flask) -> Person:
    return Person(app.test_client())


@pytest.fixture
def sarah(app: Flask) -> Person:
    person = Person(app.test_client())
    assert person.sign_in("sarah@example.com").status_code == 302
    return person


@pytest.fixture
def charlie(app: Flask) -> Person:
    person = Person(app.test_client())
    assert person.sign_in("charlie@example.com").status_code == 302
    return person


Begin = Callable[..., Talk]


@pytest.fixture
def begin(cast: Cast) -> Begin:
    """Opens a conversation: `begin("Julie Mercier", phone="+33645789012", profile=…)`."""

    return partial(begin_talk, cast)


@pytest.fixture
def scene(cast: Cast, at_noon: datetime) -> dict[str, Talk]:
    """A morning at Élégance Paris, as in the brief."""
    return make_scene(cast)


@pytest.fixture
def at_noon(cast: Cast) -> Iterator[datetime]:
    """The shop's clock stands at NOW (and runs)."""
    clock.set_clock(NOW)
    yield NOW
    clock.set_clock(clock.wall())
