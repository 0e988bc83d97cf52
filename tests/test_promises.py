"""What a shop owner stakes her customers on, with many customers and dying processes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from house import JULIE, MONDAY, House
from sqlalchemy import func, select

from bot.models.conversations import Turn
from bot.models.deliveries import Delivery
from bot.models.effects import Effect
from bot.models.messages import Message
from bot.models.reservations import Reservation
from bot.rehearsal.stage import set_stage
from bot.stack import Stack, adopted, open_stack

DRESS = "RF-2847-38"
ASK = "Bonjour, la robe fleurie bleue, vous l'avez en 38 ?"


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose processes these tests kill; what a dead worker held is free in 2 s."""
    with open_stack(tmp_path_factory.mktemp("mortal"), workers=2, lease_seconds=2) as stack:
        yield stack


@pytest.fixture
def mortal_house(mortal: Stack) -> Iterator[House]:
    from datetime import datetime

    with adopted(mortal.env):
        yield House(mortal, set_stage("elegance-paris", datetime.fromisoformat(MONDAY)))
        for part in ("worker", "clock", "web"):
            mortal.launch(part)
        mortal.wait_until_ready()


@pytest.mark.timeout(300)
def test_two_hundred_customers_ask_at_once_for_the_last_two_units(house: House) -> None:
    house.sandbox.set_stock({DRESS: 2})
    watch = StockWatch(house, DRESS)
    with watch, ThreadPoolExecutor(32) as pool:
        numbers = [f"+336390{n:05}" for n in range(200)]
        list(pool.map(lambda number: house.text(number, ASK), numbers))
        until(lambda: len(house.sent()) >= len(numbers), seconds=240)
        house.settle()
    answers = {number: house.replies(number) for number in numbers}
    assert all(len(replies) == 1 for replies in answers.values())
    held = [n for n, (reply,) in answers.items() if "mise de côté" in reply]
    gone = [n for n, (reply,) in answers.items() if "il n'y en a plus" in reply]
    assert (len(held), len(gone)) == (2, 198)
    assert house.stock(DRESS) == {"available": 0, "reserved": 2, "committed": 0, "on_hand": 2}
    assert watch.seen > 3
    assert watch.broken == []
    with house.db() as db:
        active = select(func.count()).where(Reservation.state == "active")
        assert db.scalar(active) == 2


class StockWatch(threading.Thread):
    """Looks at the store again and again: units neither appear nor vanish."""

    def __init__(self, house: House, sku: str) -> None:
        super().__init__()
        self.house, self.sku = house, sku
        self.over = threading.Event()
        self.seen = 0
        self.broken: list[dict[str, int]] = []

    def run(self) -> None:
        while not self.over.is_set():
            units = self.house.stock(self.sku)
            self.seen += 1
            whole = units["available"] + units["reserved"] + units["committed"]
            if not (units["on_hand"] == whole == 2 and units["available"] >= 0):
                self.broken.append(units)
            time.sleep(0.2)

    def __enter__(self) -> StockWatch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()


def test_a_worker_killed_between_putting_aside_and_recording_it_promises_once(
    mortal_house: House,
) -> None:
    house = mortal_house
    # The store does the move and then keeps its answer back
    house.sandbox.fail(
        "shopify", "timeout_after", ms=5000, times=1, operation="inventoryMoveQuantities"
    )
    house.text(JULIE, ASK)
    until(lambda: house.stock(DRESS)["reserved"] == 1)
    house.stack.kill("worker")
    with house.db() as db:
        assert db.scalar(select(Reservation.state)) == "pending"
        assert db.scalar(select(Turn.finished_at)) is None
    house.stack.launch("worker")
    until(lambda: len(house.replies(JULIE)) == 1)
    house.settle()
    assert "mise de côté" in house.replies(JULIE)[0]
    assert len(house.replies(JULIE)) == 1
    assert house.stock(DRESS) == {"available": 1, "reserved": 1, "committed": 0, "on_hand": 2}
    with house.db() as db:
        assert [r.state for r in db.scalars(select(Reservation))] == ["active"]
        assert db.scalar(select(func.count()).select_from(Turn)) == 1


