"""From the webhook's arrival to the call to the carrier, one customer at a time."""

from __future__ import annotations

import tempfile
import time
from datetime import datetime
from pathlib import Path

import requests

from bot.stack import adopted, open_stack
from connectors.sandbox.client import SandboxWorld
from tests.bench.figures import Figure, percentile, say
from tests.bench.load import sign_sms

TURNS = 200
WARM_UP = 10


def measure() -> list[Figure]:
    say("turn: starting a stack")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_stack(
            Path(folder), workers=2, demo=False, fsync=True, settling_seconds=0,
            web_workers=2, web_threads=2,
        ) as stack,
        adopted(stack.env),
    ):  # fmt: skip
        from bot.demo import load_demo

        load_demo()
        sandbox = SandboxWorld(stack.sandbox_url, "demo")
        sandbox.set_stock({"RF-2847-38": 10 * TURNS})
        door = f"{stack.url}/webhooks/twilio/elegance-paris"
        posted = {}
        for number in range(TURNS + WARM_UP):
            posted[f"+336{number:08}"] = post(door, number)
            _wait_for(sandbox, number + 1)
        taken = [
            _seconds(message["at"]) - posted[message["to"]]
            for message in _sent(sandbox)
            if int(message["to"][4:]) >= WARM_UP
        ]
    assert len(taken) == TURNS
    p50, p99 = percentile(taken, 0.5) * 1000, percentile(taken, 0.99) * 1000
    return [Figure("turn", p50, "ms", p50_ms=p50, p99_ms=p99)]


def post(door: str, number: int) -> float:
    """Post one signed SMS; when it left (wall time)."""
    head, body = sign_sms(door, number).split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")[1:]
    headers = dict(line.split(": ", 1) for line in lines)
    start = time.time()
    requests.post(door, data=body, headers=headers, timeout=10).raise_for_status()
    return start


def _wait_for(sandbox: SandboxWorld, count: int) -> None:
    for _ in range(1000):
        if len(_sent(sandbox)) >= count:
            return
        time.sleep(0.02)
    raise TimeoutError(f"the carrier has not got {count} messages")


def _sent(sandbox: SandboxWorld) -> list[dict[str, str]]:
    messages = sandbox.state()["messages"]
    found = messages.values() if isinstance(messages, dict) else messages
    return [m for m in found if m["direction"].startswith("outbound")]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
