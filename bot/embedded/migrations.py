"""Do the models say what the migrations make? `python -m bot.embedded.migrations`, in `make check`.

Asks Alembic on a PostgreSQL made for the question, and says each difference.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import click
from alembic import command
from alembic.util.exc import CommandError

from bot.db import alembic_config, engine, migrate
from bot.embedded import start_postgres
from bot.settings import settings


def check() -> None:
    """Raises alembic.util.exc.CommandError when a table and its migrations differ, or when there
    is more than one newest migration."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = start_postgres(Path(folder), fsync=False)
        try:
            os.environ["DATABASE_URL"] = postgres.url
            settings.cache_clear()
            engine.cache_clear()
            migrate()
            command.check(alembic_config())
            engine().dispose()
        finally:
            postgres.stop()


if __name__ == "__main__":
    try:
        check()
    except CommandError as difference:
        click.echo(str(difference), err=True)
        sys.exit(1)
