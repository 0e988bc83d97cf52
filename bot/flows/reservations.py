"""What is put aside: when the customer comes for it, keeping it longer, giving it up."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from bot.flows.outcomes import merge
from bot.turn import (
    Cancel,
    Escalate,
    Extend,
    Notice,
    Outcome,
    Reservation,
    Say,
    SetPickup,
    TimeSpan,
    Turn,
)
from bot.understanding.folding import fold

CLAUSE = re.compile(r"[,;.!?\n]|\b(?:mais|par contre|et|but|and)\b")
# In folded words: who gives something up
GIVING_UP = re.compile(
    r"\b(?:annul\w*|laiss\w* tomber|plus besoin|pas besoin|oubli\w*|renonc\w*|rayon|"
    r"(?:prends?|prendrai|veux|voudrai) (?:pas|plus)|cancel\w*|forget|don.?t (?:need|want))\b"
)


def set_pickup(turn: Turn) -> Outcome:
    """The customer says when they come, or changes it."""
    if turn.understanding.entities.pickup_time is None:
        return Outcome(say=(Say("pickup.when"),), asks="pickup_time")
    chosen = _spoken_of(turn)
    if not chosen:
        return _announce_visit(turn)
    kept = [r for r in chosen if r not in _given_up(turn)]
    return pickup_for(turn, kept) if kept else Outcome()


def pickup_for(turn: Turn, chosen: list[Reservation]) -> Outcome:
    """Set the time that was said as pick-up of these reservations."""
    said = turn.understanding.entities.pickup_time
    assert said is not None
    span = _when_open(turn, said)
    if isinstance(span, Outcome):
        return span
    outcomes = [_set_one(turn, reservation, span) for reservation in chosen]
    return merge(outcomes)


def extend(turn: Turn) -> Outcome:
    """Keep it longer: to the day asked, by so many opening days and once; more is a
    person's to decide."""
    chosen = _spoken_of(turn)
    if not chosen:
        return Outcome(say=(Say("reservation.none"),))
    asked = turn.understanding.entities.pickup_time
    if asked is None:
        return Outcome(say=(Say("reservation.extend_until_when"),), asks="pickup_time")
    return replace(
        merge([_extend_one(turn, r, asked) for r in chosen]),
        covers=frozenset({"reservation_pickup"}),
    )


def cancel(turn: Turn) -> Outcome:
    """The customer gives it up."""
    chosen = _given_up(turn)
    if not chosen:
        return Outcome(say=(Say("reservation.none"),))
    given_up = merge(_cancel_one(turn, reservation) for reservation in chosen)
    return replace(given_up, remember={"held": None})


def tell_status(turn: Turn) -> Outcome:
    """Whether, and until when, something is put aside."""
    chosen = _spoken_of(turn)
    if not chosen:
        return Outcome(say=(Say("reservation.none"),))
    return Outcome(
        say=tuple(
            Say("reservation.status", {**_facts(turn, r), "pickup": r.pickup}) for r in chosen
        )
    )


def _given_up(turn: Turn) -> list[Reservation]:
    """What they give up. Where they speak of coming, too, it is what the words that give up
    name, or else what they do not name."""
    intents = set(turn.understanding.intents)
    if "reservation_cancel" not in intents:
        return []
    chosen = _spoken_of(turn)
    if len(turn.reservations) == 1 or not intents & {"reservation_pickup", "reservation_extend"}:
        return chosen
    clauses = " | ".join(c for c in CLAUSE.split(fold(turn.text)) if GIVING_UP.search(c))
    mentions = turn.understanding.entities.products
    there = {ref for m in mentions if fold(m.words) in clauses for ref in m.references}
    named = {ref for m in mentions for ref in m.references}
    left = [r for r in turn.reservations if r.reference in there]
    return left or [r for r in turn.reservations if r.reference not in named] or chosen


def _spoken_of(turn: Turn) -> list[Reservation]:
    """The reservations that the message names, or all of them when it names none."""
    entities = turn.understanding.entities
    named = {ref for mention in entities.products for ref in mention.references}
    of_product = [r for r in turn.reservations if r.reference in named]
    chosen = of_product or list(turn.reservations)
    of_size = [r for r in chosen if r.size in entities.sizes]
    return of_size or chosen


def _facts(turn: Turn, reservation: Reservation) -> dict[str, object]:
    return {
        "article": turn.shop.product(reservation.reference) or _bare(reservation),
        "size": reservation.size,
        "until": reservation.until,
    }


def _bare(reservation: Reservation) -> object:
    """A product that left the catalogue while it was put aside."""
    from connectors.ports import Product  # noqa: PLC0415

    return Product(id="", reference=reservation.reference, title=reservation.title)


