"""A parcel that is late, lost, damaged or not what was ordered."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, time, timedelta

from bot.flows.finding import find_order
from bot.flows.handover import hand_over, priority_of, when_answered
from bot.flows.orders import about, remember, tell_status, timing
from bot.flows.outcomes import merge
from bot.shop import Held
from bot.turn import (
    AddNote,
    Escalate,
    Keep,
    Notice,
    OpenTicket,
    Outcome,
    Say,
    Turn,
    WatchParcel,
)
from bot.workdays import is_workday
from connectors.errors import ConnectorError
from connectors.ports import Order, OrderLine, Parcel

# What came is not what was ordered: no tracking answers that, a person does
WRONG = re.compile(
    r"ab[iî]m|cass[ée]|d[ée]chir|trou[ée]?\b|tach[ée]|d[ée]fectueu|endommag|ouvert|manqu|incompl|"
    r"pas (?:le|la) bon|mauvais|erreur|tromp|damaged|broken|torn|stain|missing|incomplete|wrong",
    re.IGNORECASE,
)
NOON = time(12)
SPARE_DAYS = 3  # a spare unit is kept so long when no date of an event is said
LEND_AFTER = timedelta(hours=2)  # after the parcel should have come, the shop lends its own


COVERED = frozenset({"order_status", "order_list"})


def report(turn: Turn) -> Outcome:
    """By urgency: reassurance with what is known, or fallbacks that are made ready now."""
    return replace(_report(turn), covers=COVERED)


def _report(turn: Turn) -> Outcome:
    if turn.shop.orders is None:
        return hand_over(turn, "delivery_problem")
    order = find_order(turn, turn.shop.orders, "delivery_problem")
    if isinstance(order, Outcome):
        urgent = turn.understanding.urgency == "high"
        return merge([order, _alert_without_order(turn)]) if urgent else order
    if WRONG.search(turn.text):
        return _wrong(turn, order)
    parcel = _track(turn, order)
    if isinstance(parcel, Outcome):
        return parcel
    if turn.understanding.urgency == "high":
        return _urgent(turn, order, parcel)
    if parcel is None and order.state == "shipped":
        return _no_tracking(turn, order)
    return _calm(turn, order, parcel)


def follow(turn: Turn) -> Outcome:
    """Where it is; where that is too late for an event that is near, as if they had reported
    it."""
    told = tell_status(turn)
    event, parcel = turn.understanding.entities.event_date, _parcel_told(told)
    if turn.understanding.urgency != "high" or event is None or parcel is None:
        return told
    if parcel.status == "delivered" or _in_time(turn, _promised(turn, parcel), parcel):
        return told
    return replace(report(turn), instead="delivery_problem")


def _parcel_told(told: Outcome) -> Parcel | None:
    return next((p for say in told.say if isinstance(p := say.facts.get("parcel"), Parcel)), None)


def choose(turn: Turn) -> Outcome:
    """One of the fallbacks. Who says when they come has chosen the shop."""
    entities = turn.understanding.entities
    choice = entities.choice or (1 if entities.pickup_time else None)
    backup = turn.memory.get("backup") or {}
    if choice not in {1, 2} or not backup or (choice == 2 and not backup.get("express")):
        if not backup.get("express") and backup:
            return _come_to_shop(turn, backup)
        return Outcome(say=(Say("delivery.which_way"),), asks="backup_option")
    return _come_to_shop(turn, backup) if choice == 1 else _send_express(turn, backup)


def reassured(turn: Turn) -> Outcome:
    """They want none of it: what is ready stays ready."""
    return Outcome(say=(Say("delivery.still_watching"),))


def _come_to_shop(turn: Turn, backup: dict[str, object]) -> Outcome:
    facts = {**_times(turn, backup), "tenant": turn.tenant}
    notice = Notice("backup_chosen", {"customer": turn.customer, **facts, "express": False})
    note = AddNote(f"{turn.id}:backup", "backup_shop", {"order": backup["order"]})
    return Outcome(
        say=(Say("delivery.come", facts),),
        changes=(note,),
        notices=(notice,),
        remember={"backup": None},
        covers=frozenset({"reservation_pickup"}),
    )


def _send_express(turn: Turn, backup: dict[str, object]) -> Outcome:
    facts = {**_times(turn, backup), "tenant": turn.tenant}
    notice = Notice(
        "backup_chosen", {"customer": turn.customer, **facts, "express": True}, needs_action=True
    )
    note = AddNote(f"{turn.id}:backup", "backup_express", {"order": backup["order"]})
    ask = Escalate("delivery_problem", "high", {"text": turn.text, **facts, "express_chosen": True})
    return Outcome(
        say=(Say("delivery.express", facts),),
        changes=(note,),
        notices=(notice,),
        escalations=(ask,),
        remember={"backup": None},
    )


def _times(turn: Turn, backup: dict[str, object]) -> dict[str, object]:
    """What was remembered, its times as times again."""

    def at(name: str) -> datetime | None:
        value = backup.get(name)
        return datetime.fromisoformat(str(value)).astimezone(turn.now.tzinfo) if value else None

    return {
        "order": backup.get("order"),
        "title": backup.get("title"),
        "size": backup.get("size"),
        "by": at("by"),
        "lend": at("lend"),
        "express_on": at("express_on"),
    }


def _track(turn: Turn, order: Order) -> Parcel | Outcome | None:
    if turn.shop.tracking is None or not order.tracking_numbers:
        return None
    try:
        return turn.shop.tracking.track(order.tracking_numbers[-1])
    except ConnectorError:
        facts = {"text": turn.text, "order": order.number}
        urgent = turn.understanding.urgency == "high"
        return Outcome(
            say=(Say("order.carrier_down", about(turn, order)),),
            remember=remember(turn, order),
            escalations=(Escalate("system_down", "high" if urgent else "normal", facts),),
            answered=False,
        )


def _wrong(turn: Turn, order: Order) -> Outcome:
    """Damaged, incomplete or wrong: said sorry for, a picture asked for, a person decides."""
    facts = {"text": turn.text, **about(turn, order)}
    key = f"order:{order.number}:wrong"
    return Outcome(
        say=(Say("delivery.sorry", {**about(turn, order), "pictured": bool(turn.enclosed)}),),
        remember=remember(turn, order),
        changes=(OpenTicket(key, "delivery", {"order": order.number, "text": turn.text}),),
        escalations=(Escalate("delivery_problem", priority_of(turn), facts),),
        answered=False,
    )


def _calm(turn: Turn, order: Order, parcel: Parcel | None) -> Outcome:
    """Not urgent: where it is, and that somebody keeps an eye on it."""
    facts = {**about(turn, order), "parcel": parcel, **timing(turn, order, parcel)}
    if parcel is None:
        return Outcome(say=(Say("order.status", facts),), remember=remember(turn, order))
    if parcel.status == "delivered" and turn.memory.get("looked_for") == order.number:
        return _claim(turn, order, parcel)
    absent = {"looked_for": order.number if parcel.status == "delivered" else None}
    outcome = Outcome(
        say=(Say("delivery.status", facts),),
        remember={**remember(turn, order), **absent},
        changes=(_watch(turn, order, parcel, None),) if parcel.status != "delivered" else (),
        notices=(
            Notice(
                "delivery_problem",
                {"customer": turn.customer, "order": order.number, "parcel": parcel},
                needs_action=parcel.status in {"delivered", "problem", "returned"},
            ),
        ),
    )
    if parcel.status not in {"problem", "returned"}:
        return outcome
    facts = {"text": turn.text, "order": order.number, "parcel": parcel}
    return replace(outcome, escalations=(Escalate("delivery_problem", "normal", facts),))


def _claim(turn: Turn, order: Order, parcel: Parcel) -> Outcome:
    """Marked delivered, looked for, and still not there: a person claims it of the carrier."""
    facts = {"text": turn.text, "order": order.number, "parcel": parcel}
    key = f"order:{order.number}:absent"
    return Outcome(
        say=(Say("delivery.claim", {**when_answered(turn), **about(turn, order)}),),
        remember={**remember(turn, order), "looked_for": None},
        changes=(OpenTicket(key, "delivery", {"order": order.number, "text": turn.text}),),
        escalations=(Escalate("delivery_problem", priority_of(turn), facts),),
        answered=False,
    )


def _no_tracking(turn: Turn, order: Order) -> Outcome:
    facts = {"text": turn.text, "order": order.number}
    return Outcome(
        say=(Say("delivery.no_tracking", about(turn, order)),),
        remember=remember(turn, order),
        escalations=(Escalate("delivery_problem", priority_of(turn), facts),),
        answered=False,
    )


def _urgent(turn: Turn, order: Order, parcel: Parcel | None) -> Outcome:
    """An event is near: what the carrier says, a spare unit put aside, two ways out, the
    parcel watched every hour, and a person who knows."""
    by = _promised(turn, parcel)
    spare = _spare(turn, order)
    express_on = _next_morning(turn)
    express = express_on is not None and _before_event(turn, express_on)
    watched = parcel if parcel is not None and parcel.status != "delivered" else None
    backup = {
        "order": order.number,
        "by": by,
        "lend": by + LEND_AFTER,
        "express": express,
        "express_on": express_on,
        "title": spare[0].title if spare else "",
        "size": spare[0].size if spare else None,
        "reservation": spare[1] if spare else None,
    }
    facts = {
        **backup,
        **about(turn, order),
        **timing(turn, order, parcel),
        "parcel": parcel,
        "in_time": _in_time(turn, by, parcel),
        "spare": spare is not None,
        "watched": watched is not None,
        "open": turn.tenant.hours.is_open(turn.now),
    }
    asked = spare is not None
    watch = (_watch(turn, order, watched, spare[1] if spare else None),) if watched else ()
    told = {"text": turn.text, **facts, "event": turn.understanding.entities.event}
    return Outcome(
        say=(Say("delivery.urgent", facts),),
        asks="backup_option" if asked else None,
        remember={**remember(turn, order), "backup": backup if asked else None},
        changes=(
            *((Keep(spare[1]),) if spare and spare[2] else ()),
            *watch,
            OpenTicket(
                f"order:{order.number}:urgent",
                "delivery",
                {"order": order.number, "text": turn.text},
                urgent=True,
            ),
        ),
        escalations=(Escalate("delivery_problem", "high", told),),
    )


def _promised(turn: Turn, parcel: Parcel | None) -> datetime:
    """When it should be there: the carrier's hour, noon of the day it tells, or noon of the
    next working day."""
    if parcel is not None and parcel.expected is not None:
        at = parcel.expected.astimezone(turn.now.tzinfo)
        at = datetime.combine(at.date(), NOON, turn.now.tzinfo) if parcel.expected_day else at
        if at > turn.now:
            return at
    day = turn.now.date() + timedelta(days=1)
    while not is_workday(day):
        day += timedelta(days=1)
    return datetime.combine(day, NOON, turn.now.tzinfo)


def _in_time(turn: Turn, by: datetime, parcel: Parcel | None) -> bool:
    """Whether the carrier's promise is before the event."""
    if parcel is None or parcel.expected is None or parcel.status in {"problem", "returned"}:
        return False
    event = turn.understanding.entities.event_date
    return event is None or by.date() <= event


