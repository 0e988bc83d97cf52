"""A picture that an adviser sends along, by whatever channel the answer goes."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from bot import outbox, vault
from bot.db import engine, transaction
from bot.models.media import Media
from bot.models.messages import Message
from bot.models.tenants import Address, Connection
from connectors.channels import OutboundMessage
from connectors.errors import Unavailable
from dashboard import pictures
from tests.dashboard.cast import NOW, Cast, Person, Talk
from tests.dashboard.conftest import Begin
from tests.dashboard.test_desk import page_of, words
from tests.media.samples import PDF, PNG


@pytest.fixture(autouse=True)
def line(cast: Cast, at_noon: datetime) -> Connection:
    """What carries Élégance Paris's texts, WhatsApp and, in these tests, e-mail."""
    shop = cast.elegance.id
    where = {"tenant_id": shop, "deployment_id": cast.deployments[shop].id, "created_at": NOW}
    with transaction() as db:
        line = Connection(
            tenant_id=shop,
            vendor="twilio",
            key="elegance",
            base_url="http://localhost:1",
            settings={"account_sid": "AC1"},
            secrets=vault.encrypt({"auth_token": "t"}),
            updated_at=NOW,
        )
        db.add(line)
        db.flush()
        for address in db.scalars(select(Address).where(Address.tenant_id == shop)):
            address.connection_id = line.id
        for channel, value in (("whatsapp", "+33939035761"), ("email", "hello@elegance.example")):
            db.add(Address(channel=channel, value=value, connection_id=line.id, **where))
        return line


def sends(person: Person, talk: Talk, content: bytes, name: str = "robe.png", **more: Any) -> Any:
    form = {"text": "La voici !", "picture": (BytesIO(content), name)}
    path = f"/desk/conversations/{talk.conversation.id}/answer"
    return person.post(path, form, content_type="multipart/form-data", **more)


def written(talk: Talk) -> Message | None:
    with transaction() as db:
        return db.scalar(
            select(Message).where(
                Message.conversation_id == talk.conversation.id, Message.author == "adviser"
            )
        )


def handed_over(talk: Talk) -> OutboundMessage:
    """What the carrier is given."""
    message = written(talk)
    assert message is not None
    return outbox._outbound(message)


def fetched(app: Flask, url: str) -> Any:
    """As the carrier does: by the public address, signed in nowhere."""
    return app.test_client().get(urlsplit(url).path)


def test_whatsapp_carries_the_picture_itself(
    sarah: Person, app: Flask, begin: Begin, line: Connection
) -> None:
    talk = begin()
    talk.says("Une photo ?", channel="whatsapp", connection_id=line.id)
    assert sends(sarah, talk, PNG).status_code == 302
    sent = handed_over(talk)
    assert sent.text == "La voici !"
    [url] = sent.media_urls
    answer = fetched(app, url)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, PNG, "image/png")
    assert 'alt="robe.png"' in sarah.get(page_of(talk)).text


def test_mail_carries_it_as_an_attachment_that_stays_the_same(
    sarah: Person, app: Flask, begin: Begin, line: Connection
) -> None:
    talk = begin()
    talk.says("Une photo ?", channel="email", contact="j@example.com", connection_id=line.id)
    sends(sarah, talk, PNG, "ma robe.png")
    first, again = handed_over(talk), handed_over(talk)
    assert list(first.media_urls) == list(again.media_urls)
    [url] = first.media_urls
    assert url.endswith("/ma%20robe.png")
    assert fetched(app, url).data == PNG


def test_a_text_message_carries_a_link(
    sarah: Person, app: Flask, begin: Begin, line: Connection
) -> None:
    talk = begin()
    talk.says("Une photo ?", connection_id=line.id)
    sends(sarah, talk, PNG)
    sent = handed_over(talk)
    said, url = sent.text.split("\n")
    assert (said, sent.media_urls) == ("La voici !", ())
    assert fetched(app, url).data == PNG


@pytest.mark.parametrize(
    ("content", "name"), [(PDF, "photo.png"), (b"<svg onload=alert(1)>", "a.svg"), (b"", "a.png")]
)
def test_what_is_no_picture_is_refused_and_nothing_leaves(
    sarah: Person, begin: Begin, content: bytes, name: str
) -> None:
    talk = begin()
    talk.says("Une photo ?")
    refused = sends(sarah, talk, content, name, headers={"X-Live": "1"})
    assert (refused.status_code, written(talk)) == (422, None)
    assert "JPEG, PNG ou WebP" in refused.text
    shown = sends(sarah, talk, content, name, follow_redirects=True)
    assert "JPEG, PNG ou WebP" in words(shown.text)


def test_too_large_a_picture_is_refused_in_words(sarah: Person, begin: Begin) -> None:
    talk = begin()
    talk.says("Une photo ?")
    over = PNG + b"\0" * pictures.LARGEST
    refused = sends(sarah, talk, over, headers={"X-Live": "1"})
    assert (refused.status_code, written(talk)) == (422, None)
    assert "5 Mo" in refused.text
    flood = sends(sarah, talk, over + b"\0" * 200_000, headers={"X-Live": "1"})
    assert (flood.status_code, "5 Mo" in flood.text) == (422, True)


def test_the_catalogues_picture_goes_with_what_the_assistant_says(
    begin: Begin, line: Connection
) -> None:
    url = "https://cdn.shopify.com/s/files/rf-2847.jpg"
    talk = begin()
    told: dict[str, Any] = {
        "author": "assistant",
        "extra": {"pictures": [url, url]},
        "connection_id": line.id,
    }
    by_whatsapp = talk.answers("Voici la robe !", channel="whatsapp", **told)
    assert outbox._outbound(by_whatsapp).media_urls == (url,)
    by_sms = talk.answers("Voici la robe !", channel="sms", **told)
    assert outbox._outbound(by_sms).media_urls == ()


def test_another_shops_adviser_sends_nothing(charlie: Person, begin: Begin, cast: Cast) -> None:
    talk = begin()
    talk.says("Une photo ?")
    assert sends(charlie, talk, PNG).status_code == 404
    with transaction() as db:
        assert db.scalars(select(Media)).all() == []


def test_while_the_store_is_slow_no_customer_waits_for_the_conversation(
    sarah: Person, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Store:
        def put(self, key: str, content: bytes, content_type: str) -> None:
            at_hand.append(engine().pool.checkedout())  # type: ignore[attr-defined]  # its pool counts

    at_hand: list[int] = []
    monkeypatch.setattr(pictures, "media_store", Store)
    talk = begin()
    talk.says("Une photo ?")
    sends(sarah, talk, PNG)
    assert (at_hand, written(talk) is not None) == ([0], True)


def test_a_picture_that_the_store_refuses_is_not_announced(
    sarah: Person, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Store:
        def put(self, key: str, content: bytes, content_type: str) -> None:
            raise Unavailable("full")

    monkeypatch.setattr(pictures, "media_store", Store)
    talk = begin()
    talk.says("Une photo ?")
    refused = sends(sarah, talk, PNG, headers={"X-Live": "1"})
    assert (refused.status_code, written(talk)) == (422, None)
