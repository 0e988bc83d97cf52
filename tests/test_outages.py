"""What goes away comes back, and nobody is lost or answered twice: databases, queues, vendors.
With processes of their own, which these tests break."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import psutil
import pytest
import requests
from house import JULIE, MONDAY, SHOP, House
from redis import RedisError
from sqlalchemy import func, select, text, update

from bot import queue
from bot.demo.load import PASSWORD
from bot.models.deliveries import Delivery
from bot.models.messages import Message
from bot.models.tenants import Tenant
from bot.rehearsal.stage import set_stage
from bot.stack import Stack, adopted, open_stack
from connectors.sandbox.carrier import sign
from tests.dashboard.cast import Person
from tests.test_promises import until

ASK = "Bonjour, la robe fleurie bleue, vous l'avez en 38 ?"
DRESS = "RF-2847-38"
MAILBOX = "hello@elegance-paris.com"
EMMA = "emma.rousseau@orange.fr"
INCIDENTS = "/desk/incidents"
AT_ONCE = 50


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two processes at the door, with more threads than the database has connections for them;
    vendors are waited for briefly, and what a dead worker held is free soon."""
    chosen = {"web_workers": 2, "web_threads": 16, "sweep_seconds": 1}
    patience = {"lease_seconds": 4, "vendor_timeout_seconds": 1}
    with open_stack(tmp_path_factory.mktemp("frail"), workers=2, **chosen, **patience) as stack:
        yield stack


@pytest.fixture
def frail_house(frail: Stack) -> Iterator[House]:
    with adopted(frail.env):
        yield House(frail, set_stage("elegance-paris", datetime.fromisoformat(MONDAY)))
        stand_up(frail)


def stand_up(stack: Stack) -> None:
    """What died by itself is started again, as its supervisor would."""
    for part in ("worker", "clock", "web"):
        stack.launch(part)
    stack.wait_until_ready()


# --- the door ----------------------------------------------------------------------------


def test_one_message_posted_fifty_times_at_once_over_two_processes_is_one_row_and_one_answer(
    frail_house: House,
) -> None:
    house = frail_house
    (master,) = house.stack.pids("web")
    assert len(psutil.Process(master).children()) == 2
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sid = f"SM{uuid4().hex}"
        answers = list(pool.map(lambda _: post(house, sid), range(AT_ONCE)))
    assert [a.status_code for a in answers] == [200] * AT_ONCE
    house.settle()
    with house.db() as db:
        assert db.scalar(select(func.count()).select_from(Delivery)) == 1
        inbound = select(func.count()).where(Message.direction == "in")
        assert db.scalar(inbound) == 1
    assert len(house.replies(JULIE)) == 1


def test_when_the_database_keeps_the_door_waiting_it_refuses_and_later_takes_the_same_message(
    frail_house: House,
) -> None:
    house, sids = frail_house, [f"SM{uuid4().hex}" for _ in range(AT_ONCE)]
    with house.held(), ThreadPoolExecutor(AT_ONCE) as pool:
        with house.db() as db:  # a migration, say: connections wait, then there are no more
            db.execute(text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))
            refused = list(pool.map(lambda sid: post(house, sid), sids))
        taken = list(pool.map(lambda sid: post(house, sid), sids))
    assert {a.status_code for a in refused} == {503}
    assert all("Retry-After" in a.headers for a in refused)
    assert {a.status_code for a in taken} == {200}
    house.settle()
    with house.db() as db:
        assert db.scalar(select(func.count()).select_from(Delivery)) == AT_ONCE


def test_what_came_while_the_database_was_down_is_answered_once_when_it_is_back(
    frail_house: House,
) -> None:
    house = frail_house
    house.say(JULIE, "Bonjour")
    restart_database(house, lambda: write_to_a_shut_door(house))
    stand_up(house.stack)
    queue.ring_for_missed()
    until(lambda: len(house.replies(JULIE)) == 2 and len(mails(house)) == 1, seconds=40)
    house.settle()
    assert "mise de côté" in house.replies(JULIE)[-1]
    assert (len(house.replies(JULIE)), len(mails(house))) == (2, 1)


def write_to_a_shut_door(house: House) -> None:
    assert post(house, f"SM{uuid4().hex}").status_code == 503
    answer = house.sandbox.text(sender=JULIE, recipient=SHOP, body=ASK)
    assert answer["status"] == 503
    assert write_mail(house)["status"] == 503  # Resend will come again by itself


def restart_database(house: House, meanwhile: Any) -> None:
    server = house.stack.servers["postgres"]
    assert server.process is not None
    server.process.send_signal(server.stop_signals[0])
    server.process.wait(30)
    try:
        meanwhile()
    finally:
        server.revive()


# --- Redis -------------------------------------------------------------------------------


def test_redis_may_lose_its_data_and_everybody_is_still_answered(frail_house: House) -> None:
    house = frail_house
    house.say(JULIE, "Bonjour")
    queue.redis().set("known", "it was")
    server, kept = house.stack.servers["redis"], house.stack.folder.parent / "redis"
    server.kill()
    shutil.rmtree(kept)
    kept.mkdir(mode=0o700)
    assert post(house, f"SM{uuid4().hex}").status_code == 200
    server.revive()
    assert queue.redis().get("known") is None
    until(lambda: len(house.replies(JULIE)) == 2, seconds=40)
    until(lambda: health(house).get("workers") == "ok", seconds=40)
    house.settle()
    assert len(house.replies(JULIE)) == 2


