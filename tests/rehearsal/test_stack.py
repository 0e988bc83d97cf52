"""A product beside any other: it ends with who started it, and its parts start again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from house import JULIE, House

from bot.embedded import CannotStart
from bot.settings import ROOT
from bot.stack import open_stack

OPEN = """\
import sys
from pathlib import Path
from bot.stack import PARTS, open_stack
with open_stack(Path(sys.argv[1]), workers=1) as stack:
    print(*(pid for part in PARTS for pid in stack.pids(part)), flush=True)
    sys.stdin.read()
"""
ENDING = 10.0  # seconds


def lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_a_killed_worker_starts_again_and_answers(house: House) -> None:
    stack = house.stack
    killed = stack.pids("worker")
    stack.kill("worker")
    stack.launch("worker")
    stack.wait_until_ready()
    assert not set(stack.pids("worker")) & set(killed)
    assert house.say(JULIE, "Bonjour")


def test_a_part_can_be_restarted(house: House) -> None:
    before = house.stack.pids("web")
    house.stack.restart("web")
    assert house.stack.pids("web") != before
    assert house.say(JULIE, "Bonjour")


def test_what_comes_in_while_workers_are_held_waits(house: House) -> None:
    with house.held():
        house.text(JULIE, "Bonjour")
        time.sleep(0.3)
        assert house.replies(JULIE) == []
    house.settle()
    assert len(house.replies(JULIE)) == 1


def test_it_all_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    opener = subprocess.Popen(
        [sys.executable, "-c", OPEN, str(tmp_path / "data")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert opener.stdout is not None
    pids = [int(pid) for pid in opener.stdout.readline().split()]
    servers = [child.pid for child in psutil.Process(opener.pid).children()]
    assert len(pids) == 4
    assert set(pids) < set(servers)
    os.kill(opener.pid, signal.SIGKILL)
    opener.wait()
    deadline = time.monotonic() + ENDING
    while (left := [pid for pid in servers if lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def test_what_does_not_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    stack = open_stack(tmp_path / "data", workers=1, lease_seconds=-1)
    with pytest.raises(CannotStart, match=r"does not start .*\.log\)") as refusal, stack:
        pass
    assert "Input should be greater than 0" in str(refusal.value)
