"""The carrier of the sandbox: its limits, its retries, its clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Response
from sandbox_world import JULIE, SHOP_NUMBER, Door, Server, World, make_document

from connectors.channels import OutboundMessage, SignedRequest
from connectors.errors import OutcomeUnknown, Unavailable
from connectors.sandbox.overrides import Overrides, read_overrides
from connectors.sandbox.worlds import Worlds


def outbound(**changes: Any) -> OutboundMessage:
    given = {"id": 7, "channel": "whatsapp", "sender": SHOP_NUMBER, "recipient": JULIE}
    return OutboundMessage(**{**given, "text": "Bonjour", "status_url": "", **changes})


class Sequence(Door):
    """A door that answers one status after the other, the last for ever."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.statuses = list(statuses)

    def answer(self, path: str) -> Response:
        self.status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return super().answer(path)


@pytest.fixture
def faltering() -> Iterator[Sequence]:
    door = Sequence(503, 500, 204)
    server = Server(door.app)
    door.url = server.url
    yield door
    server.stop()


# --- so many a second --------------------------------------------------------------------


def test_a_sender_that_is_too_fast_is_turned_away_and_others_are_not(world: World) -> None:
    world.change(lambda d: d["twilio"].update(per_second={"whatsapp": 3}))
    channel = world.connect("twilio")
    for _ in range(3):
        channel.send(outbound())
    with pytest.raises(Unavailable) as caught:
        channel.send(outbound())
    assert caught.value.code == "20429"
    assert not isinstance(caught.value, OutcomeUnknown)
    channel.send(outbound(sender="+33939000000"))
    channel.send(outbound(channel="sms"))
    assert len(world.state()["messages"]) == 5


def test_a_list_filtered_by_number_has_a_next_page(world: World) -> None:
    channel = world.connect("twilio")
    for n in range(3):
        channel.send(outbound(channel="sms", text=f"Message {n}"))
    listed = channel._client.messages.list(to=JULIE, page_size=1)
    assert [m.body for m in listed] == ["Message 2", "Message 1", "Message 0"]


# --- retries -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fragment", "overrides"),
    [
        ("", Overrides()),
        ("rc=3&rp=all", Overrides(retries=3, policies=frozenset({"all"}))),
        ("rc=2&rp=5xx,ct,rt", Overrides(retries=2, policies=frozenset({"5xx", "ct", "rt"}))),
        ("ct=200&rt=1500&tt=3000", Overrides(connect=0.2, read=1.5, total=3.0)),
        ("rc=6&ct=1&rt=x&tt=99999", Overrides()),
    ],
)
def test_an_address_says_how_it_wants_to_be_called(fragment: str, overrides: Overrides) -> None:
    assert read_overrides(fragment) == overrides


@pytest.mark.parametrize(
    ("failure", "followed"),
    [("2xx", False), ("3xx", False), ("4xx", False), ("5xx", True), ("ct", True), ("rt", False)],
)
def test_only_what_the_policy_names_is_tried_again(failure: str, followed: bool) -> None:
    assert read_overrides("rp=5xx,ct").follows(failure) is followed


@pytest.mark.parametrize(
    ("retries", "fragment", "answers"),
    [
        (True, "#rc=3&rp=all", [503, 500, 204]),
        (True, "#rc=1&rp=5xx", [503, 500]),
        (True, "#rc=3&rp=4xx", [503]),
        (True, "", [503]),
        (False, "#rc=3&rp=all", [503]),
    ],
)
def test_the_same_delivery_is_posted_again_as_the_address_wants(
    world: World, faltering: Sequence, retries: bool, fragment: str, answers: list[int]
) -> None:
    url = f"{faltering.url}/sms{fragment}"
    world.change(lambda d: d["twilio"].update(sms_url=url, retries=retries))
    told = world.text(sender=JULIE, recipient=SHOP_NUMBER, body="Bonjour")
    assert [answer["status"] for answer in told["answers"]] == answers
    assert told["status"] == answers[-1]
    assert [w["status"] for w in world.state()["webhooks"]] == answers
    tokens = {headers["I-Twilio-Idempotency-Token"] for _, headers, _ in faltering.received}
    assert len(tokens) == 1
    channel = world.connect("twilio")
    ids = {channel.verify(SignedRequest("POST", *r)).provider_id for r in faltering.received}
    assert ids == {told["sid"]}


