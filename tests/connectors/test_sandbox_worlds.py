"""The sandbox itself: worlds, their files, what the vendors refuse, the pages."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from sandbox_world import (
    ACCOUNT,
    AUTH_TOKEN,
    JULIE,
    SHOP_NUMBER,
    Door,
    Server,
    World,
    make_document,
    wait_until,
)

from connectors.channels import OutboundMessage
from connectors.ports import Move
from connectors.sandbox.app import create_app
from connectors.sandbox.segments import count_segments
from connectors.sandbox.worlds import SAVE_EVERY

BY_HAND = {"X-By-Hand": "1"}


# --- worlds ------------------------------------------------------------------------------


def test_what_happens_in_one_world_is_not_seen_in_another(sandbox: Server, world: World) -> None:
    other = World(sandbox.url, "another")
    other.replace(make_document())
    hold_one(world)
    world.connect("twilio").send(message())
    world.fail("hubspot", "down")
    assert world.stock("RF-2847-38")["available"] == 1
    state = other.state()
    assert state["stock"]["RF-2847-38"]["available"] == 2
    assert (state["messages"], state["failures"], state["requests"]) == ([], {}, {})
    assert other.connect("hubspot").find_by_phone(JULIE) is not None


def hold_one(world: World) -> None:
    inventory = world.connect("shopify")
    variant = inventory.search_products("fleurie")[0].variant("38")
    request = inventory.prepare_move(Move("hold", variant.sku, variant.ref, 1, "42", 2))
    inventory.send_move(request, "key-1")


def message(text: str = "Bonjour") -> OutboundMessage:
    return OutboundMessage(7, "sms", SHOP_NUMBER, JULIE, text, "https://x.example/?message=7")


def test_the_state_tells_everything(world: World) -> None:
    hold_one(world)
    world.connect("twilio").send(message())
    world.connect("hubspot").find_by_phone(JULIE)
    state = world.state()
    assert state["requests"] == {"shopify": 3, "twilio": 1, "hubspot": 1}
    assert state["operations"]["shopify.inventoryMoveQuantities"] == 1
    changes = [(c["name"], c["delta"], c["key"]) for c in state["inventory_changes"]]
    assert changes == [("available", -1, "key-1"), ("reserved", 1, "key-1")]
    (sent,) = state["messages"]
    assert (sent["body"], sent["direction"]) == ("Bonjour", "outbound-api")
    assert state["contacts"][0]["properties"]["firstname"] == "Julie"


def test_only_the_parts_that_are_asked_are_shown(world: World) -> None:
    answer = requests.get(f"{world.url}?parts=stock,requests", timeout=5).json()
    assert set(answer) == {"stock", "requests"}


def test_a_world_is_replaced_and_removed(world: World) -> None:
    hold_one(world)
    world.replace(make_document())
    assert world.stock("RF-2847-38")["reserved"] == 0
    assert requests.delete(world.url, timeout=5).status_code == 204
    assert requests.delete(world.url, timeout=5).status_code == 404
    assert requests.get(world.url, timeout=5).status_code == 404


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"shoop": {}}, "shoop"),
        ({"shop": {"products": [{"title": "X"}]}}, "price"),
        ({"shop": {"products": [{"title": "X", "price": "dix"}]}}, "dix"),
        ({"shop": {"products": [{"title": "X", "price": 1, "sizes": []}]}}, "sizes"),
        (
            {"shop": {"products": [{"title": "X", "price": 1, "variants": [{"sku": "A"}] * 2}]}},
            "A is there twice",
        ),
        ({"twilio": {"token": "x"}}, "token"),
        ([], "object"),
    ],
)
def test_a_document_that_makes_no_world_is_refused_by_name(
    sandbox: Server, document: Any, told: str
) -> None:
    answer = requests.put(f"{sandbox.url}/broken", json=document, timeout=5)
    assert answer.status_code == 400
    assert told in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/stock", {"NOT-A-SKU": 1}),
        ("PATCH", "/stock", {"BO-019": "many"}),
        ("PUT", "/failures/twilio", {"mode": "sulking"}),
        ("PUT", "/failures/telegraph", {"mode": "down"}),
        ("PUT", "/failures/twilio", {"mode": "down", "for": 3}),
        ("POST", "/twilio/inbound", {"from": JULIE}),
        ("POST", "/twilio/inbound", {"from": JULIE, "to": SHOP_NUMBER, "body": "x"}),
        ("POST", "/twilio/report", {"to": JULIE, "status": "delivered"}),
        ("POST", "/twilio/report", {"message_sid": "SM1", "status": "delivered"}),
    ],
)
def test_an_order_that_cannot_be_carried_out_is_refused(
    world: World, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = requests.request(method, world.url + path, json=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_failure_ends_by_itself_after_its_times_or_when_told(world: World) -> None:
    customers = world.connect("hubspot")
    world.fail("hubspot", "down", times=2)
    for _ in range(2):
        with pytest.raises(Exception, match="503"):
            customers.find_by_phone(JULIE)
    assert customers.find_by_phone(JULIE)
    world.fail("hubspot", "down")
    world.heal("hubspot")
    assert customers.find_by_phone(JULIE)


def test_a_failure_of_one_operation_leaves_the_others_alone(world: World) -> None:
    world.fail("hubspot", "down", operation="contacts.search")
    assert world.connect("hubspot").read_profile("101")


# --- restarts ----------------------------------------------------------------------------


@contextmanager
def run_gunicorn(folder: Path) -> Iterator[tuple[World, subprocess.Popen[bytes]]]:
    """The sandbox as it runs in the demo: one process, threads, its worlds in `folder`."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    code = "from pathlib import Path; from connectors.sandbox.app import create_app; "
    code += f"app = create_app(Path({str(folder)!r}))"
    module = folder.parent / "sandbox_to_run.py"
    module.write_text(code)
    command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--threads", "8"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "error", "sandbox_to_run:app"]
    paths = [str(Path(__file__).parents[2]), str(folder.parent)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url), 30)
        yield World(url, "kept"), process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(15)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def test_worlds_survive_a_restart_with_their_keys_and_failures(tmp_path: Path) -> None:
    folder = tmp_path / "worlds"
    with run_gunicorn(folder) as (world, _):
        world.replace(make_document())
        hold_one(world)
        world.connect("twilio").send(message())
        world.fail("hubspot", "down")
    with run_gunicorn(folder) as (world, _):
        state = world.state()
        assert state["stock"]["RF-2847-38"]["reserved"] == 1
        assert [m["body"] for m in state["messages"]] == ["Bonjour"]
        assert state["failures"]["hubspot"]["mode"] == "down"
        hold_one(world)  # the same request and key as before the restart
        assert world.stock("RF-2847-38")["reserved"] == 1


