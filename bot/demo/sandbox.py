"""The demo tenant's outside systems, as the sandbox is told to play them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.demo.world import World, sku_of
from connectors.ports import Profile


def describe_world(
    world: World, sms_url: str, *, mail_url: str = "", reports: bool
) -> dict[str, Any]:
    """The document for the sandbox's PUT (connectors/sandbox/documents.py gives its shape).

    `sms_url` is our door, where a customer's text goes, by WhatsApp too, `mail_url` the one
    for e-mail; with `reports` the carriers tell by themselves what became of ours.
    """
    connections = world.raw["connections"]
    twilio, shopify = connections["twilio"], connections["shopify"]
    return {
        "shop": {
            "location": "Boutique",
            "currency": world.raw["tenant"]["currency"],
            **shopify["secrets"],
            "products": [_product(p) for p in world.raw["products"]],
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
            "report": reports,
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
