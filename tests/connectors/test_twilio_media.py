"""Media through Twilio: fetched from Twilio and nowhere else; sent; found again in its list."""

from __future__ import annotations

import inspect
import io
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from flask import Flask, Response, redirect, request
from sandbox_world import ACCOUNT, AUTH_TOKEN, JULIE, SHOP_NUMBER, Door, Server, World

from connectors.channels import (
    Attachment,
    DeliveryLog,
    Fetched,
    MediaSource,
    OutboundMessage,
    TemplateSource,
)
from connectors.errors import Refused, Unavailable
from connectors.twilio import channel as twilio_channel
from connectors.twilio import media
from connectors.twilio.channel import Config, TwilioChannel

PICTURE = "https://shop.example/robe.jpg"


class Host:
    """A Twilio that answers as it is told, and remembers who showed what."""

    def __init__(self) -> None:
        self.app = Flask("host")
        self.app.add_url_rule("/<path:path>", view_func=self.answer)
        self.answers: dict[str, Callable[[], Any]] = {}
        self.asked: list[tuple[str, bool]] = []
        self.server = Server(self.app)
        self.url = self.server.url

    def answer(self, path: str) -> Any:
        self.asked.append((path, request.authorization is not None))
        return self.answers[path]()

    def fetch(self, path: str = "media", limit: int = 1000, timeout: str = "5") -> Fetched:
        config = Config(ACCOUNT, AUTH_TOKEN, self.url, timeout)
        attachment = Attachment(f"{self.url}/{path}", "image/jpeg")
        return TwilioChannel(config).fetch_media(attachment, limit)


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.server.stop()


# --- where media may be ------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:6379/",
        "http://localhost/",
        "http://[::1]/",
        "http://api.twilio.com/2010-04-01/Media",
        "https://api.twilio.com:8443/2010-04-01/Media",
        "https://user:password@api.twilio.com/2010-04-01/Media",
        "https://api.twilio.com@evil.example/",
        "https://api.twilio.com.evil.example/",
        "https://evil.example/api.twilio.com",
        "https://evil-api.twilio.com/",
        "https://api.evil.com\\@api.twilio.com/",
        "https://api.twilio.com\\.evil.example/",
        "https://api.twi\tlio.com/",
        "https://api.twilio.com:port/",
        "https://[api.twilio.com/",
        "https://äpi.twilio.com/",
        "https://mms.twiliocdn.com:444/x",
        "file:///etc/passwd",
        "ftp://api.twilio.com/x",
        "//api.twilio.com/x",
        "api.twilio.com/x",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "",
    ],
)
def test_a_host_that_is_not_twilios_is_never_asked(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_to_ask(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("it was asked")

    monkeypatch.setattr(requests.Session, "get", refuse_to_ask)
    channel = TwilioChannel(Config(ACCOUNT, AUTH_TOKEN))
    with pytest.raises(Refused):
        channel.fetch_media(Attachment(url, "image/jpeg"), 1000)


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1", True),
        ("https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/AC1/Media/ME1", True),
        ("https://mms.twiliocdn.com/AC1/x?Expires=1", False),
        ("https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/x", False),
    ],
)
def test_twilios_api_is_shown_the_token_and_its_stores_are_not(
    url: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def ask(session: requests.Session, url: str, **how: Any) -> None:
        asked.append((url, isinstance(how["auth"], tuple)))
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "get", ask)
    with pytest.raises(Unavailable):
        TwilioChannel(Config(ACCOUNT, AUTH_TOKEN)).fetch_media(Attachment(url, ""), 1000)
    assert asked == [(url, known)]


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/",
        "https://169.254.169.254/",
        "https://0x7f.1/",
        "https://2130706433/",
        "http://localhost:1/",
        "https://localhost/",
        "https://redis/",
        "http://mms.twiliocdn.com/x",
        "https://mms.twiliocdn.com:8080/x",
        "https://user@mms.twiliocdn.com/x",
        "file:///etc/passwd",
        "//127.0.0.1:1/x",
        "https://[::1]/",
    ],
)
def test_a_redirect_to_no_public_host_is_not_followed(host: Host, location: str) -> None:
    host.answers["media"] = lambda: Response(status=302, headers={"Location": location})
    with pytest.raises(Refused):
        host.fetch()
    assert host.asked == [("media", True)]


