"""Resend: deliveries, received mails, sending, what became of a mail."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import resend
from resend.exceptions import ResendError
from sandbox_world import (
    JULIE_MAIL,
    RESEND_KEY,
    SHOP_MAIL,
    WEBHOOK_SECRET,
    Door,
    World,
    wait_until,
)
from svix.webhooks import Webhook

from connectors.errors import (
    BadConfig,
    BadSignature,
    OutcomeUnknown,
    Refused,
    Unavailable,
    UnknownEvent,
)
from connectors.ports import (
    Attachment,
    InboundMessage,
    OutboundMessage,
    Receipt,
    Sent,
    SignedRequest,
    StatusReport,
)
from connectors.resend.channel import Config, ResendChannel, name_delivery
from connectors.resend.client import download

DOOR = "https://coccinelle.example/webhooks/resend/1"
EMAIL_ID = "56761188-7520-42d8-8898-ff6fc54ce618"


@pytest.fixture
def channel() -> ResendChannel:
    """For what asks nothing outside."""
    return ResendChannel(Config(api_key="re_x", webhook_secret=WEBHOOK_SECRET))


def event(kind: str = "email.delivered", **data: Any) -> dict[str, Any]:
    known = {"email_id": EMAIL_ID, "from": SHOP_MAIL, "to": [JULIE_MAIL], "subject": "Robe"}
    known |= {"created_at": "2026-11-20T07:00:00.000Z", "tags": {"message_id": "7"}}
    return {"type": kind, "created_at": "2026-11-20T07:00:00.000Z", "data": {**known, **data}}


def deliver(
    body: dict[str, Any] | bytes,
    *,
    secret: str = WEBHOOK_SECRET,
    id: str = "msg_1",
    at: datetime | None = None,
    **headers: str,
) -> SignedRequest:
    """Signed by Svix's own library."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    at = at or datetime.now(UTC)
    signed = {
        "svix-id": id,
        "svix-timestamp": str(int(at.timestamp())),
        "svix-signature": Webhook(secret).sign(id, at, raw.decode("utf-8", "replace")),
    }
    return SignedRequest("POST", DOOR, {**signed, **headers}, raw)


def outbound(text: str = "Bonjour Julie !", **changes: Any) -> OutboundMessage:
    given = {
        "id": 7,
        "channel": "email",
        "sender": SHOP_MAIL,
        "sender_name": "Élégance Paris",
        "recipient": JULIE_MAIL,
        "text": text,
        "subject": "Re: Robe",
        "status_url": "",
        "key": f"message-{uuid4()}",
        **changes,
    }
    return OutboundMessage(**given)


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
    "too early": deliver(event(), at=datetime.now(UTC) + timedelta(seconds=330)),
    "a time of its own": SignedRequest(
        "POST", DOOR, {**GOOD.headers, "svix-timestamp": str(int(time.time()) - 1)}, GOOD.body
    ),
}


@pytest.mark.parametrize("request_", FORGED.values(), ids=list(FORGED))
def test_a_forged_or_stale_delivery_is_refused(
    channel: ResendChannel, request_: SignedRequest
) -> None:
    with pytest.raises(BadSignature):
        channel.verify(request_)


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


def listen(world: World, door: Door, **more: Any) -> ResendChannel:
    url = f"{door.url}/mail"
    world.change(lambda document: document["mail"].update(url=url, **more))
    found = world.connect("resend")
    assert isinstance(found, ResendChannel)
    return found


def taken(door: Door, n: int = -1) -> SignedRequest:
    url, headers, body = door.received[n]
    return SignedRequest("POST", url, headers, body)


def write(world: World, **changes: Any) -> dict[str, Any]:
    given = {
        "sender": f"Julie Mercier <{JULIE_MAIL}>",
        "recipient": SHOP_MAIL,
        "subject": "Robe fleurie",
        "text": "Vous l'avez en 38 ? 😊",
        **changes,
    }
    return world.mail(**given)


def read_last(channel: ResendChannel, door: Door) -> InboundMessage:
    channel.verify(taken(door))
    (message,) = channel.read(taken(door))
    assert isinstance(message, InboundMessage)
    return message


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


# --- sending -----------------------------------------------------------------------------


