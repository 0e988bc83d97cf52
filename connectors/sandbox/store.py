"""What happens in a Shopify shop: orders come in, and its webhooks tell of them.

A webhook's body has the shape of the old REST order. Given is what a test cares for, by
SKU, e-mail and phone; ids and what else Shopify sends are filled in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import requests

from connectors.sandbox.documents import LOCATION_ID
from connectors.sandbox.given import BadDocument, State, check_keys, iso_now
from connectors.sandbox.orders import (
    add_customer,
    add_order,
    find_customer,
    find_order,
    find_variant,
    read_number,
    total,
)
from connectors.sandbox.worlds import World

VERSION = "2026-10"

# Shopify waits 5 seconds for an answer; a busy machine gets more here.
TIMEOUT = 15.0

MOST_REPLAYS = 100


def add_orders(world: World, document: Mapping[str, Any]) -> State:
    """`{customers: [...], orders: [...]}` beside those that are there; orders.py tells their
    keys. The stock stays as it is. Gives `{orders: [{id, name}]}`. Raises BadDocument."""
    check_keys("orders", document, {"customers", "orders"})
    with world.lock:
        for customer in document.get("customers") or []:
            add_customer(world.state, customer)
        now = world.now().isoformat()
        made = [add_order(world.state, order, now) for order in document.get("orders") or []]
        world.touch()
    return {"orders": [{"id": order["id"], "name": order["name"]} for order in made]}


def send_webhook(world: World, document: Mapping[str, Any]) -> State:
    """`{topic, payload, replay?, url?}`: `topic` happens in the shop and is told to the
    world's `shop.webhook_url`, signed, `replay` times the very same.

    `orders/create` makes the order first: a till sale (`source_name: pos`) and an order that
    is `fulfillment_status: fulfilled` take its units out of the shop, any other commits
    them. `inventory_levels/update` with `sku` and `available` sets the units that are there.
    Other topics change nothing here. Gives `{id, payload, answers: [{status, ms} or
    {error, ms}]}`. Raises BadDocument.
    """
    check_keys("webhook", document, {"topic", "payload", "replay", "url"})
    topic, given = str(document.get("topic") or ""), document.get("payload") or {}
    times = int(document.get("replay") or 1)
    settings = world.settings["shop"]
    url = document.get("url") or settings.get("webhook_url")
    secret = settings.get("webhook_secret") or settings.get("client_secret")
    if not (url and secret):
        raise BadDocument("shop.webhook_url, shop.webhook_secret: the world document has none")
    if "/" not in topic or not isinstance(given, Mapping) or not 1 <= times <= MOST_REPLAYS:
        raise BadDocument("webhook: expected a topic (orders/create), a payload, replay 1 to 100")
    with world.lock:
        payload = _play(world, topic, given)
        world.touch()
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = _sign(world, topic, str(secret), body)
    answers = [_post(world, str(url), body, headers) for _ in range(times)]
    return {"id": headers["X-Shopify-Webhook-Id"], "payload": payload, "answers": answers}


def sign(secret: str, body: bytes) -> str:
    """X-Shopify-Hmac-SHA256 of a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


# --- what the shop does ------------------------------------------------------------------


def _play(world: World, topic: str, given: Mapping[str, Any]) -> State:
    if topic == "orders/create":
        return _show_order(world, _create_order(world, given), given)
    order = find_order(world.state, str(given.get("name") or "")) if given.get("name") else None
    if topic.startswith("orders/") and order:
        return _show_order(world, order, given)
    filled = {**given}
    if "line_items" in given:
        filled["line_items"] = [_fill_line(world, line) for line in given["line_items"]]
    if "customer" in given:
        filled["customer"] = _fill_customer(world, given["customer"])
    if topic.startswith("customers/"):
        filled = _fill_customer(world, given)
    if topic.startswith("inventory_levels/"):
        filled = _fill_level(world, given)
    return filled


def _create_order(world: World, given: Mapping[str, Any]) -> State:
    """The order of the payload, its units taken. One that the world's document had already
    is not made again. Raises BadDocument."""
    customer = given.get("customer") or {}
    lines = [
        {"sku": line.get("sku"), "quantity": line.get("quantity", 1)}
        for line in given.get("line_items") or []
    ]
    pos, parcels = given.get("source_name") == "pos", given.get("fulfillments") or []
    gone = pos or given.get("fulfillment_status") == "fulfilled"
    order = find_order(world.state, str(given["name"])) if given.get("name") else None
    if order is None:
        email, phone = (str(given.get(n) or customer.get(n) or "") for n in ("email", "phone"))
        if phone and not email and (known := find_customer(world.state, phone=phone)):
            email = known["email"]
        document = {
            "name": given.get("name"),
            "placed": given.get("created_at") or world.now().isoformat(),
            "email": email,
            "phone": phone,
            "source": str(given.get("source_name") or "web"),
            "state": "collected" if pos else "shipped" if gone else "paid",
            "lines": lines,
            "tracking": next((f.get("tracking_number") for f in parcels), None),
            "address": _read_names(customer),
        }
        order = add_order(world.state, document, iso_now())
    for line in order["lines"]:
        _take(world, line["sku"], line["quantity"], "" if gone else "committed")
    return order


def _read_names(customer: Mapping[str, Any]) -> State:
    names = ("first_name", "last_name")
    return {name: str(customer[name]) for name in names if customer.get(name)}


