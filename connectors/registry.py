"""Which vendors there are. Adding one is its folder and a line here.

A vendor's package defines `VENDOR`; it is imported only when a tenant uses it, for the
SDKs are large.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.errors import BadConfig

# name -> package
CONNECTORS: Mapping[str, str] = {
    "twilio": "connectors.twilio",
    "shopify": "connectors.shopify",
    "hubspot": "connectors.hubspot",
    "resend": "connectors.resend",
    "colissimo": "connectors.colissimo",
    "openai": "connectors.openai",
}


@dataclass(frozen=True)
class Vendor:
    """What a vendor's package offers: its Config and, by port, how to make the adapter.

    `ports` keys: "channel", "inventory", "customers" …; each value takes a Config, that of
    "tracking" also `now`, by which it tells what is late, and those `budgeted` a `budget`, the
    points that the vendor gives the account (connectors.ports.Budget).
    """

    config: type[Any]
    ports: Mapping[str, Callable[..., Any]]
    budgeted: frozenset[str] = frozenset()


def load_vendor(name: str) -> Vendor:
    """The vendor of that name. Raises BadConfig for a name not listed."""
    try:
        package = CONNECTORS[name]
    except KeyError:
        raise BadConfig(f"no connector is called {name!r}") from None
    vendor = importlib.import_module(package).VENDOR
    assert isinstance(vendor, Vendor)
    return vendor