def test_a_mail_is_handed_over_with_its_thread_its_tag_and_its_key(world: World) -> None:
    message = outbound(
        html="<p>Bonjour</p>",
        in_reply_to="<2@gmail.com>",
        references=("<1@gmail.com>", "<2@gmail.com>"),
        unsubscribe=("https://c.example/unsubscribe/x", "stop@c.example"),
        media_urls=("https://c.example/media/%C3%A9tiquette.pdf?t=1",),
    )
    sent = world.connect("resend").send(message)
    (mail,) = world.state()["mails"]
    assert sent == Sent(provider_id=mail["id"])
    assert mail["from"] == f"Élégance Paris <{SHOP_MAIL}>"
    assert (mail["to"], mail["subject"]) == ([JULIE_MAIL], "Re: Robe")
    assert (mail["text"], mail["html"]) == ("Bonjour Julie !", "<p>Bonjour</p>")
    assert mail["key"] == message.key
    assert mail["tags"] == [{"name": "message_id", "value": "7"}]
    assert mail["headers"] == {
        "In-Reply-To": "<2@gmail.com>",
        "References": "<1@gmail.com> <2@gmail.com>",
        "List-Unsubscribe": "<https://c.example/unsubscribe/x>, <mailto:stop@c.example>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }
    (attached,) = mail["attachments"]
    assert attached["filename"] == "étiquette.pdf"


def test_one_click_needs_an_address_on_the_web(world: World) -> None:
    world.connect("resend").send(outbound(unsubscribe=("mailto:stop@c.example",)))
    (mail,) = world.state()["mails"]
    assert "List-Unsubscribe-Post" not in mail["headers"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Élégance Paris", f"Élégance Paris <{SHOP_MAIL}>"),
        ("Élégance, Paris", f'"Élégance, Paris" <{SHOP_MAIL}>'),
        ('Julie "la" Mercier', f'"Julie \\"la\\" Mercier" <{SHOP_MAIL}>'),
        ("Paris\r\nBcc: x@evil.fr", f'"Paris Bcc: x@evil.fr" <{SHOP_MAIL}>'),
        ("", SHOP_MAIL),
    ],
)
def test_the_senders_name_is_quoted_where_it_must_be(world: World, name: str, shown: str) -> None:
    world.connect("resend").send(outbound(sender_name=name, subject="a\r\nBcc: x@evil.fr"))
    (mail,) = world.state()["mails"]
    assert mail["from"] == shown
    assert mail["subject"] == "a Bcc: x@evil.fr"


def test_a_sender_that_is_no_address_is_refused(channel: ResendChannel) -> None:
    for sender in ("elegance", "a b@x.fr", "a@x.fr\nBcc: b@x.fr", ""):
        with pytest.raises(Refused):
            channel.send(outbound(sender=sender))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipient": "julie"}, "validation_error"),
        ({"text": ""}, "missing_required_field"),
        ({"subject": ""}, "missing_required_field"),
        ({"sender": "x@autre-domaine.fr"}, "validation_error"),
    ],
)
def test_what_resend_says_no_to_is_refused_with_its_code(
    world: World, changes: dict[str, str], code: str
) -> None:
    world.change(lambda document: document["mail"].update(domains=["elegance-paris.fr"]))
    with pytest.raises(Refused) as caught:
        world.connect("resend").send(outbound(**changes))
    assert caught.value.code == code
    assert world.state()["mails"] == []


def test_the_same_mail_under_the_same_key_goes_out_once(world: World) -> None:
    channel, message = world.connect("resend"), outbound()
    assert channel.send(message) == channel.send(message)
    assert len(world.state()["mails"]) == 1
    channel.send(outbound())
    assert len(world.state()["mails"]) == 2


def test_a_key_with_another_mail_is_refused(world: World) -> None:
    channel = world.connect("resend")
    channel.send(outbound(key="k"))
    with pytest.raises(Refused) as caught:
        channel.send(outbound("Autre chose", key="k"))
    assert caught.value.code == "invalid_idempotent_request"


# --- when it fails -----------------------------------------------------------------------


@pytest.mark.parametrize("failure", [{"ms": 600}, {}], ids=["no answer in time", "hung up"])
def test_a_mail_taken_without_an_answer_is_unknown_then_found(
    world: World, failure: dict[str, int]
) -> None:
    channel, message = world.connect("resend", timeout="0.2"), outbound()
    world.fail("resend", "timeout_after", times=1, **failure)
    began = datetime.now(UTC)
    with pytest.raises(OutcomeUnknown):
        channel.send(message)
    (mail,) = world.state()["mails"]
    assert channel.find_sent(message, began) == Sent(mail["id"])
    assert len(world.state()["mails"]) == 1


def test_a_mail_that_was_not_taken_goes_out_when_it_is_asked_about(world: World) -> None:
    channel, message = world.connect("resend"), outbound()
    world.fail("resend", "failed_attempt", times=1)
    with pytest.raises(OutcomeUnknown) as caught:
        channel.send(message)
    assert caught.value.code == "application_error"
    assert world.state()["mails"] == []
    found = channel.find_sent(message, datetime.now(UTC))
    (mail,) = world.state()["mails"]
    assert found == Sent(mail["id"])


def test_a_mail_still_being_sent_is_asked_about_later(world: World) -> None:
    message = outbound()
    world.fail("resend", "slow", ms=600, times=1)
    slow = threading.Thread(target=world.connect("resend").send, args=[message])
    slow.start()
    channel = world.connect("resend")
    wait_until(lambda: world.state()["requests"].get("resend") == 1)
    with pytest.raises(Unavailable) as caught:
        channel.find_sent(message, datetime.now(UTC))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert caught.value.code == "concurrent_idempotent_requests"
    assert caught.value.retry_after == 1.0
    slow.join()
    assert channel.find_sent(message, datetime.now(UTC)) is not None
    assert len(world.state()["mails"]) == 1