def test_a_killed_sandbox_loses_no_more_than_a_moment(tmp_path: Path) -> None:
    folder = tmp_path / "worlds"
    with run_gunicorn(folder) as (world, process):
        world.replace(make_document())
        hold_one(world)
        file = folder / "kept.json"
        wait_until(lambda: file.exists() and "key-1" in file.read_text("utf-8"))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
    with run_gunicorn(folder) as (world, _):
        assert world.stock("RF-2847-38")["reserved"] == 1


def test_under_gunicorn_a_connection_can_be_hung_up(tmp_path: Path) -> None:
    with run_gunicorn(tmp_path / "worlds") as (world, _):
        world.replace(make_document())
        world.fail("hubspot", "timeout_after", times=1)
        with pytest.raises(Exception, match="ProtocolError"):
            world.connect("hubspot").find_by_phone(JULIE)
        assert world.connect("hubspot").find_by_phone(JULIE)


def test_a_removed_world_does_not_come_back(tmp_path: Path) -> None:
    server = Server(create_app(tmp_path))
    world = World(server.url, "gone")
    world.replace(make_document())
    file = tmp_path / "gone.json"
    wait_until(file.exists)
    requests.delete(world.url, timeout=5)
    time.sleep(2 * SAVE_EVERY)
    server.stop()
    assert not file.exists()


# --- what Shopify refuses ----------------------------------------------------------------


def ask_shopify(world: World, query: str, variables: dict[str, Any] | None = None) -> Any:
    answer = requests.post(
        world.vendor_url("shopify") + "/admin/api/2026-10/graphql.json",
        json={"query": query, "variables": variables or {}},
        headers={**BY_HAND, "X-Shopify-Access-Token": "shpat_permanent"},
        timeout=5,
    )
    assert answer.status_code == 200
    return answer.json()


MOVE = """mutation M($input: InventoryMoveQuantitiesInput!) {
  inventoryMoveQuantities(input: $input) @idempotent(key: "k") {
    inventoryAdjustmentGroup { id changes { name delta item { sku } location { name } } }
    userErrors { code field }
  }
}"""
LOCATION = "gid://shopify/Location/71000000001"
ITEM = "gid://shopify/InventoryItem/41000000002"