def test_a_door_that_nobody_opens_is_knocked_at_again(world: World) -> None:
    url = "http://127.0.0.1:9/sms"
    world.change(lambda d: d["twilio"].update(sms_url=url, retries=True))
    told = world.text(sender=JULIE, recipient=SHOP_NUMBER, body="Bonjour")
    assert [answer["error"] for answer in told["answers"]] == ["ConnectionError"] * 2
    assert told["status"] is None


# --- the world's document and clock ------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"colour": "blue"}, "colour"),
        ({"media": [{"name": "../../etc/passwd"}]}, "picture.png"),
        ({"media": [{"type": "image/png", "content_base64": "§"}]}, "base64"),
        ({"media": [{"type": "image/png", "content_base64": ""}]}, "content"),
        ({"media": [{"content_base64": "eA=="}]}, "type"),
        ({"media": [{"name": "picture.png"}] * 11}, "at most 10"),
        ({"media": {"name": "picture.png"}}, "list"),
        ({"media": ["picture.png"]}, "name"),
        ({"profile_name": 7}, "profile_name"),
        ({"fields": [1]}, "fields"),
    ],
)
def test_a_message_that_nobody_could_send_is_refused_by_name(
    world: World, message: dict[str, Any], told: str
) -> None:
    world.change(lambda d: d["twilio"].update(sms_url="http://127.0.0.1:9/sms"))
    document = {"from": JULIE, "to": SHOP_NUMBER, "body": "Bonjour", **message}
    answer = requests.post(f"{world.url}/twilio/inbound", json=document, timeout=5)
    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert world.state()["messages"] == []


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({"sid": "HX1"}, "HX1"),
        ({"sid": "HX" + "0" * 32, "approval": "maybe"}, "approval"),
        ({"sid": "HX" + "0" * 32, "colour": "blue"}, "colour"),
    ],
)
def test_a_template_that_cannot_be_makes_no_world(
    world: World, template: dict[str, str], told: str
) -> None:
    document = make_document()
    document["twilio"]["templates"] = [template]
    answer = requests.put(world.url, json=document, timeout=5)
    assert (answer.status_code, told in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize("offset", ["1", None, True, 1e12])
def test_a_clock_is_set_by_a_number_of_seconds(world: World, offset: Any) -> None:
    body = {"offset_seconds": offset}
    assert requests.put(f"{world.url}/clock", json=body, timeout=5).status_code == 400
    assert world.state()["clock_offset"] == 0


def test_the_carriers_own_dates_do_not_move_with_the_worlds_clock(world: World) -> None:
    """The product asks what became of a message in real time, whatever a demo plays."""
    world.set_clock(-60 * 86400)
    world.connect("twilio").send(outbound(channel="sms"))
    (message,) = world.state()["messages"]
    assert message["dated"][:10] < message["at"][:10]


def test_what_the_carrier_remembers_survives_a_restart(tmp_path: Path, world: World) -> None:
    """And so does a world written before there was anything to remember."""
    worlds = Worlds(tmp_path)
    kept = worlds.replace("kept", make_document())
    with kept.lock:
        kept.state["opted_out"].append(JULIE)
        kept.touch()
    worlds.save()
    old = json.loads((tmp_path / "kept.json").read_text("utf-8"))
    for name in ("opted_out", "windows", "templates", "media", "clock_offset"):
        del old[name]
    (tmp_path / "old.json").write_text(json.dumps(old), "utf-8")
    again = Worlds(tmp_path)
    remembered, forgetful = again.get("kept"), again.get("old")
    assert remembered is not None
    assert forgetful is not None
    assert remembered.state["opted_out"] == [JULIE]
    assert (forgetful.state["opted_out"], forgetful.state["windows"]) == ([], {})


def test_the_page_shows_templates_and_that_something_came_with_a_message(world: World) -> None:
    template = {"sid": "HX" + "0" * 32, "name": "rappel", "body": "Bonjour {{1}}"}
    world.change(
        lambda d: d["twilio"].update(
            sms_url="http://127.0.0.1:9/sms", templates=[{**template, "approval": "pending"}]
        )
    )
    world.text(sender=JULIE, recipient=SHOP_NUMBER, media=[{"name": "voice.ogg"}])
    page = requests.get(f"{world.url}/", timeout=5).text
    assert "1 pièce jointe" in page
    assert "Bonjour {{1}}" in page
    assert "en attente" in page
