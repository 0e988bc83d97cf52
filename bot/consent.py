"""What customers let us do: STOP and START, bounces and complaints, on the record."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from bot.logs import log
from bot.models.consents import is_given, record_consent
from bot.models.customers import Customer

CHANNELS = ("sms", "whatsapp", "email", "web")


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
    log().info("stopped", customer=customer.id, how=how)


def restart(
    db: Session, customer: Customer, *, how: str, now: datetime, message_id: int | None = None
) -> None:
    """START: messages about their own affairs again; advertising needs its own consent,
    which STOP took and START does not give back."""
    customer.opted_out_at = None
    record_consent(
        customer.tenant_id,
        db,
        customer.id,
        scope="all",
        channel="all",
        given=True,
        how=how,
        now=now,
        message_id=message_id,
    )
    log().info("started", customer=customer.id, how=how)


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
    log().info("silenced", customer=customer.id, channel=channel, how=how)


def is_silenced(db: Session, customer: Customer, channel: str) -> bool:
    return is_given(customer.tenant_id, db, customer.id, "all", channel) is False


def may_advertise(db: Session, customer: Customer, channel: str) -> bool:
    """An opt-in is on record for this channel, and STOP was not said since."""
    return is_given(customer.tenant_id, db, customer.id, "commercial", channel) is True
