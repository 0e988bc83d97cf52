"""Asking a language model: whom, how often, and what is kept of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from house import JULIE, House
from pydantic import BaseModel
from sqlalchemy import select

from bot import clock, vault
from bot.language_models import Asker, Breaker, Call, Choice, read_choice
from bot.models.conversations import Conversation
from bot.models.model_calls import (
    calls_of,
    spent_between,
    spent_by_conversation,
)
from bot.models.tenants import Agent, Connection
from connectors.errors import BadConfig, ConnectorError, Refused, Unavailable, Unusable
from connectors.ports import Answer, Money, Question, Usage
from connectors.sandbox.client import SandboxWorld


class Words(BaseModel):
    text: str


class Time:
    """A clock that stands until it is moved; seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


SLOW = Unavailable("x", code="slow")
QUOTA = Unavailable("x", code="insufficient_quota")
GONE = Refused("x", code="model_not_found")
RUBBISH = Unusable("x", code="rubbish", tokens=(100, 10))


class Port:
    """A model that does what it is told, by name: an error to raise, or an answer."""

    def __init__(self, **behaviours: ConnectorError | str) -> None:
        self.behaviours = behaviours
        self.asked: list[str] = []

    def complete(self, question: Question, answer: type[Answer]) -> tuple[Answer, Usage]:
        self.asked.append(question.model)
        does = self.behaviours[question.model]
        if isinstance(does, ConnectorError):
            raise does
        usage = Usage(f"{question.model}-2026", 200, 20, Money(Decimal("0.001"), "EUR"))
        return answer.model_validate({"text": does}), usage

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise NotImplementedError

    def price(self, model: str, prompt_tokens: int, completion_tokens: int) -> Money | None:
        return Money(Decimal(prompt_tokens + completion_tokens) / 1000, "EUR")


def asker(port: Port, watch: Time, calls: list[Call] | None = None) -> Asker:
    kept = [] if calls is None else calls
    return Asker(port, Choice("big", "small"), "understanding", kept.append, Breaker(watch))


# --- whom ----------------------------------------------------------------------------------


def test_the_chosen_model_answers() -> None:
    port, calls = Port(big="oui", small="non"), []
    assert asker(port, Time(), calls).ask("s", "u", Words).text == "oui"
    (call,) = calls
    assert (call.model, call.outcome, call.tokens) == ("big", "ok", (200, 20))
    assert call.cost == Money(Decimal("0.001"), "EUR")


@pytest.mark.parametrize("error", [QUOTA, GONE, RUBBISH, Unavailable("x", code="503")])
def test_the_fallback_answers_when_the_model_itself_cannot(error: ConnectorError) -> None:
    port, calls = Port(big=error, small="oui"), []
    assert asker(port, Time(), calls).ask("s", "u", Words).text == "oui"
    assert port.asked == ["big", "small"]
    assert [c.outcome for c in calls][1] == "ok"


@pytest.mark.parametrize("code", ["slow", "down"])
def test_a_server_that_does_not_answer_is_not_asked_for_another_model(code: str) -> None:
    port = Port(big=Unavailable("x", code=code), small="oui")
    with pytest.raises(Unavailable):
        asker(port, Time()).ask("s", "u", Words)
    assert port.asked == ["big"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (SLOW, "slow"), (QUOTA, "unavailable"), (GONE, "refused"), (RUBBISH, "rubbish"),
        (Unusable("x", code="refusal"), "refusal"), (Unusable("x", code="length"), "length"),
    ],
)  # fmt: skip
def test_every_failure_is_kept_under_one_word(error: ConnectorError, outcome: str) -> None:
    calls: list[Call] = []
    with pytest.raises(type(error)):
        asker(Port(big=error, small=error), Time(), calls).ask("s", "u", Words)
    assert {c.outcome for c in calls} == {outcome}


def test_an_answer_of_no_use_is_paid_for_all_the_same() -> None:
    calls: list[Call] = []
    asker(Port(big=RUBBISH, small="oui"), Time(), calls).ask("s", "u", Words)
    assert (calls[0].tokens, calls[0].cost) == ((100, 10), Money(Decimal("0.11"), "EUR"))


