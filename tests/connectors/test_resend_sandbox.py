"""The sandbox's Resend: within the published contract, and what people see of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import requests
import vendor_contracts
from openapi_schema_validator import OAS31Validator
from sandbox_world import JULIE_MAIL, RESEND_KEY, SHOP_MAIL, Door, Tape, World

from connectors.channels import OutboundMessage
from connectors.sandbox.app import create_app

MAIL = OutboundMessage(7, "email", SHOP_MAIL, JULIE_MAIL, "Bonjour", "", key="k", subject="Robe")
EVENTS = ("sent", "delivered", "delivery_delayed", "bounced", "complained", "failed")
EVENTS += ("suppressed", "opened", "clicked", "scheduled")


def listen(world: World, door: Door, **more: Any) -> Any:
    world.change(lambda document: document["mail"].update(url=f"{door.url}/mail", **more))
    return world.connect("resend")


def write(world: World, **more: Any) -> dict[str, Any]:
    return world.mail(sender=JULIE_MAIL, recipient=[SHOP_MAIL], subject="Robe", **more)


def ask(world: World, method: str, path: str, **more: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {RESEND_KEY}", "X-By-Hand": "1"}
    headers |= more.pop("headers", {})
    url = world.vendor_url("resend") + path
    return requests.request(method, url, headers=headers, timeout=5, **more)


# --- the published contract --------------------------------------------------------------


def published(spec: Any, kind: str) -> dict[str, Any]:
    """The schema of an event, by its name in the contract's `webhooks`."""
    operation = spec["webhooks"][kind]["post"]
    schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return {**schema, "components": spec["components"]}


def properties(spec: Any, schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    parts = [properties(spec, part) for part in schema.get("allOf", [])]
    return set(schema.get("properties", {})).union(*parts)


@pytest.mark.parametrize("kind", ["received", *EVENTS])
def test_an_event_that_is_posted_is_one_of_the_contract(
    specs: Path, world: World, door: Door, kind: str
) -> None:
    spec = json.loads((specs / "resend" / "resend.json").read_text("utf-8"))
    channel = listen(world, door)
    if kind == "received":
        picture = {"name": "a.jpg", "type": "image/jpeg", "content_base64": "AAAA"}
        write(world, text="Bonjour", attachments=[picture])
    else:
        channel.send(MAIL)
        world.mail_report(to=JULIE_MAIL, event=kind)
    event = json.loads(door.received[-1][2])
    assert event["type"] == f"email.{kind}"
    schema = published(spec, event["type"])
    OAS31Validator(schema).validate(event)
    of_data = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]["data"]
    known = properties(spec, of_data) | vendor_contracts.DOCUMENTED["resend"]
    assert set(event["data"]) <= known


def test_every_question_is_answered_within_the_contract(
    world: World, door: Door, tape: Tape
) -> None:
    """The fixture compares what was said."""
    channel = listen(world, door)
    sent = channel.send(MAIL)
    picture = {"name": "a.jpg", "type": "image/jpeg", "content_base64": "AAAA", "content_id": "x"}
    got = write(world, text="Oui", html="<p>Oui</p>", attachments=[picture, {"name": "b.pdf"}])
    path = f"/emails/receiving/{got['email_id']}"
    files = ask(world, "GET", f"{path}/attachments").json()["data"]
    assert [f["filename"] for f in files] == ["a.jpg", "b.pdf"]
    assert requests.get(files[0]["download_url"], timeout=5).content == b"\0\0\0"
    assert ask(world, "GET", f"{path}/attachments/{files[0]['id']}").json()["size"] == 3
    assert ask(world, "GET", f"/emails/{sent.provider_id}").json()["last_event"] == "sent"
    assert ask(world, "GET", "/emails/receiving?limit=1").json()["has_more"] is False
    raw = ask(world, "GET", path).json()["raw"]["download_url"]
    assert b"Authentication-Results: amazonses.com" in requests.get(raw, timeout=5).content
    assert len(tape.exchanges) >= 6


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "name"),
    [
        ("GET", "/emails/nobody", {}, 404, "not_found"),
        ("GET", "/emails/receiving/nobody", {}, 404, "not_found"),
        ("GET", "/emails/receiving/nobody/attachments", {}, 404, "not_found"),
        ("GET", "/emails/receiving?limit=0", {}, 422, "validation_error"),
        ("GET", "/emails/x", {"headers": {"Authorization": ""}}, 401, "missing_api_key"),
        ("GET", "/emails/x", {"headers": {"Authorization": "Bearer no"}}, 403, "invalid_api_key"),
        ("POST", "/emails", {"data": "{"}, 422, "validation_error"),
        ("POST", "/emails", {"json": {"to": "a@b.fr"}}, 422, "missing_required_field"),
        (
            "POST",
            "/emails",
            {"json": {}, "headers": {"Idempotency-Key": "k" * 257}},
            400,
            "invalid_idempotency_key",
        ),
        (
            "POST",
            "/emails",
            {
                "json": {
                    "from": "a@b.fr",
                    "to": "a@b.fr",
                    "subject": "x",
                    "text": "x",
                    "tags": [{"name": "é", "value": "1"}],
                }
            },
            422,
            "validation_error",
        ),
    ],
)
def test_a_wrong_request_is_refused_as_resend_does(
    world: World, method: str, path: str, more: dict[str, Any], status: int, name: str
) -> None:
    answer = ask(world, method, path, **more)
    assert (answer.status_code, answer.json()["name"]) == (status, name)
    assert int(answer.headers["ratelimit-limit"]) == 5


