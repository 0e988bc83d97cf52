"""How long an answer takes about a stranger's order, one that does not exist, and one's own:
the first two must not be told apart by time. The Kolmogorov-Smirnov statistic between them is
the largest distance of their distributions, its p-value how often chance alone makes as much."""

from __future__ import annotations

import random

from scipy.stats import ks_2samp

from tests.bench.figures import Figure, Options, percentile, say
from tests.bench.flows import Asked, check_understood, give_orders, open_street, order_of
from tests.bench.turns import answered_at, settle

TURNS = 200  # of each kind
WARM_UP = 5  # of each kind
KINDS = ("strangers", "absent", "own")
ASKED = Asked("order_status", "Où en est ma commande {order} ?", "shipped")
SEED = 4


def measure(options: Options) -> list[Figure]:
    turns = min(options.messages, TURNS)
    order = random.Random(SEED)
    kinds = [k for _ in range(WARM_UP + turns) for k in order.sample(KINDS, len(KINDS))]
    numbered = dict(enumerate(kinds, 1))
    with open_street("identity") as street:
        # Whoever asks for their own order has it; of whom it is that strangers ask, too
        owner_of = {n: n if kind == "own" else 30_000 + n for n, kind in numbered.items()}
        give_orders(
            street.sandbox, {owner_of[n]: ASKED for n, kind in numbered.items() if kind != "absent"}
        )
        left = {
            n: street.ask(n, ASKED.text.format(order=order_of(owner_of[n])))[0] for n in numbered
        }
        settle()
        had = answered_at(street.sandbox)
        check_understood(dict.fromkeys(numbered, ASKED.intent))
    taken = {
        kind: [
            (had[n] - left[n]) * 1000
            for n, its in numbered.items()
            if its == kind and n > WARM_UP * len(KINDS)
        ]
        for kind in KINDS
    }
    same = ks_2samp(taken["strangers"], taken["absent"])
    say(f"identity: stranger's against absent: D {same.statistic:.3f}, p {same.pvalue:.2f}")
    return [
        *(_figure(kind, taken[kind], percentile(taken["absent"], 0.5)) for kind in KINDS),
        Figure("identity-ks-distance", float(same.statistic), "of 1"),
        Figure("identity-ks-p", float(same.pvalue), "of 1"),
    ]


def _figure(kind: str, times: list[float], floor: float) -> Figure:
    p50, p95, p99 = (percentile(times, share) for share in (0.5, 0.95, 0.99))
    say(f"identity: {kind:<9} p50 {p50:6.0f} ms  p95 {p95:6.0f} ms  p99 {p99:6.0f} ms")
    return Figure(
        f"identity-{kind}",
        *(p50, "ms"),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        floor=floor,
        ratio=p50 / floor,
    )
