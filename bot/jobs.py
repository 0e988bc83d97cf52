"""What the workers do. A job is a doorbell: it takes whatever waits, not one message."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from bot import catalogue, clock, templates
from bot.conversation import take_turn
from bot.db import alone, transaction
from bot.due import Look, look
from bot.effects import carry_out
from bot.inbox import read_deliveries
from bot.logs import log
from bot.media.fetching import fetch_waiting
from bot.missed import find_missed
from bot.models.catalogue import tenant_ids_with_products
from bot.models.conversations import close_quiet
from bot.outbox import find_lost, send_messages
from bot.parcels import look_at_parcels
from bot.queue import ring
from bot.reminders import send_reminders
from bot.reservations import expire
from bot.settings import settings
from bot.waiting_list import tell_returned
from connectors.errors import BadConfig, ConnectorError

AT_MOST = 20.0  # seconds of one job, well within its time limit; then the bell is rung again
LOOK_EVERY = 0.05  # seconds between looks while a conversation settles
CHORES = (send_reminders, expire, look_at_parcels, tell_returned, carry_out, find_lost)


def answer() -> None:
    """Read what came in, answer what has settled, send what is written, fetch what came along,
    until all is done."""
    end = time.monotonic() + AT_MOST
    while time.monotonic() < end:
        with alone() as connection:
            waits = look(connection, clock.now(), clock.wall())
        if not _do_round(waits):
            pause = _pause_until(waits.next_at)
            if pause is None:
                return
            time.sleep(pause)
    ring()


def _do_round(waits: Look) -> bool:
    """Take some of everything that waits, and of what follows from it; False when there was
    nothing to take. What nobody waits for is not asked for: that costs more than a look."""
    read = waits.deliveries and read_deliveries()
    answered = (waits.turns or read) and _take_turns()
    sent = (waits.messages or answered) and send_messages()
    done = (waits.effects or answered) and carry_out()  # somebody else may wait for a unit
    # Files last: a vendor's store may be slow, and people wait for answers
    return bool(read or answered or sent or done or (waits.media and fetch_waiting()))


def do_chores() -> None:
    """What fell due: reminders, reservations that end, units to move back, messages whose
    sender died. Then whatever waits."""
    for chore in CHORES:
        try:
            chore()
        except Exception:  # what breaks one must not cost the others
            log().exception("chore broke", chore=chore.__name__)
    answer()


def look_for_missed() -> None:
    """What carriers received and the door did not. Then whatever waits."""
    find_missed()
    answer()


def keep_house() -> None:
    """Every hour: catalogues and templates read anew, conversations that went quiet closed."""
    with transaction() as db:
        close_quiet(db, clock.now())
        with_products = tenant_ids_with_products(db)
        on_whatsapp = templates.tenant_ids_on_whatsapp(db)
    for tenant_id in with_products:
        _read_anew(catalogue.refresh, tenant_id)
    for tenant_id in on_whatsapp:
        _read_anew(templates.refresh, tenant_id)


def _read_anew(refresh: Callable[[int], object], tenant_id: int) -> None:
    try:
        refresh(tenant_id)
    except (ConnectorError, BadConfig) as error:  # what is kept serves until the next hour
        what = refresh.__module__
        log().warning("not read anew", what=what, tenant=tenant_id, error=type(error).__name__)


def _take_turns() -> int:
    """A few turns; not all, so that what they wrote leaves soon. Fewer when systems are slow."""
    end = time.monotonic() + AT_MOST
    for taken in range(5):
        if time.monotonic() > end or not take_turn():
            return taken
    return 5


def _pause_until(due: datetime | None) -> float | None:
    """Seconds to wait for what is about to be due: a conversation that is still settling, a
    message that a rate limit holds back. None when there is nothing to wait for."""
    if due is None:
        return None
    left = (due - clock.now()).total_seconds()
    return min(max(left, 0), LOOK_EVERY) if left <= max(settings().settling_seconds, 1) else None
