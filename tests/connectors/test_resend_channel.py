"""Resend: deliveries, received mails and their attachments, reports."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resend_world import DOOR, EMAIL_ID, deliver, event, listen, outbound, read_last, taken, write
from sandbox_world import (
    JULIE_MAIL,
    SHOP_MAIL,
    WEBHOOK_SECRET,
    Door,
    World,
    wait_until,
)

from connectors.channels import Attachment, InboundMessage, Receipt, SignedRequest, StatusReport
from connectors.errors import (
    BadConfig,
    BadSignature,
    Refused,
    Unavailable,
    UnknownEvent,
)
from connectors.resend.channel import Config, ResendChannel, name_delivery
from connectors.resend.client import download


@pytest.fixture
def channel() -> ResendChannel:
    """For what asks nothing outside."""
    return ResendChannel(Config(api_key="re_x", webhook_secret=WEBHOOK_SECRET))


# --- deliveries --------------------------------------------------------------------------


def test_an_event_signed_by_svix_is_named_by_its_id(channel: ResendChannel) -> None:
    request = deliver(event(), id="msg_42")
    assert channel.verify(request) == Receipt(provider_id="msg_42", kind="status")
    assert channel.verify(deliver(event(), id="msg_42")) == channel.verify(request)


def test_a_received_mail_is_named_by_its_own_id(channel: ResendChannel) -> None:
    for told in ("msg_1", "msg_2"):
        receipt = channel.verify(deliver(event("email.received"), id=told))
        assert receipt == Receipt(provider_id=EMAIL_ID, kind="message")


def test_headers_are_found_in_any_case_and_one_signature_of_several_is_enough(
    channel: ResendChannel,
) -> None:
    request = deliver(event())
    headers = {name.title(): value for name, value in request.headers.items()}
    headers["Svix-Signature"] = f"v1,{'A' * 43}= {headers['Svix-Signature']}"
    channel.verify(SignedRequest("POST", DOOR, headers, request.body))


GOOD = deliver(event())
EARLIER = str(int(GOOD.headers["svix-timestamp"]) - 1)
FORGED = {
    "another secret": deliver(event(), secret="whsec_" + base64.b64encode(b"x" * 24).decode()),
    "not signed": SignedRequest("POST", DOOR, {}, GOOD.body),
    "nothing at all": SignedRequest("POST", DOOR, {}, b""),
    "another body": SignedRequest("POST", DOOR, GOOD.headers, GOOD.body.replace(b"Robe", b"Jupe")),
    "cut short": SignedRequest("POST", DOOR, GOOD.headers, GOOD.body[:-20]),
    "not UTF-8": SignedRequest("POST", DOOR, GOOD.headers, b"\xff\xfe"),
    "not JSON": deliver(b"{"),
    "another id": SignedRequest("POST", DOOR, {**GOOD.headers, "svix-id": "msg_2"}, GOOD.body),
    "no time": SignedRequest("POST", DOOR, {**GOOD.headers, "svix-timestamp": "soon"}, GOOD.body),
    "not ASCII": SignedRequest("POST", DOOR, {**GOOD.headers, "svix-signature": "v1,é"}, GOOD.body),
    "no version": SignedRequest("POST", DOOR, {**GOOD.headers, "svix-signature": "x"}, GOOD.body),
    "too old": deliver(event(), at=datetime.now(UTC) - timedelta(seconds=310)),
    "too early": deliver(event(), at=datetime.now(UTC) + timedelta(days=1)),
    "a time of its own": SignedRequest(
        "POST", DOOR, {**GOOD.headers, "svix-timestamp": EARLIER}, GOOD.body
    ),
}


@pytest.mark.parametrize("request_", FORGED.values(), ids=list(FORGED))
def test_a_forged_or_stale_delivery_is_refused(
    channel: ResendChannel, request_: SignedRequest
) -> None:
    with pytest.raises(BadSignature):
        channel.verify(request_)


CHANNEL = ResendChannel(Config(api_key="re_x", webhook_secret=WEBHOOK_SECRET))


@settings(max_examples=1500, deadline=None)
@given(
    st.one_of(st.binary(max_size=80), st.just(GOOD.body)),
    st.dictionaries(
        st.sampled_from(["svix-id", "svix-timestamp", "svix-signature", "host"]),
        st.one_of(
            st.text(max_size=40), st.sampled_from([*GOOD.headers.values(), str(int(time.time()))])
        ),
    ),
)
def test_nothing_that_was_not_signed_is_ever_accepted(body: bytes, headers: dict[str, str]) -> None:
    signed = {name: headers.get(name) for name in GOOD.headers}
    if (body, signed) != (GOOD.body, GOOD.headers):
        with pytest.raises(BadSignature):
            CHANNEL.verify(SignedRequest("POST", DOOR, headers, body))


def test_a_delivery_may_be_some_minutes_old(channel: ResendChannel) -> None:
    channel.verify(deliver(event(), at=datetime.now(UTC) - timedelta(seconds=280)))


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all!", "julie-knows-nothing"]
)
def test_a_secret_that_would_verify_nothing_is_no_setting(secret: str) -> None:
    with pytest.raises(BadConfig, match="webhook_secret"):
        ResendChannel(Config(api_key="re_x", webhook_secret=secret))


@pytest.mark.parametrize("kind", ["email.opened", "email.clicked", "contact.created"])
def test_an_event_of_no_use_is_acknowledged(channel: ResendChannel, kind: str) -> None:
    request = deliver({"type": kind, "data": {"id": "1"}})
    assert channel.verify(request).kind == "event"
    assert channel.read(request) == []


@pytest.mark.parametrize(
    "body",
    [
        {"type": "email.eaten", "data": {"email_id": EMAIL_ID}},
        {"type": ["email.sent"]},
        {},
        {"type": "email.received", "data": {"email_id": "../domains"}},
        {"type": "email.received", "data": {}},
        {"type": "email.sent", "data": None},
        {"type": "email.sent", "data": {"email_id": 7}},
    ],
)
def test_an_event_of_an_unknown_kind_is_said_to_be(
    channel: ResendChannel, body: dict[str, Any]
) -> None:
    with pytest.raises(UnknownEvent):
        channel.verify(deliver(body))


def test_a_list_is_no_event(channel: ResendChannel) -> None:
    with pytest.raises(UnknownEvent):
        channel.verify(deliver(b"[]"))


# --- reports -----------------------------------------------------------------------------


def bounce(kind: str, sub: str = "General") -> dict[str, Any]:
    return {"bounce": {"type": kind, "subType": sub, "message": "", "diagnosticCode": "550"}}


@pytest.mark.parametrize(
    ("kind", "data", "report"),
    [
        ("sent", {}, ("sent", "", "")),
        ("delivered", {}, ("delivered", "", "")),
        ("bounced", bounce("Permanent", "NoEmail"), ("failed", "NoEmail", "bounced")),
        ("bounced", bounce("Undetermined"), ("failed", "General", "")),
        ("bounced", {}, ("failed", "bounced", "")),
        ("complained", {}, ("delivered", "", "complained")),
        ("suppressed", {}, ("failed", "suppressed", "bounced")),
        (
            "suppressed",
            {"suppressed": {"reason": "previous_complaint"}},
            ("failed", "suppressed", "complained"),
        ),
        (
            "failed",
            {"failed": {"reason": "reached_daily_quota"}},
            ("failed", "reached_daily_quota", ""),
        ),
        ("failed", {}, ("failed", "failed", "")),
    ],
)
def test_a_report_tells_our_message_its_state_and_whether_to_stop(
    channel: ResendChannel, kind: str, data: dict[str, Any], report: tuple[Any, str, Any]
) -> None:
    state, code, stops = report
    assert channel.read(deliver(event(f"email.{kind}", **data))) == [
        StatusReport(EMAIL_ID, message_id=7, state=state, code=code, stops=stops)
    ]


@pytest.mark.parametrize(
    ("kind", "data"), [("bounced", bounce("Transient", "MailboxFull")), ("delivery_delayed", {})]
)
def test_what_does_not_last_is_no_report(
    channel: ResendChannel, kind: str, data: dict[str, Any]
) -> None:
    assert channel.read(deliver(event(f"email.{kind}", **data))) == []


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"message_id": "7", "more": "x"}, 7),
        ([{"name": "more", "value": "1"}, {"name": "message_id", "value": "7"}], 7),
        (None, None),
        ({}, None),
        ([], None),
        ({"message_id": "²"}, None),
        ("message_id", None),
        ([None], None),
    ],
)
def test_our_id_comes_back_in_tags_of_either_shape(
    channel: ResendChannel, tags: Any, expected: int | None
) -> None:
    (report,) = channel.read(deliver(event(tags=tags)))
    assert isinstance(report, StatusReport)
    assert report.message_id == expected


# --- both ends over HTTP: receiving ------------------------------------------------------


def test_a_mail_that_is_posted_is_verified_and_its_body_asked_for(world: World, door: Door) -> None:
    channel = listen(world, door)
    answer = write(world, cc="ines@example.fr", html="<p>Vous l'avez en 38 ?</p>")
    assert answer["status"] == 204
    assert channel.verify(taken(door)) == Receipt(answer["email_id"], "message")
    message = read_last(channel, door)
    assert (message.provider_id, message.sender) == (answer["email_id"], JULIE_MAIL)
    assert message.recipient == SHOP_MAIL
    assert message.text == "Vous l'avez en 38 ? 😊"
    assert message.proven
    assert not message.automatic
    assert message.extra["message_id"] == answer["message_id"]
    assert message.extra["recipients"] == f"{SHOP_MAIL}, ines@example.fr"
    assert message.extra["html"] == "<p>Vous l'avez en 38 ?</p>"


def test_a_replay_is_the_very_same_mail(world: World, door: Door) -> None:
    channel = listen(world, door)
    write(world, replay=3)
    assert len(door.received) == 3
    assert len({channel.verify(taken(door, n)) for n in range(3)}) == 1


def test_a_delivery_that_is_not_taken_comes_again_signed_anew(world: World, door: Door) -> None:
    channel = listen(world, door, retries=[0.05, 0.05, 30])
    door.status = 503
    write(world)
    wait_until(lambda: len(door.received) == 3)
    assert len({channel.verify(taken(door, n)) for n in range(3)}) == 1
    assert len({headers["Svix-Id"] for _, headers, _ in door.received}) == 1


@pytest.mark.parametrize(("authenticated", "proven"), [(True, True), (False, False), (None, False)])
def test_a_sender_is_proven_when_the_receiving_server_says_so(
    world: World, door: Door, authenticated: bool | None, proven: bool
) -> None:
    channel = listen(world, door)
    write(world, authenticated=authenticated)
    assert read_last(channel, door).proven is proven


def test_of_two_headers_that_vouch_the_servers_own_is_believed(world: World, door: Door) -> None:
    """The API's mapping keeps one value a name: here, the one that the sender wrote."""
    channel = listen(world, door)
    forged = "amazonses.com; dmarc=pass header.from=gmail.com"
    write(world, authenticated=False, headers={"Authentication-Results": forged})
    mail = world.state()["received_mails"][0]
    assert mail["headers"]["authentication-results"] == forged
    assert not read_last(channel, door).proven


