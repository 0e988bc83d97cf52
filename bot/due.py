"""What waits now, and when the next thing falls due. For all tenants at once."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from bot.models.conversations import Conversation
from bot.models.deliveries import Delivery
from bot.models.effects import IN_TURN, Effect
from bot.models.media import Media
from bot.models.messages import Message, may_leave
from bot.models.reminders import Reminder
from bot.models.reservations import Reservation
from bot.models.watches import WATCHED, Watch
from bot.models.wishes import Wish


class Look(NamedTuple):
    """What waits that nobody is doing, by kind; and when the next row of any kind falls due."""

    deliveries: bool
    turns: bool
    messages: bool
    effects: bool
    media: bool
    next_at: datetime | None

    @property
    def people_wait(self) -> bool:
        return self.deliveries or self.turns or self.messages or self.media


_NOW, _WALL = (bindparam(name, type_=DateTime(timezone=True)) for name in ("now", "wall"))


def _is_free(claimed_until: InstrumentedAttribute[datetime | None]) -> ColumnElement[bool]:
    return or_(claimed_until.is_(None), claimed_until < _WALL)


_FREE = (
    exists().where(
        Delivery.state == "new", Delivery.next_try_at <= _NOW, _is_free(Delivery.claimed_until)
    ),
    exists().where(Conversation.answer_after <= _NOW, _is_free(Conversation.lease_until)),
    exists().where(may_leave(_NOW)),
    exists().where(
        Effect.kind.not_in(IN_TURN),
        Effect.state == "planned",
        Effect.next_try_at <= _NOW,
        _is_free(Effect.claimed_until),
    ),
    exists().where(
        Media.state == "waiting", Media.next_try_at <= _NOW, _is_free(Media.claimed_until)
    ),
)
_NEXT = func.least(
    *(
        select(func.min(at)).where(at > _NOW, *conditions).scalar_subquery()
        for at, *conditions in (
            (Delivery.next_try_at, Delivery.state == "new"),
            (Conversation.answer_after,),
            (Message.send_after, Message.state.in_(("queued", "unknown"))),
            (Media.next_try_at, Media.state == "waiting"),
            (Reminder.due_at, Reminder.state == "planned"),
            (Reservation.until, Reservation.state == "active"),
            (Watch.next_look_at, Watch.state.in_(WATCHED)),
            (Wish.next_look_at, Wish.state == "waiting"),
            (Effect.next_try_at, Effect.kind.not_in(IN_TURN), Effect.state == "planned"),
        )
    )
)
_LOOK = select(*_FREE, _NEXT)


def look(connection: Connection, now: datetime, wall: datetime) -> Look:
    """All of it in one statement: a worker looks after each round."""
    return Look(*connection.execute(_LOOK, {"now": now, "wall": wall}).one())


def is_due(db: Session, now: datetime, wall: datetime) -> bool:
    """Whether a chore is due that nobody is doing."""
    reminder = exists().where(Reminder.state == "planned", Reminder.due_at <= now)
    ended = exists().where(Reservation.state == "active", Reservation.until <= now)
    effect = exists().where(
        Effect.kind.not_in(IN_TURN),
        Effect.state == "planned",
        Effect.next_try_at <= now,
        or_(Effect.claimed_until.is_(None), Effect.claimed_until < wall),
    )
    watch = exists().where(
        Watch.state.in_(WATCHED),
        Watch.next_look_at <= now,
        or_(Watch.claimed_until.is_(None), Watch.claimed_until < wall),
    )
    wish = exists().where(Wish.state == "waiting", Wish.next_look_at <= now)
    lost = exists().where(
        or_(
            and_(Message.state == "sending", Message.claimed_until < wall),
            and_(Message.state == "unknown", Message.send_after <= now),
        )
    )
    return bool(db.scalar(select(or_(reminder, ended, effect, watch, wish, lost))))


def is_settled(db: Session, now: datetime) -> bool:
    """Whether nothing is being done or due by now, also by those who are at it."""
    unsettled = [
        exists().where(Delivery.state == "new", Delivery.next_try_at <= now),
        exists().where(Conversation.answer_after <= now),
        exists().where(may_leave(now)),
        exists().where(Message.state == "sending"),
        exists().where(Message.state == "unknown", Message.send_after <= now),
        exists().where(Media.state == "waiting", Media.next_try_at <= now),
        exists().where(Reminder.state == "planned", Reminder.due_at <= now),
        exists().where(Reservation.state == "active", Reservation.until <= now),
        exists().where(Watch.state.in_(WATCHED), Watch.next_look_at <= now),
        exists().where(Wish.state == "waiting", Wish.next_look_at <= now),
        exists().where(
            Effect.kind.not_in(IN_TURN), Effect.state == "planned", Effect.next_try_at <= now
        ),
    ]
    return not db.scalar(select(or_(*unsettled)))


def waiting_since(db: Session) -> dict[str, datetime | None]:
    """Since when the oldest delivery, turn and message of any tenant has waited or will be due;
    None where none waits."""
    oldest = {
        "delivery": select(Delivery.received_at)
        .where(Delivery.state == "new")
        .order_by(Delivery.id)
        .limit(1),
        "turn": select(func.min(Conversation.answer_after)),
        "message": select(func.min(Message.send_after)).where(Message.state == "queued"),
    }
    found = db.execute(select(*(query.scalar_subquery() for query in oldest.values()))).one()
    return dict(zip(oldest, found, strict=True))


def next_due(db: Session, after: datetime) -> datetime | None:
    """When, after `after`, the next row falls due."""
    found: datetime | None = db.scalar(select(_NEXT), {"now": after})
    return found
