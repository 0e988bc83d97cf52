"""One worker process: `python -m bot.worker QUEUE…`. Long-lived, for forking per job is slow."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

from redis.client import Pipeline
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.worker import DequeueStrategy

from bot.engines import open_engine
from bot.logs import log, set_up_logs
from bot.queue import QUEUES, queue, redis

MAINTENANCE = 30  # seconds until a dead worker's job is given back
HEARTBEAT = 30  # seconds at most between signs of life while there is nothing to do


class Worker(SimpleWorker):
    """In this process, without forking for each job; and it outlives a Redis that comes back,
    with or without its data."""

    max_connection_wait_time = 5.0  # seconds at most between tries to reach it

    def heartbeat(
        self, timeout: int | None = None, pipeline: Pipeline[bytes] | None = None
    ) -> None:
        if not self.connection.exists(self.key):  # RQ registers once, then counts as dead
            self.register_birth()  # type: ignore[no-untyped-call]  # RQ left it without
        super().heartbeat(timeout, pipeline)


def main(names: list[str]) -> None:
    """Work on these queues until told to stop. Raises SystemExit for one that is not ours."""
    if not names or set(names) - set(QUEUES):
        raise SystemExit(f"queues are {', '.join(QUEUES)}")
    set_up_logs("worker")
    importlib.import_module("bot.jobs")  # before the first customer waits for it
    open_engine("local")
    log().info("worker", queues=names)
    work(names)


def work(names: Sequence[str], **options: Any) -> None:
    """Take from these queues in turn: however many messages wait, chores are done too. What
    may be said besides (`burst`, `max_jobs`) is RQ's."""
    worker = Worker(
        [queue(name) for name in names],
        connection=redis(),
        serializer=JSONSerializer,
        maintenance_interval=MAINTENANCE,
        worker_ttl=HEARTBEAT + 15,
        log_job_description=False,
    )
    turns = DequeueStrategy.ROUND_ROBIN
    worker.work(logging_level="WARNING", dequeue_strategy=turns, **options)


if __name__ == "__main__":
    main(sys.argv[1:])