def test_without_the_mail_as_it_came_the_mapping_is_believed(world: World, door: Door) -> None:
    channel = listen(world, door)
    write(world, raw=False)
    assert read_last(channel, door).proven
    write(world, raw=False, authenticated=False)
    assert not read_last(channel, door).proven


def test_a_mail_whose_original_is_gone_is_read_but_not_proven(world: World, door: Door) -> None:
    channel = listen(world, door)
    write(world, raw="gone", headers={"Auto-Submitted": "auto-replied"})
    message = read_last(channel, door)
    assert message.text == "Vous l'avez en 38 ? 😊"
    assert not message.proven
    assert message.automatic


def test_an_automatic_mail_is_said_to_be(world: World, door: Door) -> None:
    channel = listen(world, door)
    write(world, headers={"Auto-Submitted": "auto-replied"}, text="Je suis absente.")
    assert read_last(channel, door).automatic
    write(world, sender=SHOP_MAIL)
    assert read_last(channel, door).automatic


def test_an_answer_to_our_mail_names_it(world: World, door: Door) -> None:
    channel = listen(world, door)
    sent = channel.send(outbound())
    quote = "Oui !\n\nLe ven. 20 nov. 2026 à 09:12, Élégance <b@e.fr> a écrit :\n> Bonjour Julie !"
    write(world, in_reply_to=sent.provider_id, references="<0@gmail.com>", text=quote)
    message = read_last(channel, door)
    (mail,) = world.state()["mails"]
    assert message.text == "Oui !"
    assert message.extra["references"] == f"<0@gmail.com> {mail['message_id']}"


