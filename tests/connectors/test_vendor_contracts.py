"""What every connector promises, whatever the vendor; and the published contracts."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import vendor_contracts
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLScalarType
from pydantic import BaseModel, ConfigDict
from sandbox_world import (
    JULIE,
    JULIE_MAIL,
    PORTS,
    SETTINGS,
    SHOP_MAIL,
    SHOP_NUMBER,
    VENDORS,
    Tape,
    World,
)

from connectors.channels import Channel, OutboundMessage
from connectors.config import build_config, secret_names
from connectors.errors import BadConfig, OutcomeUnknown, Refused, Unavailable
from connectors.ports import (
    CustomerSystem,
    InventorySystem,
    LanguageModel,
    Move,
    OrderSystem,
    Question,
    ReturnSystem,
    StoreEvents,
)
from connectors.registry import CONNECTORS, load_vendor
from connectors.sandbox.graph import SCHEMA
from connectors.shopify import catalogue, inventory

PROTOCOLS: dict[str, type[Any]] = {
    "channel": Channel,
    "inventory": InventorySystem,
    "customers": CustomerSystem,
    "orders": OrderSystem,
    "returns": ReturnSystem,
    "events": StoreEvents,
    "model": LanguageModel,
}
MESSAGE = OutboundMessage(7, "sms", SHOP_NUMBER, JULIE, "Bonjour", "https://x.example/?message=7")
MOVE = Move("hold", "RF-2847-38", "gid://shopify/InventoryItem/41000000002", 1, "42")
MAIL = OutboundMessage(
    8, "email", SHOP_MAIL, JULIE_MAIL, "Bonjour", "", key="message-8", subject="Re: Robe"
)


def new_mail() -> OutboundMessage:
    """A slow answer keeps its key busy: each question has its own."""
    return dataclasses.replace(MAIL, key=str(uuid4()))


class Words(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str


ASKED = Question("gpt-sandbox", "Repeat.", "Bonjour", 50)
SDKS = {
    "twilio": "twilio",
    "shopify": "shopify",
    "hubspot": "hubspot",
    "resend": "resend",
    "openai": "openai",
}

# Every question that a port asks outside without changing anything there.
QUESTIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "channel.find_sent": ("twilio", lambda port: port.find_sent(MESSAGE, datetime.now(UTC))),
    "channel.list_templates": ("twilio", lambda port: port.list_templates()),
    "channel.list_received": ("twilio", lambda port: port.list_received(datetime.now(UTC))),
    "mail.find_sent": ("resend", lambda port: port.find_sent(new_mail(), datetime.now(UTC))),
    "mail.list_received": ("resend", lambda port: port.list_received(datetime.now(UTC))),
    "inventory.list_products": ("shopify", lambda port: port.list_products()),
    "inventory.search_products": ("shopify", lambda port: port.search_products("robe")),
    "inventory.prepare_move": ("shopify", lambda port: port.prepare_move(MOVE)),
    "customers.find_by_phone": ("hubspot", lambda port: port.find_by_phone(JULIE)),
    "customers.find_by_email": ("hubspot", lambda port: port.find_by_email("julie@x.example")),
    "customers.read_profile": ("hubspot", lambda port: port.read_profile("101")),
    "model.complete": ("openai", lambda port: port.complete(ASKED, Words)),
    "model.embed": ("openai", lambda port: port.embed(["Bonjour"])),
}
WRONG = {
    "twilio": {"auth_token": "wrong"},
    "shopify": {"access_token": "wrong"},
    "hubspot": {"access_token": "wrong"},
    "resend": {"api_key": "wrong"},
    "openai": {"api_key": "wrong"},
}
questions = pytest.mark.parametrize(("vendor", "ask"), QUESTIONS.values(), ids=list(QUESTIONS))


# --- every port --------------------------------------------------------------------------


@questions
def test_a_question_to_a_system_that_is_up_is_answered(
    world: World, vendor: str, ask: Callable[[Any], Any]
) -> None:
    ask(world.connect(vendor))
    assert world.state()["requests"][vendor] >= 1


@questions
@pytest.mark.parametrize(
    "failure",
    [{"mode": "down"}, {"mode": "slow", "ms": 400}, {"mode": "timeout_after"}],
    ids=["down", "slow", "hung up"],
)
def test_a_question_that_is_not_answered_may_be_asked_again(
    world: World, vendor: str, ask: Callable[[Any], Any], failure: dict[str, Any]
) -> None:
    world.fail(vendor, **failure)
    port = world.connect(vendor, timeout="0.2")
    with pytest.raises(Unavailable) as caught:
        ask(port)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert caught.value.vendor == vendor
    world.heal(vendor)
    ask(port)


@questions
def test_a_question_with_a_wrong_secret_is_refused_for_good(
    world: World, vendor: str, ask: Callable[[Any], Any]
) -> None:
    with pytest.raises(Refused) as caught:
        ask(world.connect(vendor, **WRONG[vendor]))
    assert caught.value.vendor == vendor
    assert "wrong" not in str(caught.value)


@questions
def test_a_system_that_nobody_reaches_is_unavailable(
    world: World, vendor: str, ask: Callable[[Any], Any]
) -> None:
    with pytest.raises(Unavailable):
        ask(world.connect(vendor, base_url="http://127.0.0.1:9"))


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_implements_its_ports_as_they_are_written(vendor: str) -> None:
    ports = load_vendor(vendor).ports
    assert PORTS[vendor] in ports
    for port, made in ports.items():
        for name, promised in inspect.getmembers(PROTOCOLS[port], inspect.isfunction):
            if not name.startswith("_"):
                kept = inspect.signature(getattr(made, name))
                assert list(kept.parameters) == list(inspect.signature(promised).parameters)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_hides_its_secrets_and_names_its_real_host(vendor: str) -> None:
    config = load_vendor(vendor).config
    fields = {f.name: f for f in dataclasses.fields(config)}
    assert str(fields["base_url"].default).startswith("https://")
    assert all(f.metadata["help"] for f in fields.values())
    secrets = {name for name in fields if name.endswith(("token", "secret", "api_key"))}
    assert secret_names(config) == secrets
    shown = repr(build_config(config, SETTINGS[vendor]))
    assert not any(SETTINGS[vendor][name] in shown for name in secrets & set(SETTINGS[vendor]))


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_setting_that_is_missing_or_unknown_is_named(vendor: str) -> None:
    config = load_vendor(vendor).config
    with pytest.raises(BadConfig, match="colour"):
        build_config(config, {**SETTINGS[vendor], "colour": "blue"})
    required = next(f.name for f in dataclasses.fields(config) if f.default is dataclasses.MISSING)
    without = {k: v for k, v in SETTINGS[vendor].items() if k != required}
    with pytest.raises(BadConfig, match=required):
        build_config(config, without)


@pytest.mark.parametrize("vendor", VENDORS)
def test_loading_a_vendor_loads_no_other_vendors_sdk(vendor: str) -> None:
    others = [SDKS[other] for other in VENDORS if other != vendor]
    code = (
        "import sys; from connectors.registry import load_vendor; "
        f"load_vendor({vendor!r}); "
        f"sys.exit(', '.join(m for m in {others!r} if m in sys.modules) or 0)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=False)
    assert (done.stderr, done.returncode) == (b"", 0)


@pytest.mark.parametrize("vendor", list(CONNECTORS))
def test_a_vendor_tells_how_to_connect_a_real_account(vendor: str) -> None:
    page = Path(__file__).parents[2] / "connectors" / vendor / "doc.md"
    text = page.read_text("utf-8")
    for field in dataclasses.fields(load_vendor(vendor).config):
        assert f"`{field.name}`" in text


# --- the published contracts -------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(catalogue.PRODUCTS, id="Products"),
        pytest.param(catalogue.MORE_VARIANTS, id="MoreVariants"),
        pytest.param(inventory.LOCATIONS, id="Locations"),
        pytest.param(inventory.STOCK, id="Stock"),
        pytest.param(inventory.MOVE, id="Move"),
    ],
)
def test_an_operation_is_valid_in_shopifys_schema(specs: Path, query: str) -> None:
    assert vendor_contracts.find_query_errors(query) == ()


def test_the_sandboxs_schema_is_a_part_of_shopifys(specs: Path) -> None:
    published = vendor_contracts.load_admin_schema().type_map
    for name, ours in SCHEMA.type_map.items():
        if name.startswith("__"):
            continue
        theirs = published[name]
        assert type(theirs) is type(ours)
        if isinstance(ours, GraphQLEnumType):
            assert set(ours.values) <= set(theirs.values)  # type: ignore[attr-defined]
        elif isinstance(ours, GraphQLInputObjectType):
            fields = {n: str(f.type) for n, f in ours.fields.items()}
            assert fields == {n: str(f.type) for n, f in theirs.fields.items()}  # type: ignore[attr-defined]
        elif not isinstance(ours, GraphQLScalarType):
            for field, of in ours.fields.items():  # type: ignore[attr-defined]
                published_field = theirs.fields[field]  # type: ignore[attr-defined]
                assert str(of.type) == str(published_field.type), f"{name}.{field}"
                for argument, kind in of.args.items():
                    assert str(kind.type) == str(published_field.args[argument].type)


def test_everything_that_is_said_in_a_day_is_within_the_contracts(
    specs: Path, world: World, tape: Tape
) -> None:
    before = len(tape.exchanges)
    shop, crm, carrier = (world.connect(v) for v in ("shopify", "hubspot", "twilio"))
    product = next(p for p in shop.search_products("robe fleurie") if p.reference == "RF-2847")
    variant = product.variant("38")
    move = Move("hold", variant.sku, variant.ref, 1, "1", 2)
    shop.send_move(shop.prepare_move(move), "key-1")
    shop.read_stock([variant])
    profile = crm.find_by_phone(JULIE)
    crm.read_profile(profile.id)
    carrier.send(MESSAGE)
    carrier.find_sent(MESSAGE, datetime.now(UTC))
    carrier.list_templates()
    carrier.list_received(datetime.now(UTC))
    world.connect("resend").send(MAIL)
    model = world.connect("openai")
    model.complete(ASKED, Words)
    model.embed(["Bonjour"])
    said = tape.exchanges[before:]
    assert {e.vendor for e in said} == set(VENDORS)
    for exchange in said:
        vendor_contracts.check(exchange)


def test_a_check_finds_what_is_outside_the_contracts(specs: Path, world: World, tape: Tape) -> None:
    """A check that cannot fail checks nothing: each of these is one step outside."""
    carrier = world.connect("twilio")
    carrier.send(MESSAGE)
    sent = tape.exchanges[-1]
    misspelt = dataclasses.replace(sent, body=sent.body + b"&StatusCalback=x")
    with pytest.raises(AssertionError, match="StatusCalback"):
        vendor_contracts.check(misspelt)
    longer = dataclasses.replace(sent, answer=sent.answer.replace(b'"sid"', b'"ssid"', 1))
    with pytest.raises(AssertionError, match="ssid"):
        vendor_contracts.check(longer)
    world.connect("shopify").list_products()
    listed = tape.exchanges[-1]
    number = dataclasses.replace(listed, answer=listed.answer.replace(b'"89.00"', b"89"))
    with pytest.raises(AssertionError, match="Money"):
        vendor_contracts.check(number)


# --- contacts made by hand: the operations that no connector uses yet ----------------------


def test_contacts_are_made_and_changed_within_the_contract(world: World, specs: Path) -> None:
    url = world.vendor_url("hubspot") + "/crm/v3/objects/contacts"
    session = requests.Session()
    session.headers["Authorization"] = "Bearer pat-eu1-key"
    body = {"properties": {"email": "marine.durand@free.fr", "firstname": "Marine"}}
    assert session.post(url, json=body, headers={"X-By-Hand": "1"}).status_code == 400
    made = session.post(url, json={**body, "associations": []})
    assert made.status_code == 201
    twice = session.post(url, json={**body, "associations": []})
    assert twice.status_code == 409
    assert made.json()["id"] in twice.json()["message"]
    changed = session.patch(
        f"{url}/marine.durand@free.fr?idProperty=email", json={"properties": {"phone": JULIE}}
    )
    assert changed.json()["properties"]["phone"] == JULIE
    assert session.patch(f"{url}/999", json={"properties": {"phone": JULIE}}).status_code == 404
