"""Shopify's orders: guests, states, sizes, what an app may see, the quota; and returns."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import vendor_contracts
from order_worlds import (
    CUSTOMERS,
    EMMA,
    LEA,
    LEA_MAIL,
    MARINE,
    ORDERS,
    open_order_world,
    order,
)
from sandbox_world import Tape, World

from connectors.config import build_config
from connectors.errors import BadConfig, OutcomeUnknown, Refused, Unavailable
from connectors.ports import Money, PostalAddress, Proof, ReturnRequest
from connectors.shopify import claims, order_nodes, returns
from connectors.shopify.client import Config
from connectors.shopify.order_nodes import read_order
from connectors.shopify.orders import ShopifyOrders

GUEST_MAIL, GUEST_PHONE = "ines.moreau@gmail.com", "+33688112233"
GUESTS = [
    order("3001", "2025-01-11", GUEST_MAIL, "paid", "BO-019", guest=True),
    order("3002", "2025-01-12", "", "paid", "BO-019", guest=True, phone=GUEST_PHONE),
    order(
        "3003",
        "2025-01-12",
        "autre@gmail.com",
        "paid",
        "BO-019",
        guest=True,
        address={"street": "2 Rue Neuve", "phone": GUEST_PHONE, "last_name": "Le Goff"},
    ),
]


@pytest.fixture
def shop(world: World) -> World:
    """The world of order_worlds."""
    return open_order_world("shopify", world).world


def fill(world: World, orders: list[dict[str, Any]], **settings: Any) -> None:
    shop = {"customers": CUSTOMERS, "orders": orders, **settings}
    world.change(lambda document: document["shop"].update(shop))


def connect(world: World, sleeps: list[float] | None = None, **settings: str) -> ShopifyOrders:
    values = {"shop": "elegance-paris", "access_token": "shpat_permanent"}
    values |= {"base_url": world.vendor_url("shopify"), **settings}
    waits = sleeps if sleeps is not None else []
    return ShopifyOrders(build_config(Config, values), sleep=waits.append)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(claims.write_query(0), id="nobody's account"),
        pytest.param(claims.write_query(3), id="three accounts"),
        pytest.param(order_nodes.READ, id="ReadOrders"),
        pytest.param(returns.RETURNS, id="Returns"),
        pytest.param(returns.CREATE, id="OpenReturn"),
    ],
)
def test_an_operation_is_valid_in_shopifys_schema(specs: Path, query: str) -> None:
    assert vendor_contracts.find_query_errors(query) == ()


# --- bought without an account -----------------------------------------------------------


def test_an_order_without_an_account_is_found_by_its_email(world: World) -> None:
    fill(world, GUESTS)
    orders = connect(world)
    found = orders.find_order("3001", Proof(emails=(GUEST_MAIL,)))
    assert found is not None
    assert orders.find_order("3002", Proof(emails=(GUEST_MAIL,))) is None
    assert [o.number for o in orders.list_orders(Proof(emails=(GUEST_MAIL,)))] == ["3001"]


def test_an_order_without_an_account_is_found_by_its_phone_and_by_that_of_the_bill(
    world: World,
) -> None:
    fill(world, GUESTS)
    listed = connect(world).list_orders(Proof(phones=(GUEST_PHONE,)))
    assert {o.number for o in listed} == {"3002", "3003"}


def test_the_phone_on_a_parcel_alone_is_not_the_buyers() -> None:
    bill = {"lastName": "Le Goff", "phone": None, "countryCodeV2": "FR"}
    claim = {
        "email": "autre@gmail.com",
        "phone": None,
        "customer": None,
        "billingAddress": bill,
        "shippingAddress": {"lastName": "Moreau", "phone": GUEST_PHONE},
    }
    assert not claims.is_theirs(claim, Proof(phones=(GUEST_PHONE,)), by_name=True)
    theirs = {**claim, "billingAddress": {**bill, "phone": "06 88 11 22 33"}}
    assert claims.is_theirs(theirs, Proof(phones=(GUEST_PHONE,)), by_name=True)


# --- name and number ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Martin", "MARTIN", "martín"])
def test_a_name_is_enough_with_a_number_only_where_the_shop_says_so(shop: World, name: str) -> None:
    told = Proof(last_name=name)
    assert connect(shop).find_order("2901", told) is None
    lenient = connect(shop, name_and_number="true")
    found = lenient.find_order("2901", told)
    assert found is not None
    assert found.number == "2901"
    assert lenient.find_order("2847", told) is None
    assert lenient.list_orders(told) == []


def test_a_switch_that_is_neither_on_nor_off_is_named(shop: World) -> None:
    with pytest.raises(BadConfig, match="name_and_number"):
        connect(shop, name_and_number="peut-être")


# --- how it is read ----------------------------------------------------------------------


def test_an_order_is_read_with_its_price_and_address(shop: World) -> None:
    found = connect(shop).find_order("2901", Proof(emails=(LEA_MAIL,)))
    assert found is not None
    assert found.total == Money(Decimal("95.00"), "EUR")
    assert found.lines[0].price == Money(Decimal("95.00"), "EUR")
    assert found.lines[0].title == "Robe Bordeaux"
    assert found.lines[0].id.startswith("gid://shopify/FulfillmentLineItem/")
    assert found.address == PostalAddress(
        name="Léa Martin",
        street="17 Cours Lafayette",
        postal_code="69003",
        city="Lyon",
        phone=LEA,
        email=LEA_MAIL,
    )


def test_units_that_were_refunded_are_not_counted(world: World) -> None:
    lines = [{"sku": "BO-019", "quantity": 3, "returned": 1}, {"sku": "RF-2847-38", "quantity": 1}]
    fill(world, [{**order("3010", "2025-01-10", LEA_MAIL, "shipped", "BO-019"), "lines": lines}])
    found = connect(world).find_order("3010", Proof(phones=(LEA,)))
    assert found is not None
    assert [(line.sku, line.quantity) for line in found.lines] == [
        ("BO-019", 2),
        ("RF-2847-38", 1),
    ]
    assert found.total == Money(Decimal("127.00"), "EUR")


NODE: dict[str, Any] = {
    "id": "gid://shopify/Order/1",
    "name": "EP-3020",
    "processedAt": "2025-01-10T10:00:00Z",
    "email": None,
    "sourceName": "web",
    "cancelledAt": None,
    "displayFulfillmentStatus": "PARTIALLY_FULFILLED",
    "currentTotalPriceSet": {"shopMoney": {"amount": "190.0", "currencyCode": "EUR"}},
    "shippingAddress": None,
    "lineItems": {
        "nodes": [
            {
                "id": "line",
                "sku": "RB-118-40",
                "title": "Robe Bordeaux",
                "variantTitle": "bordeaux / 40",
                "currentQuantity": 3,
                "discountedUnitPriceAfterAllDiscountsSet": {
                    "shopMoney": {"amount": "95.0", "currencyCode": "EUR"}
                },
                "variant": None,
            }
        ]
    },
    "fulfillments": [],
}


def parcel(name: str, display: str | None, status: str = "SUCCESS", **more: Any) -> dict[str, Any]:
    part = {"id": f"part-{name}", "quantity": 1, "lineItem": {"id": "line"}}
    base: dict[str, Any] = {
        "status": status,
        "displayStatus": display,
        "deliveredAt": None,
        "trackingInfo": [],
    }
    return {**base, "fulfillmentLineItems": {"nodes": [part]}, **more}


def test_units_sent_in_two_parcels_are_returned_under_two_ids() -> None:
    node = {**NODE, "fulfillments": [parcel("a", "DELIVERED"), parcel("b", "IN_TRANSIT")]}
    found = read_order(node)
    assert found.number == "EP-3020"
    assert found.state == "shipped"
    parts = [(line.id, line.quantity, line.size) for line in found.lines]
    assert parts == [("part-a", 1, "40"), ("part-b", 1, "40"), ("", 1, "40")]


@pytest.mark.parametrize(
    ("whole", "parcels", "state"),
    [
        ("FULFILLED", [parcel("a", "DELIVERED")], "delivered"),
        ("FULFILLED", [parcel("a", "PICKED_UP")], "delivered"),
        ("FULFILLED", [parcel("a", None)], "shipped"),
        ("FULFILLED", [parcel("a", "OUT_FOR_DELIVERY")], "shipped"),
        ("FULFILLED", [parcel("a", "NOT_DELIVERED")], "shipped"),
        ("FULFILLED", [parcel("a", "DELIVERED"), parcel("b", "DELAYED")], "shipped"),
        ("FULFILLED", [parcel("a", "LABEL_PRINTED")], "preparing"),
        ("PARTIALLY_FULFILLED", [parcel("a", "DELIVERED")], "shipped"),
        ("UNFULFILLED", [parcel("a", "CANCELED", "CANCELLED")], "placed"),
        ("IN_PROGRESS", [], "preparing"),
        ("UNFULFILLED", [], "placed"),
        ("ON_HOLD", [], "placed"),
    ],
)
def test_a_state_follows_from_the_parcels(
    whole: str, parcels: list[dict[str, Any]], state: str
) -> None:
    node = {**NODE, "displayFulfillmentStatus": whole, "fulfillments": parcels}
    found = read_order(node)
    assert found.state == state
    assert found.delivered_at is None  # no carrier told the time


# --- what an app may see, and the quota ----------------------------------------------------


def test_old_orders_are_not_there_without_the_right_to_them(world: World) -> None:
    recent = datetime.now(UTC).isoformat()
    orders = [*ORDERS, order("3030", recent, LEA_MAIL, "paid", "BO-019")]
    scopes = ["read_customers", "read_orders"]
    fill(world, orders, scopes=scopes)
    found = connect(world)
    assert found.find_order("2901", Proof(phones=(LEA,))) is None
    assert [o.number for o in found.list_orders(Proof(phones=(LEA,)))] == ["3030"]
    fill(world, orders, scopes=[*scopes, "read_all_orders"])
    assert len(found.list_orders(Proof(phones=(LEA,)))) == 4


@pytest.mark.parametrize("scopes", [["read_orders"], ["read_customers"], []])
def test_an_app_without_the_right_is_refused(world: World, scopes: list[str]) -> None:
    fill(world, ORDERS, scopes=scopes)
    with pytest.raises(Refused) as caught:
        connect(world).find_order("2901", Proof(phones=(LEA,)))
    assert caught.value.code == "ACCESS_DENIED"


def test_a_question_waits_for_the_quota_and_gives_up_in_time(shop: World) -> None:
    sleeps: list[float] = []
    orders = connect(shop, sleeps)
    shop.fail("shopify", "throttled", times=1)
    assert orders.find_order("2901", Proof(phones=(LEA,))) is not None
    assert sleeps
    shop.fail("shopify", "throttled")
    with pytest.raises(Unavailable) as caught:
        orders.find_order("2901", Proof(phones=(LEA,)))
    assert caught.value.code == "THROTTLED"


def test_a_stale_token_is_renewed_between_questions(world: World) -> None:
    fill(world, ORDERS, token_seconds=3600)
    orders = connect(world, access_token="", client_id="app-1", client_secret="app-secret")
    assert orders.find_order("2901", Proof(phones=(LEA,))) is not None
    world.fail("shopify", "unauthorized", times=1, operation="orders")
    assert orders.find_order("2901", Proof(phones=(LEA,))) is not None
    assert world.state()["operations"]["shopify.token"] == 2


def test_the_largest_question_is_within_what_one_may_cost(shop: World, tape: Tape) -> None:
    phones = tuple(f"+3369900000{n}" for n in range(9))
    before = len(tape.exchanges)
    orders = connect(shop)
    orders.find_order("2901", Proof(phones=(LEA, *phones), emails=(LEA_MAIL,)))
    orders.list_orders(Proof(phones=(LEA, *phones)), limit=50)
    assert len(tape.exchanges) == before + 4
    assert not any(b"MAX_COST_EXCEEDED" in e.answer for e in tape.exchanges[before:])


# --- returns -----------------------------------------------------------------------------


@pytest.fixture
def request_(shop: World) -> ReturnRequest:
    """The dress of Emma's order comes back."""
    found = connect(shop).find_order("2847", Proof(phones=(EMMA,)))
    assert found is not None
    return ReturnRequest(found.id, found.lines[0].id, 1, "Trop petite, échange en 42")


