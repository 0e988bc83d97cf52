"""WhatsApp and media through Twilio: what people send, templates, windows, opting out."""

from __future__ import annotations

import base64
import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import vendor_contracts
from openapi_core.exceptions import OpenAPIError
from sandbox_world import JULIE, SHOP_NUMBER, Door, Tape, World, wait_until

from connectors.channels import (
    InboundMessage,
    MessageTemplate,
    OutboundMessage,
    SignedRequest,
    StatusReport,
)
from connectors.errors import Refused

FROM = f"whatsapp:{JULIE}"
TO = f"whatsapp:{SHOP_NUMBER}"
SERVICE = "MG" + "0" * 32
REMINDER = "HX" + "a" * 32
DRAFT = "HX" + "b" * 32
TEMPLATES = [
    {
        "sid": REMINDER,
        "name": "rappel_reservation",
        "language": "fr",
        "body": "Bonjour {{1}}, votre {{article}} vous attend jusqu'à {{3}}.",
        "variables": {"3": "18 h"},
        "approval": "approved",
    },
    {"sid": DRAFT, "name": "nouveautes", "body": "Les nouveautés !", "approval": "pending"},
]


@pytest.fixture
def shop(world: World, door: Door) -> World:
    """A shop on WhatsApp, with templates, that hears what the carrier says."""
    url = f"{door.url}/twilio"
    world.change(lambda d: d["twilio"].update(sms_url=url, templates=TEMPLATES))
    return world


def outbound(text: str = "Bonjour Julie !", **changes: Any) -> OutboundMessage:
    given = {
        "id": 7,
        "channel": "whatsapp",
        "sender": SHOP_NUMBER,
        "recipient": JULIE,
        "text": text,
        "status_url": "",
        **changes,
    }
    return OutboundMessage(**given)


def received(door: Door, n: int = -1) -> SignedRequest:
    url, headers, body = door.received[n]
    return SignedRequest("POST", url, headers, body)


def read(world: World, door: Door, n: int = -1) -> InboundMessage:
    """What the door was sent, verified."""
    channel, request = world.connect("twilio"), received(door, n)
    assert channel.verify(request).kind == "message"
    (message,) = channel.read(request)
    assert isinstance(message, InboundMessage)
    return message


def heard(world: World, door: Door, n: int = -1) -> StatusReport:
    channel, request = world.connect("twilio"), received(door, n)
    assert channel.verify(request).kind == "status"
    (report,) = channel.read(request)
    assert isinstance(report, StatusReport)
    return report


# --- what people send --------------------------------------------------------------------


def test_a_text_says_who_wrote_and_by_what_name(shop: World, door: Door) -> None:
    shop.text(sender=FROM, recipient=TO, body="Bonjour", profile_name="Julie 🌷")
    message = read(shop, door)
    assert (message.channel, message.sender, message.recipient) == ("whatsapp", JULIE, SHOP_NUMBER)
    assert message.text == "Bonjour"
    assert message.extra["profile_name"] == "Julie 🌷"
    assert message.extra["message_type"] == "text"


@pytest.mark.parametrize(
    ("name", "kind", "starts", "said"),
    [
        ("picture.png", "image/png", b"\x89PNG", "image"),
        ("voice.ogg", "audio/ogg", b"OggS", "audio"),
        ("document.pdf", "application/pdf", b"%PDF", "document"),
    ],
)
def test_media_are_named_in_the_message_and_fetched_from_twilio(
    shop: World, door: Door, name: str, kind: str, starts: bytes, said: str
) -> None:
    shop.text(sender=FROM, recipient=TO, media=[{"name": name}])
    message = read(shop, door)
    (attachment,) = message.attachments
    assert (message.text, message.extra["message_type"]) == ("", said)
    assert attachment.content_type == kind
    fetched = shop.connect("twilio").fetch_media(attachment, 10_000)
    assert fetched.content_type == kind
    assert fetched.content.startswith(starts)
    assert not any(key.startswith("Media") for key in message.extra)


