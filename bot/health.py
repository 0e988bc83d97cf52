"""How each part is, for load balancers and people: /healthz."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify
from redis import RedisError
from rq import Worker
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot import clock
from bot.db import engine
from bot.queue import redis

health = Blueprint("health", __name__)

HEARTBEAT = "coccinelle:clock"  # wall time of the clock process's last tick
FRESH = 15.0  # seconds a clock may be silent
WORKER_FRESH = 150.0  # seconds a worker may be: it is at most one job (120 s) from its heart


@health.get("/healthz")
def tell_health() -> Response:
    """Each part as "ok" or what is wrong; 503 when one is not well."""
    parts = {name: check() for name, check in CHECKS.items()}
    answer = jsonify(parts)
    answer.status_code = 200 if set(parts.values()) == {"ok"} else 503
    return answer


def beat() -> None:
    """The clock process is alive. Raises redis.RedisError."""
    redis().set(HEARTBEAT, clock.wall().timestamp())


def _database() -> str:
    try:
        with engine().connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "unreachable"
    return "ok"


def _redis() -> str:
    try:
        redis().ping()
    except RedisError:
        return "unreachable"
    return "ok"


def _workers() -> str:
    now = clock.wall().replace(tzinfo=None)
    try:
        found = Worker.all(connection=redis())
    except RedisError:
        return "unknown"
    beats = [w.last_heartbeat.replace(tzinfo=None) for w in found if w.last_heartbeat]
    alive = [beat for beat in beats if (now - beat).total_seconds() < WORKER_FRESH]
    return "ok" if alive else "none"


def _clock() -> str:
    try:
        beat_at = redis().get(HEARTBEAT)
    except RedisError:
        return "unknown"
    if beat_at is None or clock.wall().timestamp() - float(beat_at) > FRESH:
        return "silent"
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "workers": _workers,
    "clock": _clock,
}
