"""From the vendor into the store: planned with the message, fetched when there is time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from bot import clock
from bot.db import transaction
from bot.holds import pause_before
from bot.logs import log
from bot.media.names import clean_name
from bot.media.store import media_store
from bot.media.types import NotKept, Reason, sniff
from bot.models.media import Media, claim_media
from bot.models.messages import Message
from bot.settings import settings
from bot.tenants import open_channel
from connectors.channels import Attachment, Fetched, MediaSource
from connectors.errors import BadConfig, Refused, Unavailable

MOST = 10  # files of one message
GIVE_UP_AFTER = 24  # attempts at fetching a file, the last about ten hours after the first


def plan(
    tenant_id: int, db: Session, message: Message, attachments: Sequence[Attachment], now: datetime
) -> None:
    """Write down what is to be fetched, in the transaction that stores the message. Of what
    is over MOST, one row says how many were refused (`source["count"]`)."""
    rows = [
        _row(tenant_id, message.id, position, now)
        for position in range(min(len(attachments), MOST + 1))
    ]
    for row, attachment in zip(rows[:MOST], attachments, strict=False):
        row.name = clean_name(attachment.name)
        row.source = {
            "connection_id": message.connection_id,
            # PostgreSQL takes no NUL, and the sender chose these
            "url": attachment.url.replace("\0", ""),
            "content_type": attachment.content_type.replace("\0", ""),
        }
    for row in rows[MOST:]:
        row.source = {"count": len(attachments) - MOST}
        row.state, row.reason = "refused", "too_many"
    db.add_all(rows)


def fetch_waiting() -> int:
    """Fetch one file that waits; how many were taken. At most half of the workers do this at
    once (if there are two or more), for a vendor that hangs holds up whoever asks it."""
    at_once = max(1, settings().workers // 2)
    with transaction() as db:
        media = claim_media(db, clock.now(), clock.wall(), settings().claim, at_once)
    if media is None:
        return 0
    with bound_contextvars(media=media.id, message=media.message_id):
        try:
            _fetch(media)
        except Exception as error:  # a defect must not hold the other files up
            log().exception("media broke")
            _try_again(media, Unavailable(type(error).__name__))
    return 1


def _row(tenant_id: int, message_id: int, position: int, now: datetime) -> Media:
    return Media(
        tenant_id=tenant_id,
        message_id=message_id,
        position=position,
        key=f"{tenant_id}/{secrets.token_hex(16)}",
        state="waiting",
        next_try_at=now,
        created_at=now,
    )


def _fetch(media: Media) -> None:
    try:
        content = _download(media).content
        content_type = sniff(content, media.name)
        media_store().put(media.key, content, content_type)
    except NotKept as error:
        _refuse(media, error.reason)
    except Refused as error:
        _refuse(media, "too_large" if error.code == "too_large" else "gone", error.code)
    except (Unavailable, BadConfig) as error:  # a connection may be set right again
        _try_again(media, error)
    else:
        _keep(media, content, content_type)


def _download(media: Media) -> Fetched:
    """Asks the vendor: no transaction is open. Raises Refused, Unavailable, BadConfig, and
    NotKept when there is more than was asked for."""
    _, channel = open_channel(media.tenant_id, media.source["connection_id"])
    source = media.source
    attachment = Attachment(source["url"], source["content_type"], media.name)
    limit = settings().media_max_bytes
    fetched = cast(MediaSource, channel).fetch_media(attachment, limit)
    if len(fetched.content) > limit:
        raise NotKept("too_large")
    return fetched


def _keep(media: Media, content: bytes, content_type: str) -> None:
    values = {"state": "kept", "content_type": content_type, "bytes": len(content)}
    if _write(media, **values):
        log().info("media kept", type=content_type, bytes=len(content))


def _refuse(media: Media, reason: Reason, code: str = "") -> None:
    if _write(media, state="refused", reason=reason):
        log().warning("media refused", reason=reason, code=code)


def _try_again(media: Media, error: Unavailable | BadConfig) -> None:
    """Later, a little later each time, until it is given up."""
    asked, code = None, type(error).__name__
    if isinstance(error, Unavailable):
        asked, code = error.retry_after, error.code or code
    state = "failed" if media.attempts >= GIVE_UP_AFTER else "waiting"
    if _write(media, state=state, next_try_at=clock.now() + pause_before(media.attempts, asked)):
        log().warning("media waits", code=code, attempts=media.attempts, state=state)


def _write(media: Media, **values: Any) -> bool:
    """What came of it; False when it took so long that another settled it meanwhile."""
    with transaction() as db:
        row = db.get_one(Media, media.id, with_for_update=True)
        if row.state != "waiting":
            return False
        for name, value in {**values, "claimed_until": None}.items():
            setattr(row, name, value)
    return True