def test_a_check_finds_a_field_that_is_misspelt(specs: Path, world: World, tape: Tape) -> None:
    """A check that cannot fail checks nothing."""
    world.connect("resend").send(MAIL)
    sent = tape.exchanges[-1]
    misspelt = vendor_contracts.Exchange(
        **{**vars(sent), "body": sent.body.replace(b'"tags"', b'"tag"', 1)}
    )
    with pytest.raises(AssertionError, match="tag"):
        vendor_contracts.check(misspelt)
    longer = vendor_contracts.Exchange(
        **{**vars(sent), "answer": sent.answer.replace(b"{", b'{"more": 1, ')}
    )
    with pytest.raises(AssertionError, match="more"):
        vendor_contracts.check(longer)


# --- the control API and the pages -------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/resend/inbound", {"subject": "x"}, "from"),
        ("/resend/inbound", {"from": "a@b.fr", "subject": "x"}, "to"),
        ("/resend/inbound", {"from": "a@b.fr", "to": "c@d.fr"}, "subject"),
        (
            "/resend/inbound",
            {"from": "a@b.fr", "to": "c@d.fr", "subject": "x", "headers": {"X": "a\nb"}},
            "headers",
        ),
        (
            "/resend/inbound",
            {
                "from": "a@b.fr",
                "to": "c@d.fr",
                "subject": "x",
                "attachments": [{"content_base64": "!"}],
            },
            "content_base64",
        ),
        ("/resend/report", {"to": "a@b.fr", "event": "eaten"}, "event"),
        ("/resend/report", {"to": "a@b.fr", "event": "delivered"}, "to"),
        ("/resend/report", {"email_id": "x", "event": "delivered"}, "email_id"),
    ],
)
def test_a_control_request_that_makes_no_sense_is_said_to(
    world: World, door: Door, path: str, body: dict[str, Any], said: str
) -> None:
    listen(world, door)
    answer = requests.post(world.url + path, json=body, timeout=5)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert door.received == []


def test_a_world_without_a_door_takes_no_mail_and_an_unknown_setting_is_named(
    world: World,
) -> None:
    body = {"from": "a@b.fr", "to": "c@d.fr", "subject": "x"}
    assert requests.post(f"{world.url}/resend/inbound", json=body, timeout=5).status_code == 400
    answer = requests.put(world.url, json={"mail": {"colour": "blue"}}, timeout=5)
    assert "colour" in answer.json()["error"]


def test_mails_are_seen_on_the_page_and_written_there(world: World, door: Door) -> None:
    channel = listen(world, door)
    channel.send(MAIL)
    form = {"from": JULIE_MAIL, "to": SHOP_MAIL, "subject": "<Échange>", "text": "Possible ?"}
    requests.post(f"{world.url}/write-mail", data=form, timeout=5)
    page = requests.get(f"{world.url}/", timeout=5).text
    for shown in ("Resend", "Bonjour", "&lt;Échange&gt;", "Possible ?", JULIE_MAIL):
        assert shown in page
    assert "<Échange>" not in page
    assert len(door.received) == 1


def test_mails_are_there_again_after_a_restart(tmp_path: Path) -> None:
    first = create_app(tmp_path)
    settings = {"api_key": "re_x", "webhook_secret": "whsec_", "url": "http://127.0.0.1:9/"}
    asked = first.test_client()
    asked.put("/shop", json={"mail": {**settings, "retries": []}})
    content = base64.b64encode(b"abc").decode()
    body = {"from": "a@b.fr", "to": "c@d.fr", "subject": "x", "text": "y"}
    body |= {"attachments": [{"name": "a", "content_base64": content}]}
    answer = asked.post("/shop/resend/inbound", json=body).json
    assert answer["answers"][0]["error"] == "ConnectionError"
    first.extensions["worlds"].save()
    found = create_app(tmp_path).test_client().get("/shop").json["received_mails"]
    assert [mail["id"] for mail in found] == [answer["email_id"]]
    assert "raw" not in found[0]
    assert found[0]["attachments"][0]["size"] == 3