def test_a_worker_killed_while_the_carrier_takes_the_message_does_not_send_it_twice(
    mortal_house: House,
) -> None:
    house = mortal_house
    house.sandbox.fail("twilio", "timeout_after", ms=5000, times=1, operation="messages.create")
    house.text(JULIE, ASK)
    until(lambda: len(house.replies(JULIE)) == 1)
    house.stack.kill("worker")
    house.stack.launch("worker")
    with house.db() as db:  # as if its minute were over
        message = db.scalars(select(Message).where(Message.direction == "out")).one()
        message.claimed_until = message.created_at
    until(lambda: _state_of_reply(house) == "sent")
    assert len(house.replies(JULIE)) == 1


def test_a_second_clock_is_harmless_and_takes_over(mortal_house: House) -> None:
    house = mortal_house
    second = house.stack._start([*_python(), "scheduler"], house.stack.log("clock").open("ab"))
    house.say(JULIE, ASK)
    house.say(JULIE, "Super ! Je passe ce soir vers 17h !")
    house.move_clock("2025-01-13T16:05:00+01:00")
    reminders = [text for text in house.replies(JULIE) if "rappel" in text]
    assert len(reminders) == 1
    house.stack.kill("clock")
    house.move_clock("2025-01-14T18:05:00+01:00")
    assert house.stock(DRESS) == {"available": 2, "reserved": 0, "committed": 0, "on_hand": 2}
    assert second.poll() is None
    second.terminate()
    second.wait()


def test_one_delivery_posted_many_times_is_one_message_and_one_answer(house: House) -> None:
    house.text(JULIE, ASK, replay=20)
    house.settle()
    assert len(house.replies(JULIE)) == 1
    with house.db() as db:
        assert db.scalar(select(func.count()).select_from(Delivery)) == 1
        assert db.scalar(select(func.count()).select_from(Effect)) == 1


def test_the_logs_follow_a_delivery_to_the_carrier_and_name_nobody(house: House) -> None:
    start = {part: house.stack.log(part).stat().st_size for part in ("web", "worker", "clock")}
    house.say(JULIE, "Bonjour, je m'appelle Josiane Untel, la robe fleurie en 38 ?")
    with house.db() as db:
        delivery = db.scalar(select(Delivery.id).where(Delivery.kind == "message"))
    said = {part: _said(house.stack.log(part), at) for part, at in start.items()}
    lines = [
        json.loads(line) for text in said.values() for line in text.splitlines() if line[:1] == "{"
    ]
    events = [line["event"] for line in lines if line.get("delivery") == delivery]
    assert {"delivery", "message in", "message out"} <= set(events)
    for text in said.values():
        for secret in (JULIE, JULIE[1:], "Josiane", "Julie", "Mercier", "fleurie", "Robe Fleurie"):
            assert secret not in text


def test_health_names_the_part_that_is_not_well(mortal_house: House) -> None:
    import requests

    url = f"{mortal_house.stack.url}/healthz"
    assert requests.get(url, timeout=10).json() == dict.fromkeys(
        ("clock", "database", "redis", "workers"), "ok"
    )
    mortal_house.stack.kill("clock")
    until(lambda: requests.get(url, timeout=10).json()["clock"] == "silent", seconds=30)
    assert requests.get(url, timeout=10).status_code == 503


def _state_of_reply(house: House) -> str:
    with house.db() as db:
        return str(db.scalar(select(Message.state).where(Message.direction == "out")))


def _said(log: Path, start: int) -> str:
    with log.open() as file:
        file.seek(start)
        return file.read()


def _python() -> list[str]:
    import sys

    return [sys.executable, "-m"]


def until(happened: object, seconds: float = 20) -> None:
    """Wait for it; asks again and again rather than trusting a pause."""
    assert callable(happened)
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
