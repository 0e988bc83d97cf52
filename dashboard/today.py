"""The day's figures: counted from what is in the tables, none when there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.models.conversations import Conversation, Turn
from bot.models.messages import Message
from bot.models.reservations import Reservation


@dataclass(frozen=True)
class Today:
    """`received`: customers' messages since midnight in the tenant's zone; `automatic` of
    them were answered by the assistant alone, `handed` went to the team (as a draft, wholly,
    or beside an answer), the others are still being answered. `median_seconds`: from a
    customer's first waiting message to the carrier's taking the assistant's answer."""

    received: int
    automatic: int
    handed: int
    median_seconds: float | None
    reserved: int
    ending: int  # of the reservations, those that end before midnight

    @property
    def share(self) -> float | None:
        return self.automatic / self.received if self.received else None


def read_today(tenant_id: int, db: Session, now: datetime, zone: ZoneInfo) -> Today:
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = midnight + timedelta(days=1)
    received, automatic, handed = _count_messages(tenant_id, db, midnight)
    reserved, ending = _count_reservations(tenant_id, db, tomorrow)
    return Today(
        received=received,
        automatic=automatic,
        handed=handed,
        median_seconds=_median_answer(tenant_id, db, midnight) if received else None,
        reserved=reserved,
        ending=ending,
    )


def _count_messages(tenant_id: int, db: Session, since: datetime) -> tuple[int, int, int]:
    """By way of the day's conversations, which have an index: messages have none by time."""
    row = db.execute(
        select(
            func.count(),
            func.count().filter(Turn.handled == "auto"),
            func.count().filter(Turn.handled.in_(("draft", "human", "both"))),
        )
        .select_from(Conversation)
        .join(Message, Message.conversation_id == Conversation.id)
        .outerjoin(Turn, Turn.id == Message.turn_id)
        .where(
            Conversation.tenant_id == tenant_id,
            Conversation.last_message_at >= since,
            Message.direction == "in",
            Message.created_at >= since,
        )
    ).one()
    return row[0], row[1], row[2]


def _median_answer(tenant_id: int, db: Session, since: datetime) -> float | None:
    asked = func.min(Message.created_at).filter(Message.direction == "in")
    answered = func.min(Message.sent_at).filter(
        Message.direction == "out",
        Message.author == "assistant",
        Message.kind.in_(("reply", "acknowledgement")),
    )
    spans = (
        select(func.extract("epoch", answered - asked).label("seconds"))
        .select_from(Conversation)
        .join(Message, Message.conversation_id == Conversation.id)
        .where(
            Conversation.tenant_id == tenant_id,
            Conversation.last_message_at >= since,
            Message.created_at >= since,
            Message.turn_id.is_not(None),
        )
        .group_by(Message.turn_id)
        .subquery()
    )
    median = db.scalar(
        select(func.percentile_cont(0.5).within_group(spans.c.seconds)).where(spans.c.seconds >= 0)
    )
    return None if median is None else float(median)


def _count_reservations(tenant_id: int, db: Session, tomorrow: datetime) -> tuple[int, int]:
    row = db.execute(
        select(func.count(), func.count().filter(Reservation.until < tomorrow)).where(
            Reservation.tenant_id == tenant_id, Reservation.state == "active"
        )
    ).one()
    return row[0], row[1]