def test_a_redirect_to_no_address_at_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = requests.Response()
    answer.status_code, answer.raw = 302, io.BytesIO()
    answer.headers["Location"] = "https://["
    monkeypatch.setattr(requests.Session, "get", lambda *args, **how: answer)
    with pytest.raises(Refused):
        TwilioChannel(Config(ACCOUNT, AUTH_TOKEN)).fetch_media(
            Attachment("https://api.twilio.com/x", ""), 1000
        )


def test_the_token_is_not_shown_again_after_a_redirect(host: Host) -> None:
    host.answers["media"] = lambda: redirect("/store", 307)
    host.answers["store"] = lambda: Response(b"picture", content_type="image/png; x=1")
    assert host.fetch() == Fetched(b"picture", "image/png")
    assert host.asked == [("media", True), ("store", False)]


def test_redirects_without_end_are_not_followed_for_ever(host: Host) -> None:
    host.answers["media"] = lambda: redirect("/media")
    with pytest.raises(Refused, match="too many"):
        host.fetch()
    assert len(host.asked) == media.MOST_REDIRECTS + 1


# --- how much, how long ------------------------------------------------------------------


def test_media_of_exactly_the_limit_is_fetched(host: Host) -> None:
    host.answers["media"] = lambda: Response(b"x" * 1000)
    assert len(host.fetch(limit=1000).content) == 1000


@pytest.mark.parametrize("announced", [True, False], ids=["said before", "found while reading"])
def test_media_larger_than_the_limit_are_not_read_to_their_end(host: Host, announced: bool) -> None:
    given = 0

    def pour() -> Iterator[bytes]:
        nonlocal given
        for _ in range(2000):
            given += 100_000
            yield b"x" * 100_000

    size = {"Content-Length": "200000000"} if announced else {}
    host.answers["media"] = lambda: Response(pour(), headers=size)
    with pytest.raises(Refused, match="larger than 500000 bytes"):
        host.fetch(limit=500_000)
    assert given < 50_000_000


def test_a_compressed_answer_is_no_way_around_the_limit(host: Host) -> None:
    host.answers["media"] = lambda: Response(b"x", headers={"Content-Encoding": "gzip"})
    with pytest.raises(Refused, match="compressed"):
        host.fetch()


def test_media_that_drip_are_given_up(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.05)
            yield b"x"

    monkeypatch.setattr(media, "LONGEST", 0.2)
    host.answers["media"] = lambda: Response(drip())
    with pytest.raises(Unavailable, match="drips"):
        host.fetch()


def test_a_host_that_says_nothing_is_waited_for_no_longer_than_set(host: Host) -> None:
    def wait() -> Response:
        time.sleep(1)
        return Response(b"late")

    host.answers["media"] = wait
    with pytest.raises(Unavailable):
        host.fetch(timeout="0.2")


def test_media_cut_short_are_not_taken_for_whole(host: Host) -> None:
    host.answers["media"] = lambda: Response(iter([b"half"]), headers={"Content-Length": "8"})
    with pytest.raises(Unavailable):
        host.fetch()


@pytest.mark.parametrize(
    ("status", "kind"), [(404, Refused), (401, Refused), (429, Unavailable), (503, Unavailable)]
)
def test_media_that_are_not_there_are_refused_or_asked_again(
    host: Host, status: int, kind: type[Exception]
) -> None:
    host.answers["media"] = lambda: Response(status=status)
    with pytest.raises(kind) as caught:
        host.fetch()
    assert getattr(caught.value, "code", None) == str(status)
    assert host.url not in str(caught.value)


# --- the sandbox's own store -------------------------------------------------------------


