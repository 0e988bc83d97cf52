"""The door and what becomes of what came through it, whoever is down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
import requests
from house import JULIE, House
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from svix.webhooks import Webhook

from bot import clock, inbox
from bot.db import alone, patience
from bot.inbox import ASK_FOR, GIVE_UP_AFTER, read_deliveries
from bot.models.customers import Customer
from bot.models.deliveries import Delivery
from bot.webhooks import MAX_BYTES
from connectors.channels import InboundMessage
from connectors.errors import Unavailable

TIMEOUT = 10
SECRET = "whsec_c2FuZGJveC1yZXNlbmQtc2VjcmV0"  # of the demo connection


@pytest.mark.parametrize(
    ("vendor", "code", "age", "state"),
    [
        ("resend", "503", ASK_FOR - timedelta(hours=1), "new"),
        ("resend", "503", ASK_FOR + timedelta(hours=1), "failed"),
        ("resend", "not_found", timedelta(hours=2), "failed"),
        ("", "KeyError", timedelta(hours=2), "failed"),
    ],
    ids=["down for hours", "down for more than a day", "without what it told of", "a defect"],
)
def test_a_vendor_that_is_down_is_asked_for_a_day(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    vendor: str,
    code: str,
    age: timedelta,
    state: str,
) -> None:
    def refuse(*_: object) -> None:
        raise Unavailable("no", vendor=vendor, code=code)

    monkeypatch.setattr(inbox, "open_reader", refuse)
    with house.held():
        house.text(JULIE, "Bonjour")
        with house.db() as db:
            received = clock.now() - age
            db.execute(update(Delivery).values(attempts=GIVE_UP_AFTER, received_at=received))
        read_deliveries()
        with house.db() as db:
            delivery = db.scalars(select(Delivery)).one()
            assert delivery.state == state
            assert delivery.claimed_until is None or state == "failed"
            assert delivery.next_try_at > clock.now() or state == "failed"


def test_a_body_without_end_is_too_large_and_not_forged(house: House) -> None:
    def pour() -> Iterator[bytes]:
        for _ in range(8):
            yield b"a" * (MAX_BYTES // 4)

    answer = requests.post(door(house, "twilio"), data=pour(), timeout=TIMEOUT)
    assert answer.status_code == 413


@pytest.mark.parametrize("key", ["%00", "elegance-paris%00", "%0d%0a", "%F0%9F%90%9E"])
def test_no_name_of_a_door_is_more_than_unknown(house: House, key: str) -> None:
    answer = requests.post(f"{house.stack.url}/webhooks/twilio/{key}", data="x", timeout=TIMEOUT)
    assert answer.status_code == 404


def test_what_nobody_can_read_is_refused_though_it_is_signed(house: House) -> None:
    body, now = "[" * 60_000, datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", now, body)
    headers = {
        "svix-id": "msg_1",
        "svix-timestamp": str(int(now.timestamp())),
        "svix-signature": signature,
    }
    answer = requests.post(door(house, "resend"), data=body, headers=headers, timeout=TIMEOUT)
    assert answer.status_code == 403
    with house.db() as db:
        assert db.scalars(select(Delivery)).all() == []


def door(house: House, vendor: str) -> str:
    return f"{house.stack.url}/webhooks/{vendor}/elegance-paris"


def test_a_database_that_hangs_is_left_and_another_connection_asked(house: House) -> None:
    with alone() as first:
        pid = first.scalar(text("select pg_backend_pid()"))
    usual = patience.set(0.5)
    try:
        with pytest.raises(OperationalError), alone() as hangs:
            hangs.execute(text("select pg_sleep(600)"))
    finally:
        patience.reset(usual)
    with alone() as other:
        assert other.scalar(text("select pg_backend_pid()")) != pid


@pytest.mark.parametrize(
    ("channel", "said", "earlier", "goes_round"),
    [
        ("email", "Nous vous répondrons sous 48 heures. Ticket 3", ["{} 1", "{} 2"], True),
        ("email", "Nous vous répondrons sous 48 heures. Ticket 3", ["{} 1", "Merci"], False),
        ("email", "Merci !", ["Merci !"] * 5, False),
        ("email", "Encore une chose", [f"Chose {n}" for n in range(19)], True),
        ("sms", "Nous vous répondrons sous 48 heures. Ticket 3", ["{} 1"] * 30, False),
    ],
    ids=["said again", "said once", "people say it", "no end of mails", "no mail"],
)
def test_a_machine_that_answers_each_answer_is_told_by_what_it_says_again(
    monkeypatch: pytest.MonkeyPatch,
    channel: Literal["email", "sms"],
    said: str,
    earlier: list[str],
    goes_round: bool,
) -> None:
    lately = [e.format("Nous vous répondrons sous 48 heures. Ticket") for e in earlier]
    monkeypatch.setattr(inbox, "said_lately", lambda *_: lately)
    event = InboundMessage(channel, "id", "a@b.fr", "hello@elegance-paris.com", said, proven=True)
    found = inbox._goes_round(Session(), Customer(id=1, tenant_id=1), event, clock.wall())
    assert found is goes_round
