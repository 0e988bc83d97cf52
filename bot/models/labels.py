"""Return labels that were made, and where their files are kept."""

from __future__ import annotations

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session

from bot.models.base import Base, Id, TenantId, When


class Label(Base):
    """One of an order's line. `key` is its file in the media store."""

    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("tenant_id", "order_number", "sku"),)

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    order_number: Mapped[str]
    sku: Mapped[str]
    parcel_number: Mapped[str]
    key: Mapped[str]
    content_type: Mapped[str]
    bytes: Mapped[int]
    created_at: Mapped[When]


def label_for(tenant_id: int, db: Session, order_number: str, sku: str) -> Label | None:
    return db.scalar(
        select(Label).where(
            Label.tenant_id == tenant_id, Label.order_number == order_number, Label.sku == sku
        )
    )


def label(tenant_id: int, db: Session, id: int) -> Label | None:
    return db.scalar(select(Label).where(Label.tenant_id == tenant_id, Label.id == id))
