"""Hello, thanks, and the short answers to what was asked."""

from __future__ import annotations

from bot.flows import availability, reservations
from bot.turn import Outcome, Say, Turn


def greet(turn: Turn) -> Outcome:
    return Outcome(say=(Say("smalltalk.hello", {"name": turn.customer.first_name}),))


def close(turn: Turn) -> Outcome:
    return Outcome(say=(Say("smalltalk.bye", {"name": turn.name}),))


def confirm(turn: Turn) -> Outcome:
    """Yes, to what was asked; without a question, a friendly word."""
    if turn.asked == "reservation_offer":
        outcome = availability.accept_offer(turn)
        covered = availability.COVERED | {"reservation_pickup"}
        return Outcome(**{**vars(outcome), "covers": outcome.covers | covered})
    if turn.asked == "size":
        if turn.understanding.entities.sizes:
            return availability.reserve(turn)
        return Outcome(say=(Say("availability.which_size"),), asks="size")
    if turn.asked == "pickup_time":
        if turn.understanding.entities.pickup_time is not None:
            return reservations.set_pickup(turn)
        return Outcome(say=(Say("pickup.tell_me"),), asks="pickup_time")
    return Outcome(say=(Say("smalltalk.noted"),), asks=turn.asked)


def deny(turn: Turn) -> Outcome:
    """No, to what was asked."""
    if turn.asked == "pickup_time" and turn.reservations:
        held = turn.reservations[0]
        facts = {"article": turn.shop.product(held.reference), "until": held.until}
        return Outcome(say=(Say("pickup.no_hurry", facts),))
    return Outcome(say=(Say("smalltalk.no_problem"),))
