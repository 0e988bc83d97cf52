"""Notifications: what the desk tells the staff."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When


class Notification(Base):
    """`title` and `lines` are written out in the tenant's language from `kind` and `facts`."""

    __tablename__ = "notifications"
    __table_args__ = (Index("ix_notifications_tenant_recent", "tenant_id", "id"),)

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    conversation_id: Mapped[int | None] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    reservation_id: Mapped[int | None] = mapped_column(
        ForeignKey("reservations.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str]
    title: Mapped[str]
    lines: Mapped[list[Any]] = mapped_column(default=list)
    facts: Mapped[Json] = mapped_column(default=dict)
    needs_action: Mapped[bool] = mapped_column(default=False)
    read_at: Mapped[When | None]
    created_at: Mapped[When]
