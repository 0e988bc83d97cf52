"""Messages, both directions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, exists, or_, select, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of
from bot.models.conversations import Conversation
from bot.models.customers import Customer

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
    extra: Mapped[Json] = mapped_column(default=dict)  # what else the vendor said
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
        if PROGRESS[state] <= PROGRESS[self.state]:
            return False
        self.state, self.code = state, code or self.code
        return True


def stored_ids(
    tenant_id: int, db: Session, connection_id: int, provider_ids: Collection[str]
) -> set[str]:
    """Those of the vendor's messages that are here already."""
    return set(
        db.scalars(
            select(Message.provider_id).where(
                Message.tenant_id == tenant_id,
                Message.connection_id == connection_id,
                Message.provider_id.in_(provider_ids),
            )
        )
    )


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


def unanswered(tenant_id: int, db: Session, conversation_id: int) -> list[Message]:
    """The customer's messages that no turn has answered, in the order they came."""
    return list(
        db.scalars(
            select(Message)
            .where(
                Message.tenant_id == tenant_id,
                Message.conversation_id == conversation_id,
                Message.direction == "in",
                Message.kind != "automatic",
                Message.turn_id.is_(None),
            )
            .order_by(Message.delivery_id, Message.id)
        )
    )


def has_spoken(tenant_id: int, db: Session, conversation_id: int) -> bool:
    """Whether we have written in this conversation."""
    return bool(
        db.scalar(
            select(
                exists().where(
                    Message.tenant_id == tenant_id,
                    Message.conversation_id == conversation_id,
                    Message.direction == "out",
                )
            )
        )
    )


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


def last_out(tenant_id: int, db: Session, conversation_id: int) -> Message | None:
    """What we wrote last."""
    return db.scalar(
        select(Message)
        .where(
            Message.tenant_id == tenant_id,
            Message.conversation_id == conversation_id,
            Message.direction == "out",
            Message.state != "draft",
        )
        .order_by(Message.id.desc())
        .limit(1)
    )


def may_leave(now: datetime) -> ColumnElement[bool]:
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


def claim_messages(
    db: Session, now: datetime, wall: datetime, length: timedelta, limit: int
) -> list[Message]:
    """Up to `limit` messages of any tenant that may leave now, saved as "sending" and claimed
    for `length`."""
    leaving = (
        select(Message.id)
        .where(may_leave(now))
        .order_by(Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = db.scalars(
        update(Message)
        .where(Message.id.in_(leaving))
        .values(
            state="sending",
            claimed_until=wall + length,
            tried_at=wall,
            attempts=Message.attempts + 1,
        )
        .returning(Message)
    )
    return sorted(claimed, key=lambda m: m.id)


def stopped_since(db: Session, message_ids: Sequence[int]) -> set[int]:
    """Those of any tenant's messages whose customer said STOP after they were written."""
    return set(
        db.scalars(
            select(Message.id)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .join(Customer, Customer.id == Conversation.customer_id)
            .where(Message.id.in_(message_ids), Customer.opted_out_at > Message.created_at)
        )
    )


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
