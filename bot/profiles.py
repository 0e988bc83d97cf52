"""What the CRM knows of a customer, kept beside them and read again now and then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot import clock
from bot.db import transaction
from bot.events import plain
from bot.limits import take
from bot.logs import log
from bot.models.customers import Customer, customer_known_as
from bot.tenants import open_customers
from connectors.errors import ConnectorError
from connectors.ports import CustomerSystem, Profile

FRESH_FOR = timedelta(hours=1)
LEFT_ALONE = 30.0  # seconds without asking a CRM that did not answer

_silent_until: dict[int, float] = {}  # tenant -> monotonic time


@dataclass(frozen=True)
class LookUp:
    """`asked`: the CRM was asked and answered; then no profile means that it knows nobody."""

    asked: bool
    profile: Profile | None = None


def look_up(tenant_id: int, kind: str, value: str, known: str = "") -> LookUp:
    """Ask the CRM for the person of an identity (or by the CRM's own id, when `known`).

    Asks outside, so no transaction may be open. Never raises for a CRM that is down or
    asked too much: answering without it beats not answering.
    """
    crm = open_customers(tenant_id)
    if crm is None or time.monotonic() < _silent_until.get(tenant_id, 0):
        return LookUp(asked=False)
    if not known and take("hubspot:search", str(tenant_id)):
        return LookUp(asked=False)
    try:
        return LookUp(True, _ask(crm, kind, value, known))
    except ConnectorError as error:
        _silent_until[tenant_id] = time.monotonic() + LEFT_ALONE
        log().warning("crm not asked", tenant=tenant_id, code=error.code)
        return LookUp(asked=False)


def refresh(customer: Customer, kind: str, value: str) -> Customer:
    """The customer with the CRM's last word; as they are kept when it cannot be had."""
    now = clock.now()
    if customer.profiled_at is not None and customer.profiled_at > now - FRESH_FOR:
        return customer
    with transaction() as db:
        known = customer_known_as(customer.tenant_id, db, kind, value)
    if known is None or known.id != customer.id:  # they only say that it is their address
        return customer
    found = look_up(customer.tenant_id, kind, value, customer.profile.get("id", ""))
    if not found.asked:
        return customer
    with transaction() as db:
        stored = db.get_one(Customer, customer.id)
        take_profile(stored, found, now)
        return stored


def take_profile(customer: Customer, found: LookUp, now: datetime) -> None:
    """Write what was looked up beside the customer."""
    customer.profiled_at = now
    if (profile := found.profile) is not None:
        customer.first_name = profile.first_name or customer.first_name
        customer.last_name = profile.last_name or customer.last_name
        customer.language = profile.language or customer.language
        customer.profile = keep(profile)


def _ask(crm: CustomerSystem, kind: str, value: str, known: str) -> Profile | None:
    if known:
        return crm.read_profile(known)
    if kind == "phone":
        return crm.find_by_phone(value)
    if kind == "email":
        return crm.find_by_email(value)
    return None


def keep(profile: Profile) -> dict[str, Any]:
    """A profile as the customers table keeps it."""
    kept: dict[str, Any] = plain(profile)
    return kept
