"""Shopify: the shop's goods and stock. How to connect a shop: doc.md."""

from __future__ import annotations

from connectors.registry import Vendor
from connectors.shopify.client import Config
from connectors.shopify.inventory import ShopifyInventory

VENDOR = Vendor(config=Config, ports={"inventory": ShopifyInventory})
