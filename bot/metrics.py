"""What is counted and timed. bot/exposition.py shows it, for all processes of this machine.

Each process adds to files of its own in DATA_DIR/metrics (prometheus_client's multiprocess
mode). Labels are few and bounded, and say nothing of anyone.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, MutableMapping, Sequence
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

from flask import Response, request

from bot.settings import settings
from bot.turn import INTENTS
from connectors.errors import ConnectorError
from connectors.registry import CONNECTORS


def folder() -> Path:
    """Of this machine alone: the files' names are process ids, and DATA_DIR may be shared."""
    return settings().data_dir.resolve() / "metrics" / socket.gethostname()


folder().mkdir(parents=True, exist_ok=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder())  # read by the library when it is imported

from prometheus_client import Counter, Histogram  # noqa: E402  # see above

KINDS = ("message", "status", "event")  # of connectors.channels.Receipt
REFUSALS = {204: "unknown event", 403: "forged", 404: "unknown", 413: "too large"}
# Of an adapter's methods those that ask nobody
LOCAL = ("verify", "prepare_move", "prepare_label", "price")
PEOPLE_WAIT = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 1800)  # seconds

deliveries = Counter(
    "coccinelle_deliveries", "Webhooks by what became of them", ["vendor", "kind", "outcome"]
)
turns = Counter("coccinelle_turns", "Turns by level and first intent", ["handled", "intent"])
turn_seconds = Histogram("coccinelle_turn_seconds", "From its beginning to its record")
sends = Counter("coccinelle_sends", "Attempts at handing a message over", ["channel", "outcome"])
answer_seconds = Histogram(
    "coccinelle_answer_seconds",
    "From a webhook to the answer at the carrier",
    ["channel"],
    buckets=PEOPLE_WAIT,
)
errors = Counter("coccinelle_errors", "Lines logged as errors", ["part", "event"])
vendor_seconds = Histogram(
    "coccinelle_vendor_seconds", "Calls to vendors", ["vendor", "operation", "outcome"]
)

model_answers = Counter(
    "coccinelle_model_answers", "Language models asked, by what came of it", ["purpose", "outcome"]
)


def count_delivery(vendor: str, kind: str, *, repeated: bool) -> None:
    """One that was verified and is kept."""
    outcome = "repeated" if repeated else "stored"
    deliveries.labels(_one_of(CONNECTORS, vendor), _one_of(KINDS, kind), outcome).inc()


def count_refusal(response: Response) -> Response:
    """`after_request` of the doors: one that is not kept."""
    if response.status_code != 200:
        broken = "refused for now" if response.status_code == 503 else "broke"
        vendor = _one_of(CONNECTORS, (request.view_args or {}).get("vendor", ""))
        deliveries.labels(vendor, "", REFUSALS.get(response.status_code, broken)).inc()
    return response


def count_turn(handled: str, intents: Sequence[str], took: timedelta) -> None:
    turns.labels(handled, _one_of(INTENTS, *intents[:1])).inc()
    turn_seconds.observe(took.total_seconds())


def count_send(channel: str, outcome: str, took: timedelta | None = None) -> None:
    """`took`: since the webhook that the message answers."""
    sends.labels(channel, outcome).inc()
    if took is not None:
        answer_seconds.labels(channel).observe(took.total_seconds())


def count_model_answer(purpose: str, outcome: str) -> None:
    """`outcome`: ok, why there was no use in it, or "rejected" by our own checks."""
    model_answers.labels(purpose, outcome).inc()


def count_errors(part: str) -> Callable[[Any, str, MutableMapping[str, Any]], Any]:
    """A structlog processor for that part's process. Our events are constants; of a library's
    lines, which are not, the library is counted."""

    def count(logger: Any, level: str, event: MutableMapping[str, Any]) -> Any:
        if level in {"error", "exception", "critical"}:
            record = event.get("_record")
            what = record.name.split(".")[0] if record else event["event"]
            errors.labels(part, what).inc()
        return event

    return count


class Timed:
    """An adapter whose calls are timed: what `vendor` takes to answer, and how it answers."""

    def __init__(self, vendor: str, adapter: Any) -> None:
        self._vendor, self._adapter = vendor, adapter

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if callable(found) and name not in LOCAL:
            found = _timed(self._vendor, name, found)
        self.__dict__[name] = found  # the next time it is at hand
        return found


def _timed(vendor: str, operation: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        outcome = "ok"
        try:
            return call(*args, **kwargs)
        except ConnectorError as error:
            outcome = type(error).__name__
            raise
        except BaseException:
            outcome = "broke"
            raise
        finally:
            took = time.perf_counter() - start
            vendor_seconds.labels(vendor, operation, outcome).observe(took)

    return timed


def _one_of(known: Any, value: str = "") -> str:
    """A label of a bounded set."""
    return value if value in known else "other"
