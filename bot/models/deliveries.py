"""Deliveries: raw webhooks as received, each stored once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, UniqueConstraint, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of

CLAIM = timedelta(seconds=60)


class Delivery(Base):
    """`state`: new, done, ignored (with the reason in `error`), failed (given up)."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("connection_id", "provider_id"),
        one_of("state", "new", "done", "ignored", "failed"),
        Index("ix_deliveries_waiting", "id", postgresql_where="state = 'new'"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    provider_id: Mapped[str]
    kind: Mapped[str]
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


def claim_deliveries(db: Session, now: datetime, wall: datetime, limit: int) -> list[Delivery]:
    """Up to `limit` deliveries of any tenant that wait, oldest first, claimed for a minute."""
    waiting = (
        select(Delivery.id)
        .where(
            Delivery.state == "new",
            Delivery.next_try_at <= now,
            or_(Delivery.claimed_until.is_(None), Delivery.claimed_until < wall),
        )
        .order_by(Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = db.scalars(
        update(Delivery)
        .where(Delivery.id.in_(waiting))
        .values(claimed_until=wall + CLAIM, attempts=Delivery.attempts + 1)
        .returning(Delivery)
    )
    return sorted(claimed, key=lambda d: d.id)
