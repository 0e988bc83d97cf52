"""The database: one engine a process, one transaction a `with`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from bot.settings import ROOT, settings

if TYPE_CHECKING:
    from alembic.config import Config

RESTED = 0.2  # seconds of rest that a connection survives for sure: no server restarts in less


@lru_cache
def engine() -> Engine:
    """Made on first use, so that each forked process has its own connections. A door answers
    within 5 s, with 503 if it must: no wait is longer, also where one follows another (for a
    connection and then for a lock; for a machine that vanished and then for a new connection)."""
    made = create_engine(
        settings().database,
        pool_size=5,
        max_overflow=5,
        pool_timeout=2,
        connect_args={
            "connect_timeout": 2,
            "options": "-c timezone=UTC -c lock_timeout=2000",
            # A machine that vanished, and closed nothing (milliseconds, then seconds)
            "tcp_user_timeout": 2500,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
        },
    )
    _ask_after_a_rest(made)
    return made


def _ask_after_a_rest(made: Engine) -> None:
    """Whether the server is still there is asked of connections that have rested (SQLAlchemy's
    own `pool_pre_ping` asks each time, which is a tenth of a short transaction)."""

    @event.listens_for(made, "checkin")
    def _note(dbapi: Any, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(made, "checkout")
    def _ask(dbapi: Any, record: ConnectionPoolEntry, proxy: object) -> None:
        rested = time.monotonic() - record.info.get("used_at", time.monotonic())
        if rested < RESTED:
            return
        try:
            made.dialect.do_ping(dbapi)
        except made.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # the pool opens another and asks no more


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


@contextmanager
def alone() -> Iterator[Connection]:
    """A connection for one statement that is a transaction by itself: nothing is sent before or
    after it."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


def alembic_config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  # no running process needs Alembic

    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config


def migrate() -> None:
    """Bring the database to the newest migration."""
    from alembic import command  # noqa: PLC0415  # see above

    command.upgrade(alembic_config(), "head")
