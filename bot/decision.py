"""What is answered: flows and the agent's levels decide."""

from __future__ import annotations

from dataclasses import dataclass

from bot.flows import FLOWS
from bot.flows.consent import tell_help
from bot.flows.handover import (
    ask_back,
    give_up,
    hand_over,
    leave_to_adviser,
    receive,
    say_system_down,
)
from bot.flows.outcomes import merge
from bot.keywords import read_keyword
from bot.loading import Loaded
from bot.logs import log
from bot.turn import Level, Outcome, Turn
from bot.understanding.engine import DEFAULT_THRESHOLD
from connectors.errors import ConnectorError

ATTEMPTS = 3  # then a turn that keeps breaking is handed to a person


@dataclass(frozen=True)
class Decision:
    outcome: Outcome
    handled: Level


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
    if read_keyword(loaded.messages[-1].body) == "help":
        return Decision(tell_help(turn), "auto")
    threshold = loaded.speaker.threshold
    if threshold is None:
        threshold = DEFAULT_THRESHOLD
    intents = _in_this_light(turn)
    if "unknown" in intents or not intents or turn.understanding.confidence < threshold:
        return _decide_unknown(loaded, turn)
    if loaded.adviser_speaks and set(intents) <= {"closing", "confirm", "deny", "choose"}:
        return Decision(leave_to_adviser(turn) if intents != ("closing",) else Outcome(), "human")
    ordered = sorted(intents, key=lambda i: [*FLOWS, i].index(i))
    outcomes: list[Outcome] = []
    levels: set[Level] = set()
    covered: frozenset[str] = frozenset()
    for intent in ordered:
        if intent in covered:
            continue
        level = loaded.speaker.level(intent) if intent in FLOWS else "human"
        outcome = FLOWS[intent](turn) if level != "human" else hand_over(turn, intent)
        outcomes.append(outcome)
        covered |= outcome.covers
        levels.add("human" if outcome.escalations and level == "auto" else level)
    return Decision(merge(outcomes), _joint_level(levels))


def _in_this_light(turn: Turn) -> tuple[str, ...]:
    """The intents, in the light of what is put aside: "finalement le 40" is about that, not
    about an order, unless they name one."""
    entities = turn.understanding.entities
    about_order = {"exchange_request", "order_change"} & set(turn.understanding.intents)
    in_hand = turn.reservations or turn.asked in {"reservation_offer", "size"}
    if not (about_order and in_hand and entities.sizes) or entities.order_numbers:
        return turn.understanding.intents
    others = [i for i in turn.understanding.intents if i not in about_order]
    return ("reservation_create", *(i for i in others if i != "reservation_create"))


def _decide_unknown(loaded: Loaded, turn: Turn) -> Decision:
    if loaded.adviser_speaks:
        return Decision(leave_to_adviser(turn), "human")
    if turn.enclosed:
        return Decision(receive(turn), "human")
    if turn.memory.get("asked_back"):
        return Decision(give_up(turn), "human")
    return Decision(ask_back(turn), "auto")


def _joint_level(levels: set[Level]) -> Level:
    """Several requests of one message: what a person must see prevails."""
    if len(levels) == 1:
        return next(iter(levels))
    return "both" if "auto" in levels and "draft" not in levels else "draft"
