"""One worker process: `python -m bot.worker QUEUE…`. Long-lived, for forking per job is slow."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.worker import RoundRobinWorker

from bot.engines import open_engine
from bot.logs import log, set_up_logs
from bot.queue import QUEUES, queue, redis

MAINTENANCE = 30  # seconds until a dead worker's job is given back
HEARTBEAT = 30  # seconds at most between signs of life while there is nothing to do


class FairWorker(RoundRobinWorker, SimpleWorker):
    """Takes from its queues in turn: however many messages wait, chores are done too."""


def main(names: list[str]) -> None:
    """Work on these queues until told to stop. Raises SystemExit for one that is not ours."""
    if not names or set(names) - set(QUEUES):
        raise SystemExit(f"queues are {', '.join(QUEUES)}")
    set_up_logs("worker")
    importlib.import_module("bot.jobs")  # before the first customer waits for it
    open_engine("local")
    log().info("worker", queues=names)
    open_worker(names).work(logging_level="WARNING")


def open_worker(names: Sequence[str]) -> FairWorker:
    return FairWorker(
        [queue(name) for name in names],
        connection=redis(),
        serializer=JSONSerializer,
        maintenance_interval=MAINTENANCE,
        worker_ttl=HEARTBEAT + 15,
        log_job_description=False,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
