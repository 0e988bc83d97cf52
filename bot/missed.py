"""What the door missed: carriers that deliver only once are asked what they received."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import cast

from redis import RedisError
from sqlalchemy import select

from bot import clock, inbox
from bot.db import transaction
from bot.logs import log
from bot.models.deliveries import stored_ids
from bot.models.tenants import Connection
from bot.queue import redis
from bot.tenants import open_channel
from connectors.channels import Channel, DeliveryLog, InboundMessage, Receipt, SignedRequest
from connectors.errors import BadConfig, ConnectorError

# Twilio does not deliver again after its few seconds (vendors' documents); Resend does, for
# a day, and need not be asked.
DELIVERS_ONCE = ("twilio",)
OVERLAP = timedelta(minutes=2)  # of two looks: a carrier's list may lag, and clocks differ
LOOK_BACK = timedelta(hours=24)  # at most, and when the last look is forgotten
ASKED = "coccinelle:asked:{id}"  # in Redis: the wall time of the last look at a connection


def find_missed() -> int:
    """Store what these carriers received since the last look and we did not; how many
    messages. However long doors were shut, for as long as LOOK_BACK."""
    with transaction() as db:
        connections = db.scalars(
            select(Connection).where(Connection.vendor.in_(DELIVERS_ONCE), Connection.is_active)
        ).all()
    return sum(_ask(connection) for connection in connections)


def _ask(connection: Connection) -> int:
    now = clock.wall()
    try:
        _, channel = open_channel(connection.tenant_id, connection.id)
        received = cast(DeliveryLog, channel).list_received(_last_look(connection, now) - OVERLAP)
    except (ConnectorError, BadConfig) as error:  # the next look asks for the same time again
        log().warning("carrier not asked", connection=connection.id, error=type(error).__name__)
        return 0
    written = _read(channel, received)
    with transaction() as db:
        asked = [event.provider_id for event, _ in written]
        known = stored_ids(connection.tenant_id, db, connection.id, asked)
    missed = [(event, request) for event, request in written if event.provider_id not in known]
    for event, request in missed:
        receipt = Receipt(event.provider_id, "message", sender=event.sender)
        inbox.store(connection, receipt, request)
    if missed:
        log().warning("messages the door missed", connection=connection.id, count=len(missed))
    _remember_look(connection, now)
    return len(missed)


def _read(
    channel: Channel, received: Iterable[SignedRequest]
) -> list[tuple[InboundMessage, SignedRequest]]:
    written = []
    for request in received:
        try:
            events = channel.read(request)
        except Exception:  # what nobody can read must not hold up what comes after it
            log().exception("listed message not read")
            continue
        written += [(event, request) for event in events if isinstance(event, InboundMessage)]
    return written


def _last_look(connection: Connection, now: datetime) -> datetime:
    try:
        kept = redis().get(ASKED.format(id=connection.id))
    except RedisError as error:
        log().warning("last look not known", error=type(error).__name__)
        kept = None
    earliest = now - LOOK_BACK
    return max(datetime.fromisoformat(kept.decode()), earliest) if kept else earliest


def _remember_look(connection: Connection, now: datetime) -> None:
    try:
        redis().set(ASKED.format(id=connection.id), now.isoformat(), ex=LOOK_BACK)
    except RedisError as error:  # the next look goes back further
        log().warning("look not remembered", error=type(error).__name__)
