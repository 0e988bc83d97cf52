"""The control API: what a world holds, what goes wrong, what its people do.

Answers this machine only, and only JSON, so that no web page can ask it.

`PUT /<world>/parcels/<number>`, `{status, expected?, at?, pickup_point?}`: a parcel's situation
changes at the carrier, at the world's time when `at` is not given. `GET /<world>/labels?since=N`:
the labels made since the mark N, and the mark now: `{mark, labels: [{parcel_number …}]}`.

`POST /<world>/shopify/orders`, `{customers: [...], orders: [...]}`: the shop has these too
(orders.py tells their keys: a rehearsal's `world.orders` as they are); the stock stays as it is.
`POST /<world>/shopify/webhook`, `{topic, payload, replay?, url?}`: something happens in the shop,
and its signed webhook goes to `shop.webhook_url` (store.py tells what `orders/create` moves):
`{id, payload, answers: [{status, ms} or {error, ms}]}`.
`GET /<world>/crm?since=N`: what was written in the CRM since the mark N, and the mark now:
`{mark, calls: [{kind: ticket | note | contact_update, id, contact, text}]}`; `text` is all that
was written, to be searched in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, request

from connectors.sandbox import carrier, laposte, mail, store
from connectors.sandbox.documents import BadDocument, State, iso_now, quantities
from connectors.sandbox.failures import order_failure, stop_failure
from connectors.sandbox.web import answer_json, open_world, open_worlds, vendor_url
from connectors.sandbox.worlds import NAME, World

bp = Blueprint("control", __name__)

MOST_OFFSET = 50 * 365 * 86400.0  # seconds


@bp.before_request
def refuse_strangers() -> None:
    address = ipaddress.ip_address(request.remote_addr or "0.0.0.0")  # noqa: S104  # not loopback
    if not address.is_loopback:
        abort(answer_json({"error": "the control API answers this machine only"}, 403))


@bp.put("/<name>")
def put_world(name: str) -> Response:
    """Replaces the world; documents.py tells what the document holds."""
    if not NAME.fullmatch(name):
        raise BadDocument("world: small letters, digits, - and _")
    return answer_json(show_world(open_worlds().replace(name, _read_body())), 201)


@bp.get("/<name>")
def get_world(name: str) -> Response:
    """`?parts=stock,messages` gives only these."""
    state = show_world(open_world(name))
    parts = request.args.get("parts")
    return answer_json({p: state.get(p) for p in parts.split(",")} if parts else state)


@bp.delete("/<name>")
def delete_world(name: str) -> Response:
    return Response(status=204 if open_worlds().remove(name) else 404)


@bp.patch("/<name>/stock")
def patch_stock(name: str) -> Response:
    """`{sku: available}`: units counted anew at the shop, beside those put aside."""
    return answer_json(set_stock(open_world(name), _read_body()))


@bp.put("/<name>/failures/<system>")
def put_failure(name: str, system: str) -> Response:
    """`{mode, ms?, times?, operation?}`: failures.py tells the modes."""
    return answer_json(order_failure(open_world(name), system, _read_body()))


@bp.delete("/<name>/failures/<system>")
def delete_failure(name: str, system: str) -> Response:
    stop_failure(open_world(name), system)
    return Response(status=204)


@bp.post("/<name>/twilio/inbound")
def post_inbound(name: str) -> Response:
    world = open_world(name)
    return answer_json(carrier.receive(world, _read_body(), vendor_url(world, "twilio")))


@bp.post("/<name>/twilio/report")
def post_report(name: str) -> Response:
    return answer_json(carrier.report(open_world(name), _read_body()))


@bp.post("/<name>/resend/inbound")
def post_inbound_mail(name: str) -> Response:
    return answer_json(mail.receive(open_world(name), _read_body()))


@bp.post("/<name>/resend/report")
def post_mail_report(name: str) -> Response:
    return answer_json(mail.report(open_world(name), _read_body()))


@bp.post("/<name>/shopify/orders")
def post_orders(name: str) -> Response:
    return answer_json(store.add_orders(open_world(name), _read_body()), 201)


@bp.post("/<name>/shopify/webhook")
def post_webhook(name: str) -> Response:
    return answer_json(store.send_webhook(open_world(name), _read_body()))


@bp.get("/<name>/crm")
def get_crm_calls(name: str) -> Response:
    world, since = open_world(name), request.args.get("since", 0, type=int)
    with world.lock:
        calls = world.state["crm_calls"]
        return answer_json({"mark": len(calls), "calls": calls[max(since, 0) :]})


@bp.put("/<name>/parcels/<number>")
def put_parcel(name: str, number: str) -> Response:
    return answer_json(laposte.set_parcel(open_world(name), number, _read_body()))


@bp.get("/<name>/labels")
def get_labels(name: str) -> Response:
    world, since = open_world(name), request.args.get("since", 0, type=int)
    with world.lock:
        labels = world.state["labels"]
        return answer_json({"mark": len(labels), "labels": labels[max(since, 0) :]})


@bp.put("/<name>/clock")
def put_clock(name: str) -> Response:
    """`{offset_seconds}`: how far the world's time is ahead of ours, or behind it."""
    return answer_json(set_clock(open_world(name), _read_body()))


