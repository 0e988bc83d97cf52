"""Reminders that are due become messages."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot import clock
from bot import turn as words
from bot.after_sale import WRITING
from bot.agents import speaking_as
from bot.db import transaction
from bot.logs import log
from bot.models.conversations import Conversation
from bot.models.customers import Customer
from bot.models.reminders import Reminder, due_reminders
from bot.models.reservations import Reservation
from bot.outbox import write_first
from bot.replies.render import speak
from bot.reservations import describe
from bot.tenants import describe_tenant
from bot.turn import Say
from connectors.ports import Product

LATER = timedelta(minutes=30)  # then what broke is tried again


def send_reminders() -> int:
    """Write the messages of due reminders; how many there were."""
    with transaction() as db:
        due = due_reminders(db, clock.now())
        for reminder in due:
            _remind_guarded(db, reminder)
    return len(due)


def _remind_guarded(db: Session, reminder: Reminder) -> None:
    """Whatever breaks for one costs no other: it is looked at again in a while."""
    try:
        with db.begin_nested():
            _remind(db, reminder)
    except OperationalError:  # the database itself is away, or busy
        raise
    except Exception:  # a defect must not hold the others up
        log().exception("reminder broke", reminder=reminder.id)
        reminder.due_at = clock.now() + LATER


def _remind(db: Session, reminder: Reminder) -> None:
    if write := WRITING.get(reminder.kind):
        written = write(db, reminder)
        reminder.state = "sent" if written else "cancelled"
        reminder.message_id = written.id if written else None
        log().info("reminder", reminder=reminder.id, message=reminder.message_id)
        return
    found = db.get(Reservation, reminder.reservation_id) if reminder.reservation_id else None
    if reminder.reservation_id and (found is None or found.state != "active"):
        reminder.state = "cancelled"
        return
    tenant = describe_tenant(reminder.tenant_id, db)
    customer = db.get_one(Customer, reminder.customer_id)
    facts = {"name": customer.first_name, **reminder.facts}
    if found is not None:
        facts |= _facts(describe(found, tenant))
    conversation = db.get_one(Conversation, reminder.conversation_id)
    language = conversation.memory.get("language") or customer.language or tenant.language
    text = speak(
        [Say(f"reminder.{reminder.kind}", facts)],
        language=language,
        voice=speaking_as(reminder.tenant_id, db, reminder.conversation_id).voice,
        now=clock.now().astimezone(tenant.hours.zone),
    )
    message = write_first(db, conversation, text, kind=reminder.kind)
    reminder.state, reminder.message_id = "sent", message.id
    log().info("reminder", reminder=reminder.id, message=message.id)


def _facts(held: words.Reservation) -> dict[str, object]:
    return {
        "article": Product(id="", reference=held.reference, title=held.title),
        "size": held.size,
        "until": held.until,
        "pickup": held.pickup,
    }
