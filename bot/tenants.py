"""Opens what a tenant has connected. The only caller of connectors.registry."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, ClassVar, NoReturn, cast

from cachetools import TTLCache, cached
from sqlalchemy.orm import Session

from bot import clock, metrics, vault
from bot import turn as words
from bot.db import transaction
from bot.holds import TurnHolds
from bot.hours import OpeningHours, parse_hours
from bot.knowledge.answers import TenantKnowledge
from bot.knowledge.embedding import Embedder
from bot.labels import TenantLabels
from bot.limits import SharedBudget
from bot.logs import log
from bot.models import tenants
from bot.models.tenants import Connection, Tenant
from bot.settings import settings
from bot.shop import Shop
from connectors.channels import Channel
from connectors.config import build_config
from connectors.errors import BadConfig, NotOffered, Unavailable
from connectors.ports import (
    CustomerSystem,
    InventorySystem,
    LabelSystem,
    OrderSystem,
    Post,
    PostalAddress,
    Product,
    StoreEvents,
    TrackingSystem,
)
from connectors.registry import CONNECTORS, load_vendor

# How long a change of a connection may go unnoticed by a process, in seconds
NOTICED_AFTER = 10

_adapters: dict[tuple[int, datetime, str], Any] = {}


def open_adapter(connection: Connection, port: str) -> Any:
    """The connection's adapter for that port ("channel", "inventory" …), kept while the
    connection stays as it is. Raises BadConfig."""
    key = (connection.id, connection.updated_at, port)
    if key not in _adapters:
        vendor = load_vendor(connection.vendor)
        if port not in vendor.ports:
            raise BadConfig(f"{connection.vendor} is no {port}")
        values = {"timeout": str(settings().vendor_timeout_seconds), **connection.settings}
        if connection.base_url:
            values["base_url"] = connection.base_url
        if connection.secrets:
            values |= vault.decrypt(connection.secrets)
        told: dict[str, Any] = {"now": clock.now} if port == "tracking" else {}
        if port in vendor.budgeted:
            told["budget"] = SharedBudget(f"{connection.vendor}:{connection.id}")
        adapter = vendor.ports[port](build_config(vendor.config, values), **told)
        _adapters[key] = metrics.Timed(connection.vendor, adapter)
    return _adapters[key]


@cached(TTLCache(1024, NOTICED_AFTER), lock=Lock())
def channel_at_door(vendor: str, key: str) -> tuple[Connection, Channel | StoreEvents] | None:
    """The connection whose door this is and what reads it; None when there is none."""
    with transaction() as db:
        connection = tenants.connection_by_key(db, vendor, key)
    if connection is None:
        return None
    return connection, _open_door(connection)


@cached(TTLCache(1024, NOTICED_AFTER), lock=Lock())
def open_channel(tenant_id: int, connection_id: int) -> tuple[Connection, Channel]:
    """A tenant's connection and its channel. Raises BadConfig when it is not there."""
    found = _connection(tenant_id, connection_id)
    return found, cast(Channel, open_adapter(found, "channel"))


@cached(TTLCache(1024, NOTICED_AFTER), lock=Lock())
def open_reader(tenant_id: int, connection_id: int) -> Channel | StoreEvents:
    """What reads the deliveries of a tenant's connection. Raises BadConfig, as open_channel."""
    return _open_door(_connection(tenant_id, connection_id))


def _connection(tenant_id: int, connection_id: int) -> Connection:
    with transaction() as db:
        found = next((c for c in tenants.connections(tenant_id, db) if c.id == connection_id), None)
    if found is None:
        raise BadConfig(f"tenant {tenant_id} has no active connection {connection_id}")
    return found


def _open_door(connection: Connection) -> Channel | StoreEvents:
    """A carrier's channel, or what a shop's system tells."""
    port = "events" if "events" in load_vendor(connection.vendor).ports else "channel"
    return cast("Channel | StoreEvents", open_adapter(connection, port))


_systems: TTLCache[tuple[int, str], tuple[int, Any] | None] = TTLCache(1024, NOTICED_AFTER)
_systems_lock = Lock()


