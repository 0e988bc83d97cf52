"""The demo's phone: only in the demo, through the sandbox's carrier."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from werkzeug.serving import make_server

from bot import clock
from bot.db import transaction
from bot.settings import settings
from connectors.sandbox.app import create_app
from connectors.sandbox.client import SandboxWorld
from tests.dashboard.cast import NOW, Cast, Person, Talk, make_app
from tests.dashboard.conftest import Begin
from tests.dashboard.test_desk import words

JULIE = "+33645789012"
SHOP = "+33939035761"


@pytest.fixture
def door() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Stands for the shop's door: takes what the carrier posts."""
    from flask import request

    app, taken = Flask("door"), []

    @app.post("/door")
    def take() -> str:
        taken.append(request.form.to_dict())
        return ""

    with serving(app) as url:
        yield f"{url}/door", taken


class serving:
    def __init__(self, app: Flask) -> None:
        self.server = make_server("127.0.0.1", 0, app, threaded=True)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()


@pytest.fixture
def world(
    door: tuple[str, list[dict[str, str]]], cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SandboxWorld]:
    """A running sandbox whose carrier knows the shop's door."""
    with serving(create_app()) as url:
        monkeypatch.setenv("SANDBOX_PORT", url.rpartition(":")[2])
        settings.cache_clear()
        found = SandboxWorld(url, "demo")
        found.replace({"twilio": {"account_sid": "AC1", "auth_token": "t", "sms_url": door[0]}})
        yield found
        monkeypatch.undo()
        settings.cache_clear()


