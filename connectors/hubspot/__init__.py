"""HubSpot: who the customers are, and what is done for them. How to connect it: doc.md."""

from __future__ import annotations

from connectors.hubspot.client import Config
from connectors.hubspot.customers import HubSpotCustomers
from connectors.registry import Vendor

VENDOR = Vendor(config=Config, ports={"customers": HubSpotCustomers})