@cached(_systems, key=lambda tenant_id, port: (tenant_id, port), lock=_systems_lock)
def find_system(tenant_id: int, port: str) -> tuple[int, Any] | None:
    """The id of the tenant's first connection that offers the port, and its adapter; Shut where
    it cannot be opened."""
    with transaction() as db:
        connected = tenants.connections(tenant_id, db)
    for connection in connected:
        try:
            if port in load_vendor(connection.vendor).ports:
                return connection.id, open_adapter(connection, port)
        except NotOffered:
            continue
        except BadConfig as error:
            log().error("connection is shut", connection=connection.id, why=str(error))
            if connection.vendor in CONNECTORS:  # else it offers nothing
                return connection.id, Shut(connection.id, connection.vendor)
    return None


@dataclass(frozen=True)
class Shut:
    """Stands for a system whose connection cannot be opened: asked anything, it is down. So the
    customer hears that honestly and a person takes over; what is due waits until it is mended."""

    connection_id: int
    vendor: str
    embeds: ClassVar = False

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        def ask(*args: object, **kwargs: object) -> NoReturn:
            raise Unavailable("the connection is shut", vendor=self.vendor, code="BadConfig")

        return ask


def forget_systems(tenant_id: int) -> None:
    """What find_system found for the tenant, or did not find, is looked up again."""
    with _systems_lock:
        for key in [k for k in _systems if k[0] == tenant_id]:
            del _systems[key]


def open_customers(tenant_id: int) -> CustomerSystem | None:
    found = find_system(tenant_id, "customers")
    return cast(CustomerSystem, found[1]) if found else None


def open_inventory(tenant_id: int) -> InventorySystem | None:
    found = find_system(tenant_id, "inventory")
    return cast(InventorySystem, found[1]) if found else None


def open_orders(tenant_id: int) -> OrderSystem | None:
    found = find_system(tenant_id, "orders")
    return cast(OrderSystem, found[1]) if found else None


def open_tracking(tenant_id: int) -> TrackingSystem | None:
    found = find_system(tenant_id, "tracking")
    return cast(TrackingSystem, found[1]) if found else None


def open_embedder(tenant_id: int) -> Embedder | None:
    """The tenant's model that embeds, where its connection names one."""
    found = find_system(tenant_id, "model")
    return cast(Embedder, found[1]) if found and found[1].embeds else None


def _labels(tenant: words.Tenant) -> TenantLabels | None:
    found = find_system(tenant.id, "labels")
    address = postal_address(tenant)
    if found is None or address is None:
        return None
    return TenantLabels(tenant, address, found[0], cast(LabelSystem, found[1]))


# « 24 Rue de Rivoli, 75004 Paris »
ADDRESS = re.compile(r"(?P<street>.+),\s*(?P<code>\d{5})\s+(?P<city>.+)")


def postal_address(tenant: words.Tenant) -> PostalAddress | None:
    """The shop's own, as a parcel needs it; None when it is not written as one."""
    found = ADDRESS.fullmatch(tenant.address.strip())
    if found is None:
        return None
    return PostalAddress(
        tenant.name, found["street"], found["code"], found["city"], phone=tenant.phone
    )


def open_shop(
    tenant: words.Tenant,
    products: tuple[Product, ...],
    posts: tuple[Post, ...],
    *,
    turn_id: int,
    conversation_id: int,
    customer_id: int,
) -> Shop:
    """All that this turn may reach."""
    tenant_id = tenant.id
    inventory = find_system(tenant_id, "inventory")
    return Shop(
        orders=open_orders(tenant_id),
        tracking=open_tracking(tenant_id),
        labels=_labels(tenant),
        knowledge=TenantKnowledge(tenant_id, open_embedder(tenant_id)),
        products=products,
        posts=posts,
        inventory=cast(InventorySystem, inventory[1]) if inventory else None,
        customers=open_customers(tenant_id),
        holds=TurnHolds(
            tenant_id=tenant_id,
            turn_id=turn_id,
            conversation_id=conversation_id,
            customer_id=customer_id,
            connection_id=inventory[0],
            inventory=cast(InventorySystem, inventory[1]),
        )
        if inventory
        else None,
    )


def hours_of(tenant: Tenant) -> OpeningHours:
    return parse_hours(tenant.timezone, tenant.hours, tenant.holidays)


def describe_tenant(tenant_id: int, db: Session) -> words.Tenant:
    """The tenant as flows and the desk's sentences see it."""
    tenant = db.get_one(Tenant, tenant_id)
    return words.Tenant(
        id=tenant.id,
        name=tenant.name,
        hours=hours_of(tenant),
        address=tenant.postal_address,
        phone=tenant.phone,
        language=tenant.language,
    )
