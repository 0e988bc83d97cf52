"""A Twilio account as a Channel."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl, urlsplit

import requests
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]  # no types
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]  # ditto
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # ditto
from twilio.rest import Client  # type: ignore[import-untyped]  # ditto

from connectors.config import setting
from connectors.errors import BadSignature, OutcomeUnknown, Refused, Unavailable, UnknownEvent
from connectors.ports import (
    Attachment,
    InboundMessage,
    MessageState,
    OutboundMessage,
    Receipt,
    Sent,
    SignedRequest,
    StatusReport,
)
from connectors.transport import never_left, parse_seconds

T = TypeVar("T")

VENDOR_NAME = "twilio"
WHATSAPP = "whatsapp:"

# Twilio's MessageStatus -> ours; None: it says nothing that we did not know.
STATES: Mapping[str, MessageState | None] = {
    "accepted": None,
    "scheduled": None,
    "queued": None,
    "sending": None,
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}

# Fields that have a place of their own in InboundMessage, or repeat one that has.
KNOWN_FIELDS = frozenset(
    {"AccountSid", "ApiVersion", "Body", "From", "MessageSid", "NumMedia"}
    | {"SmsMessageSid", "SmsSid", "SmsStatus", "To"}
)

# Clocks differ: how far before an attempt a message may be dated and still be that attempt.
CLOCK_SKEW = timedelta(minutes=1)

# The SDK logs request URLs, which hold customers' numbers, at INFO.
_QUIET = logging.getLogger("connectors.twilio.sdk")
_QUIET.setLevel(logging.WARNING)


@dataclass(frozen=True)
class Config:
    account_sid: str = setting("Identifiant du compte (AC…), dans la console Twilio")
    auth_token: str = setting("Jeton principal du compte (Auth Token)", secret=True)
    base_url: str = setting("Adresse de l'API", default="https://api.twilio.com")
    timeout: str = setting("Attente maximale d'une réponse, en secondes", default="10")


class TwilioChannel:
    """One Twilio account. Implements connectors.ports.Channel for "sms" and "whatsapp"."""

    def __init__(self, config: Config) -> None:
        self._validator = RequestValidator(config.auth_token)
        http = TwilioHttpClient(timeout=parse_seconds(config.timeout), logger=_QUIET)
        self._client = Client(config.account_sid, config.auth_token, http_client=http)
        self._client.api.base_url = config.base_url.rstrip("/")

    def verify(self, request: SignedRequest) -> Receipt:
        """A repeat has the same id: the MessageSid, with the status when it is a report."""
        fields = self._read_signed(request)
        sid, status = fields.get("MessageSid"), fields.get("MessageStatus")
        if not sid:
            raise UnknownEvent("twilio: a delivery without MessageSid")
        if status is None and fields.get("From") and fields.get("To"):
            return Receipt(provider_id=sid, kind="message")
        if status not in STATES:
            raise UnknownEvent(f"twilio: message status {status!r}")
        return Receipt(provider_id=f"{sid}:{status}", kind="status")

    def read(self, request: SignedRequest) -> list[InboundMessage | StatusReport]:
        fields = parse_fields(request.body)
        if "MessageStatus" not in fields:
            return [_read_message(fields)]
        state = STATES[fields["MessageStatus"]]
        if state is None:
            return []
        return [
            StatusReport(
                provider_id=fields["MessageSid"],
                message_id=_our_id(request.url),
                state=state,
                code=fields.get("ErrorCode", ""),
            )
        ]

    def send(self, message: OutboundMessage) -> Sent:
        """A sender that starts with MG is a Messaging Service. Twilio has no idempotency
        key: what comes of OutcomeUnknown is asked with `find_sent`."""
        arguments = {
            "to": _address(message.channel, message.recipient),
            "body": message.text,
            "status_callback": message.status_url,
        }
        if message.sender.startswith("MG"):
            arguments["messaging_service_sid"] = message.sender
        else:
            arguments["from_"] = _address(message.channel, message.sender)
        return _sent(_call(lambda: self._client.messages.create(**arguments), sends=True))

    def find_sent(self, message: OutboundMessage, since: datetime) -> Sent | None:
        """`since` is when the attempt began, in wall time.

        Only recipient, sender and text tell messages apart: an identical one sent to the
        same person after `since` would be taken for this one. The first look asks for
        what was sent since then; a message that Twilio still queues has no such date, so a
        second look goes by creation.
        """
        earliest = since - CLOCK_SKEW
        for filters in ({"date_sent_after": earliest}, {}):
            for found in self._list_sent(message, filters):
                if found.date_created is None or found.date_created >= earliest:
                    return _sent(found)
        return None

    def _list_sent(self, message: OutboundMessage, filters: Mapping[str, Any]) -> list[Any]:
        to = _address(message.channel, message.recipient)
        listed = _call(lambda: self._client.messages.list(to=to, limit=50, **filters), sends=False)
        senders = (message.sender, _address(message.channel, message.sender))
        return [
            found
            for found in listed
            if (found.from_ in senders or found.messaging_service_sid == message.sender)
            and (found.body or "").strip() == message.text.strip()
        ]

    def _read_signed(self, request: SignedRequest) -> dict[str, str]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        signature = headers.get("x-twilio-signature", "")
        try:
            fields = parse_fields(request.body)
        except ValueError as error:
            raise BadSignature(f"twilio: {error}") from None
        if not signature or not self._validator.validate(request.url, fields, signature):
            raise BadSignature("twilio: the signature does not match")
        return fields


def parse_fields(body: bytes) -> dict[str, str]:
    """The form of a delivery. Empty fields count: Twilio sends and signs them."""
    text = body.decode("utf-8", errors="replace")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=500))


def _read_message(fields: Mapping[str, str]) -> InboundMessage:
    whatsapp = fields["From"].startswith(WHATSAPP)
    media = range(int(fields.get("NumMedia") or 0))
    return InboundMessage(
        channel="whatsapp" if whatsapp else "sms",
        provider_id=fields["MessageSid"],
        sender=fields["From"].removeprefix(WHATSAPP),
        recipient=fields["To"].removeprefix(WHATSAPP),
        text=fields.get("Body", ""),
        proven=True,
        attachments=tuple(
            Attachment(fields[f"MediaUrl{n}"], fields.get(f"MediaContentType{n}", ""))
            for n in media
            if f"MediaUrl{n}" in fields
        ),
        # Twilio adds parameters without notice: what is not known is kept.
        extra={k: v for k, v in fields.items() if v and k not in KNOWN_FIELDS},
    )


def _our_id(url: str) -> int | None:
    """The message id that we put into the status URL, as `?message=<id>`."""
    value = parse_qs(urlsplit(url).query).get("message", [""])[0]
    return int(value) if value.isascii() and value.isdigit() else None


def _address(channel: str, phone: str) -> str:
    return WHATSAPP + phone if channel == "whatsapp" else phone


def _sent(message: Any) -> Sent:
    # A Messaging Service has not chosen a sender yet and says "0" segments.
    return Sent(provider_id=message.sid, segments=int(message.num_segments or 0) or None)


def _call(ask: Callable[[], T], *, sends: bool) -> T:
    """Ask Twilio, with its errors put into ours.

    Their texts quote numbers and bodies, so neither they nor their causes are passed on.
    """
    lost = OutcomeUnknown if sends else Unavailable
    try:
        return ask()
    except TwilioException as error:
        raise _refusal(error, sends=sends) from None
    except requests.RequestException as error:
        kind = Unavailable if never_left(error) else lost
        raise kind(f"twilio: {type(error).__name__}", vendor=VENDOR_NAME) from None
    except ValueError:
        raise lost("twilio: the answer is not JSON", vendor=VENDOR_NAME) from None


def _refusal(error: TwilioException, *, sends: bool) -> Exception:
    """429 and 503 turn a request away; after any other 5xx it may have been carried out.

    A page of a list that cannot be had raises the SDK's plainest error, with no more than
    the answer in it.
    """
    answered = error.args[-1] if error.args else None
    status = int(getattr(error, "status", 0) or getattr(answered, "status_code", 0))
    code = str(getattr(error, "code", None) or status)
    text = f"twilio: HTTP {status}, code {code}"
    if status in {429, 503}:
        return Unavailable(text, vendor=VENDOR_NAME, code=code)
    if status >= 500:
        return (OutcomeUnknown if sends else Unavailable)(text, vendor=VENDOR_NAME, code=code)
    return Refused(text, vendor=VENDOR_NAME, code=code)