def health(house: House) -> dict[str, str]:
    try:
        found: dict[str, str] = requests.get(f"{house.stack.url}/healthz", timeout=10).json()
    except (requests.RequestException, RedisError):
        return {}
    return found


# --- vendors -----------------------------------------------------------------------------


def test_carriers_down_for_an_hour_are_tried_again_and_each_answer_leaves_once(
    frail_house: House,
) -> None:
    house = frail_house
    for carrier in ("twilio", "resend"):
        house.sandbox.fail(carrier, "down")
    house.text(JULIE, ASK)
    assert write_mail(house)["status"] == 200
    until(lambda: attempts(house) >= 1)
    house.move_clock(timedelta(hours=1))
    assert (house.replies(JULIE), mails(house)) == ([], [])
    assert attempts(house) > 3
    with house.db() as db:  # the mail itself is still to be fetched
        waiting = db.scalars(select(Delivery).where(Delivery.state == "new")).one()
        assert waiting.attempts > 3
    for carrier in ("twilio", "resend"):
        house.sandbox.heal(carrier)
    house.move_clock(timedelta(hours=1))
    assert (len(house.replies(JULIE)), len(mails(house))) == (1, 1)


def test_units_go_back_once_though_the_shop_is_down_for_an_hour(frail_house: House) -> None:
    house = frail_house
    house.say(JULIE, ASK)
    house.sandbox.fail("shopify", "down")
    house.text(JULIE, "Finalement annulez ma réservation svp")
    until(lambda: len(house.replies(JULIE)) == 2)
    house.move_clock(timedelta(hours=1))
    assert house.stock(DRESS)["reserved"] == 1
    house.sandbox.heal("shopify")
    house.move_clock(timedelta(hours=1))
    assert house.stock(DRESS) == {"available": 2, "reserved": 0, "committed": 0, "on_hand": 2}
    assert len(house.replies(JULIE)) == 2


def attempts(house: House) -> int:
    with house.db() as db:
        tried = select(func.max(Message.attempts)).where(Message.direction == "out")
        return db.scalar(tried) or 0


def test_a_refusal_is_not_tried_again_but_stands_on_the_desk_until_somebody_has_it_sent(
    frail_house: House,
) -> None:
    house = frail_house
    house.sandbox.fail("twilio", "unauthorized", operation="messages.create")
    house.text(JULIE, ASK)
    until(lambda: states(house) == ["failed"])
    house.move_clock(timedelta(hours=1))
    assert attempts(house) == 1
    house.sandbox.heal("twilio")
    sarah = Person(Browser(house.stack.url))
    assert sarah.sign_in("sarah@elegance-paris.com", PASSWORD).status_code == 302
    (button,) = re.findall(r'action="(/desk/messages/\d+/retry)"', sarah.get(INCIDENTS).text)
    assert sarah.post(button).status_code == 302
    until(lambda: len(house.replies(JULIE)) == 1)
    house.settle()
    assert button not in sarah.get(INCIDENTS).text
    assert len(house.replies(JULIE)) == 1


class Browser(requests.Session):
    """Someone at the desk, over HTTP."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.trust_env = url, False

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        return super().request(method, self.url + url, **{**options, "allow_redirects": False})


def test_a_text_of_unknown_fate_is_asked_after_and_is_at_the_carrier_once(
    frail_house: House,
) -> None:
    house = frail_house
    house.sandbox.fail("twilio", "timeout_after", operation="messages.create", times=1)
    house.text(JULIE, ASK)
    until(lambda: "unknown" in states(house))
    house.move_clock(timedelta(minutes=2))
    until(lambda: states(house) == ["sent"])
    assert len(house.replies(JULIE)) == 1


def test_a_mail_of_unknown_fate_is_sent_again_to_the_byte_though_everything_changed(
    frail_house: House,
) -> None:
    house = frail_house
    house.sandbox.fail("resend", "timeout_after", operation="emails.send", times=1)
    write_mail(house)
    until(lambda: "unknown" in states(house))
    with house.db() as db:
        db.execute(update(Tenant).values(name="Élégance", postal_address="2 rue Neuve"))
    write_mail(house, "Hello, do you have the blue floral dress in 40?")  # another language
    house.move_clock(timedelta(minutes=2))
    until(lambda: states(house) == ["sent", "sent"])
    assert len({mail["key"] for mail in mails(house)}) == len(mails(house)) == 2


# --- steps -------------------------------------------------------------------------------


def post(house: House, sid: str) -> requests.Response:
    """Twilio posts one message at our door, under its signature."""
    twilio = house.sandbox.state()["settings"]["twilio"]
    fields = {"MessageSid": sid, "From": JULIE, "To": SHOP, "Body": ASK, "NumMedia": "0"}
    signature = sign(twilio["auth_token"], twilio["sms_url"], fields)
    form = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    return requests.post(twilio["sms_url"], urlencode(fields), headers=form, timeout=30)


def write_mail(house: House, words: str = ASK) -> dict[str, Any]:
    return house.sandbox.mail(sender=EMMA, recipient=MAILBOX, subject="La robe", text=words)


def mails(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.sandbox.state()["mails"]
    return found


def states(house: House) -> list[str]:
    with house.db() as db:
        query = select(Message.state).where(Message.direction == "out").order_by(Message.id)
        return list(db.scalars(query))
