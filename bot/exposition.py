"""/metrics, for Prometheus: what all processes of this machine count, and how long what waits
has waited. Not public."""

from __future__ import annotations

import fcntl
import hmac
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager

from bot.metrics import folder  # tells the library where, before it is imported

# isort: split
import psutil
from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from bot import clock
from bot.db import transaction
from bot.due import waiting_since
from bot.settings import settings

exposition = Blueprint("exposition", __name__)

ENDED = 0  # the process id under which ended processes' counts are kept: nobody's


@exposition.get("/metrics")
def tell_metrics() -> Response:
    """Prometheus's text; 404 for whoever may not read it."""
    if not _may_read():
        abort(404)
    registry = CollectorRegistry()
    registry.register(Waiting())
    with _alone():
        gather_ended()
        MultiProcessCollector(registry, str(folder()))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read() -> bool:
    """By the token; without one only who is on this machine, and no proxy for another."""
    if token := settings().metrics_token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    forwarded = [name for name, _ in request.headers if "forwarded" in name.lower()]
    if settings().proxies or forwarded or not request.remote_addr:
        return False
    return ipaddress.ip_address(request.remote_addr).is_loopback


class Waiting(Collector):
    """Ages, asked of the database when they are wanted; none while it is away."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        oldest = GaugeMetricFamily(
            "coccinelle_oldest_waiting_seconds", "How long the oldest has waited", labels=["what"]
        )
        try:
            with transaction() as db:
                now = clock.now()
                for what, since in waiting_since(db).items():
                    age = (now - since).total_seconds() if since else 0.0
                    oldest.add_metric([what], max(age, 0.0))
        except SQLAlchemyError:
            return
        yield oldest


def gather_ended() -> None:
    """Add the counts of processes that have ended to those of ENDED and remove their files, so
    that sums stay and files do not gather."""
    for file in folder().glob("*.db"):
        kind, _, pid = file.stem.rpartition("_")
        if int(pid) == ENDED or psutil.pid_exists(int(pid)):
            continue
        kept = MmapedDict(str(folder() / f"{kind}_{ENDED}.db"))
        if file.stat().st_size:  # a process may die between making its file and its first count
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):
                before, _ = kept.read_value(key)
                kept.write_value(key, before + value, 0.0)
        kept.close()
        file.unlink()


@contextmanager
def _alone() -> Iterator[None]:
    """While it gathers, another reader would count twice."""
    with (folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
