"""Watched parcels: looked at every hour until they arrive."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot import clock
from bot import turn as words
from bot.agents import speaking_as
from bot.db import transaction
from bot.escalation import escalate
from bot.events import describe_customer, notify
from bot.logs import log
from bot.models.conversations import Conversation
from bot.models.customers import Customer
from bot.models.reservations import reservation
from bot.models.watches import Watch, claim_watches, watch_of
from bot.outbox import write_first
from bot.replies.render import speak
from bot.reservations import end
from bot.settings import settings
from bot.tenants import describe_tenant, open_tracking
from bot.turn import Escalate, Say, WatchParcel
from connectors.errors import ConnectorError
from connectors.ports import Parcel

EVERY = timedelta(hours=1)
GIVEN_UP = timedelta(days=14)  # after the time it was promised for
OVER = ("delivered", "returned")


def watch(
    tenant_id: int, db: Session, conversation_id: int, change: WatchParcel, now: datetime
) -> None:
    """Begin, or go on with, watching a parcel: two may speak of the same one at once."""
    new = insert(Watch).values(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        number=change.number,
        order_number=change.order_number,
        status="",
        state="watching",
        alert_at=change.alert_at,
        next_look_at=min(now + EVERY, max(change.alert_at, now)),
        created_at=now,
    )
    db.execute(new.on_conflict_do_nothing())
    found = watch_of(tenant_id, db, change.number)
    if found is not None:
        found.spare_id = change.spare or found.spare_id


def look_at_parcels() -> int:
    """Ask the carrier about the watched parcels that are due; how many."""
    with transaction() as db:
        due = claim_watches(db, clock.now(), clock.wall(), settings().claim)
    for found in due:
        try:
            _look(found)
        except OperationalError:  # the database itself is away, or busy
            raise
        except Exception:  # a defect must not hold the others up; it is due again with its claim
            log().exception("parcel broke", watch=found.id)
    return len(due)


def _look(found: Watch) -> None:
    system = open_tracking(found.tenant_id)
    parcel = None
    try:
        parcel = system.track(found.number) if system else None
    except ConnectorError as error:  # the next hour's look will tell
        log().warning("parcel not tracked", watch=found.id, code=error.code)
    now = clock.now()
    with transaction() as db:
        stored = db.get_one(Watch, found.id, with_for_update=True)
        if (stored.state, stored.claimed_until) != (found.state, found.claimed_until):
            return  # it took long, and somebody else has looked, or is looking
        stored.claimed_until, stored.next_look_at = None, _next_look(stored, now)
        if parcel is not None and parcel.status in OVER:
            _arrive(db, stored, parcel, now)
        elif stored.state == "watching" and stored.alert_at <= now:
            _alert(db, stored, parcel, now)
        elif stored.alert_at + GIVEN_UP < now:
            stored.state = "ended"
        if parcel is not None:
            stored.status = parcel.status


def _next_look(found: Watch, now: datetime) -> datetime:
    """In an hour; at the promised time, when that is sooner."""
    soon = now + EVERY
    return min(soon, found.alert_at) if found.alert_at > now else soon


def _arrive(db: Session, found: Watch, parcel: Parcel, now: datetime) -> None:
    """It is there: the customer is told, and the spare unit goes back on the shelf."""
    found.state = "arrived"
    conversation = db.get_one(Conversation, found.conversation_id)
    tenant = describe_tenant(found.tenant_id, db)
    if parcel.status == "delivered":
        customer = db.get_one(Customer, conversation.customer_id)
        language = conversation.memory.get("language") or customer.language or tenant.language
        text = speak(
            [Say("parcel.arrived", {"order": found.order_number, "name": customer.first_name})],
            language=language,
            voice=speaking_as(found.tenant_id, db, conversation.id).voice,
            now=now.astimezone(tenant.hours.zone),
        )
        write_first(db, conversation, text, kind="parcel_update")
    if found.spare_id and (spare := reservation(found.tenant_id, db, found.spare_id)):
        end(db, spare, "cancelled", now)
    _tell(db, tenant, found, conversation, "parcel_arrived", parcel, now, needs_action=False)
    log().info("parcel arrived", watch=found.id)


def _alert(db: Session, found: Watch, parcel: Parcel | None, now: datetime) -> None:
    """It has not come in time: a person must see to it now."""
    found.state = "alerted"
    conversation = db.get_one(Conversation, found.conversation_id)
    tenant = describe_tenant(found.tenant_id, db)
    facts = {"order": found.order_number, "number": found.number, "parcel": parcel}
    escalate(
        tenant,
        db,
        conversation.id,
        conversation.customer_id,
        Escalate("delivery_problem", "high", {**facts, "late": True}),
        now=now,
        voice=words.Voice(),
        language=tenant.language,
    )
    _tell(db, tenant, found, conversation, "parcel_late", parcel, now, needs_action=True)
    log().info("parcel late", watch=found.id)


def _tell(
    db: Session,
    tenant: words.Tenant,
    found: Watch,
    conversation: Conversation,
    kind: str,
    parcel: Parcel | None,
    now: datetime,
    *,
    needs_action: bool,
) -> None:
    facts = {
        **describe_customer(tenant.id, db, conversation.customer_id),
        "order": found.order_number,
        "number": found.number,
        "parcel": parcel,
    }
    notify(
        tenant, db, kind, facts, now=now, conversation_id=conversation.id, needs_action=needs_action
    )
