"""The supervisor, as the Procfile starts it: a process of its own with real children."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from bot.settings import ROOT

# Notes its pid, and each SIGTERM, of which it takes its time to end.
PATIENT = """
import os, signal, sys, time
from pathlib import Path
notes = Path(sys.argv[1])
stop = []
def note(signum, frame):
    stop.append(signum)
    (notes / f"{os.getpid()}.{len(stop)}.told").touch()
signal.signal(signal.SIGTERM, note)
(notes / f"{os.getpid()}.born").touch()
while not stop:
    time.sleep(0.02)
time.sleep(0.3)
(notes / f"{os.getpid()}.done").touch()
"""
DEAF = PATIENT.replace("while not stop", "while True")
HASTY = PATIENT.replace("while not stop:\n    time.sleep(0.02)\ntime.sleep(0.3)", "sys.exit(3)")


@contextmanager
def supervising(
    code: str, notes: Path, *options: str
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A supervisor of `code`, in a group of its own as honcho starts it."""
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "bot.supervise", *options, "--", sys.executable, "-c", code, notes],
        cwd=ROOT,
        start_new_session=True,
        stderr=(notes / "stderr").open("wb"),
    )
    try:
        yield supervisor, notes
    finally:
        supervisor.kill()
        supervisor.wait(5)


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def born(notes: Path) -> set[int]:
    return {int(note.stem) for note in notes.glob("*.born")}


def test_a_killed_child_is_started_again_and_the_others_left_alone(tmp_path: Path) -> None:
    with supervising(PATIENT, tmp_path, "-n", "2") as (_, notes):
        until(lambda: len(born(notes)) == 2)
        killed, spared = born(notes)
        psutil.Process(killed).kill()
        until(lambda: len(born(notes)) == 3)
        assert lives(spared)
        assert "SIGKILL; again in 0.2 s" in (notes / "stderr").read_text()


def test_a_killed_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    with supervising(DEAF, tmp_path, "-n", "2") as (supervisor, notes):
        until(lambda: len(born(notes)) == 2)
        supervisor.kill()
        until(lambda: not any(lives(pid) for pid in born(notes)))


def test_a_stop_reaches_each_child_once_and_is_waited_for(tmp_path: Path) -> None:
    with supervising(PATIENT, tmp_path, "-n", "2") as (supervisor, notes):
        until(lambda: len(born(notes)) == 2)
        # honcho tells the whole group, and again when it is told again
        os.killpg(supervisor.pid, signal.SIGTERM)
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(5) == 0
        assert len(list(notes.glob("*.done"))) == 2
        assert len(list(notes.glob("*.told"))) == 2


def test_a_child_that_does_not_end_is_killed_after_the_grace(tmp_path: Path) -> None:
    with supervising(DEAF, tmp_path, "--grace", "0.3") as (supervisor, notes):
        until(lambda: len(born(notes)) == 1)
        supervisor.terminate()
        assert supervisor.wait(3) == 0
        assert not lives(born(notes).pop())


def test_a_child_that_ends_at_once_is_started_with_growing_pauses(tmp_path: Path) -> None:
    with supervising(HASTY, tmp_path) as (_, notes):
        until(lambda: len(born(notes)) == 3)
        pauses = re.findall(r"code 3; again in (\S+) s", (notes / "stderr").read_text())
        assert pauses[:2] == ["0.2", "0.4"]