def _next_morning(turn: Turn) -> datetime | None:
    """The morning of the next working day."""
    day = turn.now.date() + timedelta(days=1)
    return datetime.combine(day, NOON, turn.now.tzinfo) if is_workday(day) else None


def _before_event(turn: Turn, at: datetime) -> bool:
    event = turn.understanding.entities.event_date
    return event is None or at.date() <= event


def _spare(turn: Turn, order: Order) -> tuple[OrderLine, int, bool] | None:
    """The same article put aside in the shop until the event, and whether it is a new hold;
    None when there is none."""
    if turn.shop.holds is None or turn.shop.inventory is None:
        return None
    for line in order.lines:
        already = next((r for r in turn.reservations if r.sku == line.sku), None)
        if already is not None:
            return line, already.id, False
        product = turn.shop.product_of(line.sku)
        variant = (
            next((v for v in product.variants if v.sku == line.sku), None) if product else None
        )
        if product is None or variant is None:
            continue
        stock = turn.shop.inventory.read_stock([variant])
        available = stock[line.sku].available if line.sku in stock else 0
        if available <= 0:
            continue
        held = turn.shop.holds.put_aside(product, variant, 1, available, _until_event(turn))
        if isinstance(held, Held):
            return line, held.reservation_id, True
    return None


def _until_event(turn: Turn) -> datetime:
    event = turn.understanding.entities.event_date
    day = event or turn.now.date() + timedelta(days=SPARE_DAYS)
    return datetime.combine(day, time.fromisoformat(turn.policies.hold_until), turn.now.tzinfo)


def _watch(turn: Turn, order: Order, parcel: Parcel, spare: int | None) -> WatchParcel:
    return WatchParcel(parcel.number, order.number, _promised(turn, parcel), spare)


def _alert_without_order(turn: Turn) -> Outcome:
    """An event is near and the order is not known yet: a person should see it at once."""
    return Outcome(escalations=(Escalate("delivery_problem", "high", {"text": turn.text}),))
