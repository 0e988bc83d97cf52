"""The comparison sees what it is there to see."""

from __future__ import annotations

from bot.models.messages import Message
from tests.chaos.channels import Carried
from tests.chaos.customers import Line
from tests.chaos.traffic import Sent
from tests.chaos.verdict import Verdict, _judge_answers, _judge_order, _judge_outbound

ASKED = Message(
    id=1, direction="in", provider_id="SM1", turn_id=7, delivery_id=1, conversation_id=5
)
ASKED_MORE = Message(
    id=2, direction="in", provider_id="SM2", turn_id=8, delivery_id=2, conversation_id=5
)
ANSWER = Message(
    id=3, direction="out", provider_id="SM3", turn_id=7, state="sent", attempts=1, conversation_id=5
)
MORE = Message(
    id=4, direction="out", provider_id="SM4", turn_id=8, state="sent", attempts=1, conversation_id=5
)
ROWS = (ASKED, ASKED_MORE, ANSWER, MORE)
SENT = tuple(Sent(1, "sms", name, Line("ask", "?"), True) for name in ("SM1", "SM2"))


def carried(*pairs: tuple[str, int]) -> list[Carried]:
    return [Carried(name, ours, "+33600000000", "", f"{n}") for n, (name, ours) in enumerate(pairs)]


def judged(*found: Carried, rows: tuple[Message, ...] = ROWS) -> dict[str, int]:
    verdict = Verdict()
    _judge_answers(verdict, SENT, rows)
    _judge_outbound(verdict, found, rows)
    _judge_order(verdict, found, rows, SENT)
    wrong: dict[str, int] = verdict.figures["wrong"]
    return wrong


def test_all_in_order_is_nothing_wrong() -> None:
    assert judged(*carried(("SM3", 3), ("SM4", 4))) == {}


def test_a_message_at_the_carrier_twice_is_seen() -> None:
    assert judged(*carried(("SM3", 3), ("SM9", 3), ("SM4", 4))) == {
        "doubled_outbound": 1,
        "mistaken_outbound": 1,
    }


def test_a_message_that_the_carrier_never_got_is_seen() -> None:
    assert judged(*carried(("SM3", 3))) == {"lost_outbound": 1}


def test_a_message_that_is_nobodys_is_seen() -> None:
    wrong = judged(*carried(("SM3", 3), ("SM4", 4), ("SM9", 99)))
    assert wrong == {"invented_outbound": 1, "mistaken_outbound": 1}


def test_answers_that_overtake_each_other_are_seen() -> None:
    assert judged(*carried(("SM4", 4), ("SM3", 3))) == {"out_of_order": 1}


def test_who_asks_and_gets_no_answer_is_seen() -> None:
    wrong = judged(*carried(("SM3", 3)), rows=(ASKED, ASKED_MORE, ANSWER))
    assert wrong == {"no_reply": 1}


def test_messages_read_in_another_order_than_the_door_took_them_are_seen() -> None:
    late = Message(
        id=1, direction="in", provider_id="SM1", turn_id=9, delivery_id=1, conversation_id=5
    )
    again = Message(
        id=5, direction="out", provider_id="SM5", turn_id=9, state="sent", conversation_id=5
    )
    wrong = judged(*carried(("SM4", 4), ("SM5", 5)), rows=(late, ASKED_MORE, MORE, again))
    assert wrong == {"read_out_of_order": 1}