def show_world(world: World) -> State:
    """The whole state; `messages`, `mails` and `contacts` as lists, oldest first."""
    with world.lock:
        state = world.state
        return {
            "world": world.name,
            "settings": state["settings"],
            "products": list(state["products"]),
            "stock": {sku: quantities(s) for sku, s in state["stock"].items()},
            "inventory_changes": list(state["inventory_changes"]),
            "customers": [dict(c) for c in state["customers"].values()],
            "orders": [dict(o) for o in state["orders"]],
            "contacts": [dict(c) for c in state["contacts"].values()],
            "tickets": [dict(t) for t in state["crm_objects"]["tickets"].values()],
            "notes": [dict(n) for n in state["crm_objects"]["notes"].values()],
            "crm_calls": list(state["crm_calls"]),
            "messages": [dict(m) for m in state["messages"].values()],
            "mails": [dict(m) for m in state["mails"].values()],
            "received_mails": [mail.show_received(m) for m in state["received_mails"].values()],
            "templates": [dict(t) for t in state["templates"].values()],
            "parcels": [dict(p) for p in state["parcels"].values()],
            "labels": list(state["labels"]),
            "windows": {who: dict(to) for who, to in state["windows"].items()},
            "opted_out": list(state["opted_out"]),
            "clock_offset": state["clock_offset"],
            "webhooks": list(state["webhooks"]),
            "requests": dict(state["requests"]),
            "operations": dict(state["operations"]),
            "calls": list(state["calls"]),
            "undelivered": dict(state["undelivered"]),
            "failures": {system: dict(f) for system, f in state["failures"].items()},
        }


def set_stock(world: World, document: Mapping[str, Any]) -> State:
    """The stock of the SKUs named. Raises BadDocument, and then changes nothing."""
    with world.lock:
        stock = world.state["stock"]
        if unknown := sorted(set(document) - set(stock)):
            raise BadDocument(f"stock: unknown SKU {', '.join(unknown)}")
        if not all(isinstance(value, int) for value in document.values()):
            raise BadDocument("stock: expected whole numbers")
        for sku, available in document.items():
            change = {"sku": sku, "name": "available", "quantityAfterChange": available}
            change["delta"] = available - stock[sku]["available"]
            stock[sku].update(available=available, updated_at=iso_now())
            world.log("inventory_changes", {"at": iso_now(), "reason": "correction", **change})
        return {sku: quantities(stock[sku]) for sku in document}


def set_clock(world: World, document: Mapping[str, Any]) -> State:
    """What the carrier's rules go by (the 24 hours of WhatsApp). Raises BadDocument."""
    offset = document.get("offset_seconds")
    if isinstance(offset, bool) or not isinstance(offset, int | float):
        raise BadDocument("offset_seconds: expected a number")
    if abs(offset) > MOST_OFFSET:
        raise BadDocument(f"offset_seconds: at most {MOST_OFFSET:.0f}")
    with world.lock:
        world.state["clock_offset"] = float(offset)
        world.touch()
        return {"offset_seconds": world.state["clock_offset"], "now": world.now().isoformat()}


def _read_body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadDocument("expected a JSON object, as application/json")
    return body
