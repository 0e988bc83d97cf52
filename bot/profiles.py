"""What the CRM knows of a customer, kept beside them and read again now and then."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot import clock
from bot.db import transaction
from bot.events import plain
from bot.limits import take
from bot.logs import log
from bot.models.base import Json
from bot.models.customers import Customer, Identity, identities_of
from bot.models.effects import Effect, other_sales
from bot.tenants import open_customers
from connectors.errors import ConnectorError, Unavailable
from connectors.ports import CustomerSystem, Profile

FRESH_FOR = timedelta(hours=1)
LEFT_ALONE = 30.0  # seconds without asking a CRM that did not answer

_silent_until: dict[int, float] = {}  # tenant -> monotonic time


@dataclass(frozen=True)
class LookUp:
    """`asked`: the CRM was asked and answered; then no profile means that it knows nobody.
    `stranger`: nor do we, or did not a moment ago."""

    asked: bool
    profile: Profile | None = None
    stranger: bool = False


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


def refresh(customer: Customer, identities: Iterable[Identity], kind: str, value: str) -> Customer:
    """The customer, of whom these are the identities, with the CRM's last word; as they are
    kept when it cannot be had."""
    now = clock.now()
    if customer.profiled_at is not None and customer.profiled_at > now - FRESH_FOR:
        return customer
    if (kind, value) not in {(known.kind, known.value) for known in identities}:
        return customer  # they only say that it is their address
    found = look_up(customer.tenant_id, kind, value, customer.profile.get("id", ""))
    if not found.asked:
        return customer
    with transaction() as db:
        db.add(customer)
        take_profile(customer, found, now)
    return customer


def take_profile(customer: Customer, found: LookUp, now: datetime) -> None:
    """Write what was looked up beside the customer."""
    customer.profiled_at = now
    if (profile := found.profile) is not None:
        customer.first_name = profile.first_name or customer.first_name
        customer.last_name = profile.last_name or customer.last_name
        customer.language = profile.language or customer.language
        customer.profile = keep(profile)


def write_sale(effect: Effect) -> str:
    """Add a sale to what the CRM knows of the buyer; their id there, or "" when it does not
    know them. What is written is kept before it is sent, so that a second run writes the same.

    Raises Unavailable, also while an earlier sale of theirs is still to be written.
    """
    crm = open_customers(effect.tenant_id)
    request = effect.request
    if not request:  # the order was cancelled before we heard of it
        return ""
    with transaction() as db:
        earlier, _ = other_sales(effect.tenant_id, db, effect.id, request["customer"])
    if earlier:
        raise Unavailable("an earlier sale of theirs comes first", code="IN_ORDER")
    if crm is None:
        return ""
    if "write" not in request:
        profile = _find_buyer(effect.tenant_id, crm, request["customer"])
        if profile is None:
            return ""
        request = _agree(effect, {**request, "id": profile.id, "write": _add(profile, request)})
    crm.update_profile(request["id"], request["write"])
    _take_written(effect, request)
    return str(request["id"])


def _find_buyer(tenant_id: int, crm: CustomerSystem, customer_id: int) -> Profile | None:
    with transaction() as db:
        customer = db.get(Customer, customer_id)
        if customer is None:
            return None
        proven = [i for i in identities_of(tenant_id, db, customer_id) if i.proven_by]
    if known := customer.profile.get("id", ""):
        return crm.read_profile(known)
    found = (_ask(crm, identity.kind, identity.value, "") for identity in proven)
    return next((profile for profile in found if profile), None)


def _add(profile: Profile, sale: Json) -> dict[str, str]:
    """What the CRM is to know after the sale; a number that it does not know stays unknown."""
    write = {"last_order_at": str(sale["at"])}
    if profile.orders is not None:
        write["orders"] = str(profile.orders + 1)
    if profile.spent is not None and profile.spent.currency == sale["currency"]:
        write["spent"] = str(profile.spent.amount + Decimal(sale["total"]))
    return write


def _agree(effect: Effect, request: Json) -> Json:
    """Keep what is to be written; what another run kept first counts for both."""
    with transaction() as db:
        stored = db.get_one(Effect, effect.id, with_for_update=True)
        if "write" not in (stored.request or {}):
            stored.request = request
        agreed: Json = stored.request or {}
        return agreed


def _take_written(effect: Effect, request: Json) -> None:
    """What the CRM knows now is what we know, unless there are later sales to add to it."""
    with transaction() as db:
        _, later = other_sales(effect.tenant_id, db, effect.id, request["customer"])
        customer = db.get(Customer, request["customer"], with_for_update=True)
        if customer is None or later:
            return
        profile, write = {"id": request["id"], **customer.profile}, request["write"]
        if "orders" in write:
            profile["orders"] = int(write["orders"])
        if "spent" in write:
            profile["spent"] = {"amount": write["spent"], "currency": request["currency"]}
        customer.profile = profile


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
