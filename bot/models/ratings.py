"""What customers think of what they bought, and of how they were served."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base, Id, TenantId, When


class Rating(Base):
    """`score` from 1 to 5; None when only words were said."""

    __tablename__ = "ratings"
    __table_args__ = (CheckConstraint("score BETWEEN 1 AND 5", name="score"),)

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    turn_id: Mapped[int | None] = mapped_column(ForeignKey("turns.id", ondelete="SET NULL"))
    score: Mapped[int | None]
    words: Mapped[str] = mapped_column(default="")
    created_at: Mapped[When]
