"""`python -m tests.bench [NAME…]`"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from tests.bench import intake, turn
from tests.bench.figures import Figure

BENCHES: dict[str, Callable[[], list[Figure]]] = {
    "intake": intake.measure,
    "turn": turn.measure,
}


def main(names: list[str]) -> int:
    """Run the benches named, or all; 2 for a name that is none."""
    if unknown := set(names) - set(BENCHES):
        sys.stderr.write(
            f"no bench is called {', '.join(unknown)}; there are {', '.join(BENCHES)}\n"
        )
        return 2
    figures = [figure for name in names or BENCHES for figure in BENCHES[name]()]
    for figure in figures:
        sys.stdout.write(json.dumps(figure.as_json()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
