"""What a bench gives."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured thing. `floor` is in the unit of `value`, `ratio` is value / floor."""

    bench: str
    value: float
    unit: str
    p50_ms: float | None = None
    p99_ms: float | None = None
    floor: float | None = None
    ratio: float | None = None
    p95_ms: float | None = None

    def as_json(self) -> dict[str, object]:
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
            if value is not None
        }


@dataclass(frozen=True)
class Options:
    """What the command line asks of a bench; each has its own, shorter or longer, without."""

    workers: Sequence[int] | None = None
    messages: int = 400
    rate: Sequence[float] = ()  # messages/s, whatever becomes of them; none: as fast as taken
    stored: Sequence[int] = (10_000, 100_000)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def say(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
