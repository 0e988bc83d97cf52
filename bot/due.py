"""What waits now, and when the next thing falls due. For all tenants at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from bot.models.conversations import Conversation
from bot.models.deliveries import Delivery
from bot.models.effects import IN_TURN, Effect
from bot.models.media import Media
from bot.models.messages import Message, may_leave
from bot.models.reminders import Reminder
from bot.models.reservations import Reservation
from bot.models.watches import WATCHED, Watch
from bot.models.wishes import Wish


def is_waiting(db: Session, now: datetime, wall: datetime) -> bool:
    """Whether a customer waits for something that nobody is doing."""
    delivery = exists().where(
        Delivery.state == "new",
        Delivery.next_try_at <= now,
        or_(Delivery.claimed_until.is_(None), Delivery.claimed_until < wall),
    )
    turn = exists().where(
        Conversation.answer_after <= now,
        or_(Conversation.lease_until.is_(None), Conversation.lease_until < wall),
    )
    message = exists().where(may_leave(now))
    media = exists().where(
        Media.state == "waiting",
        Media.next_try_at <= now,
        or_(Media.claimed_until.is_(None), Media.claimed_until < wall),
    )
    return bool(db.scalar(select(or_(delivery, turn, message, media))))


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
    times = [
        select(func.min(Delivery.next_try_at)).where(
            Delivery.state == "new", Delivery.next_try_at > after
        ),
        select(func.min(Conversation.answer_after)).where(Conversation.answer_after > after),
        select(func.min(Message.send_after)).where(
            Message.state.in_(("queued", "unknown")), Message.send_after > after
        ),
        select(func.min(Media.next_try_at)).where(
            Media.state == "waiting", Media.next_try_at > after
        ),
        select(func.min(Reminder.due_at)).where(
            Reminder.state == "planned", Reminder.due_at > after
        ),
        select(func.min(Reservation.until)).where(
            Reservation.state == "active", Reservation.until > after
        ),
        select(func.min(Watch.next_look_at)).where(
            Watch.state.in_(WATCHED), Watch.next_look_at > after
        ),
        select(func.min(Wish.next_look_at)).where(
            Wish.state == "waiting", Wish.next_look_at > after
        ),
        select(func.min(Effect.next_try_at)).where(
            Effect.kind.not_in(IN_TURN), Effect.state == "planned", Effect.next_try_at > after
        ),
    ]
    found = db.execute(select(*(query.scalar_subquery() for query in times))).one()
    return min((at for at in found if at is not None), default=None)
