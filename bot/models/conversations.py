"""Conversations and their turns."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of, table_of
from bot.models.customers import Customer
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


_T = table_of(Conversation)
_THIS_ONE = and_(
    _T.c.tenant_id == bindparam("tenant"),
    _T.c.customer_id == bindparam("customer"),
    _T.c.deployment_id == bindparam("deployment"),
    _T.c.state == literal_column("'open'"),  # as the index has it
)
_JOIN = (
    _T.update()
    .where(
        _THIS_ONE,
        or_(
            _T.c.last_message_at > bindparam("quiet_since"),
            exists().where(Escalation.conversation_id == _T.c.id, Escalation.state == "open"),
        ),
    )
    .values(
        last_message_at=bindparam("now"),
        answer_after=func.coalesce(bindparam("after", type_=DateTime(True)), _T.c.answer_after),
    )
    .returning(_T.c.id)
)
_END = _T.update().where(_THIS_ONE).values(state="closed", closed_at=bindparam("now"))
_OPEN = insert(_T).on_conflict_do_nothing().returning(_T.c.id)


def join_conversation(
    tenant_id: int,
    db: Session,
    *,
    customer_id: int,
    deployment_id: int,
    now: datetime,
    quiet_hours: int,
    answer_after: datetime | None,
    new: bool,
) -> int:
    """The open conversation, locked for this transaction, in which the customer says something
    now, to be answered after that time (None: not for this); a new one when the last has been
    quiet for the tenant's time and no escalation keeps it open. `new`: so is the customer."""
    connection = db.connection()
    this = {
        "tenant": tenant_id,
        "customer": customer_id,
        "deployment": deployment_id,
        "now": now,
    }
    more = {"quiet_since": now - timedelta(hours=quiet_hours), "after": answer_after}
    if not new:
        if found := connection.execute(_JOIN, {**this, **more}).scalar():
            return int(found)
        connection.execute(_END, this)
    opened = {
        "tenant_id": tenant_id,
        "deployment_id": deployment_id,
        "customer_id": customer_id,
        "state": "open",
        "opened_at": now,
        "last_message_at": now,
        "memory": {},
        "answer_after": answer_after,
    }
    made = connection.execute(_OPEN, opened).scalar()
    if made is None:  # another transaction just opened it
        made = connection.execute(_JOIN, {**this, **more}).scalar_one()
    return int(made)


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


class Leased(NamedTuple):
    """A conversation that is ours to answer, until the lease ends."""

    id: int
    tenant_id: int
    customer_id: int
    lease: uuid.UUID


_DUE = (
    select(_T.c.id)
    .where(
        _T.c.answer_after <= bindparam("now"),
        or_(_T.c.lease_until.is_(None), _T.c.lease_until < bindparam("wall")),
    )
    .order_by(_T.c.answer_after)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_LEASE = (
    _T.update()
    .where(_T.c.id == _DUE)
    .values(lease=bindparam("new_lease"), lease_until=bindparam("until"))
    .returning(_T.c.id, _T.c.tenant_id, _T.c.customer_id, _T.c.lease)
)
_LEASED = (
    select(Conversation, Customer)
    .join(Customer, Customer.id == Conversation.customer_id)
    .where(
        Conversation.tenant_id == bindparam("tenant"),
        Conversation.id == bindparam("conversation"),
        Conversation.lease == bindparam("lease"),
    )
    .with_for_update(of=Conversation)
    .execution_options(populate_existing=True)
)


def lease_conversation(
    connection: Connection, now: datetime, wall: datetime, length: timedelta
) -> Leased | None:
    """One conversation of any tenant whose answer is due, leased for `length`."""
    values = {"now": now, "wall": wall, "new_lease": uuid.uuid4(), "until": wall + length}
    found = connection.execute(_LEASE, values).one_or_none()
    return None if found is None else Leased(*found)


def lock_leased(tenant_id: int, db: Session, id: int, lease: uuid.UUID) -> Conversation | None:
    """The conversation, locked, if the lease is still ours. Its customer is then at hand in
    the session, too."""
    values = {"tenant": tenant_id, "conversation": id, "lease": lease}
    found = db.execute(_LEASED, values).one_or_none()
    return None if found is None else found[0]


_TURN = table_of(Turn)
_BEGIN = (
    insert(_TURN)
    .values(
        tenant_id=bindparam("tenant"),
        conversation_id=bindparam("conversation"),
        started_at=bindparam("now"),
        attempts=1,
    )
    .on_conflict_do_update(
        index_elements=[_TURN.c.conversation_id],
        index_where=_TURN.c.finished_at.is_(None),
        set_={"attempts": _TURN.c.attempts + bindparam("attempt", type_=Integer)},
    )
    .returning(_TURN)
)
_BEGUN = select(Turn).from_statement(_BEGIN)


def begin_turn(
    tenant_id: int, db: Session, conversation_id: int, now: datetime, *, again: bool
) -> Turn:
    """The conversation's unfinished turn, or a new one. Unless it is read `again`, this is an
    attempt at it."""
    this = {"tenant": tenant_id, "conversation": conversation_id, "now": now}
    turn: Turn = db.scalars(_BEGUN, {**this, "attempt": 0 if again else 1}).one()
    return turn
