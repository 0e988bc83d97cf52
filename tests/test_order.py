"""Order and single sending, whoever dies or is slow: with the workers held, this process does
their work step by step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from house import JULIE, House
from sqlalchemy import select, update

from bot import clock, inbox, outbox
from bot.conversation import take_turn
from bot.db import transaction
from bot.holds import QUICK, _agree, pause_before
from bot.inbox import read_deliveries
from bot.models.conversations import Conversation
from bot.models.deliveries import Delivery
from bot.models.effects import Effect
from bot.models.messages import Message, claim_messages
from bot.profiles import LookUp
from bot.settings import settings
from connectors.channels import OutboundMessage, Sent
from connectors.errors import BadConfig, Refused

ASK = "Bonjour, la robe fleurie bleue, vous l'avez en 38 ?"
EMMA = "+33612457896"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def still(house: House) -> Iterator[House]:
    """The house while no worker works."""
    with house.held():
        yield house


def test_a_message_is_not_read_while_an_earlier_one_of_its_sender_is_being_read(
    still: House,
) -> None:
    for sender, text in ((JULIE, "un"), (JULIE, "deux"), (EMMA, "trois")):
        still.text(sender, text)
    change_first(still, claimed_until=clock.wall() + MINUTE)
    read_deliveries()
    assert texts_read(still) == ["trois"]
    change_first(still, claimed_until=None)
    read_deliveries()
    assert texts_read(still) == ["trois", "un", "deux"]


def test_a_message_is_not_read_while_an_earlier_one_of_its_sender_waits_for_the_vendor(
    still: House,
) -> None:
    for text in ("un", "deux"):
        still.text(JULIE, text)
    change_first(still, next_try_at=clock.now() + MINUTE)
    assert read_deliveries() == 0


def test_a_message_that_broke_on_a_defect_lets_the_next_one_pass(still: House) -> None:
    for text in ("un", "deux"):
        still.text(JULIE, text)
    change_first(still, next_try_at=clock.now() + MINUTE, error="TypeError")
    read_deliveries()
    assert texts_read(still) == ["deux"]


def test_what_another_process_read_meanwhile_is_not_read_twice(
    still: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_slow(*_: object) -> LookUp:
        monkeypatch.undo()
        change_first(still, claimed_until=None)  # ours ran out
        assert read_deliveries() == 1
        return LookUp(asked=False)

    monkeypatch.setattr(inbox, "look_up", be_slow)
    still.text("+33699999999", "un")
    assert read_deliveries() == 1
    assert texts_read(still) == ["un"]
    with still.db() as db:
        (found,) = db.scalars(select(Delivery))
    assert (found.state, found.error) == ("done", "")


def test_an_answer_waits_for_the_one_before_it_whose_fate_is_unknown(still: House) -> None:
    first, second = two_answers(still)
    change(still, first, state="unknown", send_after=clock.now() + MINUTE)
    assert outbox.send_messages() == 0
    change(still, first, state="sent")
    assert outbox.send_messages() == 1
    assert state_of(still, second) == "sent"


def test_a_reminder_put_off_till_the_morning_does_not_hold_up_an_answer(still: House) -> None:
    first, second = two_answers(still)
    change(still, first, plan={"how": "wait", "why": "x"}, send_after=clock.now() + 600 * MINUTE)
    assert outbox.send_messages() == 1
    assert (state_of(still, first), state_of(still, second)) == ("queued", "sent")


def test_who_was_slow_hands_over_only_what_nobody_has_taken_over(still: House) -> None:
    for sender in (JULIE, EMMA):
        still.text(sender, ASK)
    answer_all()
    long_ago = clock.wall() - settings().claim / 2
    with still.db() as db:
        ours, lost = claim_messages(db, clock.now(), long_ago, settings().claim, 2)
    change(still, lost.id, claimed_until=clock.wall() + MINUTE)
    assert not outbox._renew_claim(lost)
    assert outbox._renew_claim(ours)
    with still.db() as db:
        kept = db.get_one(Message, ours.id)
    assert kept.claimed_until is not None
    assert kept.claimed_until > clock.wall() + settings().claim / 2
    assert kept.tried_at == ours.tried_at


def test_a_report_that_comes_while_the_carrier_is_asked_is_not_undone(still: House) -> None:
    still.text(JULIE, ASK)
    answer_all()
    with still.db() as db:
        (message,) = claim_messages(db, clock.now(), clock.wall(), settings().claim, 1)
    change(still, message.id, state="delivered")
    outbox._queue_again(message, timedelta())
    outbox._fail(message, "failed", "lost")
    assert state_of(still, message.id) == "delivered"


def test_the_same_words_sent_before_are_not_taken_for_a_message_that_was_lost(
    still: House,
) -> None:
    first, second = two_answers(still)
    for each in (first, second):
        change(still, each, body="Avec plaisir !")
    assert outbox.send_messages() == 1
    change(still, second, state="unknown", tried_at=clock.wall(), send_after=clock.now())
    outbox.find_lost()
    assert state_of(still, second) == "queued"
    assert outbox.send_messages() == 1
    assert still.replies(JULIE) == ["Avec plaisir !"] * 2


def test_a_carrier_that_cannot_tell_costs_no_other_message(
    still: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sender in (JULIE, EMMA):
        still.text(sender, ASK)
    answer_all()
    with still.db() as db:
        now, wall = clock.now(), clock.wall()
        connection_id = db.scalars(
            update(Message)
            .where(Message.direction == "out")
            .values(state="unknown", tried_at=wall, send_after=now)
            .returning(Message.connection_id)
        ).first()
    assert connection_id is not None
    connection, carrier = outbox.open_channel(still.tenant_id, connection_id)

    class Forgetful:
        def find_sent(self, message: OutboundMessage, **more: Any) -> Sent | None:
            if message.recipient == JULIE:
                raise Refused("twilio: gone", code="20404")
            return carrier.find_sent(message, **more)

    monkeypatch.setattr(outbox, "open_channel", lambda *_: (connection, Forgetful()))
    outbox.find_lost()
    with still.db() as db:
        out = select(Message.contact, Message.state).where(Message.direction == "out")
        assert dict(db.execute(out).all()) == {JULIE: "failed", EMMA: "queued"}


@pytest.mark.parametrize("defect", [BadConfig("auth_token"), KeyError("sid")])
def test_a_message_that_breaks_before_it_leaves_costs_no_other_and_is_tried_again(
    still: House, monkeypatch: pytest.MonkeyPatch, defect: Exception
) -> None:
    compose = outbox._outbound

    def break_for_julie(message: Message) -> OutboundMessage:
        if message.contact == JULIE:
            raise defect
        return compose(message)

    monkeypatch.setattr(outbox, "_outbound", break_for_julie)
    two_people_are_answered(still)
    assert outbox.send_messages() == 2
    assert states(still) == {JULIE: "queued", EMMA: "sent"}
    monkeypatch.undo()
    with still.db() as db:
        db.execute(update(Message).values(send_after=clock.now()))
    assert outbox.send_messages() == 1
    assert len(still.replies(JULIE)) == 1


def test_a_message_that_breaks_when_it_may_have_left_is_asked_after(
    still: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = two_people_are_answered(still)
    connection, carrier = outbox.open_channel(still.tenant_id, connection_id)

    class Odd:
        def send(self, message: OutboundMessage) -> Sent:
            sent = carrier.send(message)
            if message.recipient == JULIE:
                raise KeyError("sid")
            return sent

    monkeypatch.setattr(outbox, "open_channel", lambda *_: (connection, Odd()))
    outbox.send_messages()
    assert states(still) == {JULIE: "unknown", EMMA: "sent"}
    with still.db() as db:
        db.execute(update(Message).values(send_after=clock.now()))
    outbox.find_lost()  # nor can this carrier tell
    assert states(still)[JULIE] == "unknown"
    monkeypatch.undo()
    with still.db() as db:
        db.execute(update(Message).values(send_after=clock.now(), claimed_until=None))
    outbox.find_lost()
    assert states(still) == {JULIE: "sent", EMMA: "sent"}
    assert len(still.replies(JULIE)) == 1


def test_what_a_slow_vendor_leaves_no_time_for_is_given_back(
    still: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, wall, slow = inbox._read_guarded, clock.wall, timedelta()

    def take_long(delivery: Delivery) -> bool:
        nonlocal slow
        slow = settings().claim
        return read(delivery)

    monkeypatch.setattr(inbox, "_read_guarded", take_long)
    monkeypatch.setattr(clock, "wall", lambda: wall() + slow)
    for sender, words in ((JULIE, "un"), (EMMA, "deux")):
        still.text(sender, words)
    read_deliveries()
    assert texts_read(still) == ["un"]
    with still.db() as db:
        left = db.scalars(select(Delivery).where(Delivery.state == "new")).one()
    assert (left.attempts, left.claimed_until) == (0, None)
    read_deliveries()
    assert texts_read(still) == ["un", "deux"]


def test_of_two_processes_that_change_one_request_the_first_decides(still: House) -> None:
    still.text(JULIE, ASK)
    answer_all()
    with still.db() as db:
        db.execute(update(Effect).values(state="planned"))
        one = db.scalars(select(Effect)).one()
    with still.db() as db:
        other = db.scalars(select(Effect)).one()
    spent = one.key
    for each in (one, other):
        _agree(each, request=None, key=uuid4())
    assert one.key == other.key != spent


def test_a_vendor_that_asks_for_a_short_pause_again_and_again_is_given_a_longer_one() -> None:
    pauses = [pause_before(attempt, 1.0).total_seconds() for attempt in range(1, 10)]
    assert pauses[:QUICK] == [1.0] * QUICK
    assert pauses[QUICK:5] == [60.0, 120.0]
    assert sum(pauses) > 3600  # down for an hour and back
    assert pause_before(1, 7200.0) == timedelta(hours=2)


# --- steps -------------------------------------------------------------------------------


def two_answers(house: House) -> tuple[int, int]:
    """Two answers to one customer, written and not sent."""
    for _ in range(2):
        house.text(JULIE, ASK)
        answer_all()
    with house.db() as db:
        out = select(Message.id).where(Message.direction == "out").order_by(Message.id)
        first, second = db.scalars(out)
    return first, second


def two_people_are_answered(house: House) -> int:
    """An answer to each is written, and not sent; the id of the connection they go by."""
    for sender in (JULIE, EMMA):
        house.text(sender, ASK)
    answer_all()
    with house.db() as db:
        used = select(Message.connection_id).where(Message.direction == "out").distinct()
        connection_id = db.scalars(used).one()
    assert connection_id is not None
    return connection_id


def states(house: House) -> dict[str, str]:
    """Of our messages, by whom they are for."""
    with house.db() as db:
        out = select(Message.contact, Message.state).where(Message.direction == "out")
        return dict(db.execute(out).all())


def answer_all() -> None:
    """Read what came in and decide on it; nothing is sent."""
    read_deliveries()
    while True:
        with transaction() as db:
            db.execute(
                update(Conversation)
                .where(Conversation.answer_after.is_not(None))
                .values(answer_after=clock.now())
            )
        if not take_turn():
            return


def change_first(house: House, **values: object) -> None:
    with house.db() as db:
        first = select(Delivery.id).order_by(Delivery.id).limit(1).scalar_subquery()
        db.execute(update(Delivery).where(Delivery.id == first).values(**values))


def change(house: House, message_id: int, **values: object) -> None:
    with house.db() as db:
        db.execute(update(Message).where(Message.id == message_id).values(**values))


def state_of(house: House, message_id: int) -> str:
    with house.db() as db:
        return db.get_one(Message, message_id).state


def texts_read(house: House) -> list[str]:
    """The messages that were read, in the order in which they were."""
    with house.db() as db:
        query = select(Message.body).where(Message.direction == "in").order_by(Message.id)
        return list(db.scalars(query))
