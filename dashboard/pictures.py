"""A picture that an adviser sends with an answer."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from flask import request
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from bot import clock
from bot.media.links import signed_url
from bot.media.names import clean_name
from bot.media.store import media_store
from bot.media.types import NotKept, sniff
from bot.models.media import Media
from bot.models.messages import Message

# What WhatsApp carries as a picture, and mail programs show; 5 MB is WhatsApp's own limit
# (https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages)
SENT = frozenset({"image/jpeg", "image/png", "image/webp"})
LARGEST = 5 * 1000 * 1000  # bytes


class NotSendable(ValueError):
    """No picture that can be sent; `reason` is the end of a text's name (reply.picture_…)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Picture:
    """`key`: where the store keeps it, once it does."""

    content: bytes
    content_type: str
    name: str
    key: str = ""


def read_picture() -> Picture | None:
    """The picture of this request's form, None when there is none. Raises NotSendable."""
    file: FileStorage | None = request.files.get("picture")
    if file is None or not file.filename:
        return None
    content = file.stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise NotSendable("too_large")
    try:
        content_type = sniff(content)
    except NotKept:
        raise NotSendable("refused") from None
    if content_type not in SENT:
        raise NotSendable("refused")
    return Picture(content, content_type, clean_name(file.filename))


def keep(tenant_id: int, picture: Picture) -> Picture:
    """Into the store, which may be slow: no transaction is open. Raises Unavailable, Refused."""
    key = f"{tenant_id}/{uuid.uuid4().hex}"
    media_store().put(key, picture.content, picture.content_type)
    return replace(picture, key=key)


def enclose(db: Session, message: Message, picture: Picture) -> None:
    """The picture, as the store keeps it, becomes the message's own. Where none can travel
    (France knows no MMS; a WhatsApp template has no room), a link to it ends the text."""
    row = Media(
        tenant_id=message.tenant_id,
        message_id=message.id,
        position=0,
        key=picture.key,
        content_type=picture.content_type,
        bytes=len(picture.content),
        name=picture.name,
        source={},
        state="kept",
        attempts=0,
        next_try_at=clock.now(),
        created_at=clock.now(),
    )
    db.add(row)
    db.flush()
    if message.channel == "sms" or message.template:
        message.body = f"{message.body}\n{signed_url(row)}"
        if message.template:
            told = " ".join(message.body.split())  # a template's variable is one line
            message.variables = {**message.variables, "2": told}
    else:
        message.extra = {**message.extra, "enclosed": True}
