"""A mail that Resend received, as an InboundMessage."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.channels import Attachment, InboundMessage
from connectors.errors import Refused
from connectors.resend.authentication import is_proven
from connectors.resend.automatic import is_automatic
from connectors.resend.headers import Headers, addresses_in
from connectors.resend.quotes import read_html, read_reply

# An image of so few bytes within a mail shows nothing: it tells that the mail was opened.
TRACKING_PIXEL = 1024

MESSAGE_ID = re.compile(r"<[^<>\s]{1,500}>")
MOST_REFERENCES = 50  # of a thread's, the latest


def read_message(
    email: Mapping[str, Any], headers: Headers, servers: Sequence[str]
) -> InboundMessage:
    """`email` as GET /emails/receiving/{id} answers. Raises Refused for a mail without sender."""
    senders = addresses_in(clean(email.get("from"))) or addresses_in(headers.get("from"))
    if not senders:
        raise Refused("resend: a mail without a sender", vendor="resend", code="no_sender")
    to, cc, received_for = (_addresses(email, name) for name in ("to", "cc", "received_for"))
    recipients = list(dict.fromkeys([*received_for, *to, *cc, *_addresses(email, "bcc")]))
    subject, html = clean(email.get("subject")), clean(email.get("html"))
    text = clean(email.get("text"))
    extra = {
        "message_id": _first_id(clean(email.get("message_id")) or headers.get("message-id")),
        "references": " ".join(_references(headers)),
        "html": html,
        "to": ", ".join(to),
        "cc": ", ".join(cc),
        "reply_to": ", ".join(_addresses(email, "reply_to")),
        "recipients": ", ".join(recipients),
    }
    return InboundMessage(
        channel="email",
        provider_id=email["id"],
        sender=senders[0],
        recipient=recipients[0] if recipients else "",
        text=read_reply(text if text.strip() else read_html(html), subject),
        proven=is_proven(headers, senders[0], servers),
        subject=" ".join(subject.split()),
        attachments=_attachments(email),
        automatic=is_automatic(headers, senders[0], _own(to, cc, received_for)),
        extra={name: value for name, value in extra.items() if value},
    )


def clean(value: object) -> str:
    """Text that a database and a page can hold: without NUL, without half characters."""
    text = value if isinstance(value, str) else ""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _addresses(email: Mapping[str, Any], name: str) -> list[str]:
    return addresses_in(*(clean(value) for value in email.get(name) or []))


def _own(to: list[str], cc: list[str], received_for: list[str]) -> list[str]:
    """The addresses that are surely the shop's: people copy themselves, too."""
    return received_for or (to if len(to) == 1 and not cc else [])


def _first_id(value: str) -> str:
    found = MESSAGE_ID.search(value)
    return found[0] if found else ""


def _references(headers: Headers) -> list[str]:
    """RFC 5322, 3.6.4: the thread from its first mail to the one that is answered."""
    thread = MESSAGE_ID.findall(headers.get("references"))
    answered = MESSAGE_ID.findall(headers.get("in-reply-to"))[:1]
    return list(dict.fromkeys([*thread, *answered]))[-MOST_REFERENCES:]


def _attachments(email: Mapping[str, Any]) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(
            url=f"resend:{email['id']}/{found['id']}",
            content_type=clean(found.get("content_type")).lower(),
            name=clean(found.get("filename")),
        )
        for found in email.get("attachments") or []
        if not _is_tracking_pixel(found)
    )


def _is_tracking_pixel(attachment: Mapping[str, Any]) -> bool:
    image = clean(attachment.get("content_type")).lower().startswith("image/")
    within = bool(attachment.get("content_id"))  # the mail's own HTML shows it
    size = attachment.get("size")
    return image and within and isinstance(size, int) and size < TRACKING_PIXEL
