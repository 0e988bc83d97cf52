"""Twilio: deliveries, sending, what became of a message."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sandbox_world import AUTH_TOKEN, JULIE, SHOP_NUMBER, Door, World, wait_until

from connectors.channels import (
    InboundMessage,
    OutboundMessage,
    Receipt,
    Sent,
    SignedRequest,
    StatusReport,
)
from connectors.errors import BadSignature, OutcomeUnknown, Refused, Unavailable, UnknownEvent
from connectors.sandbox.carrier import sign
from connectors.twilio.channel import Config, TwilioChannel

DOOR = "https://coccinelle.example/webhooks/twilio/1"

# As captured on a French number: eight of the fields are empty, and signed.
FRENCH_SMS = {
    "ToCountry": "FR",
    "ToState": "",
    "SmsMessageSid": "SM" + "a" * 32,
    "NumMedia": "0",
    "ToCity": "",
    "FromZip": "",
    "SmsSid": "SM" + "a" * 32,
    "FromState": "",
    "SmsStatus": "received",
    "FromCity": "",
    "Body": "Bonjour, la robe fleurie bleue postée hier, vous l'avez en 38 ?",
    "FromCountry": "FR",
    "To": SHOP_NUMBER,
    "ToZip": "",
    "NumSegments": "1",
    "MessageSid": "SM" + "a" * 32,
    "AccountSid": "AC" + "0123456789abcdef" * 2,
    "From": JULIE,
    "ApiVersion": "2010-04-01",
}


@pytest.fixture
def channel() -> TwilioChannel:
    """For what asks nothing outside."""
    return TwilioChannel(Config(account_sid="AC" + "0" * 32, auth_token=AUTH_TOKEN))


def deliver(
    fields: dict[str, str], url: str = DOOR, token: str = AUTH_TOKEN, **headers: str
) -> SignedRequest:
    return SignedRequest(
        method="POST",
        url=url,
        headers={"X-Twilio-Signature": sign(token, url, fields), **headers},
        body=urlencode(fields).encode(),
    )


def outbound(text: str = "Bonjour Julie !", **changes: Any) -> OutboundMessage:
    given = {
        "id": 7,
        "channel": "sms",
        "sender": SHOP_NUMBER,
        "recipient": JULIE,
        "text": text,
        "status_url": f"{DOOR}?message=7",
        **changes,
    }
    return OutboundMessage(**given)


# --- deliveries --------------------------------------------------------------------------


def test_the_signature_of_twilios_own_documentation_is_accepted() -> None:
    """The example of https://www.twilio.com/docs/usage/security."""
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert sign("12345", url, fields) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_a_signed_sms_is_received_and_read(channel: TwilioChannel) -> None:
    request = deliver(FRENCH_SMS)
    assert channel.verify(request) == Receipt(provider_id="SM" + "a" * 32, kind="message")
    (message,) = channel.read(request)
    assert isinstance(message, InboundMessage)
    assert message.channel == "sms"
    assert message.sender == JULIE
    assert message.recipient == SHOP_NUMBER
    assert message.text == FRENCH_SMS["Body"]
    assert message.proven


def test_the_header_of_the_signature_is_found_in_any_case(channel: TwilioChannel) -> None:
    request = deliver(FRENCH_SMS)
    headers = {"x-twilio-signature": request.headers["X-Twilio-Signature"]}
    channel.verify(SignedRequest("POST", request.url, headers, request.body))


def test_empty_fields_are_part_of_what_is_signed(channel: TwilioChannel) -> None:
    filled = {k: v for k, v in FRENCH_SMS.items() if v}
    stripped = SignedRequest("POST", DOOR, deliver(FRENCH_SMS).headers, urlencode(filled).encode())
    with pytest.raises(BadSignature):
        channel.verify(stripped)


