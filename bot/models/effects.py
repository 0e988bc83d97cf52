"""Outside effects: what is to be done in another system, written down before it is done."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, UniqueConstraint, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of


class Effect(Base):
    """`purpose` names it once for the tenant ("turn:12:hold:RF-2847-38"), so that a second
    run finds it instead of doing it again. `request` is exact and `key` its idempotency
    key: sent again after a crash, the vendor does it once. `state`: planned (maybe sent),
    done, refused. `kind`: hold and label are done by the turn that wants them; release,
    ticket, note, return and profile by whoever looks for what is due."""

    __tablename__ = "effects"
    __table_args__ = (
        UniqueConstraint("tenant_id", "purpose"),
        one_of("state", "planned", "done", "refused"),
        Index(
            "ix_effects_waiting",
            "next_try_at",
            postgresql_where="state = 'planned'",
        ),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    connection_id: Mapped[int | None] = mapped_column(
        ForeignKey("connections.id", ondelete="SET NULL")
    )
    reservation_id: Mapped[int | None] = mapped_column(
        ForeignKey("reservations.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str]
    purpose: Mapped[str]
    request: Mapped[Json | None]
    key: Mapped[uuid.UUID]
    state: Mapped[str] = mapped_column(default="planned")
    result: Mapped[Json] = mapped_column(default=dict)
    error: Mapped[str] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[When]
    claimed_until: Mapped[When | None]  # wall time
    created_at: Mapped[When]
    done_at: Mapped[When | None]


def effect_for(tenant_id: int, db: Session, purpose: str) -> Effect | None:
    return db.scalar(select(Effect).where(Effect.tenant_id == tenant_id, Effect.purpose == purpose))


def other_sales(
    tenant_id: int, db: Session, effect_id: int, customer_id: int
) -> tuple[list[int], list[int]]:
    """Of the same customer, the profile effects that are still planned: those before this one,
    and those after it."""
    found = db.scalars(
        select(Effect.id).where(
            Effect.tenant_id == tenant_id,
            Effect.kind == "profile",
            Effect.state == "planned",
            Effect.id != effect_id,
            Effect.request["customer"].as_integer() == customer_id,
        )
    ).all()
    return [i for i in found if i < effect_id], [i for i in found if i > effect_id]


IN_TURN = ("hold", "label")


def claim_effects(
    db: Session, now: datetime, wall: datetime, length: timedelta, limit: int
) -> list[Effect]:
    """Up to `limit` effects of any tenant that are due and nobody is doing, claimed for
    `length`, the oldest first."""
    due = (
        select(Effect.id)
        .where(
            Effect.kind.not_in(IN_TURN),
            Effect.state == "planned",
            Effect.next_try_at <= now,
            or_(Effect.claimed_until.is_(None), Effect.claimed_until < wall),
        )
        .order_by(Effect.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = db.scalars(
        update(Effect)
        .where(Effect.id.in_(due))
        .values(claimed_until=wall + length)
        .returning(Effect)
    )
    return sorted(claimed, key=lambda e: e.id)


def plan_effect(
    tenant_id: int,
    db: Session,
    kind: str,
    purpose: str,
    request: Json,
    now: datetime,
    *,
    connection_id: int | None = None,
) -> bool:
    """Its row, in the transaction that decides it; nothing, and False, when it was planned
    before."""
    made = db.scalar(
        insert(Effect)
        .values(
            tenant_id=tenant_id,
            connection_id=connection_id,
            kind=kind,
            purpose=purpose,
            request=request,
            key=uuid.uuid4(),
            state="planned",
            result={},
            error="",
            attempts=0,
            next_try_at=now,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "purpose"])
        .returning(Effect.id)
    )
    return made is not None
