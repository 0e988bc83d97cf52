"""A Resend team as a Channel for e-mail."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import resend

from connectors.channels import (
    Attachment,
    Fetched,
    InboundMessage,
    OutboundMessage,
    Receipt,
    Sent,
    SignedRequest,
    StatusReport,
)
from connectors.config import setting
from connectors.errors import BadConfig, BadSignature, Refused, Unavailable, UnknownEvent
from connectors.resend.client import VENDOR_NAME, Connection, call, download
from connectors.resend.headers import MOST_HEADERS, Headers, parse_mapping, parse_raw
from connectors.resend.messages import read_message
from connectors.resend.outbound import build_request
from connectors.resend.reports import OTHER_EVENTS, STATUS_EVENTS, read_report
from connectors.transport import parse_seconds

RECEIVED = "email.received"

# https://resend.com/docs/dashboard/emails/idempotency-keys: 24 hours. One is left for clocks.
KEY_LASTS = timedelta(hours=23)

PAGE = 100  # the most that a list gives at once
MOST_PAGES = 100


@dataclass(frozen=True)
class Config:
    api_key: str = setting("Clé d'API (re_…) avec tous les droits (Full access)", secret=True)
    webhook_secret: str = setting("Secret du webhook (whsec_…)", secret=True)
    receiving_server: str = setting(
        "Serveur dont les contrôles SPF, DKIM et DMARC sont crus ; vide : le dernier en date",
        default="amazonses.com",
    )
    base_url: str = setting("Adresse de l'API", default="https://api.resend.com")
    timeout: str = setting("Attente maximale d'une réponse, en secondes", default="10")


class ResendChannel:
    """One Resend team. Implements connectors.channels.Channel, MediaSource and DeliveryLog."""

    def __init__(self, config: Config) -> None:
        self._secret = _check_secret(config.webhook_secret)
        self._servers = [s.strip().lower() for s in config.receiving_server.split(",") if s.strip()]
        self._connection = Connection(
            config.api_key, config.base_url.rstrip("/"), parse_seconds(config.timeout)
        )

    # --- what comes in -------------------------------------------------------------------

    def verify(self, request: SignedRequest) -> Receipt:
        """Svix's signature, at most 300 seconds old. A repeat has the same id."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed = {
            name: headers.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature")
        }
        try:
            payload = request.body.decode("utf-8")
            options: Any = {"payload": payload, "headers": signed, "webhook_secret": self._secret}
            resend.Webhooks.verify(options)
        except (ValueError, RecursionError):  # not UTF-8, not JSON, or nested without end
            raise BadSignature("resend: the signature does not match") from None
        return name_delivery(request)

    def read(self, request: SignedRequest) -> list[InboundMessage | StatusReport]:
        """A received mail is asked for: the delivery only names it."""
        event = _parse_event(request.body)
        if event["type"] == RECEIVED:
            return [self._read_received(event["data"]["email_id"])]
        report = read_report(event) if event["type"] in STATUS_EVENTS else None
        return [report] if report else []

    def list_received(self, since: datetime) -> list[SignedRequest]:
        """The mails received since `since`, oldest first, as if delivered but not signed.

        `name_delivery` gives each the id that the door gave it.
        """
        found: list[Mapping[str, Any]] = []
        after: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            asked: Any = {"limit": PAGE, **after}
            page = self._ask(lambda asked=asked: resend.Emails.Receiving.list(asked))
            new = [email for email in page["data"] if _received_at(email) >= since]
            found += new
            if not new or not page.get("has_more"):
                break
            after = {"after": page["data"][-1]["id"]}
        return [_as_delivery(email) for email in reversed(found)]

    def fetch_media(self, attachment: Attachment, limit: int) -> Fetched:
        """The address of the bytes is asked for anew: it only lasts an hour."""
        email_id, attachment_id = _parse_reference(attachment.url)
        details = self._ask(
            lambda: resend.Emails.Receiving.Attachments.get(email_id, attachment_id)
        )
        if (details.get("size") or 0) > limit:
            raise Refused(f"resend: more than {limit} bytes", vendor=VENDOR_NAME, code="too_large")
        content, content_type = self._download(details["download_url"], limit)
        return Fetched(content, details.get("content_type") or content_type)

    def _read_received(self, email_id: str) -> InboundMessage:
        try:
            email = self._ask(lambda: resend.Emails.Receiving.get(email_id, {"html_format": "cid"}))
        except Refused as error:
            if error.code != "not_found":
                raise
            # Named by a signed delivery, so it is there or soon will be.
            raise Unavailable(str(error), vendor=VENDOR_NAME, code=error.code) from None
        return read_message({**email, "id": email_id}, self._read_headers(email), self._servers)

    def _read_headers(self, email: Mapping[str, Any]) -> Headers:
        raw, mapping = email.get("raw"), parse_mapping(email.get("headers"))
        if not raw:
            return mapping
        try:
            head, _ = self._download(raw["download_url"], MOST_HEADERS, until=b"\r\n\r\n")
        except Unavailable as error:
            if not error.code.startswith("4"):
                raise
            # It is gone for good: the mail is read all the same, and its sender not proven.
            return mapping.without("authentication-results")
        return parse_raw(head)

    # --- what goes out -------------------------------------------------------------------

    def send(self, message: OutboundMessage) -> Sent:
        """The same message under the same key goes out once within 24 hours."""
        return self._send(message, sends=True)

    def find_sent(
        self, message: OutboundMessage, since: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        """`since` is when the first attempt began, in wall time. Resend is asked by the
        very same request under the same key: it answers what it answered then, or takes
        the message now; either way it goes out once. So None is never the answer.

        Raises Refused without a key, or when it is too old for Resend to remember.
        """
        if not message.key or datetime.now(UTC) - since > KEY_LASTS:
            code = "key_expired" if message.key else "no_key"
            raise Refused("resend: nobody knows whether it was sent", vendor=VENDOR_NAME, code=code)
        return self._send(message, sends=False)

    def _send(self, message: OutboundMessage, *, sends: bool) -> Sent:
        body: Any = build_request(message)
        options: Any = {"idempotency_key": message.key} if message.key else {}
        answer = self._ask(lambda: resend.Emails.send(body, options), sends=sends)
        return Sent(provider_id=answer["id"])

    # --- asking --------------------------------------------------------------------------

    def _ask(self, ask: Any, *, sends: bool = False) -> Any:
        return call(self._connection, ask, sends=sends)

    def _download(self, url: str, limit: int, *, until: bytes = b"") -> tuple[bytes, str]:
        """Plain HTTP only where the API itself is asked so (the sandbox)."""
        if urlsplit(url).scheme not in {"https", urlsplit(self._connection.base_url).scheme}:
            raise Refused("resend: a download that is not https", vendor=VENDOR_NAME)
        return download(url, limit, self._connection.timeout, until=until)


def name_delivery(request: SignedRequest) -> Receipt:
    """What a delivery is, without looking at its signature. Raises UnknownEvent.

    A received mail has its own id, however often and by whichever way it is told of; any
    other event has the id that Svix gave it.
    """
    event = _parse_event(request.body)
    kind = event["type"]
    if kind == RECEIVED:
        sender = parseaddr(str(event["data"].get("from") or ""))[1].lower()
        return Receipt(event["data"]["email_id"], "message", sender=sender)
    headers = {name.lower(): value for name, value in request.headers.items()}
    if kind in STATUS_EVENTS:
        return Receipt(provider_id=headers.get("svix-id", ""), kind="status")
    return Receipt(provider_id=headers.get("svix-id", ""), kind="event")


def _parse_event(body: bytes) -> dict[str, Any]:
    """An event of a kind that is known, with the id of its mail where it is about one."""
    event = json.loads(body)
    kind = str(event.get("type")) if isinstance(event, dict) else ""
    if kind in OTHER_EVENTS:
        return dict(event)
    if kind != RECEIVED and kind not in STATUS_EVENTS:
        raise UnknownEvent(f"resend: event {kind[:60]!r}")
    try:
        event["data"]["email_id"] = str(UUID(event["data"]["email_id"]))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise UnknownEvent(f"resend: {kind} without the id of a mail") from None
    return dict(event)


def _as_delivery(email: Mapping[str, Any]) -> SignedRequest:
    at = email.get("created_at")
    data = {**email, "email_id": email["id"]}
    event = {"type": RECEIVED, "created_at": at, "data": data}
    return SignedRequest("POST", "", {}, json.dumps(event, ensure_ascii=False).encode())


def _received_at(email: Mapping[str, Any]) -> datetime:
    """A time without a zone is UTC."""
    at = datetime.fromisoformat(email["created_at"])
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _parse_reference(url: str) -> tuple[str, str]:
    """`resend:<mail>/<attachment>`, as `read` gives. Raises Refused."""
    email_id, _, attachment_id = url.removeprefix("resend:").partition("/")
    try:
        return str(UUID(email_id)), str(UUID(attachment_id))
    except ValueError:
        text = "resend: not an attachment of a mail"
        raise Refused(text, vendor=VENDOR_NAME, code="bad_reference") from None


def _check_secret(secret: str) -> str:
    """Raises BadConfig. Less than 16 bytes is no secret, and nothing would verify anything."""
    try:
        decoded = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        decoded = b""
    if len(decoded) < 16:
        raise BadConfig("webhook_secret: expected whsec_ and base64")
    return secret
