"""A real PostgreSQL with two tenants, and `flask knowledge` on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot import clock
from bot.db import engine, migrate, transaction
from bot.embedded import start_postgres
from bot.models.tenants import Tenant
from bot.stack import adopted
from tests.knowledge.shelf import Shelf


@pytest.fixture(scope="session")
def knowledge_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("knowledge")
    postgres = start_postgres(folder, fsync=False)
    env = {"DATABASE_URL": postgres.url, "DATA_DIR": str(folder)}
    with adopted(env):
        migrate()
    yield env
    postgres.stop()


@pytest.fixture
def shelf(knowledge_database: dict[str, str], tmp_path: Path) -> Iterator[Shelf]:
    with adopted(knowledge_database):
        with engine().begin() as connection:
            connection.execute(text("DELETE FROM tenants"))
        with transaction() as db:
            for slug in ("ici", "ailleurs"):
                db.add(Tenant(slug=slug, name=slug, created_at=clock.wall()))
        yield Shelf(tmp_path)
