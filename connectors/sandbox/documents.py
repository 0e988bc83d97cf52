"""From a world document (what a PUT gives) to the state of a world, as plain JSON data.

```
{"shop":   {"location": "Rivoli", "access_token": "shpat_…", "client_id": …, "client_secret": …,
            "token_seconds": 86399, "currency": "EUR", "rate": {"maximum": 2000, "restore": 100},
            "products": [{"reference", "title", "category", "color", "material", "care",
                          "goes_with": [reference], "price": "89.00", "image", "status",
                          "variants": [{"sku", "size", "available", "committed"}]}],
            "customers": [orders.py tells], "orders": [orders.py tells],
            "scopes": what the app may do (everything), "webhook_url": our door,
            "webhook_secret": what webhooks are signed with (client_secret)},
 "crm":    {"access_token": …, "contacts": [{"id": "101", any HubSpot property: its text}]},
 "twilio": {"account_sid": "AC…", "auth_token": …, "sms_url": …, "whatsapp_url": …,
            "report": true, "refuse": {"+33…": 21610}, "opted_out": ["+33…"],
            "handles_opt_out": false, "retries": false, "per_second": {"whatsapp": 80},
            "templates": [{"sid": "HX…", "name", "language", "body": "… {{1}} …",
                           "variables": {"1": its default}, "approval": "approved"}]},
 "mail":   {"api_key": "re_…", "webhook_secret": "whsec_…", "url": our door, "report": true,
            "doors": {"coollibri.example": the door of that domain's events, else `url`},
            "domains": ["elegance-paris.fr"], "rate": requests a second, "retries": [seconds]},
 "colissimo": {"okapi_key": …, "contract_number": …, "password": …, "api_key": …,
               "parcels": [{"number", "status", "at": since when, "expected", "pickup_point",
                            "announced_at"}]},
 "ai":     {"api_key": "sk-…", "models": [names; others are 404]}}
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import format_datetime
from typing import Any

from connectors.sandbox.given import BadDocument, State, check_keys, iso_now
from connectors.sandbox.orders import add_customer, add_order
from connectors.sandbox.parcels import build_parcel

__all__ = ["BadDocument", "State", "iso_now"]

LOCATION_ID = "gid://shopify/Location/71000000001"

WORLD_KEYS = frozenset({"shop", "crm", "twilio", "mail", "ai", "colissimo"})
SHOP_KEYS = frozenset(
    {"location", "access_token", "client_id", "client_secret", "token_seconds", "currency"}
    | {"rate", "products", "customers", "orders", "scopes", "webhook_url", "webhook_secret"}
)
PRODUCT_KEYS = frozenset(
    {"reference", "title", "category", "color", "material", "care", "goes_with", "price"}
    | {"image", "status", "variants"}
)
VARIANT_KEYS = frozenset({"sku", "size", "available", "committed"})
CRM_KEYS = frozenset({"access_token", "contacts"})
TWILIO_KEYS = frozenset(
    {"account_sid", "auth_token", "sms_url", "whatsapp_url", "report", "refuse", "opted_out"}
    | {"handles_opt_out", "retries", "per_second", "templates"}
)
MAIL_KEYS = frozenset(
    {"api_key", "webhook_secret", "url", "doors", "report", "domains", "rate", "retries"}
)
AI_KEYS = frozenset({"api_key", "models"})
COLISSIMO_KEYS = frozenset({"okapi_key", "contract_number", "password", "api_key", "parcels"})
TEMPLATE_KEYS = frozenset({"sid", "name", "language", "body", "variables", "approval"})
TEMPLATE_SID = re.compile(r"HX[0-9a-fA-F]{32}")
APPROVALS = frozenset(
    {"approved", "disabled", "paused", "pending", "received", "rejected", "unsubmitted"}
)


def build_state(document: Mapping[str, Any]) -> State:
    """The state of a new world. Raises BadDocument."""
    check_keys("world", document, WORLD_KEYS)
    shop = dict(document.get("shop") or {})
    crm = dict(document.get("crm") or {})
    twilio = dict(document.get("twilio") or {})
    mail = dict(document.get("mail") or {})
    ai = dict(document.get("ai") or {})
    colissimo = dict(document.get("colissimo") or {})
    check_keys("colissimo", colissimo, COLISSIMO_KEYS)
    check_keys("ai", ai, AI_KEYS)
    check_keys("mail", mail, MAIL_KEYS)
    check_keys("shop", shop, SHOP_KEYS)
    check_keys("crm", crm, CRM_KEYS)
    check_keys("twilio", twilio, TWILIO_KEYS)
    products, stock = _build_goods(shop.pop("products", []))
    customers, orders = shop.pop("customers", []), shop.pop("orders", [])
    templates = [_build_template(t) for t in twilio.pop("templates", [])]
    contacts = [_build_contact(n, c) for n, c in enumerate(crm.pop("contacts", []))]
    parcels = [build_parcel(p) for p in colissimo.pop("parcels", [])]
    systems = {"shop": shop, "crm": crm, "twilio": twilio, "mail": mail, "ai": ai}
    state: State = {
        "settings": {**systems, "colissimo": colissimo},
        "products": products,
        "stock": stock,
        "customers": {},
        "orders": [],
        "crm_objects": {"tickets": {}, "notes": {}},
        "crm_properties": {},
        "crm_calls": [],
        "inventory_changes": [],
        "idempotency": {},
        "tokens": {},
        "contacts": {c["id"]: c for c in contacts},
        "messages": {},
        "mails": {},
        "mail_keys": {},
        "received_mails": {},
        "undelivered": {},
        "media": {},
        "parcels": {p["number"]: p for p in parcels},
        "labels": [],
        "model_answers": [],
        "model_questions": [],
        "templates": {t["sid"]: t for t in templates},
        "windows": {},
        "opted_out": list(twilio.pop("opted_out", [])),
        "clock_offset": 0.0,
        "webhooks": [],
        "requests": {},
        "operations": {},
        "calls": [],
        "failures": {},
    }
    for customer in customers:
        add_customer(state, customer)
    for order in orders:
        add_order(state, order, iso_now())
    return state


def rfc2822_now() -> str:
    return format_datetime(datetime.now(UTC))


def quantities(stock: Mapping[str, Any]) -> dict[str, int]:
    """One article's units by state; on_hand is always the sum of the others."""
    reserved = sum(stock["reserved"].values())
    known = {
        "available": stock["available"],
        "reserved": reserved,
        "committed": stock["committed"],
    }
    return {**known, "on_hand": sum(known.values())}


