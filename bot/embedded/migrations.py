"""Do the models say what the migrations make? `python -m bot.embedded.migrations`, in `make check`.

Asks Alembic on a PostgreSQL made for the question, and says each difference. With words behind it
(`make migration NAME="Add x"`), writes the difference as the next migration of that name.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from bot.db import alembic_config, engine, migrate
from bot.embedded import start_postgres
from bot.settings import settings


def check() -> None:
    """Raises alembic.util.exc.CommandError when a table and its migrations differ, or when there
    is more than one newest migration."""
    with _migrated() as config:
        command.check(config)


def write(name: str) -> None:
    """Write what the models have beside the migrations as the next one."""
    with _migrated() as config:
        newest = ScriptDirectory.from_config(config).get_current_head() or "0000"
        command.revision(config, name, autogenerate=True, rev_id=f"{int(newest) + 1:04}")


@contextmanager
def _migrated() -> Iterator[Config]:
    """A database of its own, with all migrations done."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = start_postgres(Path(folder), fsync=False)
        try:
            os.environ["DATABASE_URL"] = postgres.url
            settings.cache_clear()
            engine.cache_clear()
            migrate()
            yield alembic_config()
            engine().dispose()
        finally:
            postgres.stop()


if __name__ == "__main__":
    try:
        write(sys.argv[1]) if len(sys.argv) > 1 else check()
    except CommandError as difference:
        click.echo(str(difference), err=True)
        sys.exit(1)