def move_input(**changes: Any) -> dict[str, Any]:
    """A hold of one, with `change`, `from` or `to` changed."""
    sides = {
        "from": {"locationId": LOCATION, "name": "available", "changeFromQuantity": None},
        "to": {
            "locationId": LOCATION,
            "name": "reserved",
            "changeFromQuantity": None,
            "ledgerDocumentUri": "gid://coccinelle/Reservation/1",
        },
    }
    change: dict[str, Any] = {"inventoryItemId": ITEM, "quantity": 1, **sides}
    for side in ("from", "to"):
        change[side] = {**change[side], **changes.pop(side, {})}
    change |= changes.pop("change", {})
    reference = "gid://coccinelle/Reservation/1"
    given = {"reason": "reservation_created", "referenceDocumentUri": reference}
    return {**given, "changes": [change], **changes}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": "just_because"}, "INVALID_REASON"),
        ({"referenceDocumentUri": "nothing"}, "INVALID_REFERENCE_DOCUMENT"),
        (
            {"change": {"inventoryItemId": "gid://shopify/InventoryItem/1"}},
            "INVALID_INVENTORY_ITEM",
        ),
        ({"change": {"quantity": -1}}, "INVALID_QUANTITY_NEGATIVE"),
        ({"change": {"quantity": 2_000_000_001}}, "INVALID_QUANTITY_TOO_HIGH"),
        ({"to": {"locationId": "gid://shopify/Location/2"}}, "DIFFERENT_LOCATIONS"),
        (
            {"from": {"locationId": "gid://x/1"}, "to": {"locationId": "gid://x/1"}},
            "INVALID_LOCATION",
        ),
        ({"to": {"name": "available"}}, "SAME_QUANTITY_NAME"),
        ({"to": {"name": "committed"}}, "INVALID_QUANTITY_NAME"),
        ({"from": {"ledgerDocumentUri": "gid://coccinelle/R/1"}}, "INVALID_AVAILABLE_DOCUMENT"),
        ({"to": {"ledgerDocumentUri": None}}, "INVALID_QUANTITY_DOCUMENT"),
        ({"to": {"ledgerDocumentUri": "gid://shopify/Order/1"}}, "INTERNAL_LEDGER_DOCUMENT"),
        ({"to": {"ledgerDocumentUri": "paper"}}, "INVALID_LEDGER_DOCUMENT"),
        ({"from": {"changeFromQuantity": 7}}, "CHANGE_FROM_QUANTITY_STALE"),
        ({"to": {"changeFromQuantity": 7}}, "CHANGE_FROM_QUANTITY_STALE"),
    ],
)
def test_shopify_refuses_a_move_and_does_nothing(
    world: World, changes: dict[str, Any], code: str
) -> None:
    before = world.state()["stock"]
    answer = ask_shopify(world, MOVE, {"input": move_input(**changes)})
    payload = answer["data"]["inventoryMoveQuantities"]
    assert [e["code"] for e in payload["userErrors"]] == [code]
    assert payload["inventoryAdjustmentGroup"] is None
    assert world.state()["stock"] == before


def test_shopify_takes_a_move_that_keeps_its_rules(world: World) -> None:
    answer = ask_shopify(world, MOVE, {"input": move_input()})
    group = answer["data"]["inventoryMoveQuantities"]["inventoryAdjustmentGroup"]
    assert [(c["name"], c["delta"]) for c in group["changes"]] == [
        ("available", -1),
        ("reserved", 1),
    ]
    assert group["changes"][0]["item"]["sku"] == "RF-2847-38"


def test_shopify_wants_what_to_compare_on_both_sides(world: World) -> None:
    given = move_input()
    del given["changes"][0]["to"]["changeFromQuantity"]
    (error,) = ask_shopify(world, MOVE, {"input": given})["errors"]
    assert error["extensions"]["code"] == "INVALID_FIELD_ARGUMENTS"
    assert "changeFromQuantity" in error["message"]


