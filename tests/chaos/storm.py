"""What goes wrong: planned by the seed, done in the main thread (which parents processes)."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psutil

from bot.stack import Stack
from connectors.sandbox.client import SandboxWorld

KEPT = ("web", "worker", "clock")
PAUSE = 0.5  # seconds between two starts of a part
LATE = 3000  # ms: past the timeout in stage.SETTINGS

# What vendors do: system, failure, operation (None: whatever is asked)
FAILURES: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("twilio", {"mode": "down"}),
    ("twilio", {"mode": "throttled"}),
    ("twilio", {"mode": "slow", "ms": 700}),
    ("twilio", {"mode": "timeout_after", "operation": "messages.create", "times": 3}),
    ("twilio", {"mode": "timeout_after", "ms": LATE, "operation": "messages.create", "times": 3}),
    ("shopify", {"mode": "down"}),
    ("shopify", {"mode": "throttled"}),
    ("shopify", {"mode": "slow", "ms": 700}),
    ("shopify", {"mode": "timeout_after", "operation": "inventoryMoveQuantities", "times": 3}),
    (
        "shopify",
        {"mode": "timeout_after", "ms": LATE, "operation": "inventoryMoveQuantities", "times": 3},
    ),
    ("shopify", {"mode": "failed_attempt", "operation": "inventoryMoveQuantities", "times": 3}),
    ("hubspot", {"mode": "down"}),
    ("hubspot", {"mode": "slow", "ms": 700}),
    ("resend", {"mode": "down"}),
    ("resend", {"mode": "slow", "ms": 700}),
    ("resend", {"mode": "timeout_after", "operation": "emails.send", "times": 2}),
    ("resend", {"mode": "timeout_after", "ms": LATE, "operation": "emails.send", "times": 2}),
    ("resend", {"mode": "failed_attempt", "times": 2}),
)
# How often each is drawn
WEIGHTS: Mapping[str, int] = {
    "worker": 5,
    "all workers": 2,
    "web": 2,
    "web child": 2,
    "clock": 2,
    "redis": 2,
    "postgres": 1,
    "postgres crash": 1,
    "vendor": 9,
}


@dataclass(frozen=True)
class Blow:
    """`at` seconds after the start something dies or fails, `lasts` seconds long."""

    at: float
    what: str
    lasts: float
    failure: tuple[str, Mapping[str, Any]] | None = None


def plan(seconds: float, every: float, kinds: Sequence[str], dice: Random) -> list[Blow]:
    """Each kind at least once if there is room, in an order of the seed's."""
    count = max(int(seconds / every), 1)
    bag = list(kinds)
    bag += dice.choices(kinds, [WEIGHTS[kind] for kind in kinds], k=max(count - len(bag), 0))
    dice.shuffle(bag)
    blows = []
    for n, what in enumerate(bag[:count]):
        at = (n + dice.uniform(0.2, 0.8)) * seconds / count
        failure = dice.choice(FAILURES) if what == "vendor" else None
        lasts = dice.uniform(1.5, 6.0) if failure else dice.uniform(0.2, 2.0)
        blows.append(Blow(at, what, lasts, failure))
    return blows


@dataclass
class Storm:
    """Call `blow` often from the main thread: it does what is due, and restarts what has
    died, as a supervisor would."""

    stack: Stack
    sandbox: SandboxWorld
    blows: list[Blow]
    done: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)  # by themselves
    say: Callable[[str], object] = sys.stderr.write

    def __post_init__(self) -> None:
        self._start = time.monotonic()
        self._back: list[tuple[float, Callable[[], object]]] = []
        self._down: Counter[str] = Counter()
        self._launched: dict[str, float] = {}
        self._struck: set[int] = set()

    def blow(self) -> None:
        now = time.monotonic() - self._start
        due = [back for at, back in self._back if at <= now]
        self._back = [(at, back) for at, back in self._back if at > now]
        for back in due:
            back()
        while self.blows and self.blows[0].at <= now:
            self._strike(self.blows.pop(0), now)
        self._keep()

    def calm(self) -> None:
        """Everything works again."""
        self.blows.clear()
        for _, back in self._back:
            back()
        self._back.clear()
        for system in ("twilio", "shopify", "hubspot", "resend"):
            self.sandbox.heal(system)
        self._keep()

    def _strike(self, blow: Blow, now: float) -> None:
        what = blow.what
        if blow.failure:
            system, failure = blow.failure
            what = f"{system} {failure['mode']}"
            self.sandbox.fail(system, **failure)
            self._back.append((now + blow.lasts, lambda: self.sandbox.heal(system)))
        elif what == "redis":
            self._kill_server("redis", now, blow.lasts, crash=True)
        elif what.startswith("postgres"):
            self._kill_server("postgres", now, blow.lasts, crash=what != "postgres")
        else:
            self._kill_process(what, now, blow.lasts)
        self.done[what] += 1
        self.say(f"{now:6.1f} s  {what} ({blow.lasts:.1f} s)\n")

    def _kill_process(self, what: str, now: float, lasts: float) -> None:
        part = {"all workers": "worker", "web child": "web"}.get(what, what)
        alive = [p for p in self.stack.processes[part] if p.poll() is None]
        if what == "web child":  # its master starts another
            for child in [c for p in alive for c in psutil.Process(p.pid).children()]:
                child.kill()
            return
        for process in alive if what == "all workers" else alive[:1]:
            self._struck.add(process.pid)
            process.kill()
            process.wait()
        self._keep_down(part, now, lasts)

    def _kill_server(self, name: str, now: float, lasts: float, *, crash: bool) -> None:
        server = self.stack.servers[name]
        if crash or server.process is None:
            server.kill()
        else:  # as an administrator restarts it: connections are closed, nothing is lost
            server.process.send_signal(signal.SIGINT)
            server.process.wait(30)
        self._back.append((now + lasts, server.revive))

    def _keep_down(self, part: str, now: float, lasts: float) -> None:
        self._down[part] += 1

        def back() -> None:
            self._down[part] -= 1

        self._back.append((now + lasts, back))

    def _keep(self) -> None:
        for part in KEPT:
            ended = [p.pid for p in self.stack.processes[part] if p.poll() is not None]
            steady = time.monotonic() - self._launched.get(part, 0) > PAUSE
            if ended and steady and not self._down[part]:
                self.killed[part] += len(self._struck.intersection(ended))
                self.ended[part] += len(set(ended) - self._struck)
                self.stack.launch(part)
                self._launched[part] = time.monotonic()