# --- how often -----------------------------------------------------------------------------


def test_a_dead_server_costs_one_timeout_now_and_then() -> None:
    watch, port = Time(), Port(big=SLOW, small=SLOW)
    ask = asker(port, watch)
    for _ in range(3600):  # a turn a second, for an hour
        watch.now += 1
        with pytest.raises(Unavailable):
            ask.ask("s", "u", Words)
    assert 5 < len(port.asked) < 15


def test_who_rests_is_not_asked_and_says_so() -> None:
    port = Port(big=SLOW, small=SLOW)
    ask = asker(port, Time())
    for code in ("slow", "resting", "resting"):
        with pytest.raises(Unavailable) as caught:
            ask.ask("s", "u", Words)
        assert caught.value.code == code
    assert port.asked == ["big"]


def test_a_server_that_is_back_answers_every_turn_again() -> None:
    watch, port = Time(), Port(big=SLOW, small=SLOW)
    ask = asker(port, watch)
    with pytest.raises(Unavailable):
        ask.ask("s", "u", Words)
    port.behaviours = {"big": "oui", "small": "non"}
    watch.now += Breaker.FIRST + 1
    assert [ask.ask("s", "u", Words).text for _ in range(3)] == ["oui"] * 3
    assert port.asked == ["big"] * 4


def test_only_one_request_tries_whether_a_server_is_back() -> None:
    watch = Time()
    breaker = Breaker(watch)
    breaker.failed("model")
    watch.now += Breaker.FIRST + 1
    assert [breaker.may_ask("model") for _ in range(4)] == [True, False, False, False]


def test_a_server_rests_as_long_as_it_asked_for() -> None:
    watch = Time()
    breaker = Breaker(watch)
    breaker.failed("model", wait=120.0)
    watch.now += 100
    assert not breaker.may_ask("model")
    watch.now += 21
    assert breaker.may_ask("model")


def test_nobody_rests_longer_than_the_longest_rest() -> None:
    watch = Time()
    breaker = Breaker(watch)
    for _ in range(2000):
        breaker.failed("model", wait=1e9)
    watch.now += Breaker.LONGEST + 1
    assert breaker.may_ask("model")


def test_one_useless_answer_may_be_the_texts_fault_but_not_five() -> None:
    port = Port(big=RUBBISH, small=GONE)
    ask = asker(port, Time())
    for _ in range(8):
        with pytest.raises(ConnectorError):
            ask.ask("s", "u", Words)
    assert port.asked.count("big") == Breaker.STRIKES
    assert port.asked.count("small") == 1


# --- the choice ----------------------------------------------------------------------------


def test_a_choice_is_read_and_what_is_not_known_is_left() -> None:
    raw = {"name": "m", "fallback": "f", "temperature": 0.2, "max_tokens": 300, "colour": "blue"}
    assert read_choice(raw) == Choice("m", "f", 0.2, 300)
    assert read_choice({"name": "m", "temperature": None}) == Choice("m")
    assert read_choice(None) is None
    assert read_choice({}) is None


@pytest.mark.parametrize(
    "raw",
    ["m", {"name": ""}, {"name": 3}, {"fallback": "f"}, {"name": "m", "max_tokens": 0},
     {"name": "m", "max_tokens": "many"}, {"name": "m", "temperature": 3}, {"name": "m", "fallback": 7}],
)  # fmt: skip
def test_a_choice_that_cannot_work_is_named(raw: Any) -> None:
    with pytest.raises(BadConfig, match="model"):
        read_choice(raw)


# --- in the product ------------------------------------------------------------------------

KEY = "sk-house"
CHOICE = {
    "understanding": {"name": "gpt-sandbox", "temperature": 0, "max_tokens": 700},
    "phrasing": {"name": "gpt-sandbox"},
}


