"""What the CRM knows of a customer, kept beside them and read again now and then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot import clock
from bot.db import transaction
from bot.events import plain
from bot.limits import take
from bot.logs import log
from bot.models.customers import Customer
from bot.tenants import open_customers
from connectors.errors import ConnectorError
from connectors.ports import CustomerSystem, Profile

FRESH_FOR = timedelta(hours=1)


def refresh(customer: Customer, kind: str, value: str) -> Customer:
    """The customer with the CRM's last word; as they are kept when it cannot be had.

    Asks outside, so no transaction may be open.
    """
    now = clock.now()
    if customer.profiled_at is not None and customer.profiled_at > now - FRESH_FOR:
        return customer
    crm = open_customers(customer.tenant_id)
    if crm is None or take("hubspot:search", str(customer.tenant_id)):
        return customer  # when the CRM is asked too much, what is kept must do
    try:
        profile = _look_up(crm, customer, kind, value)
    except ConnectorError as error:  # answering without the CRM beats not answering
        log().warning("crm not asked", customer=customer.id, code=error.code)
        return customer
    with transaction() as db:
        stored = db.get_one(Customer, customer.id)
        stored.profiled_at = now
        if profile is not None:
            stored.first_name = profile.first_name or stored.first_name
            stored.last_name = profile.last_name or stored.last_name
            stored.language = profile.language or stored.language
            stored.profile = keep(profile)
        return stored


def _look_up(crm: CustomerSystem, customer: Customer, kind: str, value: str) -> Profile | None:
    if known := customer.profile.get("id"):
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
