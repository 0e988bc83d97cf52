"""Resend: sending, what became of a mail, several teams in one process."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import resend
from resend.exceptions import ResendError
from resend_world import EMAIL_ID, listen, outbound, taken
from sandbox_world import JULIE_MAIL, RESEND_KEY, SHOP_MAIL, WEBHOOK_SECRET, Door, World, wait_until

from connectors.channels import Sent, StatusReport
from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.resend.channel import Config, ResendChannel


@pytest.fixture
def channel() -> ResendChannel:
    """For what asks nothing outside."""
    return ResendChannel(Config(api_key="re_x", webhook_secret=WEBHOOK_SECRET))


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
