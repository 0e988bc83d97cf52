"""What happens in the sandbox's shop, and the signed webhooks that tell of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from order_worlds import CUSTOMERS, LEA, LEA_MAIL, order
from sandbox_world import Door, World

from connectors.channels import SignedRequest
from connectors.config import build_config
from connectors.errors import BadConfig, BadSignature, UnknownEvent
from connectors.ports import Proof
from connectors.shopify.client import Config
from connectors.shopify.events import ShopifyEvents, read_topic

SKU = "RF-2847-38"
NEW = {"email": LEA_MAIL, "line_items": [{"sku": SKU, "quantity": 1}]}


@pytest.fixture
def shop(world: World, door: Door) -> World:
    """Its webhooks go to `door`."""
    more = {"customers": CUSTOMERS, "webhook_url": f"{door.url}/webhooks/shopify/key"}
    world.change(lambda document: document["shop"].update(more))
    return world


def events(secret: str = "app-secret") -> ShopifyEvents:
    return ShopifyEvents(build_config(Config, {"shop": "x", "client_secret": secret}))


def last(door: Door) -> SignedRequest:
    url, headers, body = door.received[-1]
    return SignedRequest("POST", url, headers, body)


# --- webhooks ----------------------------------------------------------------------------


def test_an_order_of_the_site_commits_its_units(shop: World, door: Door) -> None:
    answer = shop.store_webhook("orders/create", NEW)
    assert [a["status"] for a in answer["answers"]] == [204]
    assert shop.stock(SKU) == {"available": 1, "reserved": 0, "committed": 1, "on_hand": 2}
    found = shop.connect("shopify", "orders").list_orders(Proof(phones=(LEA,)))
    assert [(o.number, o.state) for o in found] == [("1001", "placed")]


def test_a_sale_at_the_till_takes_its_units_out_of_the_shop(shop: World, door: Door) -> None:
    payload = {**NEW, "source_name": "pos", "name": "#4001"}
    shop.store_webhook("orders/create", payload)
    assert shop.stock(SKU) == {"available": 1, "reserved": 0, "committed": 0, "on_hand": 1}
    found = shop.connect("shopify", "orders").find_order("4001", Proof(phones=(LEA,)))
    assert found is not None
    assert (found.state, found.delivered_at) == ("bought_in_shop", None)
    body = json.loads(last(door).body)
    assert body["location_id"] == 71000000001
    assert body["fulfillment_status"] == "fulfilled"


def test_a_sale_may_take_more_than_is_available(shop: World) -> None:
    payload = {"line_items": [{"sku": SKU, "quantity": 3}], "source_name": "pos"}
    shop.store_webhook("orders/create", payload)
    assert shop.stock(SKU)["available"] == -1


def test_an_order_that_is_already_fulfilled_takes_its_units_out_too(shop: World) -> None:
    shop.store_webhook("orders/create", {**NEW, "fulfillment_status": "fulfilled"})
    assert shop.stock(SKU)["on_hand"] == 1


def test_the_body_has_the_ids_that_were_left_out(shop: World, door: Door) -> None:
    payload = {"phone": LEA, "line_items": [{"sku": SKU}], "note": "Cadeau"}
    shop.store_webhook("orders/create", payload)
    body = json.loads(last(door).body)
    (product,) = (p for p in shop.state()["products"] if p["reference"] == "RF-2847")
    (variant,) = (v for v in product["variants"] if v["sku"] == SKU)
    (line,) = body["line_items"]
    assert line["variant_id"] == int(variant["id"].rpartition("/")[2])
    assert line["product_id"] == int(product["id"].rpartition("/")[2])
    assert line["admin_graphql_api_id"] == f"gid://shopify/LineItem/{line['id']}"
    assert (line["title"], line["price"], line["quantity"]) == ("Robe Fleurie Bleue", "89.00", 1)
    assert body["admin_graphql_api_id"] == f"gid://shopify/Order/{body['id']}"
    assert body["customer"]["email"] == body["email"] == LEA_MAIL
    assert body["customer"]["id"] == int(
        next(c["id"] for c in shop.state()["customers"] if c["phone"] == LEA).rpartition("/")[2]
    )
    assert (body["note"], body["total_price"]) == ("Cadeau", "89.00")
    assert (body["name"], body["order_number"]) == ("#1001", 1001)


def test_a_webhook_is_signed_and_the_same_each_time(shop: World, door: Door) -> None:
    answer = shop.store_webhook("orders/create", NEW, replay=3)
    receipts = {events().verify(SignedRequest("POST", u, h, b)) for u, h, b in door.received}
    assert {r.provider_id for r in receipts} == {answer["id"]}
    assert len(door.received) == 3
    assert len({body for _, _, body in door.received}) == 1
    assert read_topic(last(door).headers) == "orders/create"
    assert shop.stock(SKU)["committed"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"body": b'{"name": "#1"}'},
        {"headers": {}},
        {"secret": "another-secret"},
    ],
    ids=["another body", "no signature", "another secret"],
)
def test_a_webhook_that_the_shop_did_not_sign_is_refused(
    shop: World, door: Door, change: dict[str, Any]
) -> None:
    shop.store_webhook("orders/create", NEW)
    sent = last(door)
    body, headers = change.get("body", sent.body), change.get("headers", sent.headers)
    with pytest.raises(BadSignature):
        events(change.get("secret", "app-secret")).verify(
            SignedRequest("POST", sent.url, headers, body)
        )


def test_a_signed_delivery_without_topic_or_id_is_unknown(shop: World, door: Door) -> None:
    shop.store_webhook("orders/create", NEW)
    sent = last(door)
    for name in ("X-Shopify-Topic", "X-Shopify-Webhook-Id"):
        headers = {k: v for k, v in sent.headers.items() if k.lower() != name.lower()}
        with pytest.raises(UnknownEvent):
            events().verify(SignedRequest("POST", sent.url, headers, sent.body))


def test_webhooks_without_a_secret_cannot_be_checked() -> None:
    with pytest.raises(BadConfig, match="client_secret"):
        events("")


def test_the_level_that_is_told_is_the_level_there_is(shop: World, door: Door) -> None:
    shop.store_webhook("inventory_levels/update", {"sku": SKU, "available": 7})
    level = json.loads(last(door).body)
    assert level["inventory_item_id"] > 41_000_000_000
    assert level["available"] == shop.stock(SKU)["available"] == 7


def test_other_topics_are_told_with_their_ids_and_change_nothing(shop: World, door: Door) -> None:
    shop.store_webhook("inventory_levels/update", {"sku": SKU})
    assert json.loads(last(door).body)["available"] == 2
    shop.store_webhook("customers/update", {"phone": LEA})
    assert json.loads(last(door).body)["first_name"] == "Léa"
    shop.add_orders([order("3050", "2025-01-10", LEA_MAIL, "paid", SKU)])
    shop.store_webhook("orders/updated", {"name": "#3050", "note": "Plus tard"})
    body = json.loads(last(door).body)
    assert (body["name"], body["note"], len(body["line_items"])) == ("#3050", "Plus tard", 1)
    assert shop.stock(SKU)["available"] == 2


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"topic": "orders", "payload": {}}, "topic"),
        ({"topic": "orders/create", "payload": {"line_items": [{"sku": "XX"}]}}, "email"),
        ({"topic": "orders/create", "payload": {**NEW, "line_items": [{"sku": "XX"}]}}, "XX"),
        ({"topic": "orders/create", "payload": NEW, "replay": 1000}, "replay"),
        ({"topic": "orders/create", "colour": "blue"}, "colour"),
    ],
)
def test_what_cannot_happen_in_the_shop_is_named(
    shop: World, document: dict[str, Any], told: str
) -> None:
    answer = requests.post(f"{shop.url}/shopify/webhook", json=document, timeout=5)
    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert shop.state()["orders"] == []


def test_a_shop_that_has_no_door_says_so(world: World) -> None:
    body = {"topic": "orders/create", "payload": NEW}
    answer = requests.post(f"{world.url}/shopify/webhook", json=body, timeout=5)
    assert answer.status_code == 400
    assert "webhook_url" in answer.json()["error"]


# --- orders given by hand ----------------------------------------------------------------


def test_orders_are_added_as_a_rehearsal_writes_them(shop: World) -> None:
    added = shop.add_orders(
        [
            {
                "name": "#3050",
                "phone": "+33611111111",
                "placed": "2025-01-10",
                "lines": [{"sku": SKU, "quantity": 1}],
                "state": "delivered",
                "tracking": "8R1",
                "delivered": "2025-01-12",
            }
        ],
        [{"first_name": "Zoé", "phone": "+33611111111", "email": "zoe@gmail.com"}],
    )
    assert [o["name"] for o in added["orders"]] == ["#3050"]
    orders = shop.connect("shopify", "orders")
    for proof in (Proof(phones=("+33611111111",)), Proof(emails=("zoe@gmail.com",))):
        found = orders.find_order("3050", proof)
        assert found is not None
        assert (found.state, found.tracking_numbers) == ("delivered", ("8R1",))
    assert shop.stock(SKU)["available"] == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state": "lost"}, "state"),
        ({"lines": [{"sku": "XX"}]}, "XX"),
        ({"email": ""}, "email"),
        ({"placed": "demain"}, "placed"),
        ({"colour": "blue"}, "colour"),
        ({"lines": [{"sku": SKU, "size": "38"}]}, "size"),
    ],
)
def test_an_order_that_cannot_be_is_refused_by_name(
    shop: World, change: dict[str, Any], told: str
) -> None:
    wrong = {**order("3050", "2025-01-10", LEA_MAIL, "paid", SKU), **change}
    answer = requests.post(f"{shop.url}/shopify/orders", json={"orders": [wrong]}, timeout=5)
    assert answer.status_code == 400
    assert told in answer.json()["error"]


def test_an_order_is_not_there_twice(shop: World) -> None:
    shop.add_orders([order("3050", "2025-01-10", LEA_MAIL, "paid", SKU)])
    with pytest.raises(requests.HTTPError):
        shop.add_orders([order("3050", "2025-01-10", LEA_MAIL, "paid", SKU)])
