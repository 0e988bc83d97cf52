"""Hello, thanks, and the short answers to what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.flows import (
    availability,
    deliveries,
    exchanges,
    opinions,
    photos,
    reservations,
    waiting,
)
from bot.turn import Outcome, Say, Turn


def greet(turn: Turn) -> Outcome:
    hello = Say("greeting.hello", {"name": turn.customer.first_name})
    return Outcome(say=(hello, Say("smalltalk.help")))


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
    return Outcome(say=(Say("smalltalk.no_problem"),))


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
    if turn.understanding.entities.sizes:
        return availability.reserve(turn)
    return Outcome(say=(Say("availability.which_size"),), asks="size")


def _name_time(turn: Turn) -> Outcome:
    if turn.understanding.entities.pickup_time is not None:
        return reservations.set_pickup(turn)
    return Outcome(say=(Say("pickup.tell_me"),), asks="pickup_time")


def _name_order(turn: Turn) -> Outcome:
    return Outcome(say=(Say("order.ask_number"),), asks="order_number", needs_approval=False)


def _no_hurry(turn: Turn) -> Outcome:
    if not turn.reservations:
        return Outcome(say=(Say("smalltalk.no_problem"),))
    held = turn.reservations[0]
    facts = {"article": turn.shop.product(held.reference), "until": held.until}
    return Outcome(say=(Say("pickup.no_hurry", facts),))


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
