"""What language models were asked: how long it took, what it cost, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, Numeric, cast, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, TenantId, When, one_of

PURPOSES = ("understanding", "phrasing", "embedding")


class ModelCall(Base):
    """One request. `outcome`: ok, or why the answer was of no use (bot.language_models);
    `cost` None where the connection has no price for the model."""

    __tablename__ = "model_calls"
    __table_args__ = (
        one_of("purpose", *PURPOSES),
        Index("ix_model_calls_tenant_created", "tenant_id", "created_at"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    conversation_id: Mapped[int | None] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    purpose: Mapped[str]
    model: Mapped[str]
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    cost: Mapped[Decimal | None] = mapped_column(Numeric(14, 8))
    currency: Mapped[str] = mapped_column(default="")
    milliseconds: Mapped[int]
    outcome: Mapped[str]
    created_at: Mapped[When]


@dataclass(frozen=True)
class Spent:
    """What a model did for one purpose. `cost` sums the calls whose price was known."""

    purpose: str
    model: str
    currency: str
    calls: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal
    milliseconds: int


def calls_of(tenant_id: int, db: Session, conversation_id: int) -> list[ModelCall]:
    """The conversation's, oldest first."""
    return list(
        db.scalars(
            select(ModelCall)
            .where(ModelCall.tenant_id == tenant_id, ModelCall.conversation_id == conversation_id)
            .order_by(ModelCall.id)
        )
    )


def spent_by_conversation(tenant_id: int, db: Session, conversation_id: int) -> list[Spent]:
    return _sum(db, tenant_id, ModelCall.conversation_id == conversation_id)


def spent_between(tenant_id: int, db: Session, since: datetime, until: datetime) -> list[Spent]:
    """From `since` up to `until`, by purpose and model."""
    return _sum(db, tenant_id, ModelCall.created_at >= since, ModelCall.created_at < until)


def _sum(db: Session, tenant_id: int, *which: ColumnElement[bool]) -> list[Spent]:
    grouped = (ModelCall.purpose, ModelCall.model, ModelCall.currency)
    rows = db.execute(
        select(
            *grouped,
            func.count().label("calls"),
            func.count().filter(ModelCall.outcome != "ok").label("failed"),
            cast(func.sum(ModelCall.prompt_tokens), BigInteger).label("prompt_tokens"),
            cast(func.sum(ModelCall.completion_tokens), BigInteger).label("completion_tokens"),
            func.coalesce(func.sum(ModelCall.cost), 0).label("cost"),
            cast(func.sum(ModelCall.milliseconds), BigInteger).label("milliseconds"),
        )
        .where(ModelCall.tenant_id == tenant_id, *which)
        .group_by(*grouped)
        .order_by(*grouped)
    )
    return [Spent(**row._mapping) for row in rows]
