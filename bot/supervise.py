"""Keeps processes alive: `python -m bot.supervise [-n N] [--grace SECONDS] -- COMMAND...`

Starts N times COMMAND and starts again each one that ends, whatever ended it. SIGTERM, SIGINT and
SIGHUP are passed on once, as SIGTERM; what has not ended after the grace time is killed. When the
supervisor itself is killed, its children are too (Linux). Standard library only: it stays small.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # before starting again, doubled each time
STEADY = 10.0  # seconds of life after which the pause is the shortest again
GRACE = 4.0  # honcho kills after 5

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


def dying_with_parent(signum: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn`: the child receives `signum` when the thread that starts it dies, so start
    it from one that lives as long as the process. Without effect elsewhere than on Linux."""
    return partial(_die_with, os.getpid(), signum)


def _die_with(parent: int, signum: signal.Signals) -> None:
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies, so as to find them (Linux)."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@dataclass
class Child:
    """One of the N: a running process, or the time at which to start it again."""

    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    pause: float = SHORTEST_PAUSE

    def look_after(self) -> None:
        """Start it if it is due; if it has ended, say so and say when it starts again."""
        if self.process is None:
            if time.monotonic() >= self.due:
                self._start()
        elif (code := self.process.poll()) is not None:
            self._plan(self.process.pid, code)

    def _start(self) -> None:
        self.started = time.monotonic()
        # A session of its own: a signal to the supervisor's group (honcho, Ctrl-C) would reach
        # the child twice, and a second SIGTERM makes an RQ worker drop its job.
        self.process = subprocess.Popen(  # noqa: S603  # the command is the Procfile's
            self.command,
            start_new_session=True,
            preexec_fn=dying_with_parent(),  # noqa: PLW1509  # only calls prctl
        )

    def _plan(self, pid: int, code: int) -> None:
        now = time.monotonic()
        steady = now - self.started >= STEADY
        self.pause = SHORTEST_PAUSE if steady else self.pause
        self.process, self.due = None, now + self.pause
        how = signal.Signals(-code).name if code < 0 else f"code {code}"
        _say(f"{' '.join(self.command)} (pid {pid}) ended: {how}; again in {self.pause:.1f} s")
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


@dataclass
class Supervisor:
    children: Sequence[Child]
    grace: float = GRACE
    _stopping: bool = field(default=False, init=False)

    def run(self) -> None:
        """Look after the children until told to stop, then wait for their end."""
        for signum in STOP_SIGNALS:
            signal.signal(signum, self._stop)
        while not self._stopping:
            for child in self.children:
                child.look_after()
            time.sleep(0.1)
        end([child.process for child in self.children if child.process], self.grace)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self._stopping = True


def end(processes: Sequence[subprocess.Popen[bytes]], grace: float) -> None:
    """SIGTERM to all, then SIGKILL to what still lives after `grace` seconds in all."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            _say(f"pid {process.pid} does not end; killed")
            process.kill()
            process.wait()


def _say(text: str) -> None:
    sys.stderr.write(f"supervise: {text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bot.supervise")
    parser.add_argument("-n", type=int, default=1, help="how many of them")
    parser.add_argument("--grace", type=float, default=GRACE, help="seconds to end in")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    Supervisor([Child(options.command) for _ in range(options.n)], options.grace).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
