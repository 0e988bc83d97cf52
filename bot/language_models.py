"""Asks a tenant's language model, and keeps what it took: cost, time, outcome.

A server that does not answer is left alone for a while (Breaker), so that it costs one
timeout now and then and not one a turn. Nothing here may be called inside a transaction: an
answer takes seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields
from threading import Lock
from typing import Any, cast

from bot import clock, metrics
from bot.db import transaction
from bot.logs import log
from bot.models.model_calls import ModelCall
from bot.tenants import find_system
from connectors.errors import BadConfig, ConnectorError, Refused, Unavailable, Unusable
from connectors.ports import Answer, LanguageModel, Money, Question

NO_ANSWER = frozenset({"slow", "down"})  # the whole server, whatever the model
OUTCOMES = frozenset({"slow", "down", "refusal", "length", "filtered", "rubbish", "resting"})


@dataclass(frozen=True)
class Choice:
    """A model for one purpose, as an agent's `model` column chooses it. `fallback` is asked
    on the same server when the model itself cannot; limits are tokens of the answer."""

    name: str
    fallback: str = ""
    temperature: float | None = None
    max_tokens: int = 800


def read_choice(raw: Any) -> Choice | None:
    """None where none is chosen. Raises BadConfig for one that cannot work."""
    if not raw:
        return None
    if not isinstance(raw, Mapping) or not isinstance(raw.get("name"), str) or not raw["name"]:
        raise BadConfig("model: expected an object with a `name`")
    known = {f.name for f in fields(Choice)}
    choice = Choice(**{k: v for k, v in raw.items() if k in known and v is not None})
    temperature, most = choice.temperature, choice.max_tokens
    if not isinstance(choice.fallback, str):
        raise BadConfig("model: fallback is a name")
    if not isinstance(most, int) or not 1 <= most <= 32_000:
        raise BadConfig("model: max_tokens is 1 to 32000")
    if temperature is not None and (
        not isinstance(temperature, int | float) or not 0 <= temperature <= 2
    ):
        raise BadConfig("model: temperature is 0 to 2")
    return choice


# --- who is not asked for now --------------------------------------------------------------


@dataclass
class _Trouble:
    failures: int = 0  # in a row
    strikes: int = 0  # answers of no use in a row
    rests_until: float = 0.0


class Breaker:
    """Who fails rests: FIRST seconds, twice as long each time, LONGEST at most; then one
    request goes through and decides. (pybreaker would hold its lock during the request and
    knows no Retry-After.) In this process only: each finds out for itself."""

    FIRST, LONGEST, STRIKES = 30.0, 600.0, 5

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, Lock()
        self._troubles: dict[Hashable, _Trouble] = {}

    def may_ask(self, who: Hashable) -> bool:
        with self._lock:
            trouble = self._troubles.get(who)
            if trouble is None or not trouble.failures:
                return True
            if self._now() < trouble.rests_until:
                return False
            trouble.rests_until = self._now() + self.FIRST  # this one decides for all
            return True

    def worked(self, who: Hashable) -> None:
        with self._lock:
            self._troubles.pop(who, None)

    def failed(self, who: Hashable, wait: float | None = None) -> None:
        """`wait`: the seconds that the server asked for."""
        with self._lock:
            trouble = self._troubles.setdefault(who, _Trouble())
            trouble.failures += 1
            pause = min(self.FIRST * 2 ** min(trouble.failures - 1, 10), self.LONGEST)
            trouble.rests_until = self._now() + max(pause, min(wait or 0, self.LONGEST))

    def useless(self, who: Hashable) -> None:
        """It answered, not as asked: may be the text's fault, unless it goes on."""
        with self._lock:
            trouble = self._troubles.setdefault(who, _Trouble())
            trouble.strikes += 1
            lasting = trouble.strikes >= self.STRIKES or trouble.failures
        if lasting:
            self.failed(who)


breaker = Breaker()


# --- asking ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One request as it is kept. Times are milliseconds."""

    purpose: str
    model: str
    milliseconds: int
    outcome: str
    tokens: tuple[int, int] = (0, 0)
    cost: Money | None = None


