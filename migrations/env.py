"""Alembic's entry: the models' metadata against the settings' database."""

from __future__ import annotations

from alembic import context

from bot.db import engine
from bot.models import Base


def run() -> None:
    with engine().connect() as connection:
        context.configure(
            connection=connection, target_metadata=Base.metadata, compare_server_default=True
        )
        with context.begin_transaction():
            context.run_migrations()


run()
