"""What goes out: messages written to the database, handed to carriers, and their fate."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from bot import clock
from bot.db import transaction
from bot.escalation import escalate
from bot.events import describe_customer, notify
from bot.holds import pause_before
from bot.logs import log
from bot.models.conversations import Conversation
from bot.models.messages import Message, claim_messages, left_sending, of_unknown_fate
from bot.settings import settings
from bot.tenants import describe_tenant, open_channel
from bot.turn import Escalate, Voice
from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.ports import OutboundMessage, Sent, StatusReport

BATCH = 10
GIVE_UP_AFTER = 6  # attempts at handing a message over, the last about half an hour later
ASK_AFTER = timedelta(seconds=30)  # then the carrier is asked what became of a message


def answer_to(
    inbound: Message, text: str, *, author: str, kind: str, state: str = "queued"
) -> Message:
    """A message that goes back the way `inbound` came. Not yet added to a session."""
    now = clock.now()
    return Message(
        tenant_id=inbound.tenant_id,
        conversation_id=inbound.conversation_id,
        delivery_id=inbound.delivery_id,
        connection_id=inbound.connection_id,
        direction="out",
        author=author,
        kind=kind,
        channel=inbound.channel,
        contact=inbound.contact,
        address=inbound.address,
        subject=inbound.subject,
        body=text,
        attachments=[],
        state=state,
        attempts=0,
        send_after=now,
        created_at=now,
    )


def send_messages() -> int:
    """Hand over what waits; how many were taken."""
    with transaction() as db:
        claimed = claim_messages(db, clock.now(), clock.wall(), BATCH)
    for message in claimed:
        with bound_contextvars(message=message.id, delivery=message.delivery_id):
            _send(message)
    return len(claimed)


def _send(message: Message) -> None:
    assert message.connection_id is not None
    _, channel = open_channel(message.tenant_id, message.connection_id)
    try:
        sent = channel.send(_outbound(message))
    except OutcomeUnknown as error:
        _fail(message, "unknown", error.code)
    except Unavailable as error:
        if message.attempts >= GIVE_UP_AFTER:
            _fail(message, "failed", error.code)
        else:
            pause = pause_before(message.attempts)
            if error.retry_after is not None:
                pause = timedelta(seconds=error.retry_after)
            _queue_again(message, pause)
    except Refused as error:
        _fail(message, "failed", error.code)
    else:
        _sent(message, sent)


def _outbound(message: Message) -> OutboundMessage:
    assert message.connection_id is not None
    connection, _ = open_channel(message.tenant_id, message.connection_id)
    door = f"{settings().base_url}/webhooks/{connection.vendor}/{connection.key}"
    return OutboundMessage(
        id=message.id,
        channel=message.channel,
        sender=message.address,
        recipient=message.contact,
        text=message.body,
        status_url=f"{door}?message={message.id}",
        subject=message.subject,
    )


def _sent(message: Message, sent: Sent) -> None:
    with transaction() as db:
        stored = _lock(db, message)
        stored.move_to("sent")  # a report may have been quicker
        stored.provider_id = sent.provider_id
        stored.segments = sent.segments
        stored.sent_at = stored.sent_at or clock.now()
    log().info("message out", conversation=message.conversation_id, attempts=message.attempts)


def _queue_again(message: Message, pause: timedelta) -> None:
    with transaction() as db:
        stored = _lock(db, message)
        stored.state, stored.send_after = "queued", clock.now() + pause
    log().warning("message waits", attempts=message.attempts, seconds=pause.total_seconds())


def _fail(message: Message, state: str, code: str) -> None:
    """It was not handed over, or nobody knows: the desk is told whom it was for."""
    with transaction() as db:
        stored = _lock(db, message)
        if not stored.move_to(state, code):
            return
        if state == "unknown":
            stored.send_after = clock.now() + ASK_AFTER
        tell_undelivered(db, stored)
    log().warning("message not handed over", state=state, code=code)


def tell_undelivered(db: Session, message: Message) -> None:
    """A message failed, or its fate is unknown."""
    tenant = describe_tenant(message.tenant_id, db)
    conversation = db.get_one(Conversation, message.conversation_id)
    unknown = message.state == "unknown"
    facts = describe_customer(tenant.id, db, conversation.customer_id)
    notify(
        tenant,
        db,
        "delivery_failed",
        {**facts, "unknown": unknown, "code": message.code},
        now=clock.now(),
        conversation_id=conversation.id,
        needs_action=not unknown,
    )
    if not unknown:
        escalate(
            tenant,
            db,
            conversation.id,
            conversation.customer_id,
            Escalate("delivery_failed", facts={"text": message.body, "code": message.code}),
            now=clock.now(),
            voice=Voice(),
            language=tenant.language,
        )


def apply_report(db: Session, tenant_id: int, connection_id: int, report: StatusReport) -> str:
    """Move the message reported on forward; why the report was ignored, or ""."""
    by = (
        Message.id == report.message_id
        if report.message_id is not None
        else Message.provider_id == report.provider_id
    )
    message = db.scalar(
        select(Message)
        .where(Message.tenant_id == tenant_id, Message.connection_id == connection_id, by)
        .with_for_update()
    )
    if message is None or message.direction != "out":
        return "report on no message of ours"
    if message.provider_id not in {None, report.provider_id}:
        return "report on another message"
    message.provider_id = report.provider_id
    if not message.move_to(report.state, report.code):
        return ""
    message.sent_at = message.sent_at or clock.now()
    if message.state == "failed":
        tell_undelivered(db, message)
    log().info("message reported", message=message.id, state=report.state, code=report.code)
    return ""


def find_lost() -> int:
    """Settle messages whose sender died and ask carriers about those of unknown fate."""
    with transaction() as db:
        for message in (lost := left_sending(db, clock.wall())):
            message.move_to("unknown")
            message.send_after = clock.now()
            tell_undelivered(db, message)
    with transaction() as db:
        unknown = of_unknown_fate(db, clock.now(), clock.wall())
    for message in unknown:
        with bound_contextvars(message=message.id, delivery=message.delivery_id):
            _ask_carrier(message)
    return len(lost) + len(unknown)


def _ask_carrier(message: Message) -> None:
    """The carrier has it, or it may safely be sent again."""
    assert message.connection_id is not None
    assert message.tried_at is not None
    _, channel = open_channel(message.tenant_id, message.connection_id)
    try:
        found = channel.find_sent(_outbound(message), since=message.tried_at)
    except Unavailable:
        with transaction() as db:
            _lock(db, message).send_after = clock.now() + ASK_AFTER
        return
    if found is not None:
        _sent(message, found)
    elif message.attempts >= GIVE_UP_AFTER:
        _fail(message, "failed", "lost")
    else:
        _queue_again(message, timedelta())


def _lock(db: Session, message: Message) -> Message:
    return db.get_one(Message, message.id, with_for_update=True)
