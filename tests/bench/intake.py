"""Signed webhooks of each channel stored and queued, beside a floor measured in the same run."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from sqlalchemy import text

from bot.stack import Stack, adopted, open_stack
from tests.bench.figures import Figure, percentile, say
from tests.bench.load import Run, post_all, sign_mail, sign_sms, sign_whatsapp

Sign = Callable[[str, int], bytes]

REQUESTS = 2000  # a round
ROUNDS = 3


def measure() -> list[Figure]:
    say("intake: starting a stack and its floor")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_stack(
            Path(folder), workers=1, demo=False, fsync=True, web_workers=2, web_threads=2,
        ) as stack,
        adopted(stack.env),
    ):  # fmt: skip
        from bot.db import engine
        from bot.demo import load_demo

        load_demo()
        with engine().begin() as connection:
            connection.execute(
                text("CREATE TABLE floor (id bigserial PRIMARY KEY, sid text UNIQUE, body text)")
            )
        with _paused(stack.pids("worker") + stack.pids("clock")), _floor(stack) as floor_url:
            doors = f"{stack.url}/webhooks"
            twilio, mail = f"{doors}/twilio/elegance-paris", f"{doors}/resend/elegance-paris"
            return [
                _compare("sms", sign_sms, twilio, floor_url),
                _compare("whatsapp", sign_whatsapp, twilio, floor_url),
                _compare("email", sign_mail, mail, f"{floor_url}/mail"),
            ]


def _compare(channel: str, sign: Sign, door: str, floor_url: str) -> Figure:
    """The two in turn, so that both see the same machine; medians of the rounds."""
    rates: dict[str, list[float]] = {"door": [], "floor": []}
    latencies: list[float] = []
    for number in range(ROUNDS + 1):
        for name, url in (("floor", floor_url), ("door", door)):
            run = _round(sign, url, number)
            if number:  # the first round warms up
                rates[name].append(run.rate)
                latencies += run.latencies if name == "door" else []
                say(f"intake: {channel}, {name} {run.rate:.0f} requests/s")
    value, floor = (statistics.median(rates[name]) for name in ("door", "floor"))
    return Figure(
        f"intake-{channel}",
        value,
        "requests/s",
        p50_ms=percentile(latencies, 0.5) * 1000,
        p99_ms=percentile(latencies, 0.99) * 1000,
        floor=floor,
        ratio=value / floor,
    )


def _round(sign: Sign, url: str, number: int) -> Run:
    signed = [sign(url, number * REQUESTS + n) for n in range(REQUESTS)]
    run = post_all(url, signed)
    assert run.statuses == {200: REQUESTS}, run.statuses
    return run


@contextmanager
def _paused(pids: list[int]) -> Iterator[None]:
    """Only the door is measured: nobody takes what it stores meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def _floor(stack: Stack) -> Iterator[str]:
    """The floor under the same gunicorn settings, on a port of its own."""
    port = int(stack.env["PORT"]) + 1
    url = f"http://127.0.0.1:{port}"
    env = dict(os.environ) | dict(stack.env) | {"PORT": str(port), "PUBLIC_URL": url}
    command = [sys.executable, "-m", "gunicorn", "tests.bench.floor:app"]
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                requests.get(url, timeout=1)
                break
            except requests.RequestException:
                time.sleep(0.05)
        yield f"{url}/floor"
    finally:
        process.terminate()
        process.wait()
