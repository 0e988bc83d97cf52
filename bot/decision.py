"""What is answered: flows and the agent's levels decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.flows import FLOWS, PREPARING, Flow
from bot.flows.consent import opt_in, opt_out, tell_help
from bot.flows.handover import (
    ask_back,
    give_up,
    hand_over,
    leave_to_adviser,
    priority_of,
    receive,
    say_system_down,
)
from bot.flows.opinions import read_score
from bot.flows.outcomes import merge
from bot.flows.products import INSTEAD
from bot.flows.questions import SURE, quote
from bot.flows.smalltalk import YES
from bot.keywords import Keyword, read_keyword
from bot.loading import Loaded
from bot.logs import log
from bot.turn import Escalate, Level, Outcome, Turn
from bot.understanding.engine import DEFAULT_THRESHOLD
from connectors.errors import ConnectorError

ATTEMPTS = 3  # then a turn that keeps breaking is handed to a person

# Who is angry or wants a person is not asked to say it again: handing over does no harm
CALLING = frozenset({"complaint", "human_request"})
HALF_SURE = 0.35

# Whatever was said before it, a keyword has the last word
KEYWORDS: Mapping[Keyword, Flow] = {"stop": opt_out, "start": opt_in, "help": tell_help}


@dataclass(frozen=True)
class Decision:
    """`draft`: what is prepared and waits for an adviser's approval."""

    outcome: Outcome
    handled: Level
    draft: Outcome | None = None


def decide(loaded: Loaded, turn: Turn) -> Decision:
    """Flows and policies decide; a system that is down is said honestly."""
    if loaded.row.attempts > ATTEMPTS:
        return Decision(say_system_down(turn), "human")
    try:
        return _decide_by_level(loaded, turn)
    except ConnectorError as error:
        log().warning("system down", vendor=error.vendor, code=error.code)
        return Decision(say_system_down(turn), "human")


def _decide_by_level(loaded: Loaded, turn: Turn) -> Decision:
    if keyword := read_keyword(loaded.messages[-1].body):
        return Decision(KEYWORDS[keyword](turn), "auto")
    threshold = loaded.speaker.threshold
    if threshold is None:
        threshold = DEFAULT_THRESHOLD
    intents = _in_this_light(turn)
    unsure = confidence_in_context(turn) < threshold
    wants_person = CALLING & set(intents) and confidence_in_context(turn) >= HALF_SURE
    if "unknown" in intents or not intents or (unsure and not wants_person):
        return _decide_unknown(loaded, turn)
    if loaded.adviser_speaks and set(intents) <= {"closing", "confirm", "deny", "choose"}:
        return Decision(leave_to_adviser(turn) if intents != ("closing",) else Outcome(), "human")
    ordered = sorted(intents, key=lambda i: (i not in ANSWERS, [*FLOWS, i].index(i)))
    sent: list[Outcome] = []
    drafted: list[Outcome] = []
    levels: set[Level] = set()
    covered: frozenset[str] = frozenset()
    for intent in ordered:
        if intent in covered:
            continue
        level = loaded.speaker.level(intent) if intent in FLOWS else "human"
        outcome = _answer(turn, intent, level)
        if outcome.instead:
            level = loaded.speaker.level(outcome.instead)
        done_as = _done_as(level, outcome)
        (drafted if done_as == "draft" else sent).append(outcome)
        covered |= outcome.covers
        levels.add(done_as)
    sent.sort(key=lambda outcome: outcome.asks is not None)  # a question is at the end
    return Decision(merge(sent), _joint_level(levels), merge(drafted) if drafted else None)


def _answer(turn: Turn, intent: str, level: Level) -> Outcome:
    if level == "human" and intent not in PREPARING:
        return hand_over(turn, intent)
    outcome = FLOWS[intent](turn)
    if level == "both" and not outcome.escalations and outcome.needs_approval:
        also = Escalate(intent, priority_of(turn), {"text": turn.text})
        return replace(outcome, escalations=(also,))
    return outcome


