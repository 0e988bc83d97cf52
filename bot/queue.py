"""The queue: doorbells for the workers. Jobs are named as strings, so that what rings need
not import what answers."""

from __future__ import annotations

from functools import lru_cache

from redis import Redis, RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from bot.logs import log
from bot.settings import settings

MESSAGES = "messages"  # customers wait for these
CHORES = "chores"  # what falls due
QUEUES = (MESSAGES, CHORES)

JOB_TIMEOUT = 120  # seconds
FORGET_FAILED = 86_400  # seconds
SELDOM = 600  # seconds that a bell rung now and then waits at most


@lru_cache
def redis() -> Redis[bytes]:
    return Redis.from_url(settings().redis, socket_timeout=5, socket_connect_timeout=3)


@lru_cache
def queue(name: str) -> Queue:
    return Queue(name, connection=redis(), serializer=JSONSerializer, default_timeout=JOB_TIMEOUT)


def ring() -> None:
    """Let a worker take what waits, once that is committed."""
    try:
        _ring(MESSAGES, "bot.jobs.answer")
    except RedisError as error:
        log().warning("bell is broken, the sweep will find it", error=type(error).__name__)


def ring_chores() -> None:
    """Let a worker do what fell due. Raises redis.RedisError."""
    _ring(CHORES, "bot.jobs.do_chores")


def ring_housekeeping() -> None:
    """Let a worker do what is done every hour. Raises redis.RedisError."""
    _ring_seldom("bot.jobs.keep_house")


def ring_for_missed() -> None:
    """Let a worker ask the carriers what the door missed. Raises redis.RedisError."""
    _ring_seldom("bot.jobs.look_for_missed")


def is_idle() -> bool:
    """Whether no job waits. Raises redis.RedisError.

    A job that runs shows in the rows that it works on; the queue's own record of running
    jobs outlives a killed worker for minutes.
    """
    return all(queue(name).is_empty() for name in QUEUES)


def _ring(name: str, job: str) -> None:
    # A doorbell that still waits is answered after now, so it will find what we just
    # committed: more than one for each worker would only be work.
    if redis().llen(queue(name).key) < settings().workers:
        queue(name).enqueue(job, result_ttl=0, failure_ttl=FORGET_FAILED)


def _ring_seldom(job: str) -> None:
    # Whatever else waits: other bells do not answer for this one. It lapses, so that they do
    # not pile up where nobody works.
    queue(CHORES).enqueue(job, result_ttl=0, ttl=SELDOM, failure_ttl=FORGET_FAILED)