def connect(house: House, model: dict[str, Any]) -> SandboxWorld:
    """The shop's agent reads and phrases with a model that the sandbox plays."""
    brains = SandboxWorld(house.stack.sandbox_url, "brains")
    brains.replace({"ai": {"api_key": KEY, "models": ["gpt-sandbox"]}})
    with house.db() as db:
        db.add(
            Connection(
                tenant_id=house.tenant_id,
                vendor="openai",
                key="brains",
                base_url=brains.vendor_url("openai") + "/v1",
                settings={"timeout": "8", "prices": "gpt-sandbox=0.25/2", "currency": "EUR"},
                secrets=vault.encrypt({"api_key": KEY}),
                updated_at=clock.now(),
            )
        )
        agent = db.scalars(select(Agent).where(Agent.owner_id == house.tenant_id)).one()
        agent.engine, agent.model = "openai", model
    return brains


def test_a_model_reads_and_phrases_and_the_house_answers_alone_when_it_is_down(
    house: House,
) -> None:
    brains = connect(house, CHOICE)
    (said,) = house.say(JULIE, "Bonjour, vous avez la robe fleurie bleue en 38 ?")
    assert said.startswith("Coucou Julie !")
    assert "Robe Fleurie Bleue en 38" in said
    asked = [json.loads(q["messages"][1]["content"]) for q in brains.questions()]
    reading, phrasing = asked
    assert reading["message"] == "Bonjour, vous avez la robe fleurie bleue en 38 ?"
    # Of the reply the model sees neither names nor facts
    assert not any(word in str(phrasing) for word in ("Julie", "Fleurie", "38", "demain"))
    for mode in ("invents", "leaks", "obeys"):
        brains.fail("openai", mode, operation="chat.phrasing", times=1)
        (said,) = house.say(JULIE, "Et vous avez la robe bordeaux ?")
        assert not any(w in said for w in ("offerte", "instructions", "remboursé", "Belle journée"))
    brains.fail("openai", "down")
    (said,) = house.say(JULIE, "Vous avez les escarpins nude ?")
    assert "Escarpins Nude" in said
    with house.db() as db:
        conversation = db.scalars(select(Conversation.id)).one()
        calls = calls_of(house.tenant_id, db, conversation)
        spent = spent_by_conversation(house.tenant_id, db, conversation)
        now = clock.now()
        others = spent_between(house.tenant_id + 1, db, now.replace(year=2000), now)
    assert {(c.purpose, c.outcome) for c in calls} == {
        ("understanding", "ok"), ("phrasing", "ok"),
        ("understanding", "unavailable"),
    }  # fmt: skip  # the model that did not read was not asked to phrase
    assert all(c.cost and c.currency == "EUR" for c in calls if c.outcome == "ok")
    assert sum(s.cost for s in spent) == sum(c.cost or 0 for c in calls)
    assert sum(s.calls for s in spent) == len(calls)
    assert others == []


def test_a_model_connected_between_two_messages_is_asked_at_once(house: House) -> None:
    from bot.conversation import take_turn

    with house.held():  # one process takes both turns: it has seen that there was none
        house.text(JULIE, "Bonjour, vous avez la robe fleurie bleue en 38 ?")
        run_until(take_turn)
        brains = connect(house, CHOICE)
        assert not brains.questions()
        house.text(JULIE, "Vous avez les escarpins nude ?")
        run_until(take_turn)
    assert brains.questions()


def test_no_transaction_is_open_while_a_model_is_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.conversation import take_turn
    from bot.db import engine
    from connectors.openai.model import OpenAIModel

    open_then: list[int] = []
    complete = OpenAIModel.complete

    def watched(self: Any, question: Question, answer: Any) -> Any:
        open_then.append(engine().pool.checkedout())  # type: ignore[attr-defined]
        return complete(self, question, answer)

    monkeypatch.setattr(OpenAIModel, "complete", watched)
    connect(house, CHOICE)
    with house.held():
        house.text(JULIE, "Bonjour, vous avez la robe fleurie bleue en 38 ?")
        run_until(take_turn)
    assert open_then == [0, 0]


def run_until(take: Callable[[], bool]) -> None:
    """What the workers do, in this process: they are held."""
    from bot.inbox import read_deliveries

    for _ in range(100):
        read_deliveries()
        if take():
            return
        time.sleep(0.05)
    raise AssertionError("no turn was due")
