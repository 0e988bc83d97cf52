"""Message templates as the carrier last listed them, with their state of approval."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, TenantId, When
from connectors.channels import MessageTemplate


class Template(Base):
    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("connection_id", "vendor_id"),)

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    vendor_id: Mapped[str]
    name: Mapped[str]
    language: Mapped[str]
    body: Mapped[str]
    approval: Mapped[str]
    read_at: Mapped[When]


def replace_templates(
    tenant_id: int, db: Session, connection_id: int, found: list[MessageTemplate], now: datetime
) -> None:
    """Make the kept list the one just read."""
    db.execute(
        delete(Template).where(
            Template.tenant_id == tenant_id, Template.connection_id == connection_id
        )
    )
    db.add_all(
        Template(
            tenant_id=tenant_id,
            connection_id=connection_id,
            vendor_id=t.id,
            name=t.name,
            language=t.language,
            body=t.body,
            approval=t.approval,
            read_at=now,
        )
        for t in found
    )


def approved_templates(tenant_id: int, db: Session, connection_id: int) -> dict[str, str]:
    """The approved ones: name -> the carrier's id. A template serves the kind of message
    that it is named after."""
    rows = db.execute(
        select(Template.name, Template.vendor_id).where(
            Template.tenant_id == tenant_id,
            Template.connection_id == connection_id,
            Template.approval == "approved",
        )
    )
    return {row.name: row.vendor_id for row in rows}