def test_shopify_wants_an_idempotency_key(world: World) -> None:
    query = MOVE.replace('@idempotent(key: "k")', "")
    (error,) = ask_shopify(world, query, {"input": move_input()})["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert world.stock("RF-2847-38")["reserved"] == 0


def test_at_most_two_ledger_documents_go_into_a_move(world: World) -> None:
    given = move_input()
    given["changes"] = [
        move_input(to={"ledgerDocumentUri": f"gid://coccinelle/R/{n}"})["changes"][0]
        for n in range(3)
    ]
    payload = ask_shopify(world, MOVE, {"input": given})["data"]["inventoryMoveQuantities"]
    assert payload["userErrors"][0]["code"] == "MAXIMUM_LEDGER_DOCUMENT_URIS"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ shop { turnover } }", "turnover"),
        ("{ shop {", "Syntax Error"),
        ("{ products { nodes { id } } }", "first or last"),
        ("{ products(first: 300) { nodes { id } } }", "250"),
        ('{ products(first: 5, after: "?") { nodes { id } } }', "cursor"),
        (
            "{ products(first: 100) { nodes { variants(first: 100) { nodes { id } } } } }",
            "exceeds the single query max cost",
        ),
    ],
)
def test_a_query_that_shopify_does_not_answer_says_why(world: World, query: str, told: str) -> None:
    assert told in ask_shopify(world, query)["errors"][0]["message"]


def test_every_answer_says_what_it_cost(world: World) -> None:
    query = (
        "{ shop { name } products(first: 2) { nodes { id variants(first: 3) { nodes { id } } } } }"
    )
    cost = ask_shopify(world, query)["extensions"]["cost"]
    assert cost["requestedQueryCost"] == 1 + 2 * (1 + 3)
    assert cost["actualQueryCost"] == 1 + 1 + 3 + 1 + 2
    assert cost["throttleStatus"]["maximumAvailable"] == 2000


def test_any_selection_of_the_schema_is_answered(world: World) -> None:
    query = """{
      node(id: "gid://shopify/InventoryItem/41000000002") { __typename ... on InventoryItem {
        sku tracked variant { title price product { handle vendor tags status } }
        inventoryLevels(first: 1) { edges { cursor node {
          location { name isActive } quantities(names: ["on_hand", "incoming"]) { name quantity }
        } } }
      } }
      productVariants(first: 3, query: "sku:BO-019") { nodes { sku inventoryQuantity } }
      location { id name fulfillsOnlineOrders }
    }"""
    data = ask_shopify(world, query)["data"]
    assert data["node"]["sku"] == "RF-2847-38"
    level = data["node"]["inventoryLevels"]["edges"][0]["node"]
    assert [(q["name"], q["quantity"]) for q in level["quantities"]] == [
        ("on_hand", 2),
        ("incoming", 0),
    ]
    assert data["productVariants"]["nodes"] == [{"sku": "BO-019", "inventoryQuantity": 12}]


@pytest.mark.parametrize(
    "form",
    [
        {"client_id": "app-1", "client_secret": "wrong", "grant_type": "client_credentials"},
        {"client_id": "app-2", "client_secret": "app-secret", "grant_type": "client_credentials"},
        {"client_id": "app-1", "client_secret": "app-secret", "grant_type": "password"},
    ],
)
def test_a_token_is_granted_to_the_known_app_only(world: World, form: dict[str, str]) -> None:
    url = world.vendor_url("shopify") + "/admin/oauth/access_token"
    assert requests.post(url, json=form, timeout=5).status_code == 401
    good = {**form, "client_id": "app-1", "client_secret": "app-secret"}
    answer = requests.post(url, json={**good, "grant_type": "client_credentials"}, timeout=5).json()
    assert answer["expires_in"] == 86_399


# --- what Twilio counts and lists ----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the escaped sign is not cut in two
        ("ç" * 70, 1),  # not in the GSM alphabet
        ("ç" * 71, 2),
        ("é" * 160, 1),
        ("’" + "a" * 69, 1),
        ("😊" * 35, 1),
        ("😊" * 36, 2),
        ("😊" * 66, 2),
        ("😊" * 67, 3),  # 134 units would fill two, if a pair could be cut in two
    ],
)
def test_segments_are_counted_as_carriers_do(text: str, segments: int) -> None:
    assert count_segments(text) == segments


def list_messages(world: World, **filters: str) -> Any:
    return requests.get(
        world.vendor_url("twilio") + f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
        params=filters,
        headers=BY_HAND,  # a day alone: Twilio takes it, its contract says an instant
        auth=(ACCOUNT, AUTH_TOKEN),
        timeout=5,
    ).json()


