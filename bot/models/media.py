"""What came with messages: pictures, voice notes, documents."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Index,
    UniqueConstraint,
    any_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of


class Media(Base):
    """One file. `state`: waiting (still at the vendor, whose `source` says where), kept under
    `key` in the store, refused (for `reason`, for good), failed (given up). `content_type` is
    sniffed, `name` the sender's, fit for display; `bytes` is None until it is kept."""

    __tablename__ = "media"
    __table_args__ = (
        UniqueConstraint("message_id", "position"),
        one_of("state", "waiting", "kept", "refused", "failed"),
        Index("ix_media_waiting", "next_try_at", postgresql_where="state = 'waiting'"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    position: Mapped[int]
    key: Mapped[str]
    content_type: Mapped[str] = mapped_column(default="")
    bytes: Mapped[int | None]
    name: Mapped[str] = mapped_column(default="")
    source: Mapped[Json] = mapped_column(default=dict)  # {url, content_type}: the sender's claims
    state: Mapped[str] = mapped_column(default="waiting")
    reason: Mapped[str] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[When]
    claimed_until: Mapped[When | None]  # wall time
    created_at: Mapped[When]


_CAME_WITH = (
    select(Media)
    .where(
        Media.tenant_id == bindparam("tenant"),
        Media.message_id == any_(bindparam("messages", type_=ARRAY(BigInteger))),
    )
    .order_by(Media.message_id, Media.position)
)


def media_of(tenant_id: int, db: Session, message_ids: Collection[int]) -> list[Media]:
    """What came with these messages, in order."""
    return list(db.scalars(_CAME_WITH, {"tenant": tenant_id, "messages": list(message_ids)}))


def kept_media(tenant_id: int, db: Session, id: int) -> Media | None:
    """The tenant's file, if it is in the store."""
    return db.scalar(
        select(Media).where(Media.tenant_id == tenant_id, Media.id == id, Media.state == "kept")
    )


def claim_media(
    db: Session, now: datetime, wall: datetime, length: timedelta, at_once: int
) -> Media | None:
    """The file of any tenant that has waited longest, claimed for `length`; None when there
    is none, or when about `at_once` are being fetched already."""
    fetched = select(func.count()).where(Media.state == "waiting", Media.claimed_until >= wall)
    waiting = (
        select(Media.id)
        .where(
            Media.state == "waiting",
            Media.next_try_at <= now,
            or_(Media.claimed_until.is_(None), Media.claimed_until < wall),
            fetched.scalar_subquery() < at_once,
        )
        .order_by(Media.next_try_at, Media.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return db.scalar(
        update(Media)
        .where(Media.id == waiting)
        .values(claimed_until=wall + length, attempts=Media.attempts + 1)
        .returning(Media)
    )
