"""The demo tenant's outside systems, as the sandbox is told to play them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from bot.demo.world import World, sku_of
from connectors.ports import Profile

# An order's state -> its parcel's, where it has one
PARCELS = {"shipped": "in_transit", "delivered": "delivered"}


def describe_world(
    world: World,
    sms_url: str,
    *,
    mail_url: str = "",
    mail_doors: Mapping[str, str] | None = None,
    shop_url: str = "",
    reports: bool,
) -> dict[str, Any]:
    """The document for the sandbox's PUT (connectors/sandbox/documents.py gives its shape).

    `sms_url` is our door, where a customer's text goes, by WhatsApp too, `mail_url` the one
    for e-mail, `shop_url` for the store's events; with `reports` the carriers tell by
    themselves what became of ours.
    """
    connections = world.raw["connections"]
    twilio, shopify = connections["twilio"], connections["shopify"]
    return {
        "shop": {
            "location": "Boutique",
            "currency": world.raw["tenant"]["currency"],
            **shopify["secrets"],
            "webhook_url": shop_url,
            "products": [_product(p) for p in world.raw["products"]],
            "customers": [describe_shopper(c) for c in world.raw["customers"]],
            "orders": [_order(world, o) for o in world.raw.get("orders", ())],
        },
        "crm": {
            **connections["hubspot"]["secrets"],
            "contacts": [describe_contact(p) for p in world.profiles],
        },
        "twilio": {
            **twilio["settings"],
            **twilio["secrets"],
            "sms_url": sms_url,
            "whatsapp_url": sms_url,
            "report": reports,
            "templates": list(world.raw.get("templates", ())),
        },
        "mail": {
            **connections["resend"]["secrets"],
            "url": mail_url,
            "doors": dict(mail_doors or {}),
            "report": reports,
        },
        "colissimo": {
            **connections["colissimo"]["secrets"],
            "contract_number": connections["colissimo"]["settings"]["contract_number"],
            "parcels": list(_parcels(world)),
        },
    }


def _product(raw: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("reference", "title", "category", "color", "material", "care", "goes_with", "price")
    return {
        **{name: raw[name] for name in kept},
        "variants": [
            {"sku": sku_of(raw["reference"], size), "size": size or None, "available": units}
            for size, units in raw["units"].items()
        ],
    }


def _parcels(world: World) -> Iterator[dict[str, str]]:
    """Where the orders' parcels are: handed over on the morning of the order, delivered in
    the morning; expected when their order says."""
    zone = ZoneInfo(world.raw["tenant"]["timezone"])

    def at(moment: date, hour: int) -> str:
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time(hour), zone)
        return (moment.astimezone(zone) + world.shift).isoformat()

    for order in world.raw.get("orders", ()):
        status = PARCELS.get(order["state"])
        if status and order.get("tracking"):
            since = (order.get("delivered") if status == "delivered" else None) or order["placed"]
            parcel = {"number": order["tracking"], "status": status, "at": at(since, 9)}
            parcel["announced_at"] = at(order["placed"], 7)
            expected = order.get("expected")
            yield parcel | ({"expected": at(expected, 0)} if expected else {})


def describe_shopper(raw: Mapping[str, Any]) -> dict[str, str]:
    """A customer of the store (connectors/sandbox/orders.py gives its shape)."""
    kept = ("first_name", "last_name", "email", "phone", "street", "zip", "city")
    return {name: str(raw[name]) for name in kept if raw.get(name)}


def _order(world: World, raw: Mapping[str, Any]) -> dict[str, Any]:
    """An order, its days moved as all of the world's."""
    zone = ZoneInfo(world.raw["tenant"]["timezone"])

    def move(moment: date) -> str:
        at = moment.astimezone(zone) if isinstance(moment, datetime) else moment
        return (at + world.shift).isoformat()

    times = {n: move(raw[n]) for n in ("placed", "delivered", "expected") if n in raw}
    return {**raw, **times}


def describe_contact(profile: Profile) -> dict[str, str]:
    """A HubSpot contact's properties."""
    properties = {
        "firstname": profile.first_name,
        "lastname": profile.last_name,
        "phone": profile.phone,
        "email": profile.email,
        "customer_segment": profile.segment,
        "total_orders": "" if profile.orders is None else str(profile.orders),
        "total_spent": "" if profile.spent is None else str(profile.spent.amount),
        "usual_size": profile.usual_size,
        "preferred_channel": profile.preferred_channel,
        "marketing_consents": ";".join(profile.consents),
    }
    return {name: value for name, value in properties.items() if value}
