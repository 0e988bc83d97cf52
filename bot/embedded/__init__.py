"""PostgreSQL and Redis of our own, for machines that have none: nothing to install or configure.

    with embedded_servers(folder) as servers:
        servers.database_url, servers.redis_url

Any number at once, each on its own data folder; starting twice on one folder raises CannotStart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.embedded.lock import CannotStart
from bot.embedded.postgres import create_database, drop_database, start_postgres
from bot.embedded.redis import start_redis
from bot.embedded.server import Server

__all__ = [
    "CannotStart",
    "Server",
    "Servers",
    "create_database",
    "drop_database",
    "embedded_servers",
    "start_postgres",
    "start_redis",
]


@dataclass(frozen=True)
class Servers:
    database_url: str
    redis_url: str


@contextmanager
def embedded_servers(data_dir: Path, *, fsync: bool = True) -> Iterator[Servers]:
    """Both servers on `data_dir`, stopped at the end of the block. Raises CannotStart."""
    postgres = start_postgres(data_dir, fsync=fsync)
    try:
        redis = start_redis(data_dir)
        try:
            yield Servers(postgres.url, redis.url)
        finally:
            redis.stop()
    finally:
        postgres.stop()