def _when_open(turn: Turn, said: TimeSpan) -> TimeSpan | Outcome:
    """The part of what was said in which the shop is open, or the gentle objection."""
    day = said.start.date()
    last = (said.end or said.start).date()
    while day <= last:
        opening = turn.tenant.hours.on(day)
        if opening and said.end is None and opening[0] <= said.start <= opening[1]:
            return said
        if opening and said.end is not None:
            start, end = max(said.start, opening[0]), min(said.end, opening[1])
            if last > said.start.date():  # several days were said: any of them will do
                closing = turn.tenant.hours.on(last)
                end = min(said.end, closing[1]) if closing else end
            if start < end:
                return TimeSpan(start, end)
        day += timedelta(days=1)
    return _closed_then(turn, said)


def _closed_then(turn: Turn, said: TimeSpan) -> Outcome:
    day = said.start.date()
    opening = turn.tenant.hours.on(day)
    after_hours = opening is None or said.start >= opening[1]
    another = turn.tenant.hours.next_opening_day(day) if after_hours else day
    next_span = turn.tenant.hours.on(another)
    assert next_span is not None
    facts = {"said": said, "open_that_day": opening, "next_opening": next_span}
    return Outcome(say=(Say("pickup.closed", facts),), asks="pickup_time")


def _set_one(turn: Turn, reservation: Reservation, span: TimeSpan) -> Outcome:
    facts = _facts(turn, reservation)
    until = reservation.until
    latest = span.end or span.start
    # A range that begins before the hold ends is within it: they are told until when
    if span.start > until or (span.end is None and latest > until):
        if span.start.date() > _longest(turn, until):
            return Outcome(say=(Say("pickup.too_late", facts),), asks="pickup_time")
        until = _end_of_hold(turn, span)
        facts["until"] = until
    said = Say(
        "pickup.set",
        {
            **facts,
            "pickup": span,
            "name": turn.name,
            "lengthened": until != reservation.until,
            "tight": span.end is not None and until < latest and until > span.start,
            "moved": reservation.pickup is not None,
        },
    )
    held = replace(reservation, pickup=span, until=until)
    kind = "pickup_changed" if reservation.pickup else "reservation_created"
    notice = Notice(kind, {"customer": turn.customer, "reservation": held}, reservation.id)
    return Outcome(
        say=(said,), changes=(SetPickup(reservation.id, span, until),), notices=(notice,)
    )


def _longest(turn: Turn, until: datetime) -> date:
    """The last day to which a hold ending at `until` may be lengthened."""
    return turn.tenant.hours.next_opening_day(until.date(), turn.policies.lengthen_days)


def _end_of_hold(turn: Turn, span: TimeSpan) -> datetime:
    """A hold lengthened to a pick-up ends at the policy's hour of that day, or at the
    pick-up when that is later."""
    usual = datetime.combine(
        span.start.date(), time.fromisoformat(turn.policies.hold_until), turn.tenant.hours.zone
    )
    return max(usual, span.start if span.end is None else usual)


def _extend_one(turn: Turn, reservation: Reservation, asked: TimeSpan) -> Outcome:
    facts = _facts(turn, reservation)
    until = _end_of_hold(turn, asked)
    if until <= reservation.until:
        return Outcome(say=(Say("reservation.status", {**facts, "pickup": reservation.pickup}),))
    open_then = turn.tenant.hours.on(asked.start.date()) is not None
    if not open_then:
        closed = _when_open(turn, asked)
        return closed if isinstance(closed, Outcome) else Outcome()
    if reservation.extended or asked.start.date() > _longest(turn, reservation.until):
        wish = {**facts, "asked": asked}
        return Outcome(
            say=(Say("reservation.extend_asked", wish),),
            escalations=(Escalate("reservation_extend", facts={"text": turn.text, **wish}),),
            answered=False,
        )
    held = replace(reservation, until=until)
    notice_facts = {"customer": turn.customer, "reservation": held}
    return Outcome(
        say=(Say("reservation.extended", {**facts, "until": until}),),
        changes=(Extend(reservation.id, until),),
        notices=(Notice("reservation_extended", notice_facts, reservation.id),),
    )


def _cancel_one(turn: Turn, reservation: Reservation) -> Outcome:
    return Outcome(
        say=(Say("reservation.cancelled", _facts(turn, reservation)),),
        changes=(Cancel(reservation.id),),
        notices=(
            Notice(
                "reservation_cancelled",
                {"customer": turn.customer, "reservation": reservation},
                reservation.id,
            ),
        ),
    )


def _announce_visit(turn: Turn) -> Outcome:
    said = turn.understanding.entities.pickup_time
    assert said is not None
    span = _when_open(turn, said)
    if isinstance(span, Outcome):
        return span
    facts = {"pickup": span, "name": turn.name}
    return Outcome(
        say=(Say("pickup.welcome", facts),),
        notices=(Notice("visit_announced", {"customer": turn.customer, "pickup": span}),),
    )
