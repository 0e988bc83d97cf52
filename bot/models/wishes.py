"""The waiting list: who wants to be told when an article is back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, TenantId, When, one_of


class Wish(Base):
    """`size` is empty when any will do. `state`: waiting, told (once), dropped."""

    __tablename__ = "wishes"
    __table_args__ = (
        one_of("state", "waiting", "told", "dropped"),
        Index(
            "uq_wishes_waiting",
            "tenant_id",
            "customer_id",
            "reference",
            "size",
            unique=True,
            postgresql_where="state = 'waiting'",
        ),
        Index("ix_wishes_due", "next_look_at", postgresql_where="state = 'waiting'"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    reference: Mapped[str]
    size: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="waiting")
    next_look_at: Mapped[When]
    created_at: Mapped[When]
    told_at: Mapped[When | None]


def waiting_wishes(tenant_id: int, db: Session) -> list[Wish]:
    """The tenant's waiting list, first come first."""
    return list(
        db.scalars(
            select(Wish)
            .where(Wish.tenant_id == tenant_id, Wish.state == "waiting")
            .order_by(Wish.id)
            .with_for_update(skip_locked=True)
        )
    )


def look_now(tenant_id: int, db: Session, now: datetime) -> None:
    """The shop's stock has changed: whoever waits is looked for at once."""
    db.execute(
        update(Wish)
        .where(Wish.tenant_id == tenant_id, Wish.state == "waiting", Wish.next_look_at > now)
        .values(next_look_at=now)
    )


def tenants_awaited(db: Session, now: datetime) -> list[int]:
    """Tenants on whose waiting list somebody's turn to be looked for has come."""
    due = select(Wish.tenant_id).where(Wish.state == "waiting", Wish.next_look_at <= now)
    return sorted(set(db.scalars(due)))


def look_again(tenant_id: int, db: Session, now: datetime, at: datetime) -> None:
    """Whose turn had come by `now` has been looked for; who still waits is again `at`."""
    db.execute(
        update(Wish)
        .where(Wish.tenant_id == tenant_id, Wish.state == "waiting", Wish.next_look_at <= now)
        .values(next_look_at=at)
    )
