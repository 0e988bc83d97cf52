"""One file a kind of request; `handle(turn) -> Outcome`. Adding one is a file and a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.flows import availability, consent, reservations, smalltalk
from bot.turn import Outcome, Turn

Flow = Callable[[Turn], Outcome]

# In the order in which several requests of one message are answered
FLOWS: Mapping[str, Flow] = {
    "opt_out": consent.opt_out,
    "opt_in": consent.opt_in,
    "reservation_cancel": reservations.cancel,
    "product_availability": availability.look_up,
    "reservation_create": availability.reserve,
    "exchange_request": availability.take_other,
    "product_inquiry": availability.inquire,
    "reservation_extend": reservations.extend,
    "reservation_pickup": reservations.set_pickup,
    "reservation_status": reservations.tell_status,
    "confirm": smalltalk.confirm,
    "deny": smalltalk.deny,
    "greeting": smalltalk.greet,
    "closing": smalltalk.close,
}