def test_the_sandbox_gives_media_to_the_account_and_by_its_link_only(
    world: World, door: Door
) -> None:
    world.change(lambda d: d["twilio"].update(sms_url=f"{door.url}/sms"))
    world.text(sender=JULIE, recipient=SHOP_NUMBER, media=[{"name": "picture.png"}])
    (url,) = [a.url for a in world.connect("twilio").read(_received(door))[0].attachments]
    by_hand, account = {"X-By-Hand": "1"}, (ACCOUNT, AUTH_TOKEN)
    assert requests.get(url, headers=by_hand, timeout=5).status_code == 401
    known = requests.get(url, auth=account, headers=by_hand, allow_redirects=False, timeout=5)
    link = known.headers["Location"]
    assert requests.get(link, timeout=5).content.startswith(b"\x89PNG")
    assert requests.get(link, auth=account, timeout=5).status_code == 400
    assert requests.get(link[:-1], timeout=5).status_code == 403
    assert requests.get(link.partition("?")[0], timeout=5).status_code == 403


def test_media_may_be_asked_again_when_twilio_is_down_and_not_with_a_wrong_token(
    world: World, door: Door
) -> None:
    world.change(lambda d: d["twilio"].update(sms_url=f"{door.url}/sms"))
    world.text(sender=JULIE, recipient=SHOP_NUMBER, media=[{"name": "picture.png"}])
    channel = world.connect("twilio")
    (picture,) = channel.read(_received(door))[0].attachments
    with pytest.raises(Refused) as caught:
        world.connect("twilio", auth_token="wrong").fetch_media(picture, 1000)
    assert caught.value.code == "401"
    world.fail("twilio", "down", times=1, operation="media.get")
    with pytest.raises(Unavailable):
        channel.fetch_media(picture, 1000)
    assert channel.fetch_media(picture, 1000).content_type == "image/png"


# --- sending -----------------------------------------------------------------------------


def outbound(text: str = "", **changes: Any) -> OutboundMessage:
    given = {"id": 7, "channel": "sms", "sender": SHOP_NUMBER, "recipient": JULIE}
    return OutboundMessage(**{**given, "text": text, "status_url": "", **changes})


def test_media_are_sent_with_a_text_or_alone(world: World) -> None:
    channel, began = world.connect("twilio"), datetime.now(UTC)
    channel.send(outbound("La voici", media_urls=(PICTURE, PICTURE + "?2")))
    alone = channel.send(outbound(media_urls=(PICTURE,)))
    first, second = world.state()["messages"]
    assert (first["num_media"], first["media_urls"]) == ("2", [PICTURE, PICTURE + "?2"])
    assert (second["num_media"], second["body"]) == ("1", "")
    assert channel.find_sent(outbound(media_urls=(PICTURE,)), began) == alone


@pytest.mark.parametrize(("urls", "code"), [(("ftp://x/y",), "21620"), ((PICTURE,) * 11, "21623")])
def test_media_that_twilio_does_not_take_are_refused(
    world: World, urls: tuple[str, ...], code: str
) -> None:
    with pytest.raises(Refused) as caught:
        world.connect("twilio").send(outbound(media_urls=urls))
    assert caught.value.code == code


def test_a_text_message_leaves_without_typography_and_is_found_again(world: World) -> None:
    channel, began = world.connect("twilio"), datetime.now(UTC)
    message = outbound("L’article « Robe » : 89,00\u202f€…")
    sent = channel.send(message)
    assert world.state()["messages"][0]["body"] == 'L\'article "Robe" : 89,00 €...'
    assert sent.segments == 1
    assert channel.find_sent(message, began) == sent


def test_whatsapp_keeps_its_typography(world: World) -> None:
    world.connect("twilio").send(outbound("L’article « Robe »", channel="whatsapp"))
    assert world.state()["messages"][0]["body"] == "L’article « Robe »"


# --- what the door missed ----------------------------------------------------------------


def _received(door: Door, n: int = -1) -> Any:
    url, headers, body = door.received[n]
    return twilio_channel.SignedRequest("POST", url, headers, body)


