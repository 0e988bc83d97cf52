"""The commands: `flask NAME`."""

from __future__ import annotations

import click
from flask import Flask

from bot.db import migrate
from bot.demo import load_demo
from bot.export import conversations
from bot.knowledge.commands import knowledge
from bot.rehearsal.commands import day, rehearse
from bot.settings import settings
from bot.understanding.commands import evaluate, train


@click.command("demo")
def demo() -> None:
    """Load the demo's tenants (what is not there yet)."""
    if not settings().demo:
        raise click.ClickException("without DEMO=1 nobody gets users whose password all know")
    load_demo()


@click.command("migrate")
def migrate_database() -> None:
    """Bring the database to the newest migration."""
    migrate()


def register(app: Flask) -> None:
    for each in (demo, migrate_database, conversations, knowledge, evaluate, train, rehearse, day):
        app.cli.add_command(each)
