"""One conversation as the desk shows it: what was said, understood and done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.incidents import FINAL
from bot.models.conversations import Conversation, Turn
from bot.models.customers import Customer
from bot.models.escalations import open_escalations
from bot.models.messages import Message
from bot.models.reservations import LIVE, Reservation
from bot.models.users import User
from bot.sending import WINDOW
from dashboard.knowledge import Answered, read_answered
from dashboard.media import Enclosed, Place, read_enclosed, read_place
from dashboard.person import Person, read_person

SHOWN = 60
NOTHING: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True)
class Understood:
    """What a turn understood and did. `entities`: (kind, values as text)."""

    turn_id: int
    intents: tuple[str, ...]
    confidence: float | None
    entities: tuple[tuple[str, tuple[Any, ...]], ...]
    urgency: str
    sentiment: str
    language: str
    engine: str
    handled: str
    done: tuple[str, ...]
    finished: bool


@dataclass(frozen=True)
class Said:
    """One message. `turn` stands at the last of the customer's messages that it answers."""

    id: int
    direction: str
    author: str
    name: str
    kind: str
    channel: str
    subject: str
    body: str
    state: str
    code: str
    at: datetime
    why: str = ""  # what the sending planner decided by (bot.sending)
    leaves_at: datetime | None = None  # of a message that waits for its hour
    enclosed: tuple[Enclosed, ...] = ()
    place: Place | None = None
    again: bool = False  # an adviser had it written anew
    facts: tuple[tuple[str, Any], ...] = ()  # of a draft: what it rests on
    turn: Understood | None = None

    @property
    def may_go_again(self) -> bool:
        """Whether an adviser may have it sent once more."""
        return self.state == "failed" and not self.again and self.code not in FINAL


@dataclass(frozen=True)
class Handed:
    """An open escalation."""

    id: int
    conversation_id: int
    reason: str
    priority: str
    summary: str
    facts: tuple[tuple[str, Any], ...]
    suggestion: str
    deadline: datetime | None
    at: datetime
    customer: str = ""
    contact: str = ""


@dataclass(frozen=True)
class Held:
    """A reservation."""

    id: int
    conversation_id: int
    customer: str
    reference: str
    title: str
    size: str
    quantity: int
    state: str
    until: datetime
    pickup_from: datetime | None
    pickup_to: datetime | None
    ended_at: datetime | None
    contact: str = ""


@dataclass(frozen=True)
class Thread:
    id: int
    state: str
    channel: str
    contact: str
    is_answering: bool
    said: tuple[Said, ...]
    older: int | None  # the message before which more was said
    handed: tuple[Handed, ...]
    person: Person
    held: tuple[Held, ...]
    answered: Answered | None = None  # for the knowledge base
    window_until: datetime | None = None  # where WhatsApp carries the answer: free till then
    is_stopped: bool = False  # nothing they wrote since STOP could be answered


def read_thread(
    tenant_id: int, db: Session, conversation_id: int, before: int | None = None
) -> Thread | None:
    """The conversation, or None when the tenant has none of that id. Of its messages the
    last ones (before message `before`)."""
    found = db.execute(
        select(Conversation, Customer)
        .join(Customer, Customer.id == Conversation.customer_id)
        .where(Conversation.tenant_id == tenant_id, Conversation.id == conversation_id)
    ).first()
    if found is None:
        return None
    conversation, customer = found
    messages = _messages(tenant_id, db, conversation_id, before)
    shown = messages[-SHOWN:]
    heard = next((m for m, _ in reversed(shown) if m.direction == "in"), None)
    turns = _turns(tenant_id, db, [m.turn_id for m, _ in shown if m.turn_id is not None])
    files = read_enclosed(tenant_id, db, [m.id for m, _ in shown])
    said = [_said(m, name, files.get(m.id, ())) for m, name in shown]
    channel = (heard or shown[-1][0]).channel if shown else ""
    on_whatsapp = channel == "whatsapp"
    return Thread(
        id=conversation.id,
        state=conversation.state,
        channel=channel,
        contact=(heard or shown[-1][0]).contact if shown else "",
        is_answering=conversation.answer_after is not None
        or any(not t.finished for t in turns.values()),
        said=_with_turns(said, [m for m, _ in shown], turns),
        older=shown[0][0].id if len(messages) > SHOWN else None,
        handed=tuple(handed(e) for e in open_escalations(tenant_id, db, conversation_id)),
        person=read_person(tenant_id, db, customer, conversation.id),
        held=_held(tenant_id, db, customer),
        answered=read_answered(tenant_id, db, conversation_id),
        window_until=_window_until(tenant_id, db, conversation) if on_whatsapp else None,
        is_stopped=customer.opted_out_at is not None
        and (heard is None or heard.created_at <= customer.opted_out_at),
    )