def open_returns(world: World, name: str = "#2847") -> list[dict[str, Any]]:
    orders = world.state()["orders"]
    found: list[dict[str, Any]] = next(o for o in orders if o["name"] == name)["returns"]
    return found


def test_a_return_is_opened_once(shop: World, request_: ReturnRequest) -> None:
    orders = connect(shop)
    assert orders.open_return(request_) == "#2847-R1"
    assert orders.open_return(request_) == "#2847-R1"
    (made,) = open_returns(shop)
    (line,) = made["lines"]
    assert (line["quantity"], line["reason"]) == (1, "OTHER")
    assert line["note"] == "Trop petite, échange en 42"


def test_a_return_that_may_have_been_opened_is_found_the_second_time(
    shop: World, request_: ReturnRequest
) -> None:
    shop.fail("shopify", "timeout_after", operation="returnCreate")
    orders = connect(shop)
    with pytest.raises(OutcomeUnknown):
        orders.open_return(request_)
    shop.heal("shopify")
    assert orders.open_return(request_) == "#2847-R1"
    assert len(open_returns(shop)) == 1


def test_a_return_that_another_opened_meanwhile_is_the_same(
    shop: World, request_: ReturnRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of us look, then both open: the shop refuses the second one's units."""
    find = returns.find_return

    def look_too_early(*asked: Any) -> None:
        monkeypatch.setattr(returns, "find_return", find)

    orders = connect(shop)
    orders.open_return(request_)
    monkeypatch.setattr(returns, "find_return", look_too_early)
    assert orders.open_return(request_) == "#2847-R1"
    assert len(open_returns(shop)) == 1


def test_more_units_than_there_are_are_refused(shop: World, request_: ReturnRequest) -> None:
    many = ReturnRequest(request_.order_id, request_.line_id, 4, "Trop")
    with pytest.raises(Refused) as caught:
        connect(shop).open_return(many)
    assert caught.value.code == "GREATER_THAN"
    assert open_returns(shop) == []


def test_a_line_or_an_order_that_is_not_there_is_refused(
    shop: World, request_: ReturnRequest
) -> None:
    orders = connect(shop)
    with pytest.raises(Refused) as caught:
        orders.open_return(ReturnRequest(request_.order_id, "gid://shopify/LineItem/1", 1, "x"))
    assert caught.value.code == "INVALID"
    with pytest.raises(Refused) as caught:
        orders.open_return(ReturnRequest("gid://shopify/Order/1", request_.line_id, 1, "x"))
    assert caught.value.code == "NOT_FOUND"


def test_a_return_without_a_word_and_one_with_too_many_are_opened(
    shop: World, request_: ReturnRequest
) -> None:
    for number, whose, note in (("2847", EMMA, ""), ("2888", LEA, "a" * 400)):
        found = connect(shop).find_order(number, Proof(phones=(whose,)))
        assert found is not None
        asked = ReturnRequest(found.id, found.lines[0].id, 1, note)
        assert connect(shop).open_return(asked) == f"#{number}-R1"


def test_what_was_bought_in_the_shop_can_come_back(shop: World) -> None:
    found = connect(shop).find_order("2890", Proof(phones=(MARINE,)))
    assert found is not None
    asked = ReturnRequest(found.id, found.lines[0].id, 1, "Échange en boutique")
    assert connect(shop).open_return(asked) == "#2890-R1"


@pytest.mark.parametrize("failure", [{"mode": "down"}, {"mode": "slow", "ms": 400}])
def test_a_shop_that_does_not_answer_opens_nothing_twice(
    shop: World, request_: ReturnRequest, failure: dict[str, Any]
) -> None:
    shop.fail("shopify", **failure)
    with pytest.raises(Unavailable):
        connect(shop, timeout="0.2").open_return(request_)
    shop.heal("shopify")
    assert connect(shop).open_return(request_) == "#2847-R1"
    assert len(open_returns(shop)) == 1


def test_an_app_without_the_right_opens_no_return(shop: World, request_: ReturnRequest) -> None:
    scopes = ["read_customers", "read_orders", "read_all_orders"]
    fill(shop, ORDERS, scopes=scopes)
    with pytest.raises(Refused) as caught:
        connect(shop).open_return(request_)
    assert caught.value.code == "ACCESS_DENIED"
