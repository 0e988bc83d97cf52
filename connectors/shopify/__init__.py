"""Shopify: the shop's goods, stock, orders and returns. How to connect a shop: doc.md."""

from __future__ import annotations

from connectors.registry import Vendor
from connectors.shopify.client import Config
from connectors.shopify.events import ShopifyEvents
from connectors.shopify.inventory import ShopifyInventory
from connectors.shopify.orders import ShopifyOrders

VENDOR = Vendor(
    config=Config,
    ports={
        "inventory": ShopifyInventory,
        "orders": ShopifyOrders,
        "returns": ShopifyOrders,
        "events": ShopifyEvents,
    },
    budgeted=frozenset({"inventory", "orders", "returns"}),
)
