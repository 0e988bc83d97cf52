"""Escalations: conversations handed to an adviser."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, case, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, columns_of, one_of


class Escalation(Base):
    """`reason`: an intent's name, not_understood, system_down, delivery_failed, low_rating.
    `summary` and `suggestion` are written out in the tenant's language; `facts` is what
    they rest on; `deadline` the time by which someone should have answered."""

    __tablename__ = "escalations"
    __table_args__ = (
        one_of("priority", "normal", "high"),
        one_of("state", "open", "closed"),
        Index(
            "uq_escalations_open",
            "conversation_id",
            "reason",
            unique=True,
            postgresql_where="state = 'open'",
        ),
        Index("ix_escalations_tenant_state", "tenant_id", "state"),
        Index("ix_escalations_conversation_id", "conversation_id"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    turn_id: Mapped[int | None] = mapped_column(ForeignKey("turns.id", ondelete="SET NULL"))
    reason: Mapped[str]
    priority: Mapped[str] = mapped_column(default="normal")
    summary: Mapped[str]
    facts: Mapped[Json] = mapped_column(default=dict)
    suggestion: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="open")
    deadline: Mapped[When | None]
    created_at: Mapped[When]
    closed_at: Mapped[When | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


def open_escalation(db: Session, escalation: Escalation, longest: int) -> Escalation:
    """Open it, or have the one that is open for the same reason take its words, priority and
    deadline along: one statement, for two may hand the same over at once. `longest`: characters
    of the summary that are kept, the last ones."""
    new = insert(Escalation).values(columns_of(escalation))
    kept, more = Escalation, new.excluded
    joined = {
        "summary": func.right(kept.summary + "\n" + more.summary, longest),
        "priority": case((more.priority == "high", "high"), else_=kept.priority),
        "deadline": func.least(kept.deadline, more.deadline),
    }
    query = new.on_conflict_do_update(
        index_elements=["conversation_id", "reason"],
        index_where=text("state = 'open'"),
        set_=joined,
    ).returning(Escalation)
    return db.scalars(query, execution_options={"populate_existing": True}).one()


def open_escalations(
    tenant_id: int, db: Session, conversation_id: int | None = None
) -> list[Escalation]:
    """The tenant's open escalations (or one conversation's), urgent and old ones first."""
    query = select(Escalation).where(Escalation.tenant_id == tenant_id, Escalation.state == "open")
    if conversation_id is not None:
        query = query.where(Escalation.conversation_id == conversation_id)
    return list(db.scalars(query.order_by(Escalation.priority, Escalation.created_at)))


def close_escalations(
    tenant_id: int, db: Session, conversation_id: int, user_id: int, now: datetime
) -> int:
    """Close what is open in the conversation; how many there were."""
    found = open_escalations(tenant_id, db, conversation_id)
    for escalation in found:
        escalation.state, escalation.closed_at, escalation.closed_by = "closed", now, user_id
    return len(found)
