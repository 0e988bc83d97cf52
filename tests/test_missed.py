"""What the door missed is found at the carrier."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from house import JULIE, House
from sqlalchemy import delete, select

from bot import clock, missed, queue
from bot.inbox import read_deliveries
from bot.models.deliveries import Delivery
from bot.models.messages import Message
from bot.models.tenants import Connection
from connectors.channels import SignedRequest
from connectors.errors import BadConfig, Unavailable


@pytest.fixture
def still(house: House) -> Iterator[House]:
    """The house while no worker works."""
    with house.held():
        yield house


def test_one_that_nobody_can_read_does_not_hold_the_others_up(
    still: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in ("un", "deux", "trois"):
        still.text(JULIE, words)
    with still.db() as db:  # as if the door had been shut
        db.execute(delete(Delivery))
    channel: Any
    connection, channel = missed.open_channel(still.tenant_id, twilio(still).id)

    class Strict:
        list_received = staticmethod(channel.list_received)

        def read(self, request: SignedRequest) -> Any:
            if b"Body=deux" in request.body:
                raise KeyError("From")
            return channel.read(request)

    monkeypatch.setattr(missed, "open_channel", lambda *_: (connection, Strict()))
    assert missed.find_missed() == 2
    read_deliveries()
    with still.db() as db:
        found = select(Message.body).where(Message.direction == "in").order_by(Message.id)
        assert list(db.scalars(found)) == ["un", "trois"]


def test_what_only_waits_to_be_read_was_not_missed(still: House) -> None:
    still.text(JULIE, "un")
    assert missed.find_missed() == 0
    read_deliveries()
    assert missed.find_missed() == 0


def test_a_look_goes_back_to_the_last_one_that_was_answered(
    still: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = twilio(still)
    queue.redis().delete(missed.ASKED.format(id=connection.id))
    asked: list[datetime] = []

    class Carrier:
        def list_received(self, since: datetime) -> list[SignedRequest]:
            asked.append(since + missed.OVERLAP)
            if len(asked) == 2:
                raise Unavailable("down")
            return []

    monkeypatch.setattr(missed, "open_channel", lambda *_: (connection, Carrier()))
    before = clock.wall()
    for _ in range(4):
        missed.find_missed()
    never, first, failed, third = asked
    assert never < before - timedelta(hours=23)
    assert before <= first == failed < third


def test_a_connection_that_cannot_be_opened_leaves_the_rest_to_be_done(
    still: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_shut(*_: object) -> None:
        raise BadConfig("auth_token")

    monkeypatch.setattr(missed, "open_channel", be_shut)
    assert missed.find_missed() == 0


def test_the_carriers_are_asked_though_other_chores_wait(still: House) -> None:
    for _ in range(5):
        queue.ring_chores()
    queue.ring_for_missed()
    waiting = [job.func_name for job in queue.queue(queue.CHORES).jobs]
    assert waiting.count("bot.jobs.look_for_missed") == 1
    assert waiting.count("bot.jobs.do_chores") <= 2


def twilio(house: House) -> Connection:
    with house.db() as db:
        query = select(Connection).where(Connection.vendor == "twilio")
        return db.scalars(query.where(Connection.tenant_id == house.tenant_id)).one()
