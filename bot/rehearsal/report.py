"""What `flask rehearse` prints and writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.rehearsal.player import Played, Result

HIDDEN = ("at", "media")  # of a message, where it is printed


def tell(result: Result) -> str:
    """One line; under a failed rehearsal each step, what was expected and what was found."""
    verdict = "ok" if result.passed else "FAILED"
    lines = [f"{verdict:6} {result.path}:{result.line} {result.name} ({result.seconds:.1f} s)"]
    lines += [f"       {reason}" for reason in result.reasons]
    for step in result.steps:
        lines += _tell_step(step)
    return "\n".join(lines)


def _tell_step(step: Played) -> list[str]:
    if not step.differences:
        return []
    lines = [f"       line {step.line}, {step.title}"]
    for difference in step.differences:
        lines += [
            f"         {difference.key}",
            f"           expected: {_show(difference.expected)}",
            f"           found:    {_show(difference.found)}",
        ]
    return lines


def _show(value: Any) -> str:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "".join(f"\n             - {_show(item)}" for item in value)
    if isinstance(value, dict) and "text" in value:
        value = {name: each for name, each in value.items() if each and name not in HIDDEN}
    return json.dumps(value, ensure_ascii=False, default=str)


def sum_up(results: Sequence[Result]) -> str:
    passed = sum(result.passed for result in results)
    return f"{passed} passed, {len(results) - passed} failed"


def write_json(results: Sequence[Result], path: Path) -> None:
    """Every step's findings, and the sums."""
    passed = sum(result.passed for result in results)
    written = {
        "passed": passed,
        "failed": len(results) - passed,
        "rehearsals": [{"passed": r.passed, **asdict(r)} for r in results],
    }
    path.write_text(json.dumps(written, ensure_ascii=False, indent=1, default=str), "utf-8")
