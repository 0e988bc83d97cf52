"""Customers write: in bursts, some deliveries twice, late or in another order than written."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import requests

from connectors.sandbox.client import SandboxWorld
from tests.chaos.channels import CHANNELS
from tests.chaos.customers import Customer, Line
from tests.chaos.stage import open_sandbox

AT_ONCE = 8  # customers whose carriers post at the same moment
MOST_TRIES = 5
DUPLICATED = 0.2
SWAPPED = 0.2  # of two messages of one person, how often the second arrives first


@dataclass(frozen=True)
class Sent:
    """One message of a customer, as the harness saw it go."""

    customer: int
    channel: str
    id: str
    line: Line
    taken: bool


@dataclass
class Traffic:
    """`sent` in the order in which each customer's messages came to the door."""

    customers: Sequence[Customer]
    dice: Random
    sent: list[Sent] = field(default_factory=list)
    repeats: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._talking = [c for c in self.customers if c.lines]
        self._running: list[Future[None]] = []

    @property
    def over(self) -> bool:
        return not self._talking and self.at_rest

    @property
    def at_rest(self) -> bool:
        """Whether the last burst is through, so that another would not overtake it."""
        return all(f.done() for f in self._running)

    def burst(self, size: int) -> int:
        """So many customers write at once, one or two messages each; how many messages."""
        for done in self._running:
            done.result()
        chosen = self.dice.sample(self._talking, min(size, len(self._talking)))
        self._running = [self._pool.submit(self._repeat, old) for old in self._draw_old(size)]
        messages = 0
        for customer in chosen:
            channel = CHANNELS[customer.channel]
            count = min(self.dice.choice((1, 1, 1, 2)), len(customer.lines) - customer.sent)
            lines = customer.lines[customer.sent : customer.sent + count]
            posts = [(line, channel.name_message(self.dice), self._times()) for line in lines]
            if self.dice.random() < SWAPPED:
                posts.reverse()
            self._running.append(self._pool.submit(self._write, customer, posts))
            messages += count
            customer.sent += count
            if customer.sent == len(customer.lines):
                self._talking.remove(customer)
        return messages

    def close(self) -> None:
        self._pool.shutdown()
        for done in self._running:
            done.result()

    def _times(self) -> int:
        """Half of the duplicates come at once, the others late."""
        return self.dice.choice((2, 2, 3)) if self.dice.random() < DUPLICATED / 2 else 1

    def _draw_old(self, size: int) -> Sequence[Sent]:
        count = sum(self._times() > 1 for _ in range(size))
        return self.dice.sample(self.sent, min(len(self.sent), count))

    def _write(self, customer: Customer, posts: Sequence[tuple[Line, str, int]]) -> None:
        for line, name, times in posts:
            taken = self._post(customer, line, name, times)
            self.repeats += [name] * (times - 1)
            self.sent.append(Sent(customer.number, customer.channel, name, line, taken))

    def _repeat(self, old: Sent) -> None:
        """A late duplicate, perhaps of what was not taken then."""
        self._post(self.customers[old.customer - 1], old.line, old.id, 1)
        self.repeats.append(old.id)

    def _post(self, customer: Customer, line: Line, name: str, times: int) -> bool:
        channel = CHANNELS[customer.channel]
        for _ in range(MOST_TRIES):
            # A kept connection that the sandbox just closed, or a door that kept it too long:
            # the same message once more, which is only one more duplicate
            with suppress(requests.ConnectionError, requests.Timeout):
                return channel.post(self._sandbox(), customer, line.text, name, times)
        return False

    def _sandbox(self) -> SandboxWorld:
        if not hasattr(self._local, "sandbox"):
            self._local.sandbox = open_sandbox()
        sandbox: SandboxWorld = self._local.sandbox
        return sandbox
