"""Failures on order: what a system does wrong, until it is told to stop.

| mode | what happens |
| --- | --- |
| down | 503, nothing is done |
| slow | done and answered, after `ms` |
| throttled | turned away, in the vendor's own way |
| unauthorized | 401 |
| timeout_after | done; then answered after `ms`, or without `ms` the connection is closed |
| failed_attempt | Shopify: 500, and the request's key is spent; Resend: 500, nothing is done |
| any of MODEL_MODES | a language model misbehaves: openai.py tells how |
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from connectors.sandbox.documents import BadDocument, State
from connectors.sandbox.worlds import SYSTEMS, World

MODEL_MODES = frozenset(
    "over_quota refusal truncated invalid_json wrong_schema invents obeys leaks".split()
)
MODES = MODEL_MODES | frozenset(
    {"down", "slow", "throttled", "unauthorized", "timeout_after", "failed_attempt"}
)


@dataclass(frozen=True)
class Failure:
    """`times` None: until told otherwise. `operation` None: whatever is asked."""

    mode: str
    ms: int = 0
    times: int | None = None
    operation: str | None = None


def order_failure(world: World, system: str, document: Mapping[str, Any]) -> State:
    """Raises BadDocument."""
    if system not in SYSTEMS:
        raise BadDocument(f"there is no system {system!r}")
    if document.get("mode") not in MODES:
        raise BadDocument(f"mode: expected one of {', '.join(sorted(MODES))}")
    if unknown := sorted(set(document) - {"mode", "ms", "times", "operation"}):
        raise BadDocument(f"failure: unknown {', '.join(unknown)}")
    times = document.get("times")
    failure = {
        "mode": document["mode"],
        "ms": int(document.get("ms") or 0),
        "times": None if times is None else int(times),
        "operation": document.get("operation"),
    }
    with world.lock:
        world.state["failures"][system] = failure
        world.touch()
    return failure


def stop_failure(world: World, system: str) -> None:
    with world.lock:
        world.state["failures"].pop(system, None)
        world.touch()


def take_failure(world: World, system: str, operation: str) -> Failure | None:
    """What goes wrong with this request, counted."""
    with world.lock:
        found = world.state["failures"].get(system)
        if found is None or found["operation"] not in {None, operation}:
            return None
        if found["times"] is not None:
            found["times"] -= 1
            if found["times"] <= 0:
                del world.state["failures"][system]
        world.touch()
        return Failure(**found)


def play(
    world: World,
    system: str,
    operation: str,
    act: Callable[[Failure | None], Response],
    refusals: Mapping[str, Callable[[], Response]],
) -> Response:
    """Answer one request: `act` does it, `refusals` are the answers of the vendor by mode.

    `act` gets the failure so that it can be slow or fail at the right moment inside.
    """
    world.count(system, operation)
    failure = take_failure(world, system, operation)
    if failure is None:
        return act(None)
    if failure.mode in refusals:
        return refusals[failure.mode]()
    if failure.mode != "timeout_after":
        return act(failure)
    answer = act(failure)
    if not failure.ms:
        _hang_up()
    time.sleep(failure.ms / 1000)
    return answer


def pause_if_slow(failure: Failure | None) -> None:
    if failure is not None and failure.mode == "slow":
        time.sleep(failure.ms / 1000)


def _hang_up() -> None:
    """Close the connection without an answer (gunicorn and Werkzeug give their socket)."""
    for name in ("gunicorn.socket", "werkzeug.socket"):
        connection = request.environ.get(name)
        if isinstance(connection, socket.socket):
            connection.shutdown(socket.SHUT_RDWR)
