"""Messages, both directions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    all_,
    and_,
    any_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of, table_of
from bot.models.conversations import Conversation
from bot.models.customers import Customer
from bot.models.deliveries import Delivery
from connectors.channels import Sent

# How far a message has come. A report may only move it forward; "failed" is final, and
# "unknown" (the carrier may have it) gives way to anything that is known; "withheld" was
# not to be sent at all, for the reason in `plan`.
PROGRESS = {
    "draft": 0,
    "queued": 1,
    "sending": 2,
    "unknown": 3,
    "sent": 4,
    "delivered": 5,
    "read": 6,
    "failed": 7,
    "withheld": 8,
}


class Message(Base):
    """`kind` says why we wrote: reply, acknowledgement, adviser, or a reminder's kind; of a
    customer's: message, or automatic (written by a machine, never answered).
    `turn_id`: of a customer's message the turn that answered it, of ours the turn that
    wrote it. `delivery_id`: what brought it, or what ours answers. `contact` is the
    customer's number or address, `code` the carrier's error."""

    __tablename__ = "messages"
    __table_args__ = (
        one_of("direction", "in", "out"),
        one_of("author", "customer", "assistant", "adviser"),
        one_of("channel", "sms", "whatsapp", "email", "web"),
        one_of("state", "received", *PROGRESS),
        Index(
            "uq_messages_provider_id",
            "connection_id",
            "provider_id",
            unique=True,
            postgresql_where="provider_id IS NOT NULL",
        ),
        Index("ix_messages_conversation_id", "conversation_id", "id"),
        Index(
            "ix_messages_going_out",
            "send_after",
            postgresql_where="state IN ('queued', 'sending', 'unknown')",
        ),
        # They lie in the order they came: a few pages tell where a day begins
        Index("ix_messages_created_at", "created_at", postgresql_using="brin"),
        Index("ix_messages_drafts", "tenant_id", postgresql_where="state = 'draft'"),
        Index(
            "ix_messages_unanswered",
            "conversation_id",
            postgresql_where="direction = 'in' AND turn_id IS NULL",
        ),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    turn_id: Mapped[int | None] = mapped_column(ForeignKey("turns.id", ondelete="SET NULL"))
    delivery_id: Mapped[int | None] = mapped_column(
        ForeignKey("deliveries.id", ondelete="SET NULL")
    )
    connection_id: Mapped[int | None] = mapped_column(
        ForeignKey("connections.id", ondelete="SET NULL")
    )
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    direction: Mapped[str]
    author: Mapped[str]
    kind: Mapped[str] = mapped_column(default="reply")
    channel: Mapped[str]
    contact: Mapped[str]
    address: Mapped[str]  # ours
    subject: Mapped[str] = mapped_column(default="")
    body: Mapped[str]
    template: Mapped[str] = mapped_column(default="")  # the carrier's id of it
    variables: Mapped[Json] = mapped_column(default=dict)
    plan: Mapped[Json] = mapped_column(default=dict)  # bot.sending: how and why
    # What else the vendor said; of an e-mail of ours, "mail": what it was composed of
    extra: Mapped[Json] = mapped_column(default=dict)
    state: Mapped[str]
    provider_id: Mapped[str | None]
    code: Mapped[str] = mapped_column(default="")
    segments: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(default=0)
    send_after: Mapped[When | None]
    claimed_until: Mapped[When | None]  # wall time
    tried_at: Mapped[When | None]  # wall time of the last attempt at handing it over
    created_at: Mapped[When]
    sent_at: Mapped[When | None]

    def move_to(self, state: str, code: str = "") -> bool:
        """Move forward to `state`; False when the message was already as far."""
        if not goes_forward(self.state, state):
            return False
        self.state, self.code = state, code or self.code
        return True


def goes_forward(state: str, to: str) -> bool:
    return PROGRESS[to] > PROGRESS[state]


class Progress(NamedTuple):
    """How far a message of any tenant has come, where many are moved on together."""

    id: int
    tenant_id: int
    connection_id: int | None
    direction: str
    state: str
    provider_id: str | None
    code: str
    sent_at: datetime | None


_PROGRESS = (
    select(*(getattr(Message, name) for name in Progress._fields))
    .where(Message.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
    .order_by(Message.id)  # so that two who lock the same do not wait for each other
    .with_for_update()
)
_MOVE_ON = (
    table_of(Message)
    .update()
    .where(table_of(Message).c.id == bindparam("message"))
    .values({name: bindparam(name) for name in ("state", "provider_id", "code", "sent_at")})
)


def lock_progress(db: Session, ids: Collection[int]) -> dict[int, Progress]:
    rows = db.execute(_PROGRESS, {"ids": list(ids)})
    return {row.id: Progress(*row) for row in rows}


def save_progress(db: Session, moved: Sequence[Progress]) -> None:
    if moved:
        db.connection().execute(_MOVE_ON, [{"message": p.id, **p._asdict()} for p in moved])


def find_reported(
    db: Session, carriers: Collection[tuple[int, str]]
) -> dict[tuple[int | None, str | None], int]:
    """Ids of messages by connection and the carrier's id."""
    found = select(Message.connection_id, Message.provider_id, Message.id).where(
        tuple_(Message.connection_id, Message.provider_id).in_(carriers)
    )
    return {(row[0], row[1]): row[2] for row in db.execute(found)}


