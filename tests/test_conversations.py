"""The written conversations, each a test: what a shop owner wants of the assistant."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.rehearsal.player import play
from bot.rehearsal.reading import Written, read_paths
from bot.rehearsal.report import tell
from bot.settings import ROOT
from bot.stack import Stack, adopted

CONVERSATIONS = ROOT / "tests" / "conversations"


def name(written: Written) -> str:
    return f"{written.path.stem}: {written.rehearsal.name}"


@pytest.mark.parametrize("written", read_paths([CONVERSATIONS]), ids=name)
def test_a_written_conversation_goes_as_written(written: Written, stack: Stack) -> None:
    with adopted(stack.env):
        result = play(written)
    assert result.passed, f"\n{tell(result)}"


def test_the_command_plays_two_files_side_by_side(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    paths = [str(CONVERSATIONS / file) for file in ("brief.yaml", "outages.yaml")]
    done = subprocess.run(
        [sys.executable, "-m", "flask", "rehearse", "-j", "2", "--json", str(report), *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    lines = done.stdout.splitlines()
    count = len(read_paths([Path(path) for path in paths]))
    assert lines[-1] == f"{count} passed, 0 failed", done.stdout + done.stderr
    assert done.returncode == 0
    assert [line.split()[0] for line in lines[:-1]] == ["ok"] * count
    written = json.loads(report.read_text())
    assert (written["passed"], written["failed"]) == (count, 0)
    assert all(step["found"]["stock"] for r in written["rehearsals"] for step in r["steps"])