@dataclass(frozen=True)
class Asker:
    """A model as chosen for one purpose. `keep` is told of every request. The breaker goes by
    the adapter: a connection that is edited gets a new one, and is asked at once."""

    port: LanguageModel
    choice: Choice
    purpose: str
    keep: Callable[[Call], None]
    breaker: Breaker = field(default_factory=lambda: breaker)

    def ask(self, system: str, user: str, answer: type[Answer]) -> Answer:
        """The model's answer, or its fallback's. Raises ConnectorError when there is none:
        Unavailable with the code "resting" when nobody was asked."""
        names = [n for n in (self.choice.name, self.choice.fallback) if n]
        failure: ConnectorError = Unavailable("the model rests", code="resting")
        for name in names:
            if not self.breaker.may_ask((self.port, name)):
                continue
            try:
                return self._ask_one(name, system, user, answer)
            except ConnectorError as error:
                failure = error
                self._tell_breaker(names, name, error)
                if error.code in NO_ANSWER:
                    break
        if failure.code == "resting":
            self._count("resting")
        raise failure

    def _ask_one(self, name: str, system: str, user: str, answer: type[Answer]) -> Answer:
        choice = self.choice
        question = Question(name, system, user, choice.max_tokens, choice.temperature)
        started = time.perf_counter()

        def call(outcome: str, tokens: tuple[int, int], cost: Money | None) -> Call:
            took = round((time.perf_counter() - started) * 1000)
            return Call(self.purpose, name, took, outcome, tokens, cost)

        try:
            found, usage = self.port.complete(question, answer)
        except ConnectorError as error:
            tokens = error.tokens if isinstance(error, Unusable) else (0, 0)
            cost = self.port.price(name, *tokens) if any(tokens) else None
            outcome = describe_failure(error)
            self._count(outcome)
            self.keep(call(outcome, tokens, cost))
            raise
        self.breaker.worked((self.port, name))
        self._count("ok")
        self.keep(call("ok", (usage.prompt_tokens, usage.completion_tokens), usage.cost))
        return found

    def _tell_breaker(self, names: list[str], name: str, error: ConnectorError) -> None:
        if isinstance(error, Unusable):
            self.breaker.useless((self.port, name))
            return
        wait = error.retry_after if isinstance(error, Unavailable) else None
        for each in names if error.code in NO_ANSWER else [name]:
            self.breaker.failed((self.port, each), wait)

    def _count(self, outcome: str) -> None:
        metrics.count_model_answer(self.purpose, outcome)


def describe_failure(error: ConnectorError) -> str:
    """One word for it, of a bounded set."""
    if error.code in OUTCOMES:
        return error.code
    return "refused" if isinstance(error, Refused) else "unavailable"


def open_asker(
    tenant_id: int, conversation_id: int | None, models: Mapping[str, Any], purpose: str
) -> Asker | None:
    """Whom the agent (its `models`, by purpose) asks for that purpose at this tenant; None
    when none is chosen, or nothing is connected that could be asked."""
    try:
        choice = read_choice(models.get(purpose))
        found = find_system(tenant_id, "model") if choice else None
    except BadConfig as error:
        log().error("model badly chosen", purpose=purpose, setting=str(error))
        return None
    if choice is None:
        return None
    if found is None:
        log().warning("no model connected", purpose=purpose)
        return None

    def keep(call: Call) -> None:
        _write(tenant_id, conversation_id, call)

    return Asker(cast(LanguageModel, found[1]), choice, purpose, keep)


def _write(tenant_id: int, conversation_id: int | None, call: Call) -> None:
    """Kept at once, whatever becomes of the turn: it was paid for."""
    with transaction() as db:
        db.add(
            ModelCall(
                tenant_id=tenant_id,
                conversation_id=conversation_id,
                purpose=call.purpose,
                model=call.model,
                prompt_tokens=call.tokens[0],
                completion_tokens=call.tokens[1],
                cost=call.cost.amount if call.cost else None,
                currency=call.cost.currency if call.cost else "",
                milliseconds=call.milliseconds,
                outcome=call.outcome,
                created_at=clock.now(),
            )
        )