@pytest.mark.parametrize("changes", [{"key": ""}, {}], ids=["no key", "too old"])
def test_what_resend_does_not_remember_is_never_sent_again(
    world: World, changes: dict[str, str]
) -> None:
    began = datetime.now(UTC) - timedelta(0 if changes else 1)
    with pytest.raises(Refused):
        world.connect("resend").find_sent(outbound(**changes), began)
    assert "resend" not in world.state()["requests"]


@pytest.mark.parametrize(
    ("mode", "code"), [("down", "service_unavailable"), ("throttled", "rate_limit_exceeded")]
)
def test_a_mail_that_was_turned_away_may_be_sent_again(world: World, mode: str, code: str) -> None:
    world.fail("resend", mode, times=1)
    channel, message = world.connect("resend"), outbound()
    with pytest.raises(Unavailable) as caught:
        channel.send(message)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert caught.value.code == code
    assert caught.value.retry_after == 1.0
    assert world.state()["mails"] == []
    assert channel.send(message).provider_id


def test_a_team_may_only_ask_so_often(world: World) -> None:
    world.change(lambda document: document["mail"].update(rate=3))
    channel = world.connect("resend")
    time.sleep(1.01 - time.time() % 1)  # at the start of one of its seconds
    for _ in range(3):
        channel.send(outbound())
    with pytest.raises(Unavailable) as caught:
        channel.send(outbound())
    time.sleep(caught.value.retry_after or 0)
    channel.send(outbound())
    assert len(world.state()["mails"]) == 4


def test_a_carrier_that_nobody_reaches_took_nothing(world: World) -> None:
    with pytest.raises(Unavailable) as caught:
        world.connect("resend", base_url="http://127.0.0.1:9").send(outbound())
    assert not isinstance(caught.value, OutcomeUnknown)


def test_an_answer_that_is_no_json_is_no_outcome(door: Door) -> None:
    door.status = 200
    settings = {"api_key": "re_x", "webhook_secret": WEBHOOK_SECRET, "base_url": door.url}
    with pytest.raises(OutcomeUnknown):
        ResendChannel(Config(**settings)).send(outbound())


def test_reports_go_out_by_themselves_in_order(world: World, door: Door) -> None:
    channel = listen(world, door, report=True)
    channel.send(outbound())
    channel.send(outbound(recipient="bounced@resend.dev"))
    wait_until(lambda: len(door.received) == 4)
    reports = [channel.read(taken(door, n))[0] for n in range(4)]
    fates = [r.state for r in reports if isinstance(r, StatusReport) and not r.stops]
    assert sorted(fates) == ["delivered", "sent", "sent"]
    assert [r.stops for r in reports if isinstance(r, StatusReport) and r.stops] == ["bounced"]


def test_a_server_reports_on_the_last_mail_to_an_address(world: World, door: Door) -> None:
    channel = listen(world, door)
    sent = channel.send(outbound(id=9))
    world.mail_report(to=JULIE_MAIL, event="complained")
    channel.verify(taken(door))
    assert channel.read(taken(door)) == [
        StatusReport(sent.provider_id, 9, "delivered", stops="complained")
    ]
    assert world.state()["mails"][0]["last_event"] == "complained"


# --- several teams in one process --------------------------------------------------------


def test_no_teams_key_is_ever_used_for_another(world: World) -> None:
    """Each world knows one key: a mail under another's would be refused."""
    names = [f"team-{n}-{uuid4().hex[:6]}" for n in range(4)]
    base = world.url.rpartition("/")[0]
    teams = [World(base, name) for name in names]
    for team in teams:
        team.replace({"mail": {"api_key": f"re_{team.url}", "webhook_secret": WEBHOOK_SECRET}})
    channels = [team.connect("resend", api_key=f"re_{team.url}") for team in teams]
    problems: list[str] = []

    def send_many(n: int) -> None:
        for turn in range(24):
            which = (n + turn) % 4
            try:
                channels[which].send(outbound(f"pour {names[which]}"))
            except Exception as error:  # whatever it is, the test must see it
                problems.append(repr(error))

    threads = [threading.Thread(target=send_many, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    for name, team in zip(names, teams, strict=True):
        mails = team.state()["mails"]
        assert len(mails) == 8 * 24 / 4
        assert {mail["text"] for mail in mails} == {f"pour {name}"}


def test_the_sdk_asks_nothing_outside_a_connection() -> None:
    with pytest.raises(ResendError, match="outside a connection"):
        resend.Emails.get(EMAIL_ID)


def test_neither_addresses_nor_texts_reach_logs_or_errors(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    channel = world.connect("resend")
    channel.send(outbound("Un secret"))
    said = caplog.text
    for failing in ({"recipient": "julie.secret"}, {"sender": "julie.secret"}, {"text": ""}):
        with pytest.raises(Refused) as caught:
            channel.send(outbound(**failing))
        said += str(caught.value) + repr(caught.value.__cause__)
    for secret in ("secret", JULIE_MAIL, SHOP_MAIL, RESEND_KEY):
        assert secret not in said