def _take(world: World, sku: str, units: int, into: str) -> None:
    """Out of `available`, which may pass below zero, and into another state of stock."""
    stock = world.state["stock"][sku]
    for name, delta in (("available", -units), (into, units)):
        if not name:
            continue
        stock[name] += delta
        change = {"sku": sku, "name": name, "delta": delta, "quantityAfterChange": stock[name]}
        world.log("inventory_changes", {"at": iso_now(), "reason": "sale", **change})
    stock["updated_at"] = iso_now()


# --- what its webhook says ---------------------------------------------------------------


def _show_order(world: World, order: State, given: Mapping[str, Any]) -> State:
    """The REST order, `given` over it."""
    customers = world.state["customers"]
    customer = customers.get(order["customer"])
    pos = order["source"] == "pos"
    shown: State = {
        "id": number_of(order["id"]),
        "admin_graphql_api_id": order["id"],
        "name": order["name"],
        "order_number": read_number(order["name"]),
        "created_at": order["placed"],
        "updated_at": order["updated"],
        "processed_at": order["placed"],
        "cancelled_at": order["cancelled"],
        "email": order["email"],
        "contact_email": order["email"] or None,
        "phone": order["phone"] or None,
        "currency": world.settings["shop"].get("currency", "EUR"),
        "total_price": str(total(order)),
        "financial_status": "paid",
        "fulfillment_status": "fulfilled" if order["parcels"] else None,
        "source_name": order["source"],
        "location_id": number_of(LOCATION_ID) if pos else None,
        "test": False,
        "tags": "",
        "note": None,
        "note_attributes": [],
        "fulfillments": [],
        "refunds": [],
        **given,
    }
    asked = {str(line.get("sku")): line for line in given.get("line_items") or []}
    shown["line_items"] = [
        _fill_line(world, {**line, "id": number_of(line["id"]), **asked.get(line["sku"], {})})
        for line in order["lines"]
    ]
    known = given.get("customer") or {}
    if customer or known:
        shown["customer"] = _fill_customer(world, {**_show_customer(customer), **known})
    else:
        shown["customer"] = None
    return shown


def _fill_line(world: World, line: Mapping[str, Any]) -> State:
    """Raises BadDocument for a SKU that the shop has not."""
    found = find_variant(world.state, str(line.get("sku")))
    if found is None:
        raise BadDocument(f"line: unknown SKU {line.get('sku')}")
    product, variant = found
    kept = {k: line[k] for k in line if k not in {"current", "variant_title"}}
    return {
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line.get('id', '')}",
        "variant_id": number_of(variant["id"]),
        "product_id": number_of(product["id"]),
        "title": product["title"],
        "variant_title": " / ".join(o["value"] for o in variant["options"]),
        "price": variant["price"],
        "quantity": 1,
        **kept,
    }


def _fill_customer(world: World, customer: Mapping[str, Any]) -> State:
    email, phone = (str(customer.get(name) or "") for name in ("email", "phone"))
    known = find_customer(world.state, email=email, phone=phone)
    return {**_show_customer(known), **customer}


def _show_customer(customer: Mapping[str, Any] | None) -> State:
    if customer is None:
        return {}
    names = ("email", "phone", "first_name", "last_name")
    ids = {"id": number_of(customer["id"]), "admin_graphql_api_id": customer["id"]}
    return {**ids, **{name: customer[name] or None for name in names}}


def _fill_level(world: World, level: Mapping[str, Any]) -> State:
    """`sku` becomes the ids of its stock item and of the location; the units told are then
    there."""
    rest = {k: v for k, v in level.items() if k != "sku"}
    if "sku" not in level:
        return rest
    found = find_variant(world.state, str(level["sku"]))
    if found is None:
        raise BadDocument(f"level: unknown SKU {level['sku']}")
    if "available" in level:
        world.state["stock"][level["sku"]]["available"] = int(level["available"])
    return {
        "inventory_item_id": number_of(found[1]["item"]),
        "location_id": number_of(LOCATION_ID),
        "available": world.state["stock"][level["sku"]]["available"],
        "updated_at": iso_now(),
        **rest,
    }


def number_of(gid: str) -> int:
    """gid://shopify/Order/12 is 12 in webhooks."""
    return int(gid.rpartition("/")[2])


# --- posting -----------------------------------------------------------------------------


def _sign(world: World, topic: str, secret: str, body: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-SHA256": sign(secret, body),
        "X-Shopify-Shop-Domain": f"{world.name}.myshopify.com",
        "X-Shopify-API-Version": VERSION,
        "X-Shopify-Webhook-Id": str(uuid4()),
        "X-Shopify-Event-Id": str(uuid4()),
        "X-Shopify-Triggered-At": iso_now(),
    }


def _post(world: World, url: str, body: bytes, headers: Mapping[str, str]) -> State:
    started = time.monotonic()
    try:
        answer: State = {
            "status": requests.post(
                url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
            ).status_code
        }
    except requests.RequestException as error:
        answer = {"error": type(error).__name__}
    answer["ms"] = round((time.monotonic() - started) * 1000)
    topic, sid = headers["X-Shopify-Topic"], headers["X-Shopify-Webhook-Id"]
    entry = {"at": iso_now(), "kind": "shopify", "sid": sid, "url": url, "message_status": topic}
    with world.lock:
        world.log("webhooks", {**entry, **answer})
    return answer