def test_a_field_that_twilio_adds_one_day_is_signed_and_kept(channel: TwilioChannel) -> None:
    request = deliver({**FRENCH_SMS, "SomethingNew": "later"})
    channel.verify(request)
    (message,) = channel.read(request)
    assert isinstance(message, InboundMessage)
    assert message.extra["SomethingNew"] == "later"


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(deliver(FRENCH_SMS, token="stolen"), id="another token"),
        pytest.param(deliver(FRENCH_SMS, url=f"{DOOR}2"), id="signed for another address"),
        pytest.param(
            SignedRequest(
                "POST",
                DOOR,
                deliver(FRENCH_SMS).headers,
                urlencode({**FRENCH_SMS, "From": "+33600000000"}).encode(),
            ),
            id="another sender",
        ),
        pytest.param(
            SignedRequest("POST", DOOR, {}, urlencode(FRENCH_SMS).encode()), id="not signed"
        ),
        pytest.param(
            SignedRequest("POST", DOOR, {"X-Twilio-Signature": ""}, b""), id="nothing at all"
        ),
        pytest.param(
            SignedRequest("POST", DOOR, {"X-Twilio-Signature": "é"}, b"a=1&" * 600),
            id="a flood of fields",
        ),
    ],
)
def test_a_forged_delivery_is_refused(channel: TwilioChannel, forged: SignedRequest) -> None:
    request = (
        forged if forged.url == DOOR else SignedRequest("POST", DOOR, forged.headers, forged.body)
    )
    with pytest.raises(BadSignature):
        channel.verify(request)


