"""What every system of orders promises: an order is shown to whom it belongs, and to
nobody else can it be told from one that does not exist."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from order_worlds import CHARLIE, EMMA, LEA, LEA_MAIL, MARINE, OrderWorld, open_order_world
from sandbox_world import Tape, World

from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.ports import Order, Proof

SYSTEMS = ("shopify",)

QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "find_order": lambda port: port.find_order("2901", Proof(phones=(LEA,))),
    "list_orders": lambda port: port.list_orders(Proof(phones=(LEA,))),
}
questions = pytest.mark.parametrize("ask", QUESTIONS.values(), ids=list(QUESTIONS))


@pytest.fixture(params=SYSTEMS)
def shop(request: pytest.FixtureRequest, world: World) -> OrderWorld:
    return open_order_world(request.param, world)


# --- whose an order is -------------------------------------------------------------------


@pytest.mark.parametrize(
    "proof",
    [
        Proof(phones=(LEA,)),
        Proof(emails=(LEA_MAIL,)),
        Proof(phones=(LEA,), emails=(LEA_MAIL,)),
        Proof(phones=("+33600000001", LEA)),
        Proof(phones=(LEA,), last_name="Durand"),
    ],
    ids=["phone", "e-mail", "both", "her second phone", "with another's name"],
)
@pytest.mark.parametrize("number", ["2901", "#2901", " 2901 "])
def test_a_customer_finds_her_order_by_what_is_proven(
    shop: OrderWorld, proof: Proof, number: str
) -> None:
    order = shop.port.find_order(number, proof)
    assert isinstance(order, Order)
    assert (order.number, order.state) == ("2901", "shipped")
    assert order.tracking_numbers == ("8R00012345678",)
    (line,) = order.lines
    assert (line.sku, line.size, line.quantity) == ("RB-118-40", "40", 1)


def test_anothers_order_and_an_absent_one_are_asked_for_and_answered_alike(
    shop: OrderWorld, tape: Tape
) -> None:
    """What goes out for them differs in the number alone, and what comes back not at all."""
    said = []
    for number in ("2901", "9999"):
        before = len(tape.exchanges)
        assert shop.port.find_order(number, Proof(phones=(CHARLIE,))) is None
        said.append([describe(e, number) for e in tape.exchanges[before:]])
    anothers, absent = said
    assert anothers == absent
    assert len(anothers) == 2


def describe(exchange: Any, number: str) -> tuple[Any, ...]:
    asked = exchange.body.decode().replace(number, "NUMBER")
    headers = {k: v for k, v in exchange.headers.items() if k != "Content-Length"}
    return (exchange.method, exchange.url, headers, asked, exchange.status, exchange.answer)


def test_ones_own_order_takes_the_same_calls_as_anothers(shop: OrderWorld, tape: Tape) -> None:
    before = len(tape.exchanges)
    assert shop.port.find_order("2901", Proof(phones=(LEA,))) is not None
    own = tape.exchanges[before:]
    before = len(tape.exchanges)
    assert shop.port.find_order("2901", Proof(phones=(CHARLIE,))) is None
    others = tape.exchanges[before:]
    assert [operation_of(e) for e in own] == [operation_of(e) for e in others]


def operation_of(exchange: Any) -> tuple[str, str]:
    asked = json.loads(exchange.body)
    return asked["operationName"], asked["query"]


@pytest.mark.parametrize(
    "proof",
    [
        Proof(phones=(CHARLIE,)),
        Proof(emails=("charlie@x.example",)),
        Proof(last_name="Martin"),
        Proof(site_user="101"),
        Proof(emails=("martin@gmail.com",)),
        Proof(emails=("lea.martin@gmail.com.evil.example",)),
        Proof(emails=('x" OR name:"2901',)),
        Proof(phones=('+33600000002" OR "2901',)),
        Proof(phones=("+32645781122",)),
    ],
    ids=[
        "a stranger's phone",
        "a stranger's e-mail",
        "a name that anyone may say",
        "a user of a site",
        "a part of the e-mail",
        "more than the e-mail",
        "a search in an e-mail",
        "a search in a phone",
        "the same digits of another country",
    ],
)
def test_nobody_else_sees_it(shop: OrderWorld, proof: Proof) -> None:
    assert shop.port.find_order("2901", proof) is None
    assert shop.port.list_orders(proof) == []


@pytest.mark.parametrize("number", ["", "#", "2901 OR name:*", '2901" OR "', "290", "29010"])
def test_only_the_number_itself_finds_an_order(shop: OrderWorld, number: str) -> None:
    assert shop.port.find_order(number, Proof(phones=(LEA,))) is None


def test_an_empty_proof_asks_nothing_and_finds_nothing(shop: OrderWorld, tape: Tape) -> None:
    before = len(tape.exchanges)
    assert shop.port.find_order("2901", Proof()) is None
    assert shop.port.list_orders(Proof()) == []
    assert len(tape.exchanges) == before


def test_her_orders_are_listed_the_newest_first(shop: OrderWorld) -> None:
    listed = shop.port.list_orders(Proof(phones=(LEA,), emails=(LEA_MAIL,)))
    assert [order.number for order in listed] == ["2901", "2888", "2830"]
    assert [o.number for o in shop.port.list_orders(Proof(phones=(LEA,)), limit=2)] == [
        "2901",
        "2888",
    ]
    assert shop.port.list_orders(Proof(phones=(CHARLIE,))) == []
    assert shop.port.list_orders(Proof(phones=(LEA,)), limit=0) == []


# --- what is told of it ------------------------------------------------------------------


def test_each_state_of_an_order_is_told(shop: OrderWorld) -> None:
    found = {
        number: shop.port.find_order(number, Proof(phones=(EMMA, MARINE)))
        for number in ("2847", "2890", "2891", "2892", "2893", "2894")
    }
    assert {number: order.state for number, order in found.items() if order} == {
        "2847": "delivered",
        "2890": "bought_in_shop",
        "2891": "placed",
        "2892": "preparing",
        "2893": "cancelled",
        "2894": "returned",
    }
    delivered, bought = found["2847"], found["2890"]
    assert delivered is not None
    assert bought is not None
    assert delivered.delivered_at == datetime(2025, 1, 13, 9, 30, tzinfo=UTC)
    assert bought.delivered_at is None
    assert bought.placed_at == datetime(2025, 1, 10, 15, 0, tzinfo=UTC)
    assert bought.placed_at.tzinfo is not None


# --- failures ----------------------------------------------------------------------------


@questions
@pytest.mark.parametrize(
    "failure",
    [
        {"mode": "down"},
        {"mode": "slow", "ms": 400},
        {"mode": "timeout_after"},
    ],
    ids=["down", "slow", "hung up"],
)
def test_a_question_that_is_not_answered_may_be_asked_again(
    shop: OrderWorld, ask: Callable[[Any], Any], failure: dict[str, Any]
) -> None:
    shop.world.fail(shop.vendor, **failure)
    port = shop.connect(timeout="0.2")
    with pytest.raises(Unavailable) as caught:
        ask(port)
    assert not isinstance(caught.value, OutcomeUnknown)
    shop.world.heal(shop.vendor)
    assert ask(port)


@questions
def test_a_wrong_secret_is_refused_and_nobody_quoted(
    shop: OrderWorld, ask: Callable[[Any], Any]
) -> None:
    with pytest.raises(Refused) as caught:
        ask(shop.connect(**shop.wrong))
    assert LEA not in str(caught.value)
    assert "wrong" not in str(caught.value)


@questions
def test_a_system_that_nobody_reaches_is_unavailable(
    shop: OrderWorld, ask: Callable[[Any], Any]
) -> None:
    with pytest.raises(Unavailable):
        ask(shop.connect(base_url="http://127.0.0.1:9"))


@questions
@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"data": null}', b"{}"])
def test_an_answer_that_is_none_is_not_taken_for_no_order(
    shop: OrderWorld, garbage: Any, ask: Callable[[Any], Any], answer: bytes
) -> None:
    garbage.answer = answer
    with pytest.raises(Unavailable):
        ask(shop.connect(base_url=garbage.url))
