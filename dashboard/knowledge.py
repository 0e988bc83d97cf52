"""What an adviser answered, kept for the next customer who asks the same."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.knowledge.entries import add_entry
from bot.models.escalations import Escalation
from bot.models.messages import Message

REASON = "general_question"


@dataclass(frozen=True)
class Answered:
    """A question that was handed over and answered. `kept`: it is in the knowledge base."""

    id: int
    question: str
    answer: str
    kept: bool


def read_answered(tenant_id: int, db: Session, conversation_id: int) -> Answered | None:
    """The conversation's last question of this kind, if an adviser has answered it."""
    asked = db.scalar(
        select(Escalation)
        .where(
            Escalation.tenant_id == tenant_id,
            Escalation.conversation_id == conversation_id,
            Escalation.reason == REASON,
        )
        .order_by(Escalation.id.desc())
        .limit(1)
    )
    if asked is None or asked.state == "open":
        return None
    answer = db.scalar(
        select(Message.body)
        .where(
            Message.tenant_id == tenant_id,
            Message.conversation_id == conversation_id,
            Message.author == "adviser",
            Message.created_at >= asked.created_at,
        )
        .order_by(Message.id)
        .limit(1)
    )
    if answer is None:
        return None
    return Answered(asked.id, str(asked.facts.get("text", "")), answer, "entry" in asked.facts)


def keep_answer(db: Session, escalation: Escalation, question: str, answer: str, by: str) -> None:
    """Into the knowledge base. Raises CannotRead when a text is empty or too long."""
    entry = add_entry(escalation.tenant_id, db, question, answer, by)
    escalation.facts = {**escalation.facts, "entry": entry.source}