def test_a_repeat_has_the_same_id_and_each_status_its_own(channel: TwilioChannel) -> None:
    report = {"MessageSid": "SM" + "b" * 32, "MessageStatus": "sent", "To": JULIE}
    first, again = deliver(report), deliver(report)
    later = deliver({**report, "MessageStatus": "delivered"})
    assert channel.verify(first) == channel.verify(again)
    assert channel.verify(first).provider_id == "SM" + "b" * 32 + ":sent"
    assert channel.verify(later).provider_id == "SM" + "b" * 32 + ":delivered"
    assert channel.verify(later).kind == "status"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("failed", "failed"),
        ("undelivered", "failed"),
        ("canceled", "failed"),
    ],
)
def test_a_report_tells_our_message_its_state_and_code(
    channel: TwilioChannel, status: str, state: str
) -> None:
    fields = {"MessageSid": "SM" + "b" * 32, "MessageStatus": status, "ErrorCode": "30007"}
    request = deliver(fields, url=f"{DOOR}?message=42")
    channel.verify(request)
    assert channel.read(request) == [
        StatusReport(provider_id="SM" + "b" * 32, message_id=42, state=state, code="30007")  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("status", ["queued", "sending", "accepted", "scheduled"])
def test_a_status_that_says_nothing_new_gives_no_report(
    channel: TwilioChannel, status: str
) -> None:
    assert channel.read(deliver({"MessageSid": "SM1", "MessageStatus": status})) == []


def test_a_report_without_our_id_has_none(channel: TwilioChannel) -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": "sent"}
    for url in (DOOR, f"{DOOR}?message=", f"{DOOR}?message=x", f"{DOOR}?message=²"):
        (report,) = channel.read(deliver(fields, url=url))
        assert isinstance(report, StatusReport)
        assert report.message_id is None


@pytest.mark.parametrize(
    "fields",
    [
        {"MessageSid": "SM1", "MessageStatus": "eaten"},
        {"CallSid": "CA1"},
        {"MessageSid": "SM1"},
        {"MessageSid": "SM1", "From": JULIE},
        {"MessageSid": "SM1", "From": "rcs:julie", "To": SHOP_NUMBER},
    ],
)
def test_an_event_of_an_unknown_kind_is_said_to_be(
    channel: TwilioChannel, fields: dict[str, str]
) -> None:
    with pytest.raises(UnknownEvent):
        channel.verify(deliver(fields))


def test_a_whatsapp_message_has_its_channel_and_its_pictures(channel: TwilioChannel) -> None:
    fields = FRENCH_SMS | {
        "From": f"whatsapp:{JULIE}",
        "To": f"whatsapp:{SHOP_NUMBER}",
        "ProfileName": "Julie",
        "NumMedia": "1",
        "MediaUrl0": "https://api.twilio.com/media/1",
        "MediaContentType0": "image/jpeg",
    }
    (message,) = channel.read(deliver(fields))
    assert isinstance(message, InboundMessage)
    assert (message.channel, message.sender, message.recipient) == ("whatsapp", JULIE, SHOP_NUMBER)
    assert [(a.url, a.content_type) for a in message.attachments] == [
        ("https://api.twilio.com/media/1", "image/jpeg")
    ]
    assert message.extra["profile_name"] == "Julie"


# --- both ends over HTTP -----------------------------------------------------------------


def listen(world: World, door: Door, **more: Any) -> None:
    url = f"{door.url}/sms"
    world.change(lambda document: document["twilio"].update(sms_url=url, **more))


def received(door: Door, n: int = -1) -> SignedRequest:
    url, headers, body = door.received[n]
    return SignedRequest("POST", url, headers, body)


def test_what_the_carrier_posts_is_verified_and_read(world: World, door: Door) -> None:
    listen(world, door)
    answer = world.text(sender=JULIE, recipient=SHOP_NUMBER, body="Vous l'avez en 38 ? 😊 & co")
    assert answer["status"] == 204
    channel = world.connect("twilio")
    receipt = channel.verify(received(door))
    assert receipt.provider_id == answer["sid"]
    (message,) = channel.read(received(door))
    assert message.text == "Vous l'avez en 38 ? 😊 & co"


def test_what_an_address_tells_twilio_itself_is_not_signed(world: World, door: Door) -> None:
    url = f"{door.url}/sms?shop=1#rc=3&rp=all"
    world.change(lambda document: document["twilio"].update(sms_url=url))
    world.text(sender=JULIE, recipient=SHOP_NUMBER, body="Bonjour")
    request = received(door)
    assert request.url == f"{door.url}/sms?shop=1"
    assert world.connect("twilio").verify(request).kind == "message"


def test_a_replay_is_the_very_same_delivery(world: World, door: Door) -> None:
    listen(world, door)
    answer = world.text(sender=JULIE, recipient=SHOP_NUMBER, body="Bonjour", replay=3)
    assert len(answer["answers"]) == 3
    assert len(door.received) == 3
    channel = world.connect("twilio")
    ids = {channel.verify(received(door, n)).provider_id for n in range(3)}
    assert ids == {answer["sid"]}
    assert len({door.received[n][2] for n in range(3)}) == 1


def test_a_report_of_the_carrier_comes_back_with_our_id(world: World, door: Door) -> None:
    listen(world, door)
    channel = world.connect("twilio")
    channel.send(outbound(status_url=f"{door.url}/status?message=7"))
    world.report(to=JULIE, status="undelivered", code="30007")
    channel.verify(received(door))
    (report,) = channel.read(received(door))
    assert (report.message_id, report.state, report.code) == (7, "failed", "30007")


def test_reports_go_out_by_themselves_in_order(world: World, door: Door) -> None:
    listen(world, door, report=True)
    channel = world.connect("twilio")
    channel.send(outbound(status_url=f"{door.url}/status?message=7"))
    wait_until(lambda: len(door.received) == 2)
    reports = [channel.read(received(door, n))[0] for n in (0, 1)]
    assert [r.state for r in reports] == ["sent", "delivered"]


# --- sending -----------------------------------------------------------------------------


def test_a_message_is_handed_over_with_its_status_address(world: World) -> None:
    sent = world.connect("twilio").send(outbound("é" * 161))
    (message,) = world.state()["messages"]
    assert sent == Sent(provider_id=message["sid"], segments=2)
    assert message["to"] == JULIE
    assert message["from"] == SHOP_NUMBER
    assert message["status_callback"] == f"{DOOR}?message=7"


def test_a_messaging_service_has_not_counted_its_segments_yet(world: World) -> None:
    sent = world.connect("twilio").send(outbound(sender="MG" + "0" * 32))
    assert sent.segments is None


def test_a_whatsapp_message_goes_between_whatsapp_addresses(world: World) -> None:
    channel = world.connect("twilio")
    channel.send(outbound(channel="whatsapp"))
    (message,) = world.state()["messages"]
    assert (message["from"], message["to"]) == (f"whatsapp:{SHOP_NUMBER}", f"whatsapp:{JULIE}")
    assert channel.find_sent(outbound(channel="whatsapp"), datetime.now(UTC)) is not None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipient": "0645789012"}, "21211"),
        ({"recipient": "+3300"}, "21211"),
        ({"text": ""}, "21602"),
        ({"text": "x" * 1601}, "21617"),
        ({"recipient": "+33611111111"}, "21610"),
    ],
)
def test_what_twilio_says_no_to_is_refused_with_its_code(
    world: World, changes: dict[str, str], code: str
) -> None:
    world.change(lambda document: document["twilio"].update(refuse={"+33611111111": 21610}))
    with pytest.raises(Refused) as caught:
        world.connect("twilio").send(outbound(**changes))
    assert caught.value.code == code
    assert world.state()["messages"] == []


