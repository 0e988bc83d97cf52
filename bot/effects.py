"""What was decided and is to be done in other systems, done by whoever finds it due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from sqlalchemy.exc import OperationalError
from structlog.contextvars import bound_contextvars

from bot import clock, profiles, reservations
from bot.db import transaction
from bot.events import notify
from bot.holds import pause_before
from bot.logs import log
from bot.models.base import Json
from bot.models.effects import Effect, claim_effects
from bot.settings import settings
from bot.tenants import describe_tenant, find_system, open_customers
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Unavailable
from connectors.ports import Note, ReturnRequest, ReturnSystem, Ticket

GIVE_UP_AFTER = 50  # attempts, the last about a day after the first


def carry_out() -> int:
    """Do what is due; how much was tried."""
    with transaction() as db:
        due = claim_effects(db, clock.now(), clock.wall(), settings().claim, limit=5)
    for effect in due:
        with bound_contextvars(effect=effect.id):
            _carry_out_guarded(effect)
    return len(due)


def _carry_out_guarded(effect: Effect) -> None:
    try:
        if effect.kind == "release":
            reservations.release_one(effect)
        else:
            _carry_out(effect)
    except OperationalError:  # the database itself is away, or busy
        raise
    except Exception as error:  # a defect must not hold the others up
        log().exception("effect broke", kind=effect.kind)
        _try_later(effect, Unavailable(type(error).__name__, code=type(error).__name__))


def _carry_out(effect: Effect) -> None:
    try:
        result = DOING[effect.kind](effect)
    except (Unavailable, OutcomeUnknown) as error:  # its own key makes a second try harmless
        _try_later(effect, error)
    except Refused as error:
        _tell_refused(effect, error)
    else:
        with transaction() as db:
            stored = db.get_one(Effect, effect.id)
            stored.state, stored.done_at, stored.claimed_until = "done", clock.now(), None
            stored.result = {"id": result}
        log().info("effect done", effect=effect.id, kind=effect.kind)


def _open_ticket(effect: Effect) -> str:
    crm = open_customers(effect.tenant_id)
    if crm is None:
        raise Refused("no CRM is connected", code="NOT_CONNECTED")
    return crm.open_ticket(Ticket(**_request(effect)))


def _add_note(effect: Effect) -> str:
    crm = open_customers(effect.tenant_id)
    if crm is None:
        raise Refused("no CRM is connected", code="NOT_CONNECTED")
    request = _request(effect)
    return crm.add_note(Note(**{**request, "at": datetime.fromisoformat(request["at"])}))


def _open_return(effect: Effect) -> str:
    found = find_system(effect.tenant_id, "returns")
    if found is None:
        raise Refused("no system of returns is connected", code="NOT_CONNECTED")
    return cast(ReturnSystem, found[1]).open_return(ReturnRequest(**_request(effect)))


DOING: Mapping[str, Callable[[Effect], str]] = {
    "ticket": _open_ticket,
    "note": _add_note,
    "return": _open_return,
    "profile": profiles.write_sale,
}


def _request(effect: Effect) -> dict[str, Any]:
    assert effect.request is not None, "planned with its request"
    return effect.request


def plain_request(request: Ticket | ReturnRequest | Note) -> Json:
    """A request as its row keeps it."""
    kept: Json = asdict(request)
    if isinstance(request, Note):
        kept["at"] = request.at.isoformat()
    return kept


def _try_later(effect: Effect, error: ConnectorError) -> None:
    if effect.attempts >= GIVE_UP_AFTER:
        _tell_refused(effect, Refused(str(error), code=error.code))
        return
    with transaction() as db:
        stored = db.get_one(Effect, effect.id)
        stored.attempts += 1
        stored.claimed_until = None
        stored.next_try_at = clock.now() + pause_before(stored.attempts)
    log().warning("effect waits", effect=effect.id, kind=effect.kind, code=error.code)


def _tell_refused(effect: Effect, error: Refused) -> None:
    """Final: a person must do it by hand."""
    with transaction() as db:
        stored = db.get_one(Effect, effect.id)
        stored.state, stored.error, stored.claimed_until = "refused", error.code or str(error), None
        tenant = describe_tenant(effect.tenant_id, db)
        facts = {"kind": effect.kind, "code": error.code, "request": stored.request or {}}
        notify(tenant, db, "effect_refused", facts, now=clock.now(), needs_action=True)
    log().error("effect refused", effect=effect.id, kind=effect.kind, code=error.code)