def handed(row: Any, customer: str = "", contact: str = "") -> Handed:
    """The view of an escalation's row."""
    return Handed(
        id=row.id,
        conversation_id=row.conversation_id,
        reason=row.reason,
        priority=row.priority,
        summary=row.summary,
        facts=tuple((name, v) for name, v in row.facts.items() if v not in NOTHING),
        suggestion=row.suggestion,
        deadline=row.deadline,
        at=row.created_at,
        customer=customer,
        contact=contact,
    )


def held(row: Reservation, customer: str = "", contact: str = "") -> Held:
    """The view of a reservation's row."""
    return Held(
        id=row.id,
        conversation_id=row.conversation_id,
        customer=customer,
        reference=row.reference,
        title=row.title,
        size=row.size or "",
        quantity=row.quantity,
        state=row.state,
        until=row.until,
        pickup_from=row.pickup_from,
        pickup_to=row.pickup_to,
        ended_at=row.ended_at,
        contact=contact,
    )


def _messages(
    tenant_id: int, db: Session, conversation_id: int, before: int | None
) -> list[tuple[Message, str]]:
    query = (
        select(Message, User.name)
        .outerjoin(User, User.id == Message.user_id)
        .where(Message.tenant_id == tenant_id, Message.conversation_id == conversation_id)
    )
    if before is not None:
        query = query.where(Message.id < before)
    rows = db.execute(query.order_by(Message.id.desc()).limit(SHOWN + 1)).all()
    return [(message, name or "") for message, name in reversed(rows)]


def _said(message: Message, adviser: str, enclosed: tuple[Enclosed, ...]) -> Said:
    return Said(
        id=message.id,
        direction=message.direction,
        author=message.author,
        name=adviser,
        kind=message.kind,
        channel=message.channel,
        subject=message.subject,
        body=message.body,
        state=message.state,
        code=message.code,
        at=message.created_at,
        why=str(message.plan.get("why", "")),
        leaves_at=message.send_after if message.plan.get("how") == "wait" else None,
        enclosed=enclosed,
        place=read_place(message.extra),
        again="again" in message.plan,
        facts=_draft_facts(message),
    )


def _draft_facts(message: Message) -> tuple[tuple[str, Any], ...]:
    return tuple(message.extra.get("facts", {}).items()) if message.state == "draft" else ()


def _turns(tenant_id: int, db: Session, ids: list[int]) -> dict[int, Understood]:
    rows = db.scalars(select(Turn).where(Turn.tenant_id == tenant_id, Turn.id.in_(set(ids))))
    return {row.id: _understood(row) for row in rows}


def _understood(turn: Turn) -> Understood:
    said = turn.understanding
    return Understood(
        turn_id=turn.id,
        intents=tuple(said.get("intents", ())),
        confidence=said.get("confidence"),
        entities=tuple(
            (kind, tuple(value) if isinstance(value, list) else (value,))
            for kind, value in said.get("entities", {}).items()
            if value not in NOTHING
        ),
        urgency=said.get("urgency", ""),
        sentiment=said.get("sentiment", ""),
        language=said.get("language", ""),
        engine=said.get("engine", ""),
        handled=turn.handled or "",
        done=tuple(turn.actions.get("done", ())),
        finished=turn.finished_at is not None,
    )


def _with_turns(
    said: list[Said], rows: list[Message], turns: Mapping[int, Understood]
) -> tuple[Said, ...]:
    last = {m.turn_id: i for i, m in enumerate(rows) if m.turn_id and m.direction == "in"}
    for turn_id, index in last.items():
        if turn_id in turns:
            said[index] = replace(said[index], turn=turns[turn_id])
    return tuple(said)


def _window_until(tenant_id: int, db: Session, conversation: Conversation) -> datetime | None:
    """Until when WhatsApp lets us write freely; None when they never wrote there."""
    last = db.scalar(
        select(Message.created_at)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            Message.tenant_id == tenant_id,
            Message.direction == "in",
            Message.channel == "whatsapp",
            Conversation.customer_id == conversation.customer_id,
            Conversation.deployment_id == conversation.deployment_id,
        )
        .order_by(Message.id.desc())
        .limit(1)
    )
    return None if last is None else last + WINDOW


def _held(tenant_id: int, db: Session, customer: Customer) -> tuple[Held, ...]:
    """The customer's reservations: those that run, then the last that ended."""
    rows = db.scalars(
        select(Reservation)
        .where(
            Reservation.tenant_id == tenant_id,
            Reservation.customer_id == customer.id,
            Reservation.state != "undone",
        )
        .order_by(Reservation.state.in_(LIVE).desc(), Reservation.id.desc())
        .limit(6)
    )
    return tuple(held(row, customer.name) for row in rows)