def ids_of_others(db: Session, message: Message) -> set[str]:
    """The carrier's ids of other messages with the same text to the same person."""
    return set(
        db.scalars(
            select(Message.provider_id).where(
                Message.tenant_id == message.tenant_id,
                Message.conversation_id == message.conversation_id,
                Message.id != message.id,
                Message.body == message.body,
                Message.provider_id.is_not(None),
            )
        )
    )


_UNANSWERED = and_(
    Message.tenant_id == bindparam("tenant"),
    Message.conversation_id == bindparam("conversation"),
    Message.direction == literal_column("'in'"),  # as the index has it
    Message.kind != "automatic",
    Message.turn_id.is_(None),
)
_WAITING = select(Message).where(_UNANSWERED).order_by(Message.delivery_id, Message.id)
_other = aliased(Message)
_ANSWER = (
    table_of(Message)
    .update()
    .where(
        _UNANSWERED,
        ~exists().where(
            _other.conversation_id == bindparam("conversation"),
            _other.direction == literal_column("'in'"),
            _other.kind != "automatic",
            _other.turn_id.is_(None),
            _other.id != all_(bindparam("known", type_=ARRAY(BigInteger))),
        ),
    )
    .values(turn_id=bindparam("turn"))
)


def unanswered(tenant_id: int, db: Session, conversation_id: int) -> list[Message]:
    """The customer's messages that no turn has answered, in the order they came."""
    this = {"tenant": tenant_id, "conversation": conversation_id}
    return list(db.scalars(_WAITING, this))


def answer_all(
    tenant_id: int, db: Session, conversation_id: int, known: Collection[int], turn_id: int
) -> bool:
    """This turn answers the customer's messages; False when more wait than those known."""
    this = {"tenant": tenant_id, "conversation": conversation_id}
    values = {**this, "known": list(known), "turn": turn_id}
    return db.connection().execute(_ANSWER, values).rowcount > 0


class Said(NamedTuple):
    """What we wrote in a conversation on one channel. `disclosed`: it was said there that an
    assistant answers (in a draft that waits it is not said yet). `last` is the id of the last
    that is no draft, `by` its author."""

    channel: str
    disclosed: bool
    last: int | None
    by: str | None


_NO_DRAFT = Message.state != "draft"
_SAID = (
    select(
        Message.channel,
        func.bool_or(Message.extra.has_key("disclosed") & _NO_DRAFT),
        func.max(Message.id).filter(_NO_DRAFT),
        func.array_agg(aggregate_order_by(Message.author, Message.id.desc())).filter(_NO_DRAFT)[1],
    )
    .where(
        Message.tenant_id == bindparam("tenant"),
        Message.conversation_id == bindparam("conversation"),
        Message.direction == "out",
    )
    .group_by(Message.channel)
)


def what_we_said(tenant_id: int, db: Session, conversation_id: int) -> list[Said]:
    """By channel, the one used last first."""
    rows = db.connection().execute(_SAID, {"tenant": tenant_id, "conversation": conversation_id})
    return sorted((Said(*row) for row in rows), key=lambda said: -(said.last or 0))


def answered_by(tenant_id: int, db: Session, message: Message) -> Message | None:
    """The customer's message that ours answers."""
    if message.delivery_id is None:
        return None
    return db.scalar(
        select(Message)
        .where(
            Message.tenant_id == tenant_id,
            Message.conversation_id == message.conversation_id,
            Message.delivery_id == message.delivery_id,
            Message.direction == "in",
        )
        .order_by(Message.id.desc())
        .limit(1)
    )


def said_lately(
    tenant_id: int, db: Session, customer_id: int, channel: str, since: datetime
) -> Sequence[str]:
    """What the customer has written on that channel since then."""
    return db.scalars(
        select(Message.body)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            Conversation.tenant_id == tenant_id,
            Conversation.customer_id == customer_id,
            Message.direction == "in",
            Message.channel == channel,
            Message.created_at > since,
        )
    ).all()