def test_a_mail_that_is_not_there_yet_is_asked_for_again(world: World, door: Door) -> None:
    channel = listen(world, door)
    with pytest.raises(Unavailable) as caught:
        channel.read(deliver(event("email.received")))
    assert caught.value.code == "not_found"


def test_what_the_door_missed_is_listed_oldest_first(world: World, door: Door) -> None:
    channel = listen(world, door)
    write(world, subject="avant")
    since = datetime.now(UTC)
    ids = [write(world, subject=str(n))["email_id"] for n in range(3)]
    missed = channel.list_received(since)
    assert [name_delivery(request).provider_id for request in missed] == ids
    assert [name_delivery(request) for request in missed] == [
        channel.verify(taken(door, n)) for n in (-3, -2, -1)
    ]
    (message,) = channel.read(missed[0])
    assert isinstance(message, InboundMessage)
    assert message.subject == "0"


def test_more_than_a_page_was_missed(
    world: World, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.resend.channel.PAGE", 2)
    channel = listen(world, door)
    since = datetime.now(UTC) - timedelta(minutes=1)
    ids = [write(world)["email_id"] for _ in range(5)]
    found = [name_delivery(request).provider_id for request in channel.list_received(since)]
    assert found == ids


# --- attachments -------------------------------------------------------------------------

PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 40


def attach(content: bytes, **more: str) -> dict[str, str]:
    named = {"name": "robe.jpg", "type": "image/jpeg", **more}
    return {**named, "content_base64": base64.b64encode(content).decode()}


def test_attachments_are_fetched_by_their_reference(world: World, door: Door) -> None:
    channel = listen(world, door)
    inline = attach(PICTURE[:2000], content_id="logo", type="image/png")
    pixel = attach(b"GIF89a", content_id="p", type="image/gif")
    write(world, attachments=[attach(PICTURE), inline, pixel])
    found = read_last(channel, door).attachments
    assert [(a.name, a.content_type) for a in found] == [
        ("robe.jpg", "image/jpeg"),
        ("robe.jpg", "image/png"),
    ]
    fetched = channel.fetch_media(found[0], limit=len(PICTURE))
    assert (fetched.content, fetched.content_type) == (PICTURE, "image/jpeg")
    assert channel.fetch_media(found[1], limit=2000).content == PICTURE[:2000]


def test_an_attachment_above_the_limit_is_refused(world: World, door: Door) -> None:
    channel = listen(world, door)
    write(world, attachments=[attach(PICTURE)])
    (attachment,) = read_last(channel, door).attachments
    with pytest.raises(Refused) as caught:
        channel.fetch_media(attachment, limit=len(PICTURE) - 1)
    assert caught.value.code == "too_large"


def test_a_download_stops_at_the_limit_whatever_size_was_announced(
    world: World, door: Door
) -> None:
    channel = listen(world, door)
    write(world, attachments=[attach(PICTURE)])
    (attachment,) = read_last(channel, door).attachments
    url = attachment.url.removeprefix("resend:").partition("/")
    path = world.vendor_url("resend") + f"/files/{url[0]}/{url[2]}?Expires=9999999999"
    with pytest.raises(Refused):
        download(path, 100, 5.0)
    assert download(path, 10, 5.0, until=b"\x00\x01")[0] == PICTURE[:3]
    with pytest.raises(Unavailable) as caught:
        download(path.replace("9999999999", "1"), 100, 5.0)
    assert caught.value.code == "403"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x.jpg",
        f"resend:{EMAIL_ID}",
        f"resend:{EMAIL_ID}/../../domains",
        f"resend:{EMAIL_ID}/{EMAIL_ID}/x",
        "",
    ],
)
def test_only_attachments_of_mails_are_fetched(channel: ResendChannel, url: str) -> None:
    with pytest.raises(Refused):
        channel.fetch_media(Attachment(url, "image/jpeg"), limit=100)


def test_an_attachment_that_is_gone_is_refused(world: World, door: Door) -> None:
    channel = listen(world, door)
    with pytest.raises(Refused) as caught:
        channel.fetch_media(Attachment(f"resend:{EMAIL_ID}/{EMAIL_ID}", ""), limit=100)
    assert caught.value.code == "not_found"


def test_a_download_of_the_real_api_is_https_only() -> None:
    real = ResendChannel(Config(api_key="re_x", webhook_secret=WEBHOOK_SECRET))
    with pytest.raises(Refused, match="https"):
        real._download("http://169.254.169.254/latest", 100)
