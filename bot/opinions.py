"""What customers say on the page that the e-mail of thanks leads to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.after_sale import read_opinion_link
from bot.agents import speaking_as
from bot.escalation import escalate
from bot.flows.opinions import LOW
from bot.logs import log
from bot.models.conversations import Conversation, join_conversation
from bot.models.customers import Customer
from bot.models.ratings import Rating
from bot.models.reminders import Reminder
from bot.models.tenants import Tenant
from bot.tenants import describe_tenant
from bot.turn import Escalate

LONGEST = 1000  # characters of what they say


@dataclass(frozen=True)
class Asked:
    """Whose opinion a link asks for; `given` is what they said before."""

    reminder: Reminder
    customer: Customer
    tenant: Tenant
    language: str
    given: Rating | None


def find_asked(db: Session, token: str, *, lock: bool = False) -> Asked | None:
    """None for a link that we did not sign, or of somebody gone."""
    named = read_opinion_link(token)
    if named is None:
        return None
    query = (
        select(Reminder, Customer, Tenant, Conversation.memory)
        .join(Customer, Customer.id == Reminder.customer_id)
        .join(Tenant, Tenant.id == Reminder.tenant_id)
        .join(Conversation, Conversation.id == Reminder.conversation_id)
        .where(Reminder.tenant_id == named[0], Reminder.id == named[1])
    )
    row = db.execute(query.with_for_update(of=Reminder) if lock else query).first()
    if row is None:
        return None
    reminder, customer, tenant, memory = row
    language = memory.get("language") or customer.language or tenant.language
    kept = reminder.facts.get("rating")
    return Asked(reminder, customer, tenant, language, db.get(Rating, kept) if kept else None)


def keep_opinion(db: Session, asked: Asked, score: int, words: str, now: datetime) -> None:
    """One opinion a purchase: said again, it takes the place of the first. A low one goes to a
    person."""
    reminder, rating = asked.reminder, asked.given
    words = words[:LONGEST]
    if rating is not None and (rating.score, rating.words) == (score, words):
        return
    if rating is None:
        rating = Rating(
            tenant_id=reminder.tenant_id,
            customer_id=reminder.customer_id,
            conversation_id=reminder.conversation_id,
            created_at=now,
        )
        db.add(rating)
    rating.score, rating.words = score, words
    db.flush()
    reminder.facts = {**reminder.facts, "rating": rating.id}
    log().info("opinion", rating=rating.id, score=score)
    if score <= LOW:
        _hand_over(db, asked, score, words, now)


def _hand_over(db: Session, asked: Asked, score: int, words: str, now: datetime) -> None:
    """In the conversation that is open with them, or a new one: an adviser answers there."""
    tenant_id, customer = asked.tenant.id, asked.customer
    deployment_id = db.get_one(Conversation, asked.reminder.conversation_id).deployment_id
    conversation_id = join_conversation(
        tenant_id,
        db,
        customer_id=customer.id,
        deployment_id=deployment_id,
        now=now,
        quiet_hours=asked.tenant.quiet_hours,
        answer_after=None,
        new=False,
    )
    escalate(
        describe_tenant(tenant_id, db),
        db,
        conversation_id,
        customer.id,
        Escalate("low_rating", facts={"text": words or "-", "score": score}),
        now=now,
        voice=speaking_as(tenant_id, db, conversation_id).voice,
        language=asked.language,
    )
