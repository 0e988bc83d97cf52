"""Keeps the shop's catalogue at hand, as its inventory last gave it."""

from __future__ import annotations

from bot import clock
from bot.db import transaction
from bot.logs import log
from bot.models.catalogue import replace_products
from bot.tenants import open_inventory


def refresh(tenant_id: int) -> int:
    """Read the catalogue anew; how many products. Raises ConnectorError."""
    inventory = open_inventory(tenant_id)
    if inventory is None:
        return 0
    found = inventory.list_products()
    with transaction() as db:
        replace_products(tenant_id, db, found, clock.now())
    log().info("catalogue read", tenant=tenant_id, products=len(found))
    return len(found)
