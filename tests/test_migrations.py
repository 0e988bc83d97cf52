"""What the migrations make is what the models say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, text

from bot.db import alembic_config, migrate
from bot.embedded import create_database, start_postgres
from bot.models import Base
from bot.stack import adopted

CONSTRAINTS = """
    SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    AND conrelid::regclass::text <> 'alembic_version'
"""
INDEXES = (
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    postgres = start_postgres(tmp_path_factory.mktemp("postgres"), fsync=False)
    yield postgres.url
    postgres.stop()


@pytest.fixture(scope="module")
def migrated(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = create_database(server, "migrated")
    folder: Path = tmp_path_factory.mktemp("data")
    with adopted({"DATABASE_URL": url, "DATA_DIR": str(folder)}):
        migrate()
        yield url


def test_the_models_and_the_migrations_agree(migrated: str) -> None:
    command.check(alembic_config())


@pytest.mark.parametrize("query", [CONSTRAINTS, INDEXES], ids=["constraints", "indexes"])
def test_constraints_and_indexes_are_the_models_own(
    server: str, migrated: str, query: str, request: pytest.FixtureRequest
) -> None:
    """Alembic does not compare check constraints, nor the conditions of indexes."""
    name = f"modelled_{request.node.callspec.id}"
    modelled = create_engine(_sqlalchemy_url(create_database(server, name)))
    Base.metadata.create_all(modelled)
    assert _rows(modelled, query) == _rows(create_engine(_sqlalchemy_url(migrated)), query)


def test_the_way_back_leaves_nothing(server: str, tmp_path: Path) -> None:
    url = create_database(server, "there_and_back")
    with adopted({"DATABASE_URL": url, "DATA_DIR": str(tmp_path)}):
        migrate()
        command.downgrade(alembic_config(), "base")
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        assert _rows(create_engine(_sqlalchemy_url(url)), tables) == {"alembic_version"}


def _sqlalchemy_url(url: str) -> str:
    return "postgresql+psycopg://" + url.partition("://")[2]


def _rows(engine: Engine, query: str) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(text(query)))