def test_messages_are_listed_newest_first_by_page_and_filter(world: World) -> None:
    channel = world.connect("twilio")
    for n in range(3):
        channel.send(message(f"n° {n}"))
    page = list_messages(world, PageSize="2", To=JULIE)
    assert [m["body"] for m in page["messages"]] == ["n° 2", "n° 1"]
    assert page["next_page_uri"]
    rest = list_messages(world, PageSize="2", Page="1", To=JULIE)
    assert [m["body"] for m in rest["messages"]] == ["n° 0"]
    assert rest["next_page_uri"] is None
    assert list_messages(world, To="+33600000000")["messages"] == []
    assert list_messages(world, **{"DateSent>": "2999-01-01"})["messages"] == []
    assert len(list_messages(world, **{"DateSent>": "2020-01-01"})["messages"]) == 3
    assert len(list_messages(world, **{"DateSent<": "2020-01-01"})["messages"]) == 0
    assert len({m.sid for m in channel._client.messages.list(page_size=2)}) == 3


def test_one_message_is_read_with_its_latest_state(world: World, door: Door) -> None:
    channel = world.connect("twilio")
    sent = channel.send(message())
    world.report(message_sid=sent.provider_id, status="delivered")
    found = channel._client.messages(sent.provider_id).fetch()
    assert (found.status, found.body) == ("delivered", "Bonjour")


def test_the_carriers_post_is_logged_with_its_answer(world: World, door: Door) -> None:
    world.change(lambda document: document["twilio"].update(sms_url=f"{door.url}/sms"))
    door.status = 500
    answer = world.text(sender=JULIE, recipient=SHOP_NUMBER, body="Bonjour", sid="SM" + "c" * 32)
    assert (answer["sid"], answer["status"]) == ("SM" + "c" * 32, 500)
    (logged,) = world.state()["webhooks"]
    assert (logged["kind"], logged["sid"], logged["status"]) == ("message", "SM" + "c" * 32, 500)


def test_a_door_that_is_shut_is_told_as_such(world: World) -> None:
    url = "http://127.0.0.1:9/sms"
    world.change(lambda document: document["twilio"].update(sms_url=url))
    answer = world.text(sender=JULIE, recipient=SHOP_NUMBER, body="Bonjour")
    assert answer["status"] is None
    assert answer["answers"][0]["error"] == "ConnectionError"


# --- pages -------------------------------------------------------------------------------


def test_the_page_shows_each_system_and_escapes_what_it_shows(world: World) -> None:
    def add_script(document: dict[str, Any]) -> None:
        document["crm"]["contacts"][0]["lastname"] = "<script>alert(1)</script>"

    world.change(add_script)
    hold_one(world)
    world.connect("twilio").send(message("<b>gras</b>"))
    page = requests.get(f"{world.url}/", timeout=5)
    assert page.headers["Content-Type"].startswith("text/html")
    for shown in ("RF-2847-38", "Julie", "&lt;script&gt;", "&lt;b&gt;gras", "reservation_created"):
        assert shown in page.text
    assert "<script>" not in page.text
    assert "http" not in page.text.replace(world.url, "")
    assert "Bac à sable" in requests.get(world.url.rpartition("/")[0] + "/", timeout=5).text


def test_the_buttons_break_a_system_and_repair_it(world: World) -> None:
    switch = f"{world.url}/switch/hubspot"
    page = requests.post(switch, data={"mode": "down"}, timeout=5)
    assert page.status_code == 200
    assert world.state()["failures"]["hubspot"]["mode"] == "down"
    requests.post(switch, data={"mode": "up"}, timeout=5)
    assert world.state()["failures"] == {}


def test_someone_can_write_to_the_shop_from_the_page(world: World, door: Door) -> None:
    world.change(lambda document: document["twilio"].update(sms_url=f"{door.url}/sms"))
    form = {"from": JULIE, "to": SHOP_NUMBER, "body": "Bonjour"}
    page = requests.post(f"{world.url}/write", data=form, timeout=5)
    assert "Bonjour" in page.text
    assert len(door.received) == 1


def test_another_sites_page_cannot_press_the_buttons(world: World) -> None:
    answer = requests.post(
        f"{world.url}/switch/hubspot",
        data={"mode": "down"},
        headers={"Origin": "https://evil.example"},
        timeout=5,
    )
    assert answer.status_code == 403
    form = requests.post(f"{world.url}/twilio/inbound", data={"from": JULIE}, timeout=5)
    assert form.status_code == 400


def test_only_this_machine_is_obeyed() -> None:
    client = create_app(None).test_client()
    body = json.dumps({})
    far = {"REMOTE_ADDR": "192.0.2.1"}
    answer = client.put("/w", data=body, content_type="application/json", environ_base=far)
    assert answer.status_code == 403
    assert client.get("/", environ_base=far).status_code == 403
    assert client.get("/").status_code == 200
