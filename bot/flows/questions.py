"""What the shop's own pages answer, and its opening hours."""

from __future__ import annotations

import re

from bot.flows.handover import priority_of, tell_phone, when_answered
from bot.flows.outcomes import merge
from bot.turn import Escalate, Outcome, Say, Turn
from bot.understanding.asked_day import read_asked_day

HOURS = re.compile(
    r"\bouver|\bouvr|\bferm|horaire|quelle heure|\bopen|\bclos|opening|what time", re.IGNORECASE
)
# Of these a page speaks, though they hold a word of the above
NOT_OF_THE_DOOR = re.compile(r"colis ouvert|ferm(eture|oir)|zip", re.IGNORECASE)
SURE = 0.7  # of a page that it answers, where the question itself was not surely one
QUESTION = re.compile(r"[^?.!\n]+\?")
SHORTEST = 3  # words of a question on its own: "ça va ?" is none
MOST_QUESTIONS = 3  # answered in one message
LENGTHS = {"sms": 300, "whatsapp": 600, "web": 600, "email": 1200}


def answer(turn: Turn) -> Outcome:
    """By what the shop wrote about itself; honestly not, when it wrote nothing about that.
    Of a message that is nothing but questions, each."""
    asked = _questions(turn)
    answers = [_answer_one(turn, text, len(asked)) for text in asked]
    found = [answer for answer in answers if answer is not None]
    if len(found) == len(asked):
        return merge(found)
    return merge([*found, _find_out(turn)])


def _questions(turn: Turn) -> list[str]:
    """The questions of the message, or all of it as one."""
    asked = [q.strip() for q in QUESTION.findall(turn.text)]
    asked = [q for q in asked if len(q.split()) >= SHORTEST]
    alone = set(turn.understanding.intents) <= {"general_question", "greeting", "closing"}
    return asked[:MOST_QUESTIONS] if alone and len(asked) > 1 else [turn.text]


def _answer_one(turn: Turn, text: str, shared: int) -> Outcome | None:
    """What answers a question; the room of the answer is `shared` by so many."""
    if HOURS.search(text) and not NOT_OF_THE_DOOR.search(text):
        hours = _tell_hours(turn, text)
        if hours is not None:
            return hours
    return _quote(turn, text, LENGTHS.get(turn.channel, 300) // shared)


def quote(turn: Turn, sure: float = 0.0) -> Outcome | None:
    """What the shop's pages say to it; None when none does, or none as surely."""
    return _quote(turn, turn.text, LENGTHS.get(turn.channel, 300), sure)


def _quote(turn: Turn, text: str, room: int, sure: float = 0.0) -> Outcome | None:
    base = turn.shop.knowledge
    found = base.answer(text, turn.understanding.language, room) if base else None
    if found is None or found.score < sure:
        return None
    facts = {"text": found.text, "title": found.title}
    return Outcome(say=(Say("knowledge.answer", facts),), remember={"quoted": found.source})


def _tell_hours(turn: Turn, text: str) -> Outcome | None:
    """Of the day they name, or of the week."""
    hours = turn.tenant.hours
    if not hours.week:
        return None
    day = read_asked_day(text, turn.now, hours)
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