def test_in_production_there_is_no_phone(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO", "false")
    settings.cache_clear()
    try:
        stranger = Person(make_app().test_client())
        for path in ("/demo/phone", "/demo/phone?live=1"):
            assert stranger.get(path).status_code == 404
        for path in ("/demo/phone/text", "/demo/phone/clock"):
            assert stranger.post(path).status_code == 404
        assert "démonstration" not in stranger.get("/sign-in").text
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_the_phone_says_what_it_is(stranger: Person, begin: Begin, at_noon: datetime) -> None:
    begin()
    html = words(stranger.get("/demo/phone").text)
    assert "n’existe que dans la démonstration" in html
    assert "Par SMS — 09 39 03 57 61" in html
    assert "Julie Mercier — 06 45 78 90 12" in html
    assert "lundi 13 janvier 2025, 11 h 20" in html


def test_a_text_reaches_the_shops_door_and_stands_on_the_phone(
    world: SandboxWorld, door: tuple[str, list[dict[str, str]]], stranger: Person, begin: Begin
) -> None:
    begin()
    answer = stranger.post(
        "/demo/phone/text", {"shop": "elegance-paris", "contact": JULIE, "text": "Vous l'avez ?"}
    )
    assert answer.status_code == 302
    assert [(f["From"], f["To"], f["Body"]) for f in door[1]] == [(JULIE, SHOP, "Vous l'avez ?")]
    html = stranger.get(answer.location).text
    assert "Vous l&#39;avez ?" in html
    live = stranger.get("/demo/phone?live=1&contact=%2B33639981234")
    assert "Vous l&#39;avez" not in live.text  # another phone


def test_other_numbers_are_taken_as_people_write_them(
    world: SandboxWorld, door: tuple[str, list[dict[str, str]]], stranger: Person
) -> None:
    page = stranger.get("/demo/phone?contact=06 39 98 12 34").text
    assert 'value="+33639981234" selected' in page
    stranger.post(
        "/demo/phone/text",
        {"shop": "elegance-paris", "contact": "06 39 98 12 34", "text": "Bonjour"},
    )
    assert door[1][0]["From"] == "+33639981234"


@pytest.mark.parametrize(
    ("number", "text", "said"),
    [("12", "Bonjour", "pas valable"), (JULIE, "  ", "d’abord"), (JULIE, "Bonjour", "bac à sable")],
)
def test_what_cannot_be_sent_is_said(
    stranger: Person, cast: Cast, number: str, text: str, said: str
) -> None:
    data = {"shop": "elegance-paris", "contact": number, "text": text}
    live = stranger.post("/demo/phone/text", data, headers={"X-Live": "1"})
    assert live.status_code == 422
    assert said in live.text
    answer = stranger.post("/demo/phone/text", data)
    assert said in stranger.get(answer.location).text


def test_a_sandbox_that_is_down_is_said_clearly(stranger: Person, begin: Begin) -> None:
    begin()
    assert "Le bac à sable ne répond pas" in stranger.get("/demo/phone").text


def test_a_shop_that_is_not_there_is_not_found(stranger: Person) -> None:
    assert stranger.post("/demo/phone/text", {"shop": "nobody"}).status_code == 404


def test_without_any_shop_the_phone_says_so(configured: object, cast: Cast) -> None:
    from sqlalchemy import delete

    from bot.db import transaction
    from bot.models.tenants import Address

    with transaction() as db:
        db.execute(delete(Address))
    html = Person(make_app().test_client()).get("/demo/phone").text
    assert "Aucune boutique n’a de numéro de SMS." in html


def move(stranger: Person, **data: str) -> int:
    answer = stranger.post(
        "/demo/phone/clock",
        {"shop": "elegance-paris", "contact": JULIE, **data},
        headers={"X-Live": "1"},
    )
    status: int = answer.status_code
    return status


def test_the_clock_is_asked_to_move_on(stranger: Person, at_noon: datetime) -> None:
    assert move(stranger, step="15") == 204
    first = clock.target()
    assert first is not None
    assert abs(first - NOW - timedelta(minutes=15)) < timedelta(seconds=20)
    html = words(stranger.get("/demo/phone").text)
    assert "L’heure avance… jusqu’à aujourd’hui à 11 h 35" in html
    assert move(stranger, step="60") == 204  # on from where it is going
    assert clock.target() == first + timedelta(hours=1)
    assert move(stranger, to="2025-01-20T10:00") == 204
    assert clock.target() == datetime(2025, 1, 20, 9, tzinfo=UTC)  # the shop's own time


@pytest.mark.parametrize("to", ["2025-01-12T10:00", "2025-06-12T10:00", "soon", "", "9999-12-31"])
def test_the_clock_goes_only_forward_and_not_too_far(
    stranger: Person, at_noon: datetime, to: str
) -> None:
    assert move(stranger, to=to) == 422
    assert clock.target() is None


def test_when_the_clock_has_arrived_the_phone_shows_the_new_time(
    stranger: Person, at_noon: datetime
) -> None:
    move(stranger, to="2025-01-13T16:00")
    etag = stranger.get("/demo/phone?live=1").headers["ETag"]
    clock.set_clock(datetime(2025, 1, 13, 15, tzinfo=UTC))
    answer = stranger.get("/demo/phone?live=1", headers={"If-None-Match": etag})
    html = words(answer.text)
    assert "lundi 13 janvier 2025, 16 h" in html
    assert not re.search("avance", html)


# --- the other channels ------------------------------------------------------------------

MAILBOX = "hello@elegance-paris.com"
SECRET = "whsec_c2FuZGJveC1yZXNlbmQtc2VjcmV0"


@pytest.fixture
def everywhere(cast: Cast, world: SandboxWorld, door: tuple[str, list[dict[str, str]]]) -> None:
    """The shop is on WhatsApp and has a mailbox, too."""
    from bot.models.tenants import Address, Connection

    shop = cast.elegance.id
    with transaction() as db:
        connection = Connection(tenant_id=shop, vendor="resend", key="k", updated_at=NOW)
        db.add(connection)
        db.flush()
        where = {"tenant_id": shop, "deployment_id": cast.deployments[shop].id, "created_at": NOW}
        db.add(Address(channel="whatsapp", value=SHOP, **where))
        db.add(Address(channel="email", value=MAILBOX, connection_id=connection.id, **where))
    account = {"account_sid": "AC1", "auth_token": "t", "sms_url": door[0]}
    mail = {"api_key": "re_1", "webhook_secret": SECRET, "url": door[0], "retries": []}
    world.replace({"twilio": account, "mail": mail})


def has_mailbox(talk: Talk, value: str) -> None:
    from bot.models.customers import Identity

    kept = {"kind": "email", "value": value, "created_at": NOW}
    talk.add(Identity(tenant_id=talk.customer.tenant_id, customer_id=talk.customer.id, **kept))


def test_only_the_shops_own_channels_are_offered(
    stranger: Person, begin: Begin, everywhere: None
) -> None:
    begin()
    html = words(stranger.get("/demo/phone").text)
    assert "SMS — 09 39 03 57 61 WhatsApp — 09 39 03 57 61 E-mail — hello@elegance" in html
    other = words(stranger.get("/demo/phone?shop=coollibri&channel=whatsapp").text)
    assert "WhatsApp —" not in other


def test_a_message_by_whatsapp_stays_apart_from_text_messages(
    door: tuple[str, list[dict[str, str]]], stranger: Person, begin: Begin, everywhere: None
) -> None:
    begin()
    data = {"shop": "elegance-paris", "channel": "whatsapp", "contact": JULIE, "text": "Coucou"}
    answer = stranger.post("/demo/phone/text", data)
    assert [(f["From"], f["To"]) for f in door[1]] == [(f"whatsapp:{JULIE}", f"whatsapp:{SHOP}")]
    assert "Coucou" in stranger.get(answer.location).text
    assert "Coucou" not in stranger.get(answer.location.replace("whatsapp", "sms")).text


def test_an_e_mail_has_a_subject_and_stands_in_the_mailbox(
    world: SandboxWorld, stranger: Person, begin: Begin, everywhere: None
) -> None:
    has_mailbox(begin(), "julie.mercier@gmail.com")
    page = "/demo/phone?channel=email&contact=julie.mercier@gmail.com"
    assert 'name="subject"' in stranger.get(page).text
    answer = stranger.post(
        "/demo/phone/text",
        {
            "shop": "elegance-paris",
            "channel": "email",
            "contact": "Julie.Mercier@gmail.com",
            "subject": "La robe\nfleurie",
            "text": "Vous l'avez en 38 ?",
        },
    )
    (received,) = world.state()["received_mails"]
    assert (received["from"], received["to"]) == ("julie.mercier@gmail.com", [MAILBOX])
    assert received["subject"] == "La robe fleurie"
    html = words(stranger.get(answer.location).text)
    assert "La robe fleurie Vous l'avez en 38 ?" in html


def test_changing_the_channel_keeps_the_person(
    stranger: Person, begin: Begin, everywhere: None
) -> None:
    has_mailbox(begin("Emma Rousseau", phone="+33612457896"), "emma.rousseau@orange.fr")
    has_mailbox(begin(), "julie.mercier@gmail.com")
    mail = stranger.get("/demo/phone", query_string={"channel": "email", "contact": JULIE}).text
    assert 'value="julie.mercier@gmail.com" selected' in mail
    by = {"channel": "sms", "contact": "julie.mercier@gmail.com"}
    assert f'value="{JULIE}" selected' in stranger.get("/demo/phone", query_string=by).text


@pytest.mark.parametrize("contact", ["nobody", "@", "a b@c.fr", ""])
def test_what_is_no_address_is_said(stranger: Person, everywhere: None, contact: str) -> None:
    data = {"shop": "elegance-paris", "channel": "email", "contact": contact, "text": "Bonjour"}
    answer = stranger.post("/demo/phone/text", data, headers={"X-Live": "1"})
    assert answer.status_code == 422
    assert "adresse e-mail n’est pas valable" in answer.text
