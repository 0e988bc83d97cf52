"""Keeps the shop's catalogue at hand, as its inventory last gave it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot import clock
from bot.db import transaction
from bot.logs import log
from bot.models.catalogue import replace_products
from bot.models.tenants import lock_tenant
from bot.tenants import open_inventory
from connectors.ports import Product


def refresh(tenant_id: int) -> int:
    """Read the catalogue anew; how many products. Raises ConnectorError."""
    inventory = open_inventory(tenant_id)
    if inventory is None:
        return 0
    found = inventory.list_products()
    products = tell_apart(found)
    with transaction() as db:
        lock_tenant(tenant_id, db)
        replace_products(tenant_id, db, products, clock.now())
    left_out = len(found) - len(products)
    log().info("catalogue read", tenant=tenant_id, products=len(products), left_out=left_out)
    return len(products)


def tell_apart(found: Iterable[Product]) -> list[Product]:
    """Each under a reference of its own, for SKUs may share their beginnings across products:
    the second goes by its first SKU. Without any article a product is none."""
    kept: dict[str, Product] = {}
    for product in found:
        if product.variants:
            taken = product.reference in kept
            reference = product.variants[0].sku if taken else product.reference
            kept.setdefault(reference, replace(product, reference=reference))
    return list(kept.values())
