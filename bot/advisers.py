"""What an adviser does in a conversation: joins the street where decisions are recorded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bot.models.conversations import Conversation
from bot.models.escalations import Escalation, close_escalations
from bot.models.messages import Message, last_from_customer
from bot.outbox import write_answer


class NothingToAnswer(ValueError):
    """The conversation, escalation or draft is not there, or not in a state to be answered."""


def answer(
    tenant_id: int, db: Session, conversation_id: int, user_id: int, text: str, now: datetime
) -> Message:
    """Write to the customer where they last wrote; what was handed over is thereby dealt
    with. Raises NothingToAnswer. Call `queue.ring` once it is committed."""
    inbound = last_from_customer(tenant_id, db, conversation_id)
    if inbound is None:
        raise NothingToAnswer("no customer has written here")
    db.execute(  # who answers in person has decided about what was prepared
        delete(Message).where(
            Message.tenant_id == tenant_id,
            Message.conversation_id == conversation_id,
            Message.state == "draft",
        )
    )
    message = write_answer(db, inbound, text.strip(), author="adviser", kind="adviser")
    message.user_id = user_id
    conversation = db.get_one(Conversation, conversation_id)
    conversation.last_message_at, conversation.asked = now, None
    close_escalations(tenant_id, db, conversation_id, user_id, now)
    db.flush()
    return message


def send_suggestion(
    tenant_id: int, db: Session, escalation_id: int, user_id: int, now: datetime
) -> Message:
    """Send the suggested reply as it is. Raises NothingToAnswer."""
    escalation = db.scalar(
        select(Escalation).where(Escalation.tenant_id == tenant_id, Escalation.id == escalation_id)
    )
    if escalation is None or escalation.state != "open" or not escalation.suggestion:
        raise NothingToAnswer("no suggestion waits here")
    return answer(tenant_id, db, escalation.conversation_id, user_id, escalation.suggestion, now)


def approve_draft(
    tenant_id: int, db: Session, message_id: int, user_id: int, now: datetime
) -> Message:
    """Let a prepared reply go. Raises NothingToAnswer."""
    message = db.scalar(
        select(Message)
        .where(Message.tenant_id == tenant_id, Message.id == message_id)
        .with_for_update()
    )
    if message is None or message.state != "draft":
        raise NothingToAnswer("no draft waits here")
    message.state, message.send_after, message.user_id = "queued", now, user_id
    return message


def close_conversation(
    tenant_id: int, db: Session, conversation_id: int, user_id: int, now: datetime
) -> None:
    """The conversation is over, and what was handed over in it. Raises NothingToAnswer."""
    conversation = db.scalar(
        select(Conversation).where(
            Conversation.tenant_id == tenant_id, Conversation.id == conversation_id
        )
    )
    if conversation is None:
        raise NothingToAnswer("no such conversation")
    close_escalations(tenant_id, db, conversation_id, user_id, now)
    conversation.state, conversation.closed_at = "closed", now
