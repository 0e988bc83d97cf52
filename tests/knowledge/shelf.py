"""Two tenants and `flask knowledge` on their documents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result
from sqlalchemy import text

from bot.db import transaction
from bot.knowledge.commands import knowledge
from bot.models.tenants import tenant_by_slug


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
