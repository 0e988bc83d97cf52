"""What went wrong and waits for a person: deliveries given up, messages that did not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from textwrap import shorten
from typing import Any, Literal

from redis import RedisError
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union
from sqlalchemy.orm import Session

from bot.inbox import GIVE_UP_AFTER
from bot.logs import log
from bot.media.links import signed_url
from bot.models.conversations import Conversation
from bot.models.customers import Customer
from bot.models.deliveries import Delivery
from bot.models.escalations import Escalation
from bot.models.media import Media, media_of
from bot.models.messages import Message, answered_by, last_from_customer
from bot.models.tenants import Connection
from bot.outbox import MOST_PICTURES, write_answer, write_first
from bot.queue import ring_chores
from bot.sending import SENDING

# Sending again would end the same way: no such number, no mobile, STOP, blocked on WhatsApp.
# https://www.twilio.com/docs/api/errors
FINAL = frozenset({"21211", "21610", "21614", "63014"})
# Of what a message carries besides its words, what one written anew carries, too
GOES_ALONG = ("pictures", "disclosed")
EXCERPT = 160
OFTEN = 5  # attempts: a refusal comes at once, what was out of reach was asked again and again

Why = Literal["unavailable", "unreadable", "config", "defect"]


class NothingToRetry(ValueError):
    """`reason`: "gone" (there is no such thing, or somebody retried it) or "final"."""

    def __init__(self, reason: Literal["gone", "final"]) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class FailedDelivery:
    """A delivery that nobody could read, or nobody yet (`waits`: its vendor is still asked).
    What is in it stays in the database."""

    id: int
    kind: str
    vendor: str
    why: Why
    attempts: int
    at: datetime
    waits: bool = False


@dataclass(frozen=True)
class Undelivered:
    """A message of ours that failed, or whose fate is unknown."""

    id: int
    conversation_id: int
    customer: str
    contact: str
    channel: str
    excerpt: str
    state: str
    code: str
    at: datetime

    @property
    def is_final(self) -> bool:
        return self.state == "failed" and self.code in FINAL


def failed_deliveries(tenant_id: int, db: Session, limit: int = 100) -> list[FailedDelivery]:
    """The newest first."""
    rows = db.execute(
        select(
            Delivery.id,
            Delivery.kind,
            Connection.vendor,
            Delivery.error,
            Delivery.attempts,
            Delivery.received_at,
            Delivery.state,
        )
        .join(Connection, Connection.id == Delivery.connection_id)
        .where(_unread(tenant_id))
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    return [
        FailedDelivery(
            id=row.id,
            kind=row.kind,
            vendor=row.vendor,
            why=_why(row.error, f"{row.vendor}: ", row.attempts),
            attempts=row.attempts,
            at=row.received_at,
            waits=row.state == "new",
        )
        for row in rows
    ]


def undelivered_messages(tenant_id: int, db: Session, limit: int = 100) -> list[Undelivered]:
    """The newest first. A failed message counts until an adviser has dealt with the
    escalation that it opened, or it was retried."""
    rows = db.execute(
        select(Message, Customer)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(Customer, Customer.id == Conversation.customer_id)
        .where(Message.id.in_(_undelivered(tenant_id)))
        .order_by(Message.id.desc())
        .limit(limit)
    ).all()
    return [
        Undelivered(
            id=message.id,
            conversation_id=message.conversation_id,
            customer=customer.name,
            contact=message.contact,
            channel=message.channel,
            excerpt=shorten(message.body, EXCERPT, placeholder="…"),
            state=message.state,
            code=message.code,
            at=message.created_at,
        )
        for message, customer in rows
    ]


def count_incidents(tenant_id: int, db: Session) -> int:
    unread = select(func.count()).where(_unread(tenant_id))
    unsent = select(func.count()).select_from(_undelivered(tenant_id).subquery())
    return (db.scalar(unread) or 0) + (db.scalar(unsent) or 0)


def retry_delivery(tenant_id: int, db: Session, id: int, now: datetime) -> None:
    """Have it read again from the beginning. Raises NothingToRetry; call `ring` once it is
    committed."""
    delivery = _lock_failed(tenant_id, db, id)
    delivery.state, delivery.attempts, delivery.error = "new", 0, ""
    delivery.next_try_at, delivery.claimed_until = now, None
    log().info("delivery retried", delivery=id)


def discard_delivery(tenant_id: int, db: Session, id: int, user_id: int, now: datetime) -> None:
    """Nobody will ever read it: it stays as it came, marked with who said so, when, and what
    was wrong with it. Raises NothingToRetry."""
    delivery = _lock_failed(tenant_id, db, id)
    at = now.isoformat(timespec="seconds")
    delivery.state = "ignored"
    delivery.error = f"discarded by user {user_id} at {at}: {delivery.error}"
    log().info("delivery discarded", delivery=id, user=user_id)


def _lock_failed(tenant_id: int, db: Session, id: int) -> Delivery:
    delivery = db.scalar(
        select(Delivery).where(Delivery.id == id, _unread(tenant_id)).with_for_update()
    )
    if delivery is None:
        raise NothingToRetry("gone")
    return delivery


def retry_message(tenant_id: int, db: Session, message_id: int, now: datetime) -> Message:
    """The message that goes out instead of a failed one; one of unknown fate itself, about
    which the carrier is asked now. Raises NothingToRetry; call `ring` once it is committed.

    A failed message is written anew, for its idempotency key is spent (Resend would answer
    with what became of the first) and its late reports must not be taken for the new one's.
    The planner decides again: STOP may have come.
    """
    message = db.scalar(
        select(Message)
        .where(Message.tenant_id == tenant_id, Message.id == message_id)
        .with_for_update()
    )
    if message is None or message.direction != "out" or "again" in message.plan:
        raise NothingToRetry("gone")
    if message.state == "unknown":
        message.send_after = now  # unless a worker is asking: it keeps its claim
        return message
    if message.state != "failed":
        raise NothingToRetry("gone")
    if message.code in FINAL:
        raise NothingToRetry("final")
    again = _write_again(db, message)
    again.turn_id, again.user_id = message.turn_id, message.user_id
    message.plan = {**message.plan, "again": again.id}
    log().info("message retried", message=message.id, again=again.id)
    return again


def ring() -> None:
    """After the commit: have it done now. A sweep makes up for a broken bell."""
    try:
        ring_chores()
    except RedisError as error:
        log().warning("bell is broken, the sweep will find it", error=type(error).__name__)


def _write_again(db: Session, message: Message) -> Message:
    tenant_id, conversation_id = message.tenant_id, message.conversation_id
    if SENDING.get(message.kind) != "answer":
        conversation = db.get_one(Conversation, conversation_id)
        subject = str(message.extra.get("subject", ""))
        only = "email" if subject else ""  # what was written as a letter is no text message
        return write_first(
            db, conversation, message.body, kind=message.kind, only=only, subject=subject
        )
    inbound = answered_by(tenant_id, db, message) or last_from_customer(
        tenant_id, db, conversation_id
    )
    if inbound is None:
        raise NothingToRetry("gone")
    again = write_answer(
        db,
        inbound,
        message.body,
        author=message.author,
        kind=message.kind,
        extra={name: message.extra[name] for name in GOES_ALONG if name in message.extra},
    )
    if "enclosed" in message.extra:
        _enclose_again(db, message, again)
    return again


def _enclose_again(db: Session, message: Message, again: Message) -> None:
    """The adviser's picture goes along, or a link to it where none can travel."""
    for file in media_of(message.tenant_id, db, [message.id]):
        columns = file.__table__.columns.keys()
        kept = {name: getattr(file, name) for name in columns if name != "id"}
        copy = Media(**kept | {"message_id": again.id})
        db.add(copy)
        db.flush()
        if again.channel in MOST_PICTURES and not again.template:
            again.extra = {**again.extra, "enclosed": True}
        else:
            again.body = f"{again.body}\n{signed_url(copy)}"


