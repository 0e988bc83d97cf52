"""What the tests of Resend share: deliveries, our mails, a shop that listens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sandbox_world import JULIE_MAIL, SHOP_MAIL, WEBHOOK_SECRET, Door, World
from svix.webhooks import Webhook

from connectors.channels import InboundMessage, OutboundMessage, SignedRequest
from connectors.resend.channel import ResendChannel

DOOR = "https://coccinelle.example/webhooks/resend/1"
EMAIL_ID = "56761188-7520-42d8-8898-ff6fc54ce618"


def event(kind: str = "email.delivered", **data: Any) -> dict[str, Any]:
    known = {"email_id": EMAIL_ID, "from": SHOP_MAIL, "to": [JULIE_MAIL], "subject": "Robe"}
    known |= {"created_at": "2026-11-20T07:00:00.000Z", "tags": {"message_id": "7"}}
    return {"type": kind, "created_at": "2026-11-20T07:00:00.000Z", "data": {**known, **data}}


def deliver(
    body: dict[str, Any] | bytes,
    *,
    secret: str = WEBHOOK_SECRET,
    id: str = "msg_1",
    at: datetime | None = None,
    **headers: str,
) -> SignedRequest:
    """Signed by Svix's own library."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    at = at or datetime.now(UTC)
    signed = {
        "svix-id": id,
        "svix-timestamp": str(int(at.timestamp())),
        "svix-signature": Webhook(secret).sign(id, at, raw.decode("utf-8", "replace")),
    }
    return SignedRequest("POST", DOOR, {**signed, **headers}, raw)


def outbound(text: str = "Bonjour Julie !", **changes: Any) -> OutboundMessage:
    given = {
        "id": 7,
        "channel": "email",
        "sender": SHOP_MAIL,
        "sender_name": "Élégance Paris",
        "recipient": JULIE_MAIL,
        "text": text,
        "subject": "Re: Robe",
        "status_url": "",
        "key": f"message-{uuid4()}",
        **changes,
    }
    return OutboundMessage(**given)


def listen(world: World, door: Door, **more: Any) -> ResendChannel:
    url = f"{door.url}/mail"
    world.change(lambda document: document["mail"].update(url=url, **more))
    found = world.connect("resend")
    assert isinstance(found, ResendChannel)
    return found


def taken(door: Door, n: int = -1) -> SignedRequest:
    url, headers, body = door.received[n]
    return SignedRequest("POST", url, headers, body)


def write(world: World, **changes: Any) -> dict[str, Any]:
    given = {
        "sender": f"Julie Mercier <{JULIE_MAIL}>",
        "recipient": SHOP_MAIL,
        "subject": "Robe fleurie",
        "text": "Vous l'avez en 38 ? 😊",
        **changes,
    }
    return world.mail(**given)


def read_last(channel: ResendChannel, door: Door) -> InboundMessage:
    channel.verify(taken(door))
    (message,) = channel.read(taken(door))
    assert isinstance(message, InboundMessage)
    return message
