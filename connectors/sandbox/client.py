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

    def set_clock(self, offset_seconds: float) -> None:
        """The world's time is so far ahead of ours: WhatsApp's 24 hours go by it."""
        self._call("PUT", "/clock", {"offset_seconds": offset_seconds})

    def set_parcel(self, number: str, **situation: Any) -> None:
        """What happens to a parcel at the carrier: `status`, and `expected`, `at` (ISO 8601;
        the world's time when it is not told), `pickup_point`."""
        self._call("PUT", f"/parcels/{number}", situation)

    def labels(self, since: int = 0) -> tuple[int, list[dict[str, Any]]]:
        """The mark now, and the return labels made since an earlier one."""
        answer = self._call("GET", f"/labels?since={since}", None)
        return answer["mark"], answer["labels"]

    def fail(self, system: str, mode: str, **options: Any) -> None:
        self._call("PUT", f"/failures/{system}", {"mode": mode, **options})

    def heal(self, system: str) -> None:
        self._call("DELETE", f"/failures/{system}", None)

    def text(self, **message: Any) -> dict[str, Any]:
        """A customer's message goes to the shop: `sender` (`whatsapp:+33…` by WhatsApp),
        `recipient`, `body`, `replay`, and what carrier.receive takes besides: `media`,
        `button`, `latitude`, `external_user_id` …"""
        renamed = {"sender": "from", "recipient": "to"}
        body = {renamed.get(k, k): v for k, v in message.items()}
        return self._call("POST", "/twilio/inbound", body)

    def report(self, **report: Any) -> dict[str, Any]:
        """The carrier reports on a message: `to` or `message_sid`, `status`, `code`, `replay`."""
        return self._call("POST", "/twilio/report", report)

    def mail(self, **mail: Any) -> dict[str, Any]:
        """Somebody writes an e-mail to the shop: `sender`, `recipient` (one or a list),
        `subject`, `text`, and what mail.receive takes besides: `html`, `cc`, `headers`,
        `attachments`, `authenticated`, `in_reply_to`, `replay` …"""
        renamed = {"sender": "from", "recipient": "to"}
        body = {renamed.get(k, k): v for k, v in mail.items()}
        return self._call("POST", "/resend/inbound", body)

    def mail_report(self, **report: Any) -> dict[str, Any]:
        """Resend reports on a mail: `to` or `email_id`, `event` (delivered, bounced,
        complained …), `bounce`, `replay`."""
        return self._call("POST", "/resend/report", report)

    def answer(self, **answer: Any) -> None:
        """The language model's next answer: `content` (text or object), `refusal`,
        `finish_reason`, or `status` and `error`."""
        self._call("POST", "/model-answers", answer)

    def questions(self) -> list[dict[str, Any]]:
        """The bodies of the chats that the language model was asked, oldest first."""
        found: list[dict[str, Any]] = self._call("GET", "/model-questions", None)["questions"]
        return found

    def add_orders(
        self, orders: list[dict[str, Any]], customers: list[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        """The shop has these too (connectors/sandbox/orders.py tells their keys)."""
        body = {"orders": orders, "customers": customers or []}
        return self._call("POST", "/shopify/orders", body)

    def store_webhook(self, topic: str, payload: dict[str, Any], replay: int = 1) -> dict[str, Any]:
        """`topic` (orders/create) happens in the shop and is told to `shop.webhook_url`."""
        body = {"topic": topic, "payload": payload, "replay": replay}
        return self._call("POST", "/shopify/webhook", body)

    def crm_calls(self, since: int = 0) -> dict[str, Any]:
        """What was written in the CRM since a mark: `{mark, calls: [{kind, contact, text}]}`."""
        return self._call("GET", f"/crm?since={since}", None)

    def _call(self, method: str, path: str, body: Any) -> dict[str, Any]:
        answer = self.http.request(method, self.url + path, json=body, timeout=TIMEOUT)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found
