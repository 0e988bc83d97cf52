"""A Twilio account as a Channel."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]  # no types
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # ditto
from twilio.rest import Client  # type: ignore[import-untyped]  # ditto

from connectors.channels import (
    Attachment,
    Fetched,
    InboundMessage,
    MessageTemplate,
    OutboundMessage,
    Receipt,
    Sent,
    SignedRequest,
    StatusReport,
)
from connectors.config import setting
from connectors.errors import BadSignature, Refused
from connectors.segments import plain_text
from connectors.transport import parse_seconds, settle_environment
from connectors.twilio.calls import call
from connectors.twilio.deliveries import (
    WHATSAPP,
    is_handled,
    name_delivery,
    parse_fields,
    read_message,
    read_report,
)
from connectors.twilio.media import fetch
from connectors.twilio.templates import read_template

log = logging.getLogger(__name__)

# Clocks differ: how far before an attempt a message may be dated and still be that attempt.
CLOCK_SKEW = timedelta(minutes=1)

# How much of a list is read at most, and at a time (1000 is the most that Twilio gives).
RECEIVED = 5000
TEMPLATES = 1000
PAGE = 1000

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
    """One Twilio account, for "sms" and "whatsapp".

    Implements Channel, MediaSource, TemplateSource and DeliveryLog of connectors.ports.
    """

    def __init__(self, config: Config) -> None:
        self._validator = RequestValidator(config.auth_token)
        self._account = (config.account_sid, config.auth_token)
        self._base_url = config.base_url.rstrip("/")
        self._timeout = parse_seconds(config.timeout)
        http = TwilioHttpClient(timeout=self._timeout, logger=_QUIET)
        self._client = Client(*self._account, http_client=http)
        self._client.api.base_url = self._base_url
        if not (urlsplit(self._base_url).hostname or "").endswith(".twilio.com"):
            self._client.content.base_url = self._base_url  # the sandbox has both in one place
        settle_environment(http.session, self._base_url, self._client.content.base_url)

    def verify(self, request: SignedRequest) -> Receipt:
        """A repeat has the same id: the MessageSid, with the status when it is a report."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        signature = headers.get("x-twilio-signature", "")
        try:
            fields = parse_fields(request.body)
        except ValueError as error:
            raise BadSignature(f"twilio: {error}") from None
        if not signature or not self._validator.validate(request.url, fields, signature):
            raise BadSignature("twilio: the signature does not match")
        return name_delivery(fields)

    def read(self, request: SignedRequest) -> list[InboundMessage | StatusReport]:
        fields = parse_fields(request.body)
        if "MessageStatus" not in fields:
            return [read_message(fields)]
        report = read_report(fields, request.url)
        return [] if report is None else [report]

    def send(self, message: OutboundMessage) -> Sent:
        """A sender that starts with MG is a Messaging Service. Twilio has no idempotency
        key: what comes of OutcomeUnknown is asked with `find_sent`.

        Refused.code "21610": the recipient opted out. A Messaging Service tells so only in a
        report, as WhatsApp does of a window that is shut (63016).
        """
        arguments: dict[str, Any] = {
            "to": _address(message.channel, message.recipient),
            "status_callback": message.status_url,
            **_content(message),
        }
        if message.sender.startswith("MG"):
            arguments["messaging_service_sid"] = message.sender
        else:
            arguments["from_"] = _address(message.channel, message.sender)
        return _sent(call(lambda: self._client.messages.create(**arguments), sends=True))

    def find_sent(
        self, message: OutboundMessage, since: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        """`since` is when the attempt began, in wall time.

        Only recipient, sender and text tell messages apart: an identical one sent to the
        same person after `since`, and not `known`, would be taken for this one. Of a
        template, whose text is Twilio's, the variables must be in the text. The first look
        asks for what was sent since then; a message that Twilio still queues has no such date, so a
        second look goes by creation.
        """
        earliest = since - CLOCK_SKEW
        for filters in ({"date_sent_after": earliest}, {}):
            for found in self._list_sent(message, filters):
                recent = found.date_created is None or found.date_created >= earliest
                if recent and found.sid not in known:
                    return _sent(found)
        return None

    def _list_sent(self, message: OutboundMessage, filters: Mapping[str, Any]) -> list[Any]:
        to = _address(message.channel, message.recipient)
        listed = call(lambda: self._client.messages.list(to=to, limit=50, **filters), sends=False)
        senders = (message.sender, _address(message.channel, message.sender))
        return [
            found
            for found in listed
            if (found.from_ in senders or found.messaging_service_sid == message.sender)
            and found.direction != "inbound"
            and _is_text_of(message, (found.body or "").strip())
        ]

    def fetch_media(self, attachment: Attachment, limit: int) -> Fetched:
        return fetch(attachment.url, self._base_url, self._account, limit, self._timeout)

    def list_templates(self) -> list[MessageTemplate]:
        """At most TEMPLATES of them, in Twilio's order."""
        contents = self._client.content.v1.content_and_approvals
        listed = call(lambda: contents.list(limit=TEMPLATES, page_size=PAGE), sends=False)
        return [read_template(content) for content in listed]

    def list_received(self, since: datetime) -> list[SignedRequest]:
        """Messages to any of the account's numbers since then, in wall time; oldest first.

        Twilio keeps neither buttons, places nor names of profiles: those are lost with the
        delivery. Of what is listed, at most the newest RECEIVED are looked at.
        """
        listed = call(
            lambda: self._client.messages.list(
                date_sent_after=since, limit=RECEIVED, page_size=PAGE
            ),
            sends=False,
        )
        if len(listed) == RECEIVED:
            log.warning("twilio: more than %d messages since %s", RECEIVED, since.isoformat())
        received = [m for m in listed if m.direction == "inbound" and is_handled(m.from_ or "")]
        return [self._rebuild(message) for message in reversed(received)]

    def _rebuild(self, message: Any) -> SignedRequest:
        """The delivery of a message that Twilio received, as far as Twilio still knows it."""
        fields = {
            "MessageSid": message.sid,
            "AccountSid": message.account_sid,
            "MessagingServiceSid": message.messaging_service_sid or "",
            "From": message.from_,
            "To": message.to,
            "Body": message.body or "",
            "NumMedia": message.num_media or "0",
        }
        if int(fields["NumMedia"]):
            try:
                media = call(
                    lambda: self._client.messages(message.sid).media.list(limit=10), sends=False
                )
            except Refused:  # deleted, say: the words are read all the same, and all that follow
                log.warning("twilio: the media of a message are not to be had")
                media = []
            fields["NumMedia"] = str(len(media))
            for n, item in enumerate(media):
                fields[f"MediaUrl{n}"] = self._base_url + item.uri.removesuffix(".json")
                fields[f"MediaContentType{n}"] = item.content_type or ""
        return SignedRequest(method="POST", url="", headers={}, body=urlencode(fields).encode())


def _content(message: OutboundMessage) -> dict[str, Any]:
    """What a message says: a template with its variables, or text and media. Twilio takes
    no text beside a template (https://www.twilio.com/docs/api/errors/63016)."""
    if message.template:
        content: dict[str, Any] = {"content_sid": message.template}
        if message.variables:
            content["content_variables"] = json.dumps(dict(message.variables), ensure_ascii=False)
        return content
    content = {"media_url": list(message.media_urls)} if message.media_urls else {}
    return {**content, "body": _text(message)} if message.text or not content else content


def _text(message: OutboundMessage) -> str:
    return plain_text(message.text) if message.channel == "sms" else message.text


def _is_text_of(message: OutboundMessage, body: str) -> bool:
    if message.template:
        return all(value in body for value in message.variables.values())
    return body == _text(message).strip()


def _address(channel: str, phone: str) -> str:
    return WHATSAPP + phone if channel == "whatsapp" else phone


def _sent(message: Any) -> Sent:
    # A Messaging Service has not chosen a sender yet and says "0" segments.
    return Sent(provider_id=message.sid, segments=int(message.num_segments or 0) or None)
