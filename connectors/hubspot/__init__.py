"""HubSpot: who the customers are. How to connect an account: doc.md."""

from __future__ import annotations

from connectors.hubspot.customers import Config, HubSpotCustomers
from connectors.registry import Vendor

VENDOR = Vendor(config=Config, ports={"customers": HubSpotCustomers})
