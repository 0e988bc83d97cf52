"""What only a person can settle: an honest word to the customer, the rest to the desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.turn import Escalate, Outcome, Priority, Say, Turn, answer_by

ONE_SENDING = timedelta(minutes=10)  # within it, what comes belongs to what came


def hand_over(turn: Turn, intent: str) -> Outcome:
    """By policy, or because no flow answers this kind of request."""
    return _escalated(turn, intent, "handover.sorry" if turn.upset else "handover.passed_on")


def call_person(turn: Turn) -> Outcome:
    """They want a person, or to be called back: when the shop is open, and by when somebody
    answers."""
    return _escalated(turn, "human_request", "handover.person")


def take_complaint(turn: Turn) -> Outcome:
    return _escalated(turn, "complaint", "handover.sorry")


def take_quote_request(turn: Turn) -> Outcome:
    """What a piece of work costs is a person's to say."""
    return _escalated(turn, "quote_request", "handover.quote")


def ask_back(turn: Turn) -> Outcome:
    """Not understood: once, the customer is asked to say it differently."""
    return Outcome(
        say=(Say("handover.ask_back"),),
        asks="clarification",
        remember={"asked_back": True},
        needs_approval=False,
    )


def receive(turn: Turn) -> Outcome:
    """Pictures, voice notes, documents or a place whose words, if any, do not say what is
    wanted: a person looks at them.
    Said once for what is sent one after the other; a question of ours stays open."""
    told_at = turn.memory.get("received_at")
    if told_at and turn.now - datetime.fromisoformat(told_at) < ONE_SENDING:
        return replace(leave_to_adviser(turn), asks=turn.asked)
    kinds = set(turn.enclosed)
    facts = {
        "what": kinds.pop() if len(kinds) == 1 else "several",
        "count": len(turn.enclosed),
        "open": turn.tenant.hours.is_open(turn.now),
    }
    return Outcome(
        say=(Say("handover.received", facts),),
        asks=turn.asked,
        remember={"received_at": turn.now.isoformat()},
        escalations=(Escalate("not_understood", priority_of(turn), {"text": turn.text, **facts}),),
        answered=False,
    )


def give_up(turn: Turn) -> Outcome:
    """Still not understood."""
    return _escalated(turn, "not_understood", "handover.not_understood")


def say_system_down(turn: Turn) -> Outcome:
    """A system is down: nothing is promised."""
    of_goods = any(i.startswith(("product", "reservation")) for i in turn.understanding.intents)
    told = Say("handover.system_down", {**when_answered(turn), "of_goods": of_goods})
    return replace(_escalated(turn, "system_down", "handover.system_down"), say=(told,))


def leave_to_adviser(turn: Turn) -> Outcome:
    """An adviser is talking with the customer: the assistant keeps silent."""
    return Outcome(escalations=(_escalation(turn, "not_understood"),), answered=False)


def _escalated(turn: Turn, reason: str, sentence: str) -> Outcome:
    return Outcome(
        say=(Say(sentence, when_answered(turn)), *tell_phone(turn)),
        escalations=(_escalation(turn, reason),),
        answered=False,
    )


def tell_phone(turn: Turn) -> tuple[Say, ...]:
    """The number to call, for a tenant that has people on the phone."""
    phone = turn.policies.support_phone
    return (Say("handover.phone", {"phone": phone}),) if phone else ()


def when_answered(turn: Turn) -> dict[str, object]:
    """The facts of who answers when: by opening hours and urgency."""
    hours = turn.tenant.hours
    return {
        "tenant": turn.tenant,
        "open": hours.is_open(turn.now),
        "opening": hours.next_opening(turn.now),
        "by": answer_by(hours, priority_of(turn), turn.now),
    }


def priority_of(turn: Turn) -> Priority:
    """High where they say so, and while a way out of an urgent delivery is being looked for."""
    urgent = turn.understanding.urgency == "high" or turn.memory.get("backup")
    return "high" if urgent else "normal"


def _escalation(turn: Turn, reason: str) -> Escalate:
    return Escalate(reason, priority_of(turn), {"text": turn.text})