def test_several_media_of_a_text_message_come_in_their_order(shop: World, door: Door) -> None:
    media = [
        {"type": "image/jpeg", "content_base64": base64.b64encode(content).decode()}
        for content in (b"\xff\xd8\xff one", b"\xff\xd8\xff two")
    ]
    answer = shop.text(sender=JULIE, recipient=SHOP_NUMBER, body="Comme ça", media=media)
    message = read(shop, door)
    assert answer["sid"].startswith("MM")
    assert (message.channel, message.text) == ("sms", "Comme ça")
    channel = shop.connect("twilio")
    contents = [channel.fetch_media(a, 100).content for a in message.attachments]
    assert contents == [b"\xff\xd8\xff one", b"\xff\xd8\xff two"]


def test_a_button_says_its_text_and_what_it_stands_for(shop: World, door: Door) -> None:
    said = {"button": "confirm:42", "button_text": "Je la garde", "replied_to": "SM" + "c" * 32}
    shop.text(sender=FROM, recipient=TO, **said)
    message = read(shop, door)
    assert (message.text, message.extra["button"]) == ("Je la garde", "confirm:42")
    assert message.extra["original_replied_message_sid"] == "SM" + "c" * 32
    shop.text(sender=FROM, recipient=TO, body="", **said)
    assert read(shop, door).text == "Je la garde"


def test_a_line_of_a_list_says_its_title_and_what_it_stands_for(shop: World, door: Door) -> None:
    shop.text(sender=FROM, recipient=TO, body="", list_id="size-38", list_title="Taille 38")
    message = read(shop, door)
    assert (message.text, message.extra["button"]) == ("Taille 38", "size-38")
    assert message.extra["message_type"] == "interactive"


def test_a_place_has_no_text_but_where_it_is(shop: World, door: Door) -> None:
    place = {"latitude": 48.8566, "longitude": 2.3522, "address": "24 rue de Rivoli"}
    shop.text(sender=FROM, recipient=TO, label="Élégance Paris", **place)
    message = read(shop, door)
    assert message.text == ""
    assert (message.extra["latitude"], message.extra["longitude"]) == ("48.8566", "2.3522")
    assert message.extra["address"] == "24 rue de Rivoli"
    assert message.extra["label"] == "Élégance Paris"


def test_a_sender_without_a_telephone_number_is_given_as_twilio_gives_it(
    shop: World, door: Door
) -> None:
    shop.text(recipient=TO, body="Bonjour", external_user_id="ID.987654321")
    message = read(shop, door)
    assert (message.channel, message.sender) == ("whatsapp", "ID.987654321")
    shop.connect("twilio").send(outbound(recipient=message.sender))
    assert shop.state()["messages"][-1]["to"] == "whatsapp:ID.987654321"
    assert shop.state()["messages"][-1]["status"] == "sent"


def test_a_number_goes_before_the_id_that_comes_with_it(shop: World, door: Door) -> None:
    shop.text(sender=FROM, recipient=TO, body="Bonjour", external_user_id="ID.987654321")
    message = read(shop, door)
    assert message.sender == JULIE
    assert message.extra["external_user_id"] == "ID.987654321"


def test_a_sender_that_is_only_an_id_is_enough(shop: World, door: Door) -> None:
    shop.text(sender="", recipient=TO, body="Bonjour", fields={"ExternalUserId": "whatsapp:ID.1"})
    assert (read(shop, door).channel, read(shop, door).sender) == ("whatsapp", "ID.1")


def test_what_is_forwarded_or_unknown_is_kept(shop: World, door: Door) -> None:
    new = {"SomethingNew": "whatsapp:later"}
    shop.text(sender=FROM, recipient=TO, body="Voyez", forwarded=True, fields=new)
    extra = read(shop, door).extra
    assert (extra["forwarded"], extra["SomethingNew"]) == ("true", "whatsapp:later")


def test_a_messaging_service_says_that_someone_opts_out(shop: World, door: Door) -> None:
    fields = {"MessagingServiceSid": SERVICE, "OptOutType": "STOP"}
    shop.text(sender=JULIE, recipient=SHOP_NUMBER, body="STOP", fields=fields)
    assert read(shop, door).extra["opt_out_type"] == "STOP"


