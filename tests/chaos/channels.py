"""A channel as the harness plugs it in: how a customer writes by it, and what it carried.

Another channel is one class more and its line in CHANNELS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol
from uuid import UUID

from connectors.sandbox.client import SandboxWorld
from tests.chaos.customers import Customer

PHONE = "+33939035761"
MAILBOX = "boutique@elegance-paris.com"


@dataclass(frozen=True)
class Carried:
    """A message of ours that the carrier took, once for each time it did. `message_id` is
    our row's, as we named it to the carrier; `at` orders what one carrier took."""

    id: str
    message_id: int | None
    recipient: str
    text: str
    at: str


class Channel(Protocol):
    @property
    def name(self) -> str: ...

    def name_message(self, dice: Random) -> str:
        """The carrier's id for a new message."""
        ...

    def post(
        self, world: SandboxWorld, customer: Customer, text: str, name: str, times: int
    ) -> bool:
        """The carrier posts the message so named, new or old, so many times; whether our door
        has taken it. Raises requests.RequestException; may be called again then."""
        ...

    def received(self, state: Mapping[str, Any]) -> set[str]:
        """The ids of all that was written to us."""
        ...

    def carried(self, state: Mapping[str, Any]) -> Iterator[Carried]:
        """All that we sent, in the order in which it was taken."""
        ...


@dataclass(frozen=True)
class Phone:
    """Twilio: text messages, or WhatsApp by its prefix."""

    name: str
    prefix: str = ""

    def name_message(self, dice: Random) -> str:
        return f"SM{dice.getrandbits(128):032x}"

    def post(
        self, world: SandboxWorld, customer: Customer, text: str, name: str, times: int
    ) -> bool:
        sender, recipient = self.prefix + customer.phone, self.prefix + PHONE
        form = {"sender": sender, "recipient": recipient, "body": text}
        return _is_taken(world.text(**form, sid=name, replay=times))

    def received(self, state: Mapping[str, Any]) -> set[str]:
        return {m["sid"] for m in state["messages"] if m["direction"] == "inbound" and self._is(m)}

    def carried(self, state: Mapping[str, Any]) -> Iterator[Carried]:
        for m in state["messages"]:
            if m["direction"] == "outbound-api" and self._is(m):
                named = re.search(r"[?&]message=(\d+)", m["status_callback"] or "")
                message_id = int(named[1]) if named else None
                yield Carried(m["sid"], message_id, m["to"], m["body"], m["at"])

    def _is(self, message: Mapping[str, Any]) -> bool:
        return str(message["to"]).startswith("whatsapp:") == bool(self.prefix)


@dataclass(frozen=True)
class Mail:
    """Resend, which posts again by itself what our door did not take."""

    name: str = "email"

    def name_message(self, dice: Random) -> str:
        return str(UUID(int=dice.getrandbits(128), version=4))

    def post(
        self, world: SandboxWorld, customer: Customer, text: str, name: str, times: int
    ) -> bool:
        form = {"sender": customer.email, "recipient": MAILBOX, "subject": "Une question"}
        return _is_taken(world.mail(**form, text=text, email_id=name, replay=times))

    def received(self, state: Mapping[str, Any]) -> set[str]:
        return {m["id"] for m in state["received_mails"]}

    def carried(self, state: Mapping[str, Any]) -> Iterator[Carried]:
        for m in state["mails"]:
            named = re.fullmatch(r"message-\d+-(\d+)", m["key"] or "")
            message_id = int(named[1]) if named else None
            yield Carried(m["id"], message_id, m["to"][0], m["text"] or "", m["at"])


def _is_taken(answer: Mapping[str, Any]) -> bool:
    return answer["status"] is not None and 200 <= answer["status"] < 300


CHANNELS: Mapping[str, Channel] = {
    channel.name: channel for channel in (Phone("sms"), Phone("whatsapp", "whatsapp:"), Mail())
}
