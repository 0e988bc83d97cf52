"""What a flow decided, carried into the tables in the transaction that records the turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from bot import consent, parcels, reservations, waiting_list
from bot.effects import plain_request
from bot.events import plain_facts
from bot.models.conversations import Conversation
from bot.models.customers import Customer
from bot.models.effects import plan_effect
from bot.models.messages import Message
from bot.models.ratings import Rating
from bot.models.reminders import Reminder
from bot.replies.render import tell_desk
from bot.turn import (
    AddNote,
    AwaitArticle,
    Change,
    OpenReturn,
    OpenTicket,
    Rate,
    Remind,
    Restart,
    Stop,
    Turn,
    WatchParcel,
)
from connectors.ports import Note, ReturnRequest, Ticket


@dataclass(frozen=True)
class Place:
    """Where the changes of a turn belong."""

    conversation: Conversation
    turn_id: int
    last: Message
    now: datetime


def apply_change(db: Session, turn: Turn, change: Change, place: Place) -> None:
    tenant_id, now = turn.tenant.id, place.now
    match change:
        case Stop() | Restart():
            _apply_consent(db, turn, change, place)
        case OpenTicket():
            request = plain_request(_ticket(turn, change))
            plan_effect(tenant_id, db, "ticket", f"ticket:{change.key}", request, now)
        case AddNote():
            if turn.customer.crm_id:
                request = plain_request(_note(turn, change))
                plan_effect(tenant_id, db, "note", f"note:{change.key}", request, now)
        case OpenReturn(order_id=order_id, line_id=line_id, quantity=quantity, note=note):
            request = plain_request(ReturnRequest(order_id, line_id, quantity, note))
            plan_effect(tenant_id, db, "return", f"return:{line_id}", request, now)
        case WatchParcel():
            parcels.watch(tenant_id, db, place.conversation.id, change, now)
        case AwaitArticle():
            waiting_list.await_article(tenant_id, db, place.conversation, change, now)
        case Rate(score=score, words=words):
            db.add(_rating(turn, place, score, words))
        case Remind():
            db.add(_reminder(turn, place, change))
        case _:
            reservations.apply(tenant_id, db, change, channel=turn.channel, now=now)


def _apply_consent(db: Session, turn: Turn, change: Stop | Restart, place: Place) -> None:
    last = place.last
    customer = db.get_one(Customer, turn.customer.id)
    how = f"{last.channel}: {last.body[:40]}"
    if isinstance(change, Stop) and customer.opted_out_at is None:
        # A keyword was obeyed when it came in
        consent.stop(db, customer, how=how, now=last.created_at, message_id=last.id)
    if isinstance(change, Restart) and customer.opted_out_at is not None:
        consent.restart(db, customer, how=how, now=place.now, message_id=last.id)


def _ticket(turn: Turn, change: OpenTicket) -> Ticket:
    subject, *lines = _tell(turn, f"ticket.{change.kind}", change.facts)
    return Ticket(
        key=change.key,
        subject=subject,
        content="\n".join(lines),
        profile_id=turn.customer.crm_id,
        priority="HIGH" if change.urgent else "MEDIUM",
    )


def _note(turn: Turn, change: AddNote) -> Note:
    text = "\n".join(_tell(turn, f"note.{change.kind}", change.facts))
    return Note(key=change.key, text=text, at=turn.now, profile_id=turn.customer.crm_id)


def _tell(turn: Turn, key: str, facts: Mapping[str, Any]) -> list[str]:
    said = {"customer": turn.customer, **facts}
    return tell_desk(key, said, language=turn.tenant.language, now=turn.now)


def _rating(turn: Turn, place: Place, score: int | None, words: str) -> Rating:
    return Rating(
        tenant_id=turn.tenant.id,
        customer_id=turn.customer.id,
        conversation_id=place.conversation.id,
        turn_id=place.turn_id,
        score=score,
        words=words,
        created_at=place.now,
    )


def _reminder(turn: Turn, place: Place, change: Remind) -> Reminder:
    return Reminder(
        tenant_id=turn.tenant.id,
        customer_id=turn.customer.id,
        conversation_id=place.conversation.id,
        reservation_id=change.reservation_id,
        kind=change.kind,
        channel=turn.channel,
        due_at=change.at,
        facts=plain_facts(change.facts),
        state="planned",
        created_at=place.now,
    )
