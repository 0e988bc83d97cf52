"""What followed a step: read from the vendors' side and from the database, as plain JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.db import transaction
from bot.models.catalogue import products
from bot.models.conversations import Conversation, Turn
from bot.models.customers import Customer
from bot.models.escalations import Escalation
from bot.models.messages import Message
from bot.models.notifications import Notification
from bot.models.reminders import Reminder
from bot.models.reservations import LIVE, Reservation
from bot.models.tenants import Tenant
from bot.rehearsal.carried import Carried, list_carried
from bot.rehearsal.people import Person, contacts_of, customer_of
from bot.rehearsal.stage import Stage
from bot.turn import Entities, TimeSpan
from bot.understanding.evaluation import entity_values
from connectors.ports import Product

Found = dict[str, Any]
ENTITIES = TypeAdapter(Entities)


@dataclass(frozen=True)
class Mark:
    """Where things stood when a step began."""

    began: float  # wall time, seconds since the epoch
    carried: frozenset[str]
    turns: frozenset[int]
    notification: int
    crm: int
    labels: int


def mark(stage: Stage, began: float) -> Mark:
    state = stage.sandbox.state()
    with transaction() as db:
        finished = db.scalars(select(Turn.id).where(Turn.finished_at.is_not(None)))
        return Mark(
            began,
            frozenset(message.id for message in list_carried(state)),
            frozenset(finished),
            db.scalar(select(func.max(Notification.id))) or 0,
            len(state["crm_calls"]),
            len(state["labels"]),
        )


def find(stage: Stage, since: Mark, person: Person) -> Found:
    """Everything that an expectation can name; `person` is this customer."""
    state = stage.sandbox.state()
    sent = [_sent(m) for m in list_carried(state) if m.id not in since.carried]
    with transaction() as db:
        tenant = db.get_one(Tenant, stage.tenant_id)
        customer = customer_of(tenant.id, db, person)
        contacts = contacts_of(db, person, customer)
        replies = [message for message in sent if message["to"] in contacts]
        return {
            "replies": replies,
            "sent": sent,
            **_understood(tenant.id, db, since),
            "stock": state["stock"],
            **_about(db, tenant, customer),
            "notifications": _notifications(db, tenant, since),
            "crm": state["crm_calls"][since.crm :],
            "label": len(state["labels"]) > since.labels,
            "within": round(replies[-1]["at"] - since.began, 3) if replies else None,
        }


def _sent(message: Carried) -> Found:
    named = ("via", "to", "subject", "text", "media", "at")
    return {name: getattr(message, name) for name in named}


def _understood(tenant_id: int, db: Session, since: Mark) -> Found:
    """Over the turns that were finished in the step."""
    goods = products(tenant_id, db)
    finished = db.scalars(select(Turn).where(Turn.finished_at.is_not(None)).order_by(Turn.id))
    turns = [turn for turn in finished if turn.id not in since.turns]
    read = [turn.understanding for turn in turns if turn.understanding]
    urgencies = [u["urgency"] for u in read]
    return {
        "intents": sorted({intent for u in read for intent in u["intents"]}),
        "entities": [_entities(u["entities"], goods) for u in read],
        "urgency": next((u for u in ("high", "normal", "low") if u in urgencies), None),
        "handled": sorted({turn.handled for turn in turns if turn.handled}),
        "confidence": [round(u["confidence"], 3) for u in read],
    }


def _entities(kept: Found, goods: Sequence[Product]) -> Found:
    """By the names of the evaluation file: lists of values, times as {from, to}."""
    values = entity_values(ENTITIES.validate_python(kept), goods)
    return {
        name: [
            {"from": v.start.isoformat(), "to": (v.end or v.start).isoformat()}
            if isinstance(v, TimeSpan)
            else str(v)
            for v in each
        ]
        for name, each in values.items()
    }


def _about(db: Session, tenant: Tenant, customer: Customer | None) -> Found:
    """What is kept of this customer."""
    if customer is None:
        names = ("reservations", "reminders", "escalations", "suggestion")
        return {**{name: [] for name in names}, "customer": None}
    zone = ZoneInfo(tenant.timezone)
    return {
        "reservations": _reservations(db, customer, zone),
        "reminders": _reminders(db, customer, zone),
        "escalations": _escalations(db, customer),
        "suggestion": _suggestions(db, customer),
        "customer": _customer(customer),
    }


def _reservations(db: Session, customer: Customer, zone: ZoneInfo) -> list[Found]:
    rows = db.scalars(
        select(Reservation)
        .where(Reservation.customer_id == customer.id, Reservation.state.in_(LIVE))
        .order_by(Reservation.id)
    )
    return [
        {
            "sku": row.sku,
            "quantity": row.quantity,
            "status": row.state,
            "until": _when(row.until, zone),
            "pickup": _when(row.pickup_from, zone),
            "pickup_to": _when(row.pickup_to, zone),
        }
        for row in rows
    ]


def _reminders(db: Session, customer: Customer, zone: ZoneInfo) -> list[Found]:
    rows = db.scalars(
        select(Reminder)
        .where(Reminder.customer_id == customer.id, Reminder.state == "planned")
        .order_by(Reminder.due_at)
    )
    return [{"kind": r.kind, "at": _when(r.due_at, zone), "via": r.channel} for r in rows]


def _escalations(db: Session, customer: Customer) -> list[Found]:
    """The open ones; they keep their conversation open."""
    rows = db.scalars(
        select(Escalation)
        .join(Conversation, Conversation.id == Escalation.conversation_id)
        .where(Conversation.customer_id == customer.id, Escalation.state == "open")
        .order_by(Escalation.id)
    )
    return [
        {
            "reason": row.reason,
            "priority": row.priority,
            "summary": row.summary,
            "customer": customer.name,
        }
        for row in rows
    ]


def _suggestions(db: Session, customer: Customer) -> list[str]:
    """Replies prepared for an adviser: beside an open escalation, or as a draft."""
    beside = db.scalars(
        select(Escalation.suggestion)
        .join(Conversation, Conversation.id == Escalation.conversation_id)
        .where(Conversation.customer_id == customer.id, Escalation.state == "open")
    )
    drafts = db.scalars(
        select(Message.body)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Conversation.customer_id == customer.id, Message.state == "draft")
    )
    return [text for text in (*beside, *drafts) if text]


def _customer(customer: Customer) -> Found:
    profile = customer.profile
    return {
        "name": customer.name,
        "orders": profile.get("orders"),
        "spent": (profile.get("spent") or {}).get("amount"),
        "segment": profile.get("segment", ""),
        "opted_out": customer.opted_out_at is not None,
    }


def _notifications(db: Session, tenant: Tenant, since: Mark) -> list[Found]:
    rows = db.scalars(
        select(Notification)
        .where(Notification.tenant_id == tenant.id, Notification.id > since.notification)
        .order_by(Notification.id)
    )
    return [{"kind": row.kind, "text": "\n".join([row.title, *row.lines])} for row in rows]


def _when(at: datetime | None, zone: ZoneInfo) -> str | None:
    return None if at is None else at.astimezone(zone).isoformat(timespec="seconds")
