"""The clock process: `python -m scheduler`. Several may run; one ticks, the others stand by."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler
from redis import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from bot.clock import wall
from bot.db import engine
from bot.health import beat
from bot.logs import log, set_up_logs
from bot.settings import settings
from scheduler.ticks import table
from scheduler.travel import travel

LOCK = 0x0C0CC1  # the advisory lock that elects one clock
STAND_BY = 1.0  # seconds between tries to become the one that ticks


def main() -> None:
    """Tick while elected. Ends when the database is lost: whoever gets the lock next ticks,
    and the supervisor starts this process again."""
    set_up_logs("clock")
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not _elected(connection):
            time.sleep(STAND_BY)
        log().info("clock elected")
        scheduler = _start()
        try:
            while True:
                connection.execute(text("SELECT 1"))  # still connected, so still elected
                if settings().demo:
                    travel()
                    time.sleep(0.05)
                else:
                    time.sleep(STAND_BY)
        finally:
            scheduler.shutdown(wait=False)


def _elected(connection: Connection) -> bool:
    return bool(connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}))


def _start() -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for tick in table():
        first = {"next_run_time": wall()} if tick.at_start else {}
        scheduler.add_job(_guarded(tick.name, tick.run), "interval", seconds=tick.seconds, **first)
    _guarded("heartbeat", beat)()  # whoever waits for the clock need not wait for a first tick
    scheduler.start()
    return scheduler


def _guarded(name: str, run: Callable[[], None]) -> Callable[[], None]:
    """Redis or the database may be away for a while: the next tick tries again."""

    def tick() -> None:
        try:
            run()
        except (RedisError, SQLAlchemyError) as error:
            log().warning("tick failed", tick=name, error=type(error).__name__)

    return tick


if __name__ == "__main__":
    threading.current_thread().name = "clock"
    main()
