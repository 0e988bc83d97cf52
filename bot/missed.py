"""What the door missed: carriers that deliver only once are asked what they received."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from sqlalchemy import select

from bot import clock, inbox
from bot.db import transaction
from bot.logs import log
from bot.models.messages import stored_ids
from bot.models.tenants import Connection
from bot.tenants import open_channel
from connectors.errors import ConnectorError
from connectors.ports import DeliveryLog, InboundMessage, Receipt

# Twilio does not deliver again after its few seconds (vendors' documents); Resend does, for
# a day, and need not be asked.
DELIVERS_ONCE = ("twilio",)
LOOK_BACK = timedelta(minutes=30)


def find_missed() -> int:
    """Store what these carriers received lately and we did not; how many messages."""
    with transaction() as db:
        connections = db.scalars(
            select(Connection).where(Connection.vendor.in_(DELIVERS_ONCE), Connection.is_active)
        ).all()
    return sum(_ask(connection) for connection in connections)


def _ask(connection: Connection) -> int:
    _, channel = open_channel(connection.tenant_id, connection.id)
    try:
        received = cast(DeliveryLog, channel).list_received(clock.wall() - LOOK_BACK)
    except ConnectorError as error:  # the next look asks for the same time again
        log().warning("carrier not asked", connection=connection.id, code=error.code)
        return 0
    written = [
        (event, request)
        for request in received
        for event in channel.read(request)
        if isinstance(event, InboundMessage)
    ]
    with transaction() as db:
        asked = [event.provider_id for event, _ in written]
        known = stored_ids(connection.tenant_id, db, connection.id, asked)
    missed = [(event, request) for event, request in written if event.provider_id not in known]
    for event, request in missed:
        receipt = Receipt(event.provider_id, "message", sender=event.sender)
        inbox.store(connection, receipt, request)
    if missed:
        log().warning("messages the door missed", connection=connection.id, count=len(missed))
    return len(missed)