def last_from_customer(tenant_id: int, db: Session, conversation_id: int) -> Message | None:
    """The message whose channel and address an answer takes."""
    return db.scalar(
        select(Message)
        .where(
            Message.tenant_id == tenant_id,
            Message.conversation_id == conversation_id,
            Message.direction == "in",
        )
        .order_by(Message.id.desc())
        .limit(1)
    )


def may_leave(now: datetime | BindParameter[Any]) -> ColumnElement[bool]:
    """Which messages may be handed over: of each conversation only the oldest that is not at
    its carrier for sure, so that they arrive in order. What the planner put off till later
    (a reminder, in the night) lets answers pass."""
    earlier = aliased(Message)
    put_off = and_(earlier.plan["how"].astext == "wait", earlier.send_after > now)
    in_the_way = exists().where(
        earlier.conversation_id == Message.conversation_id,
        earlier.id < Message.id,
        or_(
            and_(earlier.state == "queued", ~put_off),
            earlier.state.in_(("sending", "unknown")),
        ),
    )
    return and_(Message.state == "queued", Message.send_after <= now, ~in_the_way)


_LEAVING = (
    select(Message.id)
    .where(may_leave(bindparam("now", type_=DateTime(timezone=True))))
    .order_by(Message.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_CLAIM = select(Message).from_statement(
    update(Message)
    .where(Message.id.in_(_LEAVING))
    .values(
        state="sending",
        claimed_until=bindparam("until"),
        tried_at=bindparam("wall"),
        attempts=Message.attempts + 1,
    )
    .returning(Message)
)


def claim_messages(
    db: Session, now: datetime, wall: datetime, length: timedelta, limit: int
) -> list[Message]:
    """Up to `limit` messages of any tenant that may leave now, saved as "sending" and claimed
    for `length`."""
    values = {"now": now, "wall": wall, "until": wall + length, "most": limit}
    return sorted(db.scalars(_CLAIM, values), key=lambda m: m.id)


class Around(NamedTuple):
    """`stopped`: its customer said STOP after it was written. `came_at`: when the delivery came
    that it answers."""

    stopped: bool
    came_at: datetime | None


_AROUND = (
    select(Message.id, Customer.opted_out_at > Message.created_at, Delivery.received_at)
    .join(Conversation, Conversation.id == Message.conversation_id)
    .join(Customer, Customer.id == Conversation.customer_id)
    .outerjoin(Delivery, Delivery.id == Message.delivery_id)
    .where(Message.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
)


def what_is_around(db: Session, message_ids: Sequence[int]) -> dict[int, Around]:
    """Of messages of any tenant that are about to leave."""
    rows = db.connection().execute(_AROUND, {"ids": list(message_ids)})
    return {row[0]: Around(bool(row[1]), row[2]) for row in rows}


_M = table_of(Message)
_NOTE_SENT = (
    _M.update()
    .where(_M.c.id == bindparam("message"))
    .values(
        # A report may have been quicker
        state=case(
            (_M.c.state.in_([s for s in PROGRESS if goes_forward(s, "sent")]), "sent"),
            else_=_M.c.state,
        ),
        provider_id=bindparam("sid"),
        segments=bindparam("parts", type_=BigInteger),
        sent_at=func.coalesce(_M.c.sent_at, bindparam("now")),
    )
)


def note_sent(connection: Connection, message_id: int, sent: Sent, now: datetime) -> None:
    values = {"message": message_id, "sid": sent.provider_id, "parts": sent.segments, "now": now}
    connection.execute(_NOTE_SENT, values)


def left_sending(db: Session, wall: datetime) -> list[Message]:
    """Messages whose sender died: nobody knows whether the carrier has them."""
    return list(
        db.scalars(
            select(Message)
            .where(Message.state == "sending", Message.claimed_until < wall)
            .with_for_update(skip_locked=True)
            .limit(100)
        )
    )


def of_unknown_fate(db: Session, now: datetime, wall: datetime, length: timedelta) -> list[Message]:
    """Messages of any tenant about which the carrier is to be asked now, claimed."""
    asked = (
        select(Message.id)
        .where(
            Message.state == "unknown",
            Message.send_after <= now,
            or_(Message.claimed_until.is_(None), Message.claimed_until < wall),
        )
        .limit(20)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return list(
        db.scalars(
            update(Message)
            .where(Message.id.in_(asked))
            .values(claimed_until=wall + length)
            .returning(Message)
        )
    )
