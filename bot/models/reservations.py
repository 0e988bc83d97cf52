"""Reservations: units put aside for a customer until a time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of

LIVE = ("pending", "active")


class Reservation(Base):
    """`state`: pending (the unit is being put aside, nothing promised yet), active, then
    cancelled, expired, collected, or undone (never promised, put back). `unit` is what the
    inventory needs to move it again. `pickup_from`/`pickup_to`: when the customer comes."""

    __tablename__ = "reservations"
    __table_args__ = (
        one_of("state", *LIVE, "cancelled", "expired", "collected", "undone"),
        CheckConstraint("quantity > 0", name="quantity"),
        Index(
            "uq_reservations_live",
            "tenant_id",
            "customer_id",
            "sku",
            unique=True,
            postgresql_where="state IN ('pending', 'active')",
        ),
        Index("ix_reservations_ending", "until", postgresql_where="state = 'active'"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    turn_id: Mapped[int | None] = mapped_column(
        ForeignKey("turns.id", ondelete="SET NULL"), index=True
    )
    sku: Mapped[str]
    reference: Mapped[str]
    title: Mapped[str]
    size: Mapped[str | None]
    unit: Mapped[Json]
    quantity: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default="pending")
    until: Mapped[When]
    pickup_from: Mapped[When | None]
    pickup_to: Mapped[When | None]
    extended: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[When]
    ended_at: Mapped[When | None]


_ACTIVE = (
    select(Reservation)
    .where(
        Reservation.tenant_id == bindparam("tenant"),
        Reservation.customer_id == bindparam("customer"),
        Reservation.state == "active",
    )
    .order_by(Reservation.id.desc())
)
_PENDING = select(Reservation).where(
    Reservation.tenant_id == bindparam("tenant"),
    Reservation.turn_id == bindparam("turn"),
    Reservation.state == "pending",
)


def pending_of(tenant_id: int, db: Session, turn_id: int) -> list[Reservation]:
    """What that turn put aside and nobody has promised."""
    return list(db.scalars(_PENDING, {"tenant": tenant_id, "turn": turn_id}))


def active_reservations(tenant_id: int, db: Session, customer_id: int) -> list[Reservation]:
    """The customer's reservations that are not over, newest first."""
    return list(db.scalars(_ACTIVE, {"tenant": tenant_id, "customer": customer_id}))


def kept_for(
    tenant_id: int, db: Session, customer_id: int, skus: Collection[str]
) -> list[Reservation]:
    """What is put aside of these articles for the customer, locked, the oldest first."""
    return list(
        db.scalars(
            select(Reservation)
            .where(
                Reservation.tenant_id == tenant_id,
                Reservation.customer_id == customer_id,
                Reservation.sku.in_(skus),
                Reservation.state == "active",
            )
            .order_by(Reservation.id)
            .with_for_update()
        )
    )


def reservation(tenant_id: int, db: Session, id: int) -> Reservation | None:
    """One reservation, locked."""
    return db.scalar(
        select(Reservation)
        .where(Reservation.tenant_id == tenant_id, Reservation.id == id)
        .with_for_update()
    )


def ended_by(db: Session, now: datetime) -> list[Reservation]:
    """Active reservations of any tenant whose time is over, locked."""
    return list(
        db.scalars(
            select(Reservation)
            .where(Reservation.state == "active", Reservation.until <= now)
            .order_by(Reservation.until)
            .with_for_update(skip_locked=True)
            .limit(100)
        )
    )
