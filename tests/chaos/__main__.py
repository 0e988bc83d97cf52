"""`python -m tests.chaos --messages 5000 --seed 1 --minutes 10`"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.chaos.channels import CHANNELS
from tests.chaos.play import Order, run

SHARE = 0.6  # of the time is storm; the rest is for starting, and for coming to rest


def main() -> int:
    """0 when nothing was lost, doubled or out of order; the figures are the last line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10, help="at most about so long")
    parser.add_argument("--every", type=float, default=5, help="seconds between two blows")
    parser.add_argument("--burst", type=int, default=40, help="customers at once, at most")
    parser.add_argument("--channels", nargs="+", choices=CHANNELS, default=list(CHANNELS))
    parser.add_argument("--folder", type=Path, help="kept, with its logs; else thrown away")
    chosen = parser.parse_args()
    order = Order(
        messages=chosen.messages,
        seed=chosen.seed,
        storm=chosen.minutes * 60 * SHARE,
        calm=chosen.minutes * 60 * (1 - SHARE),
        every=chosen.every,
        burst=chosen.burst,
        channels=chosen.channels,
    )
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        figures = run(order, chosen.folder or Path(folder))
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
