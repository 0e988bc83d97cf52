"""`python -m tests.bench [NAME…] [--workers N…] [--messages N] [--rate N…] [--stored N…]`"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from tests.bench import flows, growth, identity, intake, knowledge, turn, turns
from tests.bench.figures import Figure, Options

BENCHES: dict[str, Callable[[Options], list[Figure]]] = {
    "intake": lambda _: intake.measure(),
    "turn": lambda _: turn.measure(),
    "turns": turns.measure,
    "growth": growth.measure,
    "knowledge": lambda _: knowledge.measure(),
    "flows": flows.measure,
    "identity": identity.measure,
}


def main(arguments: list[str]) -> int:
    """Run the benches named, or all; 2 for a name that is none."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--workers", nargs="+", type=int, help="turns: how many, in turn")
    parser.add_argument("--messages", type=int, default=400, help="turns: how many of each run")
    parser.add_argument(
        "--rate", nargs="+", type=float, default=[], help="turns: so many a second, by WhatsApp"
    )
    parser.add_argument(
        "--stored", nargs="+", type=int, default=[10_000, 100_000], help="growth: messages before"
    )
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(BENCHES):
        sys.stderr.write(
            f"no bench is called {', '.join(unknown)}; there are {', '.join(BENCHES)}\n"
        )
        return 2
    options = Options(asked.workers, asked.messages, asked.rate, asked.stored)
    for name in asked.names or BENCHES:
        for figure in BENCHES[name](options):
            sys.stdout.write(json.dumps(figure.as_json()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
