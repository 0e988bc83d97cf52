"""What happens, told to the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bot import turn as words
from bot.models.base import Json
from bot.models.customers import Customer, Identity
from bot.models.notifications import Notification
from bot.replies.render import tell_desk


def notify(
    tenant: words.Tenant,
    db: Session,
    kind: str,
    facts: Mapping[str, Any],
    *,
    now: datetime,
    conversation_id: int | None = None,
    reservation_id: int | None = None,
    needs_action: bool = False,
) -> Notification:
    """Put it on the tenant's desk, written out in its language. News of a reservation takes
    the place of older news of the same kind."""
    if reservation_id is not None:
        db.execute(
            delete(Notification).where(
                Notification.tenant_id == tenant.id,
                Notification.reservation_id == reservation_id,
                Notification.kind == kind,
            )
        )
    local = now.astimezone(tenant.hours.zone)
    text = tell_desk(kind, {"contact": "", **facts}, language=tenant.language, now=local)
    notification = Notification(
        tenant_id=tenant.id,
        conversation_id=conversation_id,
        reservation_id=reservation_id,
        kind=kind,
        title=text[0],
        lines=text[1:],
        facts=plain(facts),
        needs_action=needs_action,
        created_at=now,
    )
    db.add(notification)
    return notification


def describe_customer(tenant_id: int, db: Session, customer_id: int) -> dict[str, Any]:
    """The facts `customer` and `contact` of a customer, for the desk's sentences."""
    customer = db.get_one(Customer, customer_id)
    contact = db.scalar(
        select(Identity.value)
        .where(Identity.tenant_id == tenant_id, Identity.customer_id == customer_id)
        .order_by(Identity.id)
    )
    return {
        "customer": words.Customer(
            id=customer.id,
            first_name=customer.first_name,
            name=customer.name,
            segment=customer.profile.get("segment", ""),
        ),
        "contact": contact or "",
    }


def plain(value: Any) -> Any:
    """Facts as JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def plain_facts(facts: Mapping[str, Any]) -> Json:
    found: Json = plain(facts)
    return found
