"""Talks to a running sandbox's control API: for the demo, rehearsals and tests."""

from __future__ import annotations

from typing import Any

import requests

TIMEOUT = 30.0  # seconds: an inbound message waits for the shop's door to answer


class SandboxWorld:
    """One world of the sandbox at `url`. Raises requests.RequestException."""

    def __init__(self, url: str, world: str) -> None:
        self.url = f"{url.rstrip('/')}/{world}"
        self.http = requests.Session()

    def vendor_url(self, vendor: str) -> str:
        """The base URL under which the vendor is played in this world."""
        return f"{self.url}/{vendor}"

    def replace(self, world: dict[str, Any]) -> None:
        self._call("PUT", "", world)

    def state(self) -> dict[str, Any]:
        return self._call("GET", "?format=json", None)

    def set_stock(self, available: dict[str, int]) -> None:
        self._call("PATCH", "/stock", available)

    def fail(self, system: str, mode: str, **options: Any) -> None:
        self._call("PUT", f"/failures/{system}", {"mode": mode, **options})

    def heal(self, system: str) -> None:
        self._call("DELETE", f"/failures/{system}", None)

    def text(self, **message: Any) -> dict[str, Any]:
        """A customer's SMS goes to the shop: `sender`, `recipient`, `body`, `replay`."""
        renamed = {"sender": "from", "recipient": "to"}
        body = {renamed.get(k, k): v for k, v in message.items()}
        return self._call("POST", "/twilio/inbound", body)

    def report(self, **report: Any) -> dict[str, Any]:
        """The carrier reports on a message: `to` or `message_sid`, `status`, `code`, `replay`."""
        return self._call("POST", "/twilio/report", report)

    def _call(self, method: str, path: str, body: Any) -> dict[str, Any]:
        answer = self.http.request(method, self.url + path, json=body, timeout=TIMEOUT)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found
