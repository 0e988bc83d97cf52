"""Hello, thanks, and the short answers to what was asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.flows import (
    availability,
    deliveries,
    exchanges,
    handover,
    opinions,
    photos,
    reservations,
    waiting,
)
from bot.turn import Outcome, Say, Turn

EVENING = re.compile(r"\b(bonsoir|good evening)\b", re.IGNORECASE)


def greet(turn: Turn) -> Outcome:
    return Outcome(say=(say_hello(turn), Say("smalltalk.help")))


def say_hello(turn: Turn) -> Say:
    """Hello, or good evening to who says so."""
    evening = bool(EVENING.search(turn.text))
    return Say("greeting.hello", {"name": turn.customer.first_name, "evening": evening})


def close(turn: Turn) -> Outcome:
    return Outcome(say=(Say("smalltalk.bye", {"name": turn.name}),))


def confirm(turn: Turn) -> Outcome:
    """Yes, to what was asked; without a question, a friendly word."""
    if turn.asked in YES:
        return YES[turn.asked](turn)
    return Outcome(say=(Say("smalltalk.noted"),), asks=turn.asked)


def deny(turn: Turn) -> Outcome:
    """No, to what was asked."""
    if turn.asked in NO:
        return NO[turn.asked](turn)
    alone = set(turn.understanding.intents) <= {"deny", "closing"}
    return Outcome(say=(Say("smalltalk.no_problem", {"alone": alone}),))


def choose(turn: Turn) -> Outcome:
    """One of the options put to them, now or a while ago."""
    if turn.asked in CHOICE:
        return CHOICE[turn.asked](turn)
    for remembered, flow in (("exchange", exchanges.choose), ("backup", deliveries.choose)):
        if turn.memory.get(remembered):
            return flow(turn)
    return Outcome(say=(Say("smalltalk.which"),), asks="clarification", needs_approval=False)


def _accept_offer(turn: Turn) -> Outcome:
    outcome = availability.accept_offer(turn)
    covered = availability.COVERED | {"reservation_pickup"}
    return Outcome(**{**vars(outcome), "covers": outcome.covers | covered})


def _name_size(turn: Turn) -> Outcome:
    """Yes to the one size that is left, or to the size said with it."""
    entities = turn.understanding.entities
    sizes = entities.sizes or tuple(turn.memory.get("left") or ())
    if len(sizes) == 1:
        read = replace(turn.understanding, entities=replace(entities, sizes=sizes))
        exchanging = turn.memory.get("pending") == "exchange_request"
        flow = exchanges.exchange if exchanging else availability.reserve
        return flow(replace(turn, understanding=read))
    return Outcome(say=(Say("availability.which_size"),), asks="size")


def _name_time(turn: Turn) -> Outcome:
    if turn.understanding.entities.pickup_time is not None:
        return reservations.set_pickup(turn)
    return Outcome(say=(Say("pickup.tell_me"),), asks="pickup_time")


def _name_order(turn: Turn) -> Outcome:
    return Outcome(say=(Say("order.ask_number"),), asks="order_number", needs_approval=False)


def _no_hurry(turn: Turn) -> Outcome:
    if not turn.reservations:
        return Outcome(say=(Say("smalltalk.no_problem", {"alone": True}),))
    held = turn.reservations[0]
    facts = {"article": turn.shop.product(held.reference), "until": held.until}
    return Outcome(say=(Say("pickup.no_hurry", facts),))


def _the_one(turn: Turn) -> Outcome:
    """Yes to the only product that we named."""
    if len(turn.memory.get("options") or ()) != 1:
        return Outcome(say=(Say("smalltalk.noted"),), asks=turn.asked)
    waits = turn.memory.get("pending")
    flows = {"photo_request": photos.send_photo, "product_inquiry": availability.inquire}
    return flows.get(str(waits), availability.look_up)(turn)


Answer = Callable[[Turn], Outcome]

YES: Mapping[str | None, Answer] = {
    "reservation_offer": _accept_offer,
    "size": _name_size,
    "pickup_time": _name_time,
    "photo_offer": photos.send_photo,
    "waiting_offer": waiting.tell_when_back,
    "exchange_option": exchanges.choose,
    "backup_option": deliveries.choose,
    "order_number": _name_order,
    "order_identity": _name_order,
    "feedback": opinions.receive,
    "team_offer": handover.call_person,
    "clarification": _the_one,
}
NO: Mapping[str | None, Answer] = {
    "pickup_time": _no_hurry,
    "exchange_option": exchanges.give_up,
    "backup_option": deliveries.reassured,
}
CHOICE: Mapping[str | None, Answer] = {
    "exchange_option": exchanges.choose,
    "backup_option": deliveries.choose,
    "reservation_offer": _accept_offer,
    "size": _name_size,
}
