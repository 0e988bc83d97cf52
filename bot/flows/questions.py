"""What the shop's own pages answer, and its opening hours."""

from __future__ import annotations

import re

from bot.flows.handover import priority_of, tell_phone, when_answered
from bot.turn import Escalate, Outcome, Say, Turn
from bot.understanding.asked_day import read_asked_day

HOURS = re.compile(
    r"\bouver|\bouvr|\bferm|horaire|quelle heure|\bopen|\bclos|opening|what time", re.IGNORECASE
)
# Of these a page speaks, though they hold a word of the above
NOT_OF_THE_DOOR = re.compile(r"colis ouvert|ferm(eture|oir)|zip", re.IGNORECASE)
LENGTHS = {"sms": 300, "whatsapp": 600, "web": 600, "email": 1200}


def answer(turn: Turn) -> Outcome:
    """By what the shop wrote about itself; honestly not, when it wrote nothing about that."""
    if HOURS.search(turn.text) and not NOT_OF_THE_DOOR.search(turn.text):
        hours = _tell_hours(turn)
        if hours is not None:
            return hours
    return quote(turn) or _find_out(turn)


def quote(turn: Turn, sure: float = 0.0) -> Outcome | None:
    """What the shop's pages say to it; None when none does, or none as surely."""
    base = turn.shop.knowledge
    language = turn.understanding.language
    found = base.answer(turn.text, language, LENGTHS.get(turn.channel, 300)) if base else None
    if found is None or found.score < sure:
        return None
    facts = {"text": found.text, "title": found.title}
    return Outcome(say=(Say("knowledge.answer", facts),), remember={"quoted": found.source})


def _tell_hours(turn: Turn) -> Outcome | None:
    """Of the day they name, or of the week."""
    hours = turn.tenant.hours
    if not hours.week:
        return None
    day = read_asked_day(turn.text, turn.now, hours)
    facts = {
        "day": day,
        "span": hours.on(day.date()) if day else None,
        "next": hours.on(hours.next_opening_day(day.date())) if day else None,
        "week": hours.runs(),
        "tenant": turn.tenant,
    }
    return Outcome(say=(Say("hours.tell", facts),), covers=frozenset({"reservation_pickup"}))


def _find_out(turn: Turn) -> Outcome:
    escalation = Escalate("general_question", priority_of(turn), {"text": turn.text})
    return Outcome(
        say=(Say("knowledge.find_out", when_answered(turn)), *tell_phone(turn)),
        escalations=(escalation,),
        answered=False,
    )
