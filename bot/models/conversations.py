"""Conversations and their turns."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, Integer, cast, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of
from bot.models.escalations import Escalation
from bot.models.tenants import Tenant


class Conversation(Base):
    """What a customer and a deployment say to each other until it is over.

    `answer_after` is set while customer messages wait for a turn; `lease` and `lease_until`
    (wall time) say who is taking it. `asked` is the question put last, `memory` what flows
    chose to remember.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        one_of("state", "open", "closed"),
        Index(
            "uq_conversations_open",
            "tenant_id",
            "customer_id",
            "deployment_id",
            unique=True,
            postgresql_where="state = 'open'",
        ),
        Index(
            "ix_conversations_waiting",
            "answer_after",
            postgresql_where="answer_after IS NOT NULL",
        ),
        Index("ix_conversations_recent", "tenant_id", "last_message_at"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    deployment_id: Mapped[int] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), index=True
    )
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    state: Mapped[str] = mapped_column(default="open")
    opened_at: Mapped[When]
    last_message_at: Mapped[When]
    closed_at: Mapped[When | None]
    asked: Mapped[str | None]
    memory: Mapped[Json] = mapped_column(default=dict)
    answer_after: Mapped[When | None]
    lease: Mapped[uuid.UUID | None]
    lease_until: Mapped[When | None]


class Turn(Base):
    """The work of answering what the customer has said since the last answer: at most one
    unfinished a conversation, taken up again after a crash. `understanding` and `actions`
    are what the desk shows; `handled`: auto, draft, human, both."""

    __tablename__ = "turns"
    __table_args__ = (
        one_of("handled", "auto", "draft", "human", "both"),
        Index(
            "uq_turns_unfinished",
            "conversation_id",
            unique=True,
            postgresql_where="finished_at IS NULL",
        ),
        Index("ix_turns_conversation_id", "conversation_id"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    understanding: Mapped[Json] = mapped_column(default=dict)
    actions: Mapped[Json] = mapped_column(default=dict)
    handled: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[When]
    finished_at: Mapped[When | None]


def join_conversation(
    tenant_id: int,
    db: Session,
    *,
    customer_id: int,
    deployment_id: int,
    now: datetime,
    quiet_hours: int,
) -> Conversation:
    """The open conversation, locked for this transaction; a new one when the last has been
    quiet for the tenant's time and no escalation keeps it open."""
    found = _open_conversation(tenant_id, db, customer_id, deployment_id)
    if found is not None and _is_over(found, db, now, quiet_hours):
        found.state, found.closed_at = "closed", now
        db.flush()
        found = None
    if found is not None:
        return found
    db.execute(
        insert(Conversation)
        .values(
            tenant_id=tenant_id,
            deployment_id=deployment_id,
            customer_id=customer_id,
            state="open",
            opened_at=now,
            last_message_at=now,
            memory={},
        )
        .on_conflict_do_nothing()
    )
    made = _open_conversation(tenant_id, db, customer_id, deployment_id)
    assert made is not None, "either we or another transaction just opened it"
    return made


def _open_conversation(
    tenant_id: int, db: Session, customer_id: int, deployment_id: int
) -> Conversation | None:
    return db.scalar(
        select(Conversation)
        .where(
            Conversation.tenant_id == tenant_id,
            Conversation.customer_id == customer_id,
            Conversation.deployment_id == deployment_id,
            Conversation.state == "open",
        )
        .with_for_update()
    )


def _is_over(conversation: Conversation, db: Session, now: datetime, quiet_hours: int) -> bool:
    if conversation.last_message_at + timedelta(hours=quiet_hours) > now:
        return False
    escalated = exists().where(
        Escalation.conversation_id == conversation.id, Escalation.state == "open"
    )
    return not db.scalar(select(escalated))


def close_quiet(db: Session, now: datetime) -> None:
    """Close conversations of any tenant that have been quiet for its time and that no open
    escalation keeps open."""
    escalated = exists().where(
        Escalation.conversation_id == Conversation.id, Escalation.state == "open"
    )
    quiet_for = func.make_interval(0, 0, 0, 0, cast(Tenant.quiet_hours, Integer))
    quiet = Conversation.last_message_at + quiet_for < now
    db.execute(
        update(Conversation)
        .where(
            Conversation.tenant_id == Tenant.id,
            Conversation.state == "open",
            Conversation.answer_after.is_(None),
            quiet,
            ~escalated,
        )
        .values(state="closed", closed_at=now)
        .execution_options(synchronize_session=False)
    )


def lease_conversation(
    db: Session, now: datetime, wall: datetime, length: timedelta
) -> Conversation | None:
    """One conversation of any tenant whose answer is due, leased for `length`."""
    due = (
        select(Conversation.id)
        .where(
            Conversation.answer_after <= now,
            or_(Conversation.lease_until.is_(None), Conversation.lease_until < wall),
        )
        .order_by(Conversation.answer_after)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return db.scalar(
        update(Conversation)
        .where(Conversation.id == due)
        .values(lease=uuid.uuid4(), lease_until=wall + length)
        .returning(Conversation)
    )


def lock_leased(tenant_id: int, db: Session, id: int, lease: uuid.UUID) -> Conversation | None:
    """The conversation, locked, if the lease is still ours."""
    return db.scalar(
        select(Conversation)
        .where(
            Conversation.tenant_id == tenant_id, Conversation.id == id, Conversation.lease == lease
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def begin_turn(
    tenant_id: int, db: Session, conversation_id: int, now: datetime, *, again: bool
) -> Turn:
    """The conversation's unfinished turn, or a new one. Unless it is read `again`, this is an
    attempt at it."""
    turn = db.scalar(
        select(Turn).where(
            Turn.tenant_id == tenant_id,
            Turn.conversation_id == conversation_id,
            Turn.finished_at.is_(None),
        )
    )
    if turn is None:
        turn = Turn(
            tenant_id=tenant_id,
            conversation_id=conversation_id,
            started_at=now,
            understanding={},
            actions={},
            attempts=1,
        )
        db.add(turn)
        db.flush()
    elif not again:
        turn.attempts += 1
    return turn