def test_what_the_door_missed_is_listed_oldest_first_and_read(world: World, door: Door) -> None:
    world.change(lambda d: d["twilio"].update(sms_url=f"{door.url}/sms"))
    door.status = 503
    channel, began = world.connect("twilio"), datetime.now(UTC) - timedelta(minutes=1)
    channel.send(outbound("À nous"))
    sids = [
        world.text(sender=JULIE, recipient=SHOP_NUMBER, body="Bonjour à vous & co")["sid"],
        world.text(
            sender=f"whatsapp:{JULIE}",
            recipient=f"whatsapp:{SHOP_NUMBER}",
            media=[{"name": "voice.ogg"}],
        )["sid"],
    ]
    missed = channel.list_received(began)
    first, second = [channel.read(request)[0] for request in missed]
    assert [first.provider_id, second.provider_id] == sids
    assert [channel.verify(_received(door, n)).provider_id for n in (0, 1)] == sids
    assert (first.text, first.sender, first.channel) == ("Bonjour à vous & co", JULIE, "sms")
    assert (second.channel, second.sender, second.recipient) == ("whatsapp", JULIE, SHOP_NUMBER)
    (voice,) = second.attachments
    assert channel.fetch_media(voice, 1000).content.startswith(b"OggS")
    assert voice == channel.read(_received(door, 1))[0].attachments[0]
    assert channel.list_received(datetime.now(UTC) + timedelta(hours=1)) == []


def test_media_that_are_not_to_be_had_any_more_do_not_keep_the_words_away(
    world: World, door: Door
) -> None:
    world.change(lambda d: d["twilio"].update(sms_url=f"{door.url}/sms"))
    channel, began = world.connect("twilio"), datetime.now(UTC) - timedelta(minutes=1)
    sender, recipient = f"whatsapp:{JULIE}", f"whatsapp:{SHOP_NUMBER}"
    picture = {"body": "Celle-ci ?", "media": [{"name": "voice.ogg"}]}
    world.text(sender=sender, recipient=recipient, **picture)
    world.text(sender=sender, recipient=recipient, body="Vous l'avez ?")
    world.fail("twilio", "unauthorized", operation="media.list", times=1)
    first, second = [channel.read(request)[0] for request in channel.list_received(began)]
    assert (first.text, first.attachments) == ("Celle-ci ?", ())
    assert second.text == "Vous l'avez ?"


def test_a_long_list_is_read_page_by_page_up_to_a_bound(
    world: World, door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.change(lambda d: d["twilio"].update(sms_url=f"{door.url}/sms"))
    monkeypatch.setattr(twilio_channel, "PAGE", 2)
    for n in range(5):
        world.text(sender=JULIE, recipient=SHOP_NUMBER, body=f"Message {n}")
    channel, began = world.connect("twilio"), datetime.now(UTC) - timedelta(minutes=1)
    texts = [channel.read(r)[0].text for r in channel.list_received(began)]
    assert texts == [f"Message {n}" for n in range(5)]
    monkeypatch.setattr(twilio_channel, "RECEIVED", 3)
    with caplog.at_level(logging.WARNING):
        texts = [channel.read(r)[0].text for r in channel.list_received(began)]
    assert texts == ["Message 2", "Message 3", "Message 4"]
    assert "more than 3 messages" in caplog.text


def test_templates_are_read_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio_channel, "PAGE", 2)
    templates = [{"sid": f"HX{n:032x}", "body": f"Modèle {n}"} for n in range(5)]
    world.change(lambda d: d["twilio"].update(templates=templates))
    listed = world.connect("twilio").list_templates()
    assert [t.body for t in listed] == [f"Modèle {n}" for n in range(5)]


@pytest.mark.parametrize("port", [MediaSource, TemplateSource, DeliveryLog])
def test_the_channel_implements_what_it_offers_as_it_is_written(port: type[Any]) -> None:
    for name, promised in inspect.getmembers(port, inspect.isfunction):
        if not name.startswith("_"):
            kept = inspect.signature(getattr(TwilioChannel, name))
            assert list(kept.parameters) == list(inspect.signature(promised).parameters)


def test_in_production_each_api_has_its_own_host() -> None:
    client = TwilioChannel(Config(ACCOUNT, AUTH_TOKEN))._client
    assert client.api.base_url == "https://api.twilio.com"
    assert client.content.base_url == "https://content.twilio.com"
