"""The database: one engine a process, one transaction a `with`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from bot.settings import ROOT, settings

if TYPE_CHECKING:
    from alembic.config import Config
    from psycopg.abc import PQGen

Waited = TypeVar("Waited")

# How long the database may leave a statement without an answer, in seconds; None: for ever
# (migrations). One that hangs closes nothing and refuses nothing.
patience: ContextVar[float | None] = ContextVar("patience", default=30)
AT_A_DOOR = 2.5
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
    event.listen(made, "do_connect", lambda _, __, args, more: Impatient.connect(*args, **more))
    return made


class Impatient(psycopg.Connection[Any]):
    """A connection that is closed, and says so, when the server does not answer."""

    def wait(
        self, gen: PQGen[Waited], interval: float = 0.1, timeout: float | None = None
    ) -> Waited:
        try:
            return super().wait(gen, interval, timeout or patience.get())
        except psycopg.OperationalError:
            if self.info.transaction_status == TransactionStatus.ACTIVE:  # still no answer
                self.pgconn.finish()
            raise


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
        usual = patience.set(2)
        try:
            made.dialect.do_ping(dbapi)
        except made.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # the pool opens another and asks no more
        finally:
            patience.reset(usual)


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

    usual = patience.set(None)
    try:
        command.upgrade(alembic_config(), "head")
    finally:
        patience.reset(usual)
