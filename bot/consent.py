"""What customers let us do: STOP and START, bounces and complaints, on the record."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from bot.logs import log
from bot.models.consents import is_given, record_consent
from bot.models.customers import Customer
from bot.models.messages import Message


def stop(
    db: Session, customer: Customer, *, how: str, now: datetime, message_id: int | None = None
) -> None:
    """STOP: from `now` on nothing goes out on any channel but answers to what they write
    afterwards. `how` is the proof; `now` of a STOP in a message is when that came."""
    customer.opted_out_at = now
    for scope in ("all", "commercial"):
        record_consent(
            customer.tenant_id,
            db,
            customer.id,
            scope=scope,
            channel="all",
            given=False,
            how=how,
            now=now,
            message_id=message_id,
        )
    log().info("stopped", customer=customer.id, message=message_id)


def restart(
    db: Session, customer: Customer, *, how: str, now: datetime, message_id: int | None = None
) -> None:
    """START: messages about their own affairs again, also on the channel on which it was said
    if that had been silenced; advertising needs its own consent, which STOP took and START does
    not give back."""
    customer.opted_out_at = None
    channels = ["all"]
    said_on = db.get(Message, message_id) if message_id is not None else None
    if said_on is not None and is_silenced(db, customer, said_on.channel):
        channels.append(said_on.channel)
    for channel in channels:
        record_consent(
            customer.tenant_id,
            db,
            customer.id,
            scope="all",
            channel=channel,
            given=True,
            how=how,
            now=now,
            message_id=message_id,
        )
    log().info("started", customer=customer.id, message=message_id)


def silence(db: Session, customer: Customer, channel: str, *, how: str, now: datetime) -> None:
    """Nothing more on this channel: an address that bounces, a complaint."""
    record_consent(
        customer.tenant_id,
        db,
        customer.id,
        scope="all",
        channel=channel,
        given=False,
        how=how,
        now=now,
    )
    log().info("silenced", customer=customer.id, channel=channel)


def is_silenced(db: Session, customer: Customer, channel: str) -> bool:
    return is_given(customer.tenant_id, db, customer.id, "all", channel) is False
