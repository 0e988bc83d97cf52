"""A real PostgreSQL with two tenants, and `flask knowledge` on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from bot import clock
from bot.db import engine, migrate, transaction
from bot.embedded import start_postgres
from bot.knowledge.commands import knowledge
from bot.models.tenants import Tenant, tenant_by_slug
from bot.stack import adopted


@dataclass(frozen=True)
class Shelf:
    """Two tenants, "ici" and "ailleurs", without documents at first."""

    folder: Path

    def run(self, *arguments: str) -> Result:
        """`flask knowledge …`"""
        return CliRunner().invoke(knowledge, list(arguments), catch_exceptions=False)

    def write(self, name: str, content: str | bytes) -> str:
        """A file of the folder; its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def add(self, name: str, content: str | bytes, tenant: str = "ici") -> str:
        """Write a file and import it, which must go well; its source."""
        source = self.write(name, content)
        done = self.run("add", tenant, source)
        assert done.exit_code == 0, done.output
        return source

    def id_of(self, slug: str) -> int:
        with transaction() as db:
            tenant = tenant_by_slug(db, slug)
        assert tenant is not None
        return tenant.id

    def passages(self, slug: str = "ici") -> list[tuple[str, str]]:
        """Title and text of each, in order."""
        query = text(
            """SELECT p.title, p.text FROM passages p JOIN documents d ON d.id = p.document_id
            WHERE p.tenant_id = :tenant ORDER BY d.source, p.position"""
        )
        with transaction() as db:
            return [tuple(row) for row in db.execute(query, {"tenant": self.id_of(slug)})]


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
