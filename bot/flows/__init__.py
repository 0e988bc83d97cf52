"""One file a kind of request; `handle(turn) -> Outcome`. Adding one is a file and a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.flows import (
    advice,
    availability,
    consent,
    deliveries,
    exchanges,
    handover,
    opinions,
    orders,
    photos,
    questions,
    reservations,
    smalltalk,
    waiting,
)
from bot.turn import Outcome, Turn

Flow = Callable[[Turn], Outcome]

# In the order in which several requests of one message are answered
FLOWS: Mapping[str, Flow] = {
    "opt_out": consent.opt_out,
    "opt_in": consent.opt_in,
    "complaint": handover.take_complaint,
    "feedback": opinions.receive,
    "delivery_problem": deliveries.report,
    "reservation_cancel": reservations.cancel,
    "exchange_request": exchanges.exchange,
    "return_request": exchanges.give_back,
    "order_change": orders.change,
    "order_status": deliveries.follow,
    "order_list": orders.list_orders,
    "product_availability": availability.look_up,
    "reservation_create": availability.reserve,
    "product_inquiry": availability.inquire,
    "back_in_stock": waiting.tell_when_back,
    "photo_request": photos.send_photo,
    "reservation_extend": availability.or_offer_again(reservations.extend),
    "reservation_pickup": availability.or_offer_again(reservations.set_pickup),
    "reservation_status": availability.or_offer_again(reservations.tell_status),
    "general_question": questions.answer,
    "styling_advice": advice.advise,
    "quote_request": handover.take_quote_request,
    "human_request": handover.call_person,
    "confirm": smalltalk.confirm,
    "deny": smalltalk.deny,
    "choose": smalltalk.choose,
    "greeting": smalltalk.greet,
    "closing": smalltalk.close,
}

# These do nothing by themselves: they prepare what a person decides, whatever the level
PREPARING = frozenset(
    {"styling_advice", "complaint", "quote_request", "human_request", "photo_request", "feedback"}
)