def _done_as(level: Level, outcome: Outcome) -> Level:
    """What became of one request, whatever its level was."""
    if outcome.escalations:
        return "both" if outcome.answered and level != "human" else "human"
    if level in {"draft", "both"} and not outcome.needs_approval:
        return "auto"  # a question back, which goes out at once
    return level


def _in_this_light(turn: Turn) -> tuple[str, ...]:
    """The intents, in the light of what was asked and of what is put aside."""
    intents, entities = turn.understanding.intents, turn.understanding.entities
    if (pending := _pending(turn)) and pending not in intents:
        return (pending, *(i for i in intents if i not in ANSWERS_TO_PENDING))
    open_choice = turn.asked in {"exchange_option", "backup_option"}
    if open_choice and "reservation_pickup" in intents and not ANSWERS & set(intents):
        intents = ("choose", *intents)
    # "finalement le 40" is about what is put aside, not about an order, unless they name one
    about_order = {"exchange_request", "order_change"} & set(intents)
    in_hand = turn.reservations or turn.asked in {"reservation_offer", "size"}
    if not (about_order and in_hand and entities.sizes) or entities.order_numbers or pending:
        return intents
    if turn.memory.get("exchange") or turn.memory.get("backup"):
        return intents
    others = [i for i in intents if i not in about_order]
    return ("reservation_create", *(i for i in others if i != "reservation_create"))


def confidence_in_context(turn: Turn) -> float:
    """The engine's confidence, its doubt halved where more speaks for what it read."""
    confidence = turn.understanding.confidence
    return 1 - (1 - confidence) / 2 if is_grounded(turn) else confidence


def is_grounded(turn: Turn) -> bool:
    """Whether more than the engine's confidence speaks for the reading: a question of ours that
    it answers, a size instead of one that is put aside, an order that is only looked up, a mark
    given. A wrong guess then shows the person something of their own, and does nothing."""
    intents, entities = set(turn.understanding.intents), turn.understanding.entities
    if _pending(turn) or (turn.asked in YES and "confirm" in intents):
        return True
    if turn.reservations and entities.sizes and INSTEAD.search(turn.text):
        return True
    if intents <= LOOKED_UP and (entities.order_numbers or entities.tracking_numbers):
        return True
    if intents == {"order_status", "delivery_problem"}:  # it only wavers between the two
        return True
    return intents == {"feedback"} and read_score(turn.text) is not None


# To what we asked: these come first, and take along what was said in the same breath
ANSWERS = frozenset({"confirm", "deny", "choose"})

LOOKED_UP = frozenset({"order_status", "order_list", "delivery_problem"})


# What a bare order number, article or size is taken for while a question of ours is open
ANSWERS_TO_PENDING = frozenset(
    {
        "order_status",
        "order_list",
        "product_availability",
        "product_inquiry",
        "reservation_create",
        "confirm",
        "choose",
        "unknown",
    }
)


def _pending(turn: Turn) -> str:
    """The request that waited for what they say now."""
    pending: str = turn.memory.get("pending") or ""
    entities = turn.understanding.entities
    chosen = entities.choice is not None and bool(turn.memory.get("options"))
    told = {
        "order_number": entities.order_numbers
        or entities.tracking_numbers
        or entities.products
        or chosen,
        "order_identity": entities.order_numbers or entities.last_name,
        "clarification": entities.products or entities.colors or chosen,
        "size": entities.sizes,
    }
    if not told.get(turn.asked or "") or not set(turn.understanding.intents) <= ANSWERS_TO_PENDING:
        return ""
    return pending


def _decide_unknown(loaded: Loaded, turn: Turn) -> Decision:
    if loaded.adviser_speaks:
        return Decision(leave_to_adviser(turn), "human")
    if turn.enclosed:
        return Decision(receive(turn), "human")
    if "general_question" in turn.understanding.intents and (quoted := quote(turn, SURE)):
        return Decision(quoted, "auto")
    if turn.memory.get("asked_back"):
        return Decision(give_up(turn), "human")
    return Decision(ask_back(turn), "auto")


def _joint_level(levels: set[Level]) -> Level:
    """Several requests of one message: what a person must see prevails."""
    if len(levels) == 1:
        return next(iter(levels))
    return "draft" if "draft" in levels else "both"
