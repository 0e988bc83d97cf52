"""What Twilio's webhooks say: forms in, messages and reports out.

https://www.twilio.com/docs/messaging/guides/webhook-request
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from urllib.parse import parse_qs, parse_qsl, urlsplit

from connectors.channels import Attachment, InboundMessage, MessageState, Receipt, StatusReport
from connectors.errors import UnknownEvent

WHATSAPP = "whatsapp:"

# A message that could not be delivered because its recipient had sent STOP.
OPTED_OUT = "21610"

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
_KNOWN = frozenset(
    {"AccountSid", "ApiVersion", "Body", "ButtonText", "From", "ListTitle", "MessageSid"}
    | {"NumMedia", "SmsMessageSid", "SmsSid", "SmsStatus", "To"}
)

# Fields that InboundMessage.extra has under a name of ours. The rest keep Twilio's.
_EXTRA = {
    "Address": "address",
    "ButtonPayload": "button",
    "ExternalUserId": "external_user_id",
    "Forwarded": "forwarded",
    "FrequentlyForwarded": "frequently_forwarded",
    "Label": "label",
    "Latitude": "latitude",
    "ListId": "button",
    "Longitude": "longitude",
    "MessageType": "message_type",
    "MessagingServiceSid": "messaging_service_sid",
    "OptOutType": "opt_out_type",
    "OriginalRepliedMessageSid": "original_replied_message_sid",
    "ProfileName": "profile_name",
}


def parse_fields(body: bytes) -> dict[str, str]:
    """The form of a delivery. Empty fields count: Twilio sends and signs them."""
    text = body.decode("utf-8", errors="replace")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=500))


def name_delivery(fields: Mapping[str, str]) -> Receipt:
    """What a delivery with these fields is, without looking at its signature. Raises UnknownEvent.

    A message has Twilio's id for it, whether the door was sent it or the list gave it.
    """
    sid, status = fields.get("MessageSid"), fields.get("MessageStatus")
    if not sid:
        raise UnknownEvent("twilio: a delivery without MessageSid")
    if status is None and is_handled(find_sender(fields)) and fields.get("To"):
        return Receipt(sid, "message", sender=find_sender(fields).removeprefix(WHATSAPP))
    if status not in STATES:
        raise UnknownEvent(f"twilio: message status {status!r}")
    return Receipt(provider_id=f"{sid}:{status}", kind="status")


def find_sender(fields: Mapping[str, str]) -> str:
    """Who wrote, as a channel address. Someone on WhatsApp may have no telephone number:
    then it is `whatsapp:ID.<n>`, in From or only in ExternalUserId."""
    return fields.get("From") or fields.get("ExternalUserId", "")


def is_handled(address: str) -> bool:
    """Whether this is someone on a channel of ours: others have prefixes too (rcs:)."""
    return address.startswith(WHATSAPP) or (bool(address) and ":" not in address)


def read_message(fields: Mapping[str, str]) -> InboundMessage:
    """A button or a line of a list says its text, unless there is a text. What it stands for
    is `extra["button"]`."""
    sender = find_sender(fields)
    whatsapp = sender.startswith(WHATSAPP)
    attachments = tuple(_attachments(fields))
    said = (fields.get(name) for name in ("Body", "ButtonText", "ListTitle"))
    return InboundMessage(
        channel="whatsapp" if whatsapp else "sms",
        provider_id=fields["MessageSid"],
        sender=sender.removeprefix(WHATSAPP),
        recipient=fields["To"].removeprefix(WHATSAPP),
        text=next(filter(None, said), ""),
        proven=True,
        attachments=attachments,
        extra=_extra(fields, len(attachments)),
    )


def read_report(fields: Mapping[str, str], url: str) -> StatusReport | None:
    """What became of a message. `url` is where the report was posted. None: nothing new."""
    state = STATES[fields["MessageStatus"]]
    if state is None:
        return None
    code = fields.get("ErrorCode", "")
    return StatusReport(
        provider_id=fields["MessageSid"],
        message_id=_our_id(url),
        state=state,
        code=code,
        stops="opted_out" if code == OPTED_OUT else "",
    )


def _attachments(fields: Mapping[str, str]) -> Iterator[Attachment]:
    for n in count():
        if f"MediaUrl{n}" not in fields:
            return
        yield Attachment(fields[f"MediaUrl{n}"], fields.get(f"MediaContentType{n}", ""))


def _extra(fields: Mapping[str, str], attachments: int) -> dict[str, str]:
    """Twilio adds parameters without notice: what is not known is kept."""
    media = {f"{name}{n}" for name in ("MediaUrl", "MediaContentType") for n in range(attachments)}
    extra = {
        _EXTRA.get(name, name): value
        for name, value in fields.items()
        if value and name not in _KNOWN and name not in media
    }
    if user := extra.get("external_user_id"):
        extra["external_user_id"] = user.removeprefix(WHATSAPP)
    return extra


def _our_id(url: str) -> int | None:
    """The message id that we put into the status URL, as `?message=<id>`."""
    value = parse_qs(urlsplit(url).query).get("message", [""])[0]
    return int(value) if value.isascii() and value.isdigit() else None
