"""What the assistant asks of carriers, both directions, and the data exchanged.

Every method of a Channel may raise `connectors.errors.Unavailable` (try again) or `Refused`
(final).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

MessageState = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True)
class SignedRequest:
    """A webhook as it reached the door. `url` is the public one that the vendor called."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Receipt:
    """What the door must know of a delivery: the id under which it is stored once, and of a
    message who wrote it, so that theirs are read in order."""

    provider_id: str
    kind: Literal["message", "status", "event"]
    sender: str = field(default="", compare=False)


@dataclass(frozen=True)
class Attachment:
    """Something that came with a message, still at the vendor. `url` is what `fetch_media`
    takes; type and name are the sender's claims, never to be trusted."""

    url: str
    content_type: str
    name: str = ""


@dataclass(frozen=True)
class Fetched:
    """The bytes of an attachment, and the type that the vendor gives them."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class InboundMessage:
    """A customer's message. `sender` and `recipient` as the channel writes them
    (E.164 for phones, lower case for e-mail); `proven` when the channel vouches for the
    sender. `automatic`: written by a machine (out of office, bounce, list, loop), never to
    be answered. `extra` keeps what else the vendor said: for e-mail `message_id`,
    `references`, `html`; for WhatsApp `button`, `latitude`, `longitude`, `profile_name`."""

    channel: str
    provider_id: str
    sender: str
    recipient: str
    text: str
    proven: bool
    subject: str = ""
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StatusReport:
    """What became of a message we sent. `message_id` is ours, when the vendor gives it back.

    `stops`: why the recipient is not to be written to on this channel any more, if so.
    """

    provider_id: str
    message_id: int | None
    state: MessageState
    code: str = ""
    stops: Literal["", "opted_out", "bounced", "complained"] = ""


@dataclass(frozen=True)
class OutboundMessage:
    """A message to hand to a carrier. `id` is ours: it comes back in reports.

    `key` is its idempotency key where the vendor has them. A message from a `template` has
    no text of its own: the template's id and its variables by name. E-mail: `html` beside
    the text, `in_reply_to` and `references` (Message-IDs) thread it, `unsubscribe` is the
    URL and address of List-Unsubscribe where one is due.
    """

    id: int
    channel: str
    sender: str
    recipient: str
    text: str
    status_url: str
    key: str = ""
    subject: str = ""
    html: str = ""
    sender_name: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    media_urls: tuple[str, ...] = ()
    template: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MessageTemplate:
    """A message that the carrier has approved (or not yet) for writing first."""

    id: str
    name: str
    language: str
    body: str
    approval: Literal["approved", "pending", "rejected", "unsubmitted"]


@dataclass(frozen=True)
class Sent:
    """The carrier took the message."""

    provider_id: str
    segments: int | None = None


class Channel(Protocol):
    """One connection of a carrier, both directions."""

    def verify(self, request: SignedRequest) -> Receipt:
        """Check the signature and name the delivery. Raises BadSignature, UnknownEvent.

        Called at the door: asks nothing outside.
        """
        ...

    def read(self, request: SignedRequest) -> list[InboundMessage | StatusReport]:
        """What the delivery says. Called in a worker: may ask the vendor for the rest."""
        ...

    def send(self, message: OutboundMessage) -> Sent:
        """Hand it over. Raises Refused (final), Unavailable (not taken: try again) and
        OutcomeUnknown (it may have been taken: do not send again)."""
        ...

    def find_sent(
        self, message: OutboundMessage, since: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        """Ask the carrier whether it took `message` after all. None: it did not. `known`: the
        provider's ids of other messages of ours, which may have the same text."""
        ...


class MediaSource(Protocol):
    """A channel whose messages bring attachments."""

    def fetch_media(self, attachment: Attachment, limit: int) -> Fetched:
        """At most `limit` bytes; Refused with code "too_large" when there are more."""
        ...


class TemplateSource(Protocol):
    """A channel that has approved templates."""

    def list_templates(self) -> list[MessageTemplate]: ...


class DeliveryLog(Protocol):
    """A channel that can be asked what it received for us, for what the door missed."""

    def list_received(self, since: datetime) -> list[SignedRequest]:
        """Deliveries as `read` takes them (unsigned; they come from the vendor's own API)."""
        ...