def test_a_wrong_token_is_refused(world: World) -> None:
    with pytest.raises(Refused) as caught:
        world.connect("twilio", auth_token="wrong").send(outbound())
    assert caught.value.code == "20003"


@pytest.mark.parametrize("mode", ["down", "throttled"])
def test_a_message_that_was_turned_away_may_be_sent_again(world: World, mode: str) -> None:
    world.fail("twilio", mode, times=1)
    channel = world.connect("twilio")
    with pytest.raises(Unavailable) as caught:
        channel.send(outbound())
    assert not isinstance(caught.value, OutcomeUnknown)
    assert world.state()["messages"] == []
    assert channel.send(outbound()).provider_id


def test_a_carrier_that_nobody_reaches_took_nothing(world: World) -> None:
    channel = world.connect("twilio", base_url="http://127.0.0.1:9")
    with pytest.raises(Unavailable) as caught:
        channel.send(outbound())
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize("failure", [{"ms": 600}, {}], ids=["no answer in time", "hung up"])
def test_a_message_taken_without_an_answer_is_unknown_then_found(
    world: World, failure: dict[str, int]
) -> None:
    channel = world.connect("twilio", timeout="0.2")
    world.fail("twilio", "timeout_after", times=1, **failure)
    began = datetime.now(UTC)
    with pytest.raises(OutcomeUnknown):
        channel.send(outbound())
    (message,) = world.state()["messages"]
    assert channel.find_sent(outbound(), began) == Sent(message["sid"], segments=1)


def test_a_message_that_was_not_taken_is_not_found(world: World) -> None:
    channel = world.connect("twilio")
    began = datetime.now(UTC)
    channel.send(outbound("Un autre texte"))
    channel.send(outbound(recipient="+33612457896"))
    channel.send(outbound(sender="+33939000000"))
    assert channel.find_sent(outbound(), began) is None


def test_the_same_text_of_another_day_is_not_taken_for_this_one(world: World) -> None:
    channel = world.connect("twilio")
    channel.send(outbound())
    assert channel.find_sent(outbound(), datetime.now(UTC) + timedelta(hours=1)) is None
    assert channel.find_sent(outbound(), datetime.now(UTC)) is not None


def test_asking_what_became_of_a_message_may_fail_too(world: World) -> None:
    world.fail("twilio", "down", times=1)
    with pytest.raises(Unavailable) as caught:
        world.connect("twilio").find_sent(outbound(), datetime.now(UTC))
    assert not isinstance(caught.value, OutcomeUnknown)


def test_neither_numbers_nor_texts_reach_logs_or_errors(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    channel = world.connect("twilio")
    channel.send(outbound("Un secret"))
    channel.find_sent(outbound("Un secret"), datetime.now(UTC))
    with pytest.raises(Refused) as caught:
        channel.send(outbound("Un secret", recipient="0645789012"))
    said = caplog.text + str(caught.value) + repr(caught.value.__cause__)
    for secret in ("Un secret", "645789012", SHOP_NUMBER[1:]):
        assert secret not in said