# --- templates ---------------------------------------------------------------------------


def test_templates_are_listed_with_their_approval(shop: World) -> None:
    reminder, draft = shop.connect("twilio").list_templates()
    body = "Bonjour {{1}}, votre {{article}} vous attend jusqu'à {{3}}."
    assert reminder == MessageTemplate(REMINDER, "rappel_reservation", "fr", body, "approved")
    assert (draft.id, draft.approval) == (DRAFT, "pending")


@pytest.mark.parametrize(
    ("said", "approval"),
    [
        ("received", "pending"),
        ("rejected", "rejected"),
        ("paused", "rejected"),
        ("disabled", "rejected"),
        ("unsubmitted", "unsubmitted"),
    ],
)
def test_only_what_whatsapp_approves_is_approved(world: World, said: str, approval: str) -> None:
    template = {**TEMPLATES[0], "approval": said}
    world.change(lambda d: d["twilio"].update(templates=[template]))
    (found,) = world.connect("twilio").list_templates()
    assert found.approval == approval


def test_a_template_is_sent_without_text_and_read_with_its_variables(shop: World) -> None:
    message = outbound(
        "", template=REMINDER, variables={"1": "Julie d'Été", "article": "« Robe » 🌷"}
    )
    sent = shop.connect("twilio").send(message)
    (kept,) = shop.state()["messages"]
    assert kept["body"] == "Bonjour Julie d'Été, votre « Robe » 🌷 vous attend jusqu'à 18 h."
    assert (kept["sid"], kept["content_sid"]) == (sent.provider_id, REMINDER)
    assert kept["status"] == "sent"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"template": "HX" + "0" * 32}, "21655"),
        ({"template": REMINDER, "variables": {"1": ""}}, "21656"),
    ],
)
def test_a_template_that_cannot_be_is_refused(
    shop: World, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as caught:
        shop.connect("twilio").send(outbound("", **changes))
    assert caught.value.code == code


def test_a_template_that_was_taken_is_found_by_its_variables(shop: World) -> None:
    channel, began = shop.connect("twilio"), datetime.now(UTC)
    message = outbound("", template=REMINDER, variables={"1": "Julie", "article": "robe"})
    other = outbound("", template=REMINDER, variables={"1": "Julie", "article": "jupe"})
    sent = channel.send(message)
    assert channel.find_sent(message, began) == sent
    assert channel.find_sent(other, began) is None


def test_a_check_finds_a_template_outside_the_contract(
    specs: Path, shop: World, tape: Tape
) -> None:
    """A check that cannot fail checks nothing."""
    shop.connect("twilio").list_templates()
    listed = tape.exchanges[-1]
    assert listed.url.startswith("/v1/ContentAndApprovals?")
    vendor_contracts.check(listed)
    for wrong in ((b'"language"', b'"tongue"'), (b'"HXaaa', b'"HYaaa')):
        with pytest.raises((AssertionError, OpenAPIError)):
            vendor_contracts.check(
                dataclasses.replace(listed, answer=listed.answer.replace(*wrong))
            )


# --- the 24 hours ------------------------------------------------------------------------


def test_a_window_opens_when_someone_writes_and_shuts_a_day_later(shop: World, door: Door) -> None:
    channel = shop.connect("twilio")
    status = {"status_url": f"{door.url}/status?message=7"}
    channel.send(outbound(**status))
    wait_until(lambda: len(door.received) == 1)
    assert (heard(shop, door).state, heard(shop, door).code) == ("failed", "63016")
    shop.text(sender=FROM, recipient=TO, body="Bonjour")
    channel.send(outbound(**status))
    shop.set_clock(23 * 3600 + 3590)
    channel.send(outbound(**status))
    states = [m["status"] for m in shop.state()["messages"] if m["direction"] != "inbound"]
    assert states == ["failed", "sent", "sent"]
    shop.set_clock(24 * 3600)
    channel.send(outbound(**status))
    wait_until(lambda: len(door.received) == 3)
    assert heard(shop, door) == StatusReport(
        shop.state()["messages"][-1]["sid"], 7, "failed", "63016"
    )


def test_the_window_is_that_of_the_number_written_to(shop: World) -> None:
    shop.text(sender=FROM, recipient=TO, body="Bonjour")
    channel = shop.connect("twilio")
    channel.send(outbound(sender="+33939000000"))
    channel.send(outbound(recipient="+33612457896"))
    channel.send(outbound(sender=SERVICE))
    states = [m["status"] for m in shop.state()["messages"] if m["direction"] != "inbound"]
    assert states == ["failed", "failed", "sent"]


def test_outside_the_window_an_approved_template_passes_and_another_does_not(
    shop: World,
) -> None:
    channel = shop.connect("twilio")
    full = {"1": "Julie", "article": "robe"}
    channel.send(outbound("", template=REMINDER, variables=full))
    channel.send(outbound("", template=DRAFT))
    channel.send(outbound("", template=REMINDER, variables={"1": "Julie"}))
    codes = [m["error_code"] for m in shop.state()["messages"]]
    assert codes == [None, 63016, 63028]


def test_a_text_message_has_no_window(shop: World) -> None:
    shop.connect("twilio").send(outbound(channel="sms"))
    assert shop.state()["messages"][0]["status"] == "sent"


def test_a_read_receipt_is_heard(shop: World, door: Door) -> None:
    shop.text(sender=FROM, recipient=TO, body="Bonjour")
    shop.connect("twilio").send(outbound(status_url=f"{door.url}/status?message=7"))
    shop.report(to=JULIE, status="read")
    report = heard(shop, door)
    assert (report.message_id, report.state, report.stops) == (7, "read", "")


# --- opting out --------------------------------------------------------------------------


def test_a_number_that_opted_out_is_refused_at_once(world: World) -> None:
    world.change(lambda d: d["twilio"].update(opted_out=[JULIE]))
    with pytest.raises(Refused) as caught:
        world.connect("twilio").send(outbound(channel="sms"))
    assert caught.value.code == "21610"
    assert world.state()["messages"] == []


def test_a_messaging_service_says_so_later(world: World, door: Door) -> None:
    world.change(lambda d: d["twilio"].update(opted_out=[JULIE]))
    status_url = f"{door.url}/status?message=7"
    sent = world.connect("twilio").send(
        outbound(channel="sms", sender=SERVICE, status_url=status_url)
    )
    wait_until(lambda: len(door.received) == 1)
    expected = StatusReport(sent.provider_id, 7, "failed", "21610", stops="opted_out")
    assert heard(world, door) == expected


def test_twilio_answers_stop_itself_where_it_is_told_to(world: World, door: Door) -> None:
    url = f"{door.url}/sms"
    world.change(lambda d: d["twilio"].update(sms_url=url, handles_opt_out=True))
    channel = world.connect("twilio")
    world.text(sender=JULIE, recipient=SHOP_NUMBER, body=" Stop ")
    assert read(world, door).text == " Stop "
    assert world.state()["opted_out"] == [JULIE]
    confirmation = world.state()["messages"][-1]
    assert (confirmation["to"], confirmation["direction"]) == (JULIE, "outbound-reply")
    with pytest.raises(Refused):
        channel.send(outbound(channel="sms"))
    fields = {"MessagingServiceSid": SERVICE}
    world.text(sender=JULIE, recipient=SHOP_NUMBER, body="START", fields=fields)
    assert read(world, door).extra["opt_out_type"] == "START"
    assert world.state()["opted_out"] == []
    channel.send(outbound(channel="sms"))


def test_stop_is_left_to_us_where_twilio_is_not_told_to(shop: World, door: Door) -> None:
    shop.text(sender=JULIE, recipient=SHOP_NUMBER, body="STOP")
    assert shop.state()["opted_out"] == []
    assert len(shop.state()["messages"]) == 1
    shop.connect("twilio").send(outbound(channel="sms"))
