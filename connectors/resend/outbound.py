"""Our message as the body of POST /emails. The same message always gives the same body:
Resend refuses a key that comes back with another."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.headerregistry import Address
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.channels import OutboundMessage
from connectors.errors import Refused

# The tag by which reports bring our id back.
TAG = "message_id"


def build_request(message: OutboundMessage) -> dict[str, Any]:
    """Raises Refused when the sender is no mail address."""
    request: dict[str, Any] = {
        "from": _format_sender(message),
        "to": [message.recipient],
        "subject": _one_line(message.subject),
        "text": message.text,
        "headers": _headers(message),
        "tags": [{"name": TAG, "value": str(message.id)}],
    }
    if message.html:
        request["html"] = message.html
    if message.media_urls:
        request["attachments"] = [{"path": u, "filename": _name(u)} for u in message.media_urls]
    return request


def _format_sender(message: OutboundMessage) -> str:
    """JSON carries UTF-8, so the name is quoted where it must be, and never encoded."""
    try:
        return str(Address(_one_line(message.sender_name), addr_spec=message.sender))
    except (ValueError, IndexError, HeaderParseError):
        text = "resend: the sender is not a mail address"
        raise Refused(text, vendor="resend", code="invalid_from_address") from None


def _headers(message: OutboundMessage) -> dict[str, str]:
    headers = {"X-Auto-Response-Suppress": "OOF, AutoReply"}
    if message.in_reply_to:
        headers["In-Reply-To"] = _one_line(message.in_reply_to)
    thread = [*message.references, message.in_reply_to]
    if references := " ".join(dict.fromkeys(r for r in thread if r)):
        headers["References"] = _one_line(references)
    if message.unsubscribe:
        ways = [way if ":" in way else f"mailto:{way}" for way in message.unsubscribe]
        headers["List-Unsubscribe"] = ", ".join(f"<{_one_line(way)}>" for way in ways)
        if any(way.startswith("https:") for way in ways):  # RFC 8058
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _name(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name or "piece-jointe"


def _one_line(text: str) -> str:
    return " ".join(text.split())
