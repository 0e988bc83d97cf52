"""Parcels that are watched until they arrive."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, TenantId, When, one_of


class Watch(Base):
    """`state`: watching, alerted (the desk was told that it has not come by `alert_at`; still
    watched), arrived, ended (given up). `status` is what the carrier said last, `spare_id` a
    reservation that is given up once the parcel is there."""

    __tablename__ = "watches"
    __table_args__ = (
        one_of("state", "watching", "alerted", "arrived", "ended"),
        Index(
            "uq_watches_number",
            "tenant_id",
            "number",
            unique=True,
            postgresql_where="state IN ('watching', 'alerted')",
        ),
        Index(
            "ix_watches_due",
            "next_look_at",
            postgresql_where="state IN ('watching', 'alerted')",
        ),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    spare_id: Mapped[int | None] = mapped_column(ForeignKey("reservations.id", ondelete="SET NULL"))
    number: Mapped[str]
    order_number: Mapped[str]
    status: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="watching")
    alert_at: Mapped[When]
    next_look_at: Mapped[When]
    claimed_until: Mapped[When | None]  # wall time
    created_at: Mapped[When]


WATCHED = ("watching", "alerted")


def watch_of(tenant_id: int, db: Session, number: str) -> Watch | None:
    """Who watches the parcel now."""
    return db.scalar(
        select(Watch).where(
            Watch.tenant_id == tenant_id, Watch.number == number, Watch.state.in_(WATCHED)
        )
    )


def claim_watches(db: Session, now: datetime, wall: datetime, length: timedelta) -> list[Watch]:
    """Watches of any tenant whose parcel is to be looked at, claimed for `length`."""
    due = (
        select(Watch.id)
        .where(
            Watch.state.in_(WATCHED),
            Watch.next_look_at <= now,
            or_(Watch.claimed_until.is_(None), Watch.claimed_until < wall),
        )
        .order_by(Watch.next_look_at)
        .limit(20)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return list(
        db.scalars(
            update(Watch)
            .where(Watch.id.in_(due))
            .values(claimed_until=wall + length)
            .returning(Watch)
        )
    )
