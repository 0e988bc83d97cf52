"""Deliveries: raw webhooks as received, each stored once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, UniqueConstraint, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of

CLAIMING = 0x0C0CC2  # the advisory lock of whoever claims deliveries


class Delivery(Base):
    """`state`: new, done, ignored (with the reason in `error`), failed (given up). A new one
    with an `error` broke on a defect. `sender`: who wrote, where it brings a message."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("connection_id", "provider_id"),
        one_of("state", "new", "done", "ignored", "failed"),
        Index("ix_deliveries_failed", "tenant_id", "id", postgresql_where="state = 'failed'"),
        Index("ix_deliveries_waiting", "id", postgresql_where="state = 'new'"),
        Index(
            "ix_deliveries_of_sender",
            "connection_id",
            "sender",
            "id",
            postgresql_where="state = 'new' AND sender != ''",
        ),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    provider_id: Mapped[str]
    kind: Mapped[str]
    sender: Mapped[str] = mapped_column(default="")
    url: Mapped[str]
    headers: Mapped[Json]
    body: Mapped[bytes]
    state: Mapped[str] = mapped_column(default="new")
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[When]
    claimed_until: Mapped[When | None]  # wall time
    error: Mapped[str] = mapped_column(default="")
    received_at: Mapped[When]


def store_delivery(tenant_id: int, db: Session, delivery: Delivery) -> int | None:
    """Insert it; its id, or None when this provider id was stored before."""
    return db.execute(
        insert(Delivery)
        .values(
            tenant_id=tenant_id,
            connection_id=delivery.connection_id,
            provider_id=delivery.provider_id,
            kind=delivery.kind,
            sender=delivery.sender,
            url=delivery.url,
            headers=delivery.headers,
            body=delivery.body,
            state="new",
            attempts=0,
            error="",
            next_try_at=delivery.received_at,
            received_at=delivery.received_at,
        )
        .on_conflict_do_nothing()
        .returning(Delivery.id)
    ).scalar()


def claim_deliveries(
    db: Session, now: datetime, wall: datetime, length: timedelta, limit: int
) -> list[Delivery]:
    """Up to `limit` deliveries of any tenant that wait, oldest first, claimed for `length`.

    Those of one sender in order: none while an earlier one is claimed or is to be tried again
    later, unless that one broke. One process claims at a time, so that no two share a sender's.
    """
    db.execute(select(func.pg_advisory_xact_lock(CLAIMING)))
    earlier = aliased(Delivery)
    held_up = exists().where(
        earlier.state == "new",
        earlier.sender != "",
        earlier.connection_id == Delivery.connection_id,
        earlier.sender == Delivery.sender,
        earlier.id < Delivery.id,
        earlier.error == "",
        or_(earlier.next_try_at > now, earlier.claimed_until >= wall),
    )
    waiting = (
        select(Delivery.id)
        .where(
            Delivery.state == "new",
            Delivery.next_try_at <= now,
            or_(Delivery.claimed_until.is_(None), Delivery.claimed_until < wall),
            ~held_up,
        )
        .order_by(Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = db.scalars(
        update(Delivery)
        .where(Delivery.id.in_(waiting))
        .values(claimed_until=wall + length, attempts=Delivery.attempts + 1)
        .returning(Delivery)
    )
    return sorted(claimed, key=lambda d: d.id)


def received_at(db: Session, delivery_ids: Sequence[int]) -> dict[int | None, datetime]:
    """When these of any tenant came."""
    if not delivery_ids:
        return {}
    found = select(Delivery.id, Delivery.received_at).where(Delivery.id.in_(delivery_ids))
    return {row[0]: row[1] for row in db.execute(found)}


def give_back(db: Session, delivery_ids: Sequence[int]) -> None:
    """These were claimed and not tried: another may."""
    db.execute(
        update(Delivery)
        .where(Delivery.id.in_(delivery_ids), Delivery.state == "new")
        .values(claimed_until=None, attempts=Delivery.attempts - 1)
    )
