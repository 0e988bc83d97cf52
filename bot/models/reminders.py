"""Reminders: anything to be sent at a time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of


class Reminder(Base):
    """`kind` names its sentences (reservation_reminder …), `facts` fill them."""

    __tablename__ = "reminders"
    __table_args__ = (
        one_of("state", "planned", "sent", "cancelled"),
        Index("ix_reminders_due", "due_at", postgresql_where="state = 'planned'"),
        Index(
            "uq_reminders_planned",
            "reservation_id",
            "kind",
            unique=True,
            postgresql_where="state = 'planned' AND reservation_id IS NOT NULL",
        ),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    reservation_id: Mapped[int | None] = mapped_column(
        ForeignKey("reservations.id", ondelete="CASCADE")
    )
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id", ondelete="SET NULL"))
    kind: Mapped[str]
    channel: Mapped[str]
    facts: Mapped[Json] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(default="planned")
    due_at: Mapped[When]
    created_at: Mapped[When]


def planned_reminder(
    tenant_id: int, db: Session, reservation_id: int, kind: str
) -> Reminder | None:
    return db.scalar(
        select(Reminder).where(
            Reminder.tenant_id == tenant_id,
            Reminder.reservation_id == reservation_id,
            Reminder.kind == kind,
            Reminder.state == "planned",
        )
    )


def last_of_kind(tenant_id: int, db: Session, customer_id: int, kind: str) -> datetime | None:
    """When the customer's last message of that kind was due or will be."""
    return db.scalar(
        select(func.max(Reminder.due_at)).where(
            Reminder.tenant_id == tenant_id,
            Reminder.customer_id == customer_id,
            Reminder.kind == kind,
            Reminder.state != "cancelled",
        )
    )


def planned_of_order(
    tenant_id: int, db: Session, order_id: str, kinds: Collection[str]
) -> list[Reminder]:
    """What is still to be said of an order, locked."""
    return list(
        db.scalars(
            select(Reminder)
            .where(
                Reminder.tenant_id == tenant_id,
                Reminder.state == "planned",
                Reminder.kind.in_(kinds),
                Reminder.facts["order_id"].as_string() == order_id,
            )
            .with_for_update()
        )
    )


def due_reminders(db: Session, now: datetime) -> list[Reminder]:
    """Reminders of any tenant that are due, locked."""
    return list(
        db.scalars(
            select(Reminder)
            .where(Reminder.state == "planned", Reminder.due_at <= now)
            .order_by(Reminder.due_at)
            .with_for_update(skip_locked=True)
            .limit(100)
        )
    )