def _unread(tenant_id: int) -> ColumnElement[bool]:
    """Deliveries given up, and those that have waited for their vendor as long."""
    waiting = and_(Delivery.state == "new", Delivery.attempts >= GIVE_UP_AFTER)
    return and_(Delivery.tenant_id == tenant_id, or_(Delivery.state == "failed", waiting))


def _undelivered(tenant_id: int) -> Select[Any]:
    """Their ids; each half has its index."""
    waiting = and_(
        Message.tenant_id == tenant_id,
        Message.direction == "out",
        Message.plan["again"].astext.is_(None),
    )
    unknown = select(Message.id).where(waiting, Message.state == "unknown")
    failed = (
        select(Message.id)
        .join(Escalation, Escalation.conversation_id == Message.conversation_id)
        .where(
            waiting,
            Message.state == "failed",
            Escalation.tenant_id == tenant_id,
            Escalation.state == "open",
            Escalation.reason == "delivery_failed",
        )
    )
    return select(union(unknown, failed).subquery().c.id)


def _why(error: str, vendor: str, attempts: int) -> Why:
    """From what bot.inbox kept: the connector's words, or the name of an exception; nothing
    while the vendor is still asked."""
    if not error:
        return "unavailable"
    if not error.startswith(vendor):
        return "config" if error == "BadConfig" else "defect"
    return "unavailable" if attempts >= OFTEN else "unreadable"
