"""Handing a conversation to an adviser, with everything prepared."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from bot.events import describe_customer, notify, plain_facts
from bot.models.escalations import Escalation, open_escalation
from bot.replies.render import has_sentence, speak, tell_desk
from bot.turn import INTENTS, Escalate, Tenant, Voice, answer_by

EXCERPT = 300  # characters of the customer's words in a summary


def escalate(
    tenant: Tenant,
    db: Session,
    conversation_id: int,
    customer_id: int,
    escalate: Escalate,
    *,
    now: datetime,
    voice: Voice,
    language: str,
    turn_id: int | None = None,
) -> Escalation:
    """Open it, tell the desk. A reason that is open already takes the new words along, and is
    due no later than they are."""
    local = now.astimezone(tenant.hours.zone)
    summary = summarize(tenant, escalate, local)
    opened = Escalation(
        tenant_id=tenant.id,
        conversation_id=conversation_id,
        turn_id=turn_id,
        reason=escalate.reason,
        priority=escalate.priority,
        summary=summary,
        facts=plain_facts(escalate.facts),
        suggestion=speak(escalate.suggestion, language=language, voice=voice, now=local),
        state="open",
        deadline=answer_by(tenant.hours, escalate.priority, now),
        created_at=now,
    )
    found = open_escalation(db, opened, longest=4 * EXCERPT)
    facts = describe_customer(tenant.id, db, customer_id)
    notify(
        tenant,
        db,
        "escalation",
        {**facts, "summary": summary, "priority": escalate.priority, "reason": escalate.reason},
        now=now,
        conversation_id=conversation_id,
        needs_action=True,
    )
    return found


def summarize(tenant: Tenant, escalate: Escalate, local: datetime) -> str:
    """The escalation in a line or two, for the desk."""
    facts = {"asked": None, "code": "", "text": "", **escalate.facts}
    facts["text"] = " ".join(str(facts["text"]).split())[:EXCERPT]
    key = f"summary.{escalate.reason}"
    if not has_sentence(f"desk.{key}", tenant.language):
        key = "summary.any"
        assert escalate.reason in INTENTS, f"no summary for {escalate.reason}"
        facts["label"] = name_intent(tenant, escalate.reason, local)
    return "\n".join(tell_desk(key, facts, language=tenant.language, now=local))


def name_intent(tenant: Tenant, intent: str, now: datetime) -> str:
    """An intent as the desk calls it."""
    return tell_desk(f"intent.{intent}", {}, language=tenant.language, now=now)[0]
