"""What becomes of reservations: decided changes applied, ends when their time is over, and
units moved back."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot import clock
from bot import turn as words
from bot.db import transaction
from bot.events import describe_customer, notify
from bot.holds import pause_before, plan_release, release
from bot.logs import log
from bot.models.effects import Effect, effect_for
from bot.models.reminders import Reminder, planned_reminder
from bot.models.reservations import Reservation, ended_by, pending_of, reservation
from bot.tenants import describe_tenant, open_inventory
from bot.turn import Cancel, Extend, Keep, ReservationChange, SetPickup, TimeSpan
from connectors.errors import Refused, Unavailable

REMIND_BEFORE = timedelta(hours=1)
REMINDER = "reservation_reminder"


def apply(
    tenant_id: int, db: Session, change: ReservationChange, *, channel: str, now: datetime
) -> None:
    """Make a decided change, in the transaction that records the turn."""
    found = reservation(tenant_id, db, change.reservation_id)
    assert found is not None, "flows change only what they were shown"
    match change:
        case Keep():
            found.state = "active"
        case SetPickup(pickup=pickup, until=until):
            found.pickup_from, found.pickup_to, found.until = pickup.start, pickup.end, until
            _plan_reminder(tenant_id, db, found, channel, now)
        case Extend(until=until):
            found.until, found.extended = until, True
        case Cancel():
            end(db, found, "cancelled", now)


def end(db: Session, found: Reservation, state: str, now: datetime) -> None:
    """It is over: no reminder any more, and the unit is to go back."""
    if found.state not in {"pending", "active"}:
        return
    found.state, found.ended_at = state, now
    _cancel_reminder(found.tenant_id, db, found)
    _plan_release(db, found, now)


def collect(db: Session, found: Reservation, units: int, now: datetime) -> None:
    """So many units were sold to whom they are kept for. What is left stays put aside, what was
    sold is a reservation of its own, whose hold in the shop is the same."""
    if units >= found.quantity:
        end(db, found, "collected", now)
        return
    found.quantity -= units
    columns = found.__table__.columns.keys()
    sold = {name: getattr(found, name) for name in columns if name != "id"}
    sold |= {"unit": {**found.unit, "held_as": found.id}, "quantity": units}
    part = Reservation(**sold | {"state": "collected", "ended_at": now})
    db.add(part)
    db.flush()
    _plan_release(db, part, now)


def _plan_release(db: Session, found: Reservation, now: datetime) -> None:
    hold = effect_for(found.tenant_id, db, f"turn:{found.turn_id}:hold:{found.sku}")
    db.add(plan_release(found, hold.connection_id if hold else None, now))


def undo_unkept(tenant_id: int, db: Session, turn_id: int, now: datetime) -> None:
    """What a turn put aside and then did not keep goes back."""
    for found in pending_of(tenant_id, db, turn_id):
        end(db, found, "undone", now)


def expire() -> int:
    """End the reservations whose time is over; how many."""
    now = clock.now()
    with transaction() as db:
        ended = ended_by(db, now)
        for found in ended:
            end(db, found, "expired", now)
            _tell_expired(db, found, now)
    return len(ended)


def _tell_expired(db: Session, found: Reservation, now: datetime) -> None:
    """To the desk. It is over all the same where that breaks, as for a tenant set up wrongly."""
    try:
        with db.begin_nested():
            tenant = describe_tenant(found.tenant_id, db)
            facts = describe_customer(tenant.id, db, found.customer_id)
            notify(
                tenant,
                db,
                "reservation_expired",
                {**facts, "reservation": describe(found, tenant)},
                now=now,
                conversation_id=found.conversation_id,
                reservation_id=found.id,
            )
    except OperationalError:  # the database itself is away, or busy
        raise
    except Exception:  # a defect must not undo what is over
        log().exception("expiry not told", reservation=found.id)
    log().info("reservation expired", reservation=found.id)


def release_one(effect: Effect) -> None:
    """Carry out a planned release, later again when the shop's system is away."""
    inventory = open_inventory(effect.tenant_id)
    try:
        if inventory is None:
            raise Unavailable("no inventory is connected")
        release(effect, inventory)
    except Unavailable as error:
        pause = pause_before(effect.attempts)
        with transaction() as db:
            stored = db.get_one(Effect, effect.id)
            stored.attempts += 1
            stored.claimed_until, stored.next_try_at = None, clock.now() + pause
        log().warning("release waits", effect=effect.id, code=error.code)
    except Refused as error:
        _tell_refused(effect, error)


def _tell_refused(effect: Effect, error: Refused) -> None:
    """Final: a person must put the stock right."""
    with transaction() as db:
        stored = db.get_one(Effect, effect.id)
        stored.state, stored.error = "refused", error.code or str(error)
        found = db.get_one(Reservation, effect.reservation_id)
        tenant = describe_tenant(effect.tenant_id, db)
        notify(
            tenant,
            db,
            "release_refused",
            {"reservation": describe(found, tenant), "code": error.code},
            now=clock.now(),
            conversation_id=found.conversation_id,
            reservation_id=found.id,
            needs_action=True,
        )
    log().error("release refused", effect=effect.id, code=error.code)


def describe(found: Reservation, tenant: words.Tenant) -> words.Reservation:
    """The row as flows and sentences see it, times in the tenant's zone."""
    zone = tenant.hours.zone
    pickup = None
    if found.pickup_from is not None:
        to = found.pickup_to.astimezone(zone) if found.pickup_to else None
        pickup = TimeSpan(found.pickup_from.astimezone(zone), to)
    return words.Reservation(
        id=found.id,
        sku=found.sku,
        reference=found.reference,
        title=found.title,
        size=found.size,
        quantity=found.quantity,
        until=found.until.astimezone(zone),
        pickup=pickup,
        extended=found.extended,
    )


def _plan_reminder(
    tenant_id: int, db: Session, found: Reservation, channel: str, now: datetime
) -> None:
    """One hour before the pick-up; none when that is past. A changed time moves it."""
    _cancel_reminder(tenant_id, db, found)
    assert found.pickup_from is not None
    due = found.pickup_from - REMIND_BEFORE
    if due <= now:
        return
    db.add(
        Reminder(
            tenant_id=tenant_id,
            customer_id=found.customer_id,
            conversation_id=found.conversation_id,
            reservation_id=found.id,
            kind=REMINDER,
            channel=channel,
            due_at=due,
            facts={},
            state="planned",
            created_at=now,
        )
    )


def _cancel_reminder(tenant_id: int, db: Session, found: Reservation) -> None:
    planned = planned_reminder(tenant_id, db, found.id, REMINDER)
    if planned is not None:
        planned.state = "cancelled"
        db.flush()
