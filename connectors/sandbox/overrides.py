"""How often Twilio posts again: what a webhook's address says after its `#`.

`https://x.example/sms#rc=3&rp=all`: three retries, whatever went wrong.
https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Overrides:
    """Times in seconds. Policies: 4xx, 5xx, ct (no connection), rt (no answer), all."""

    retries: int = 1
    policies: frozenset[str] = frozenset({"ct"})
    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0

    def follows(self, failure: str) -> bool:
        """Whether this outcome (2xx … 5xx, ct, rt) is followed by a retry."""
        failed = failure in {"4xx", "5xx", "ct", "rt"}
        return failed and bool(self.policies & {failure, "all"})


def read_overrides(fragment: str) -> Overrides:
    """Twilio's defaults where it says nothing, or nothing within the limits."""
    given = {name: values[0] for name, values in parse_qs(fragment).items()}

    def number(name: str, default: int, least: int, most: int) -> int:
        text = given.get(name, "")
        value = int(text) if text.isascii() and text.isdigit() else default
        return value if least <= value <= most else default

    return Overrides(
        retries=number("rc", 1, 0, 5),
        policies=frozenset(given.get("rp", "ct").split(",")),
        connect=number("ct", 5000, 100, 10000) / 1000,
        read=number("rt", 15000, 100, 15000) / 1000,
        total=number("tt", 15000, 100, 15000) / 1000,
    )
