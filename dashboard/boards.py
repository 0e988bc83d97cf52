"""What the desk lists beside conversations: reservations, alerts, notifications, templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, select, update
from sqlalchemy.orm import Session

from bot import templates
from bot.incidents import count_incidents
from bot.models.conversations import Conversation
from bot.models.customers import Customer, Identity
from bot.models.escalations import Escalation
from bot.models.notifications import Notification
from bot.models.reservations import LIVE, Reservation
from bot.models.tenants import Address
from dashboard.inbox import count_to_do
from dashboard.thread import Handed, Held, handed, held

PAGE = 30

# What a customer without a name is called by
CONTACT = (
    select(Identity.value)
    .where(Identity.customer_id == Customer.id)
    .order_by(Identity.id)
    .limit(1)
    .scalar_subquery()
)
UNREAD_AMONG = 200  # unread is counted among the newest, so that the count stays quick


@dataclass(frozen=True)
class Badges:
    """The counts beside the desk's menu."""

    to_do: int
    alerts: int
    urgent: int  # of the alerts
    unread: int
    incidents: int
    has_whatsapp: bool  # then there are templates


@dataclass(frozen=True)
class Told:
    """A notification."""

    id: int
    conversation_id: int | None
    title: str
    lines: tuple[str, ...]
    needs_action: bool
    read: bool
    at: datetime


@dataclass(frozen=True)
class Model:
    """A template: what WhatsApp lets us write outside its 24 hours, once approved."""

    id: int
    name: str
    language: str
    body: str
    approval: str
    read_at: datetime


def read_badges(tenant_id: int, db: Session) -> Badges:
    newest = (
        select(Notification.read_at)
        .where(Notification.tenant_id == tenant_id)
        .order_by(Notification.id.desc())
        .limit(UNREAD_AMONG)
        .subquery()
    )
    unread = select(func.count()).select_from(newest).where(newest.c.read_at.is_(None))
    alerts, urgent = db.execute(
        select(func.count(), func.count().filter(Escalation.priority == "high")).where(
            Escalation.tenant_id == tenant_id, Escalation.state == "open"
        )
    ).one()
    whatsapp = exists().where(Address.tenant_id == tenant_id, Address.channel == "whatsapp")
    return Badges(
        to_do=count_to_do(tenant_id, db),
        alerts=alerts,
        urgent=urgent,
        unread=db.scalar(unread) or 0,
        incidents=count_incidents(tenant_id, db),
        has_whatsapp=bool(db.scalar(select(whatsapp))),
    )


def read_alerts(tenant_id: int, db: Session, limit: int = 100) -> tuple[Handed, ...]:
    """Open escalations, urgent ones first, then by deadline and age."""
    rows = db.execute(
        select(Escalation, Customer, CONTACT)
        .join(Conversation, Conversation.id == Escalation.conversation_id)
        .join(Customer, Customer.id == Conversation.customer_id)
        .where(Escalation.tenant_id == tenant_id, Escalation.state == "open")
        .order_by(
            Escalation.priority,  # "high" stands before "normal"
            Escalation.deadline.asc().nulls_last(),
            Escalation.created_at,
        )
        .limit(limit)
    ).all()
    return tuple(handed(row, customer.name, contact or "") for row, customer, contact in rows)


def read_live_reservations(tenant_id: int, db: Session, limit: int = 200) -> tuple[Held, ...]:
    """What is put aside now, the soonest to end first."""
    query = _reservations(tenant_id).where(Reservation.state.in_(LIVE))
    return _held(db, query.order_by(Reservation.until, Reservation.id).limit(limit))


def read_ended_reservations(
    tenant_id: int, db: Session, before: int | None = None
) -> tuple[tuple[Held, ...], int | None]:
    """A page of reservations that are over, and the id before which the next page begins."""
    query = _reservations(tenant_id).where(
        Reservation.state.in_(("cancelled", "expired", "collected"))
    )
    if before is not None:
        query = query.where(Reservation.id < before)
    found = _held(db, query.order_by(Reservation.id.desc()).limit(PAGE + 1))
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None


def read_notifications(
    tenant_id: int, db: Session, before: int | None = None
) -> tuple[tuple[Told, ...], int | None]:
    """A page of notifications, newest first, and the id before which the next page begins."""
    query = select(Notification).where(Notification.tenant_id == tenant_id)
    if before is not None:
        query = query.where(Notification.id < before)
    rows = list(db.scalars(query.order_by(Notification.id.desc()).limit(PAGE + 1)))
    return tuple(_told(row) for row in rows[:PAGE]), rows[PAGE - 1].id if len(rows) > PAGE else None


def read_templates(tenant_id: int, db: Session) -> tuple[Model, ...]:
    return tuple(
        Model(it.id, it.name, it.language, it.body, it.approval, it.read_at)
        for it in templates.kept(tenant_id, db)
    )


def mark_read(tenant_id: int, db: Session, now: datetime, id: int | None = None) -> int:
    """Mark one notification (or all) as read; how many the tenant has of that id."""
    query = update(Notification).where(Notification.tenant_id == tenant_id)
    query = query.where(Notification.id == id if id else Notification.read_at.is_(None))
    found = db.execute(
        query.values(read_at=func.coalesce(Notification.read_at, now)).returning(Notification.id)
    )
    return len(found.all())


def _told(row: Notification) -> Told:
    return Told(
        id=row.id,
        conversation_id=row.conversation_id,
        title=row.title,
        lines=tuple(str(line) for line in row.lines),
        needs_action=row.needs_action,
        read=row.read_at is not None,
        at=row.created_at,
    )


def _reservations(tenant_id: int) -> Select[Reservation, Customer, str | None]:
    return (
        select(Reservation, Customer, CONTACT)
        .join(Customer, Customer.id == Reservation.customer_id)
        .where(Reservation.tenant_id == tenant_id)
    )


def _held(db: Session, query: Select[Reservation, Customer, str | None]) -> tuple[Held, ...]:
    rows = db.execute(query).all()
    return tuple(held(row, customer.name, contact or "") for row, customer, contact in rows)