def _build_goods(documents: list[Mapping[str, Any]]) -> tuple[list[State], dict[str, State]]:
    products: list[State] = []
    stock: dict[str, State] = {}
    number = 41000000000
    for n, document in enumerate(documents):
        check_keys("product", document, PRODUCT_KEYS)
        product = _build_product(n, document)
        for variant in document.get("variants") or []:
            check_keys("variant", variant, VARIANT_KEYS)
            number += 1
            sku = str(variant["sku"])
            if sku in stock:
                raise BadDocument(f"variant: SKU {sku} is there twice")
            stock[sku] = {
                "available": int(variant.get("available", 0)),
                "committed": int(variant.get("committed", 0)),
                "reserved": {},
                "updated_at": iso_now(),
            }
            product["variants"].append(_build_variant(number, sku, product, variant))
        products.append(product)
    return products, stock


def _build_product(n: int, document: Mapping[str, Any]) -> State:
    try:
        price = f"{Decimal(str(document['price'])):.2f}"
        title = str(document["title"])
    except KeyError as missing:
        raise BadDocument(f"product: {missing} is missing") from None
    except InvalidOperation:
        raise BadDocument(f"product: price {document['price']!r} is no amount") from None
    return {
        "id": f"gid://shopify/Product/{9000000001 + n}",
        "reference": str(document.get("reference", "")),
        "title": title,
        "handle": "-".join(title.lower().split()),
        "category": str(document.get("category") or ""),
        "color": str(document.get("color") or ""),
        "image": str(document.get("image") or ""),
        "status": str(document.get("status") or "ACTIVE"),
        "price": price,
        "metafields": {
            "material": str(document.get("material") or ""),
            "care": str(document.get("care") or ""),
            "goes_with": ", ".join(document.get("goes_with") or []),
        },
        "variants": [],
    }


def _build_variant(number: int, sku: str, product: State, document: Mapping[str, Any]) -> State:
    options = []
    if product["color"]:
        options.append({"name": "Couleur", "value": product["color"]})
    if document.get("size") is not None:
        options.append({"name": "Taille", "value": str(document["size"])})
    return {
        "id": f"gid://shopify/ProductVariant/{number}",
        "item": f"gid://shopify/InventoryItem/{number}",
        "sku": sku,
        "price": product["price"],
        # Shopify gives a product without options this one.
        "options": options or [{"name": "Title", "value": "Default Title"}],
    }


def _build_contact(n: int, document: Mapping[str, Any]) -> State:
    properties = {k: str(v) for k, v in document.items() if k != "id" and v is not None}
    now = iso_now()
    return {
        "id": str(document.get("id") or 101 + n),
        "properties": properties,
        "createdAt": now,
        "updatedAt": now,
    }


def _build_template(document: Mapping[str, Any]) -> State:
    check_keys("template", document, TEMPLATE_KEYS)
    sid, approval = str(document.get("sid") or ""), str(document.get("approval") or "unsubmitted")
    if not TEMPLATE_SID.fullmatch(sid):
        raise BadDocument(f"template: {sid!r} is no sid (HX and 32 hex digits)")
    if approval not in APPROVALS:
        raise BadDocument(f"template: approval is one of {', '.join(sorted(APPROVALS))}")
    return {
        "sid": sid,
        "name": str(document.get("name") or ""),
        "language": str(document.get("language") or "fr"),
        "body": str(document.get("body") or ""),
        "variables": {str(k): str(v) for k, v in (document.get("variables") or {}).items()},
        "approval": approval,
        "at": iso_now(),
    }


_instant = datetime.fromisoformat
