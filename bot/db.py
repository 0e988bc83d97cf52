"""The database: one engine a process, one transaction a `with`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

from bot.settings import ROOT, settings

if TYPE_CHECKING:
    from alembic.config import Config


@lru_cache
def engine() -> Engine:
    """Made on first use, so that each forked process has its own connections."""
    return create_engine(
        settings().database,
        pool_size=5,
        max_overflow=5,
        pool_timeout=2,  # a door answers within 5 s, with 503 if it must
        pool_pre_ping=True,
        connect_args={"connect_timeout": 2, "options": "-c timezone=UTC -c lock_timeout=10000"},
    )


class _Transaction(Session):
    """A session that keeps what it has loaded: SQLAlchemy's own lets go of it with its last
    user, and would read the same row again and again within one transaction."""


@event.listens_for(_Transaction, "loaded_as_persistent")
def _keep(db: Session, loaded: object) -> None:
    db.info.setdefault("kept", []).append(loaded)


@contextmanager
def transaction() -> Iterator[Session]:
    """A session that commits at the end of the block and rolls back on an error. A row read
    twice in it by its id is read once."""
    with _Transaction(engine(), expire_on_commit=False) as db, db.begin():
        yield db


def alembic_config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  # no running process needs Alembic

    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config


def migrate() -> None:
    """Bring the database to the newest migration."""
    from alembic import command  # noqa: PLC0415  # see above

    command.upgrade(alembic_config(), "head")
