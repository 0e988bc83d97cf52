"""What only a person can settle: an honest word to the customer, the rest to the desk."""

from __future__ import annotations

from bot.turn import Escalate, Outcome, Priority, Say, Turn


def hand_over(turn: Turn, intent: str) -> Outcome:
    """By policy, or because no flow answers this kind of request."""
    return _escalated(turn, intent, "handover.sorry" if turn.upset else "handover.passed_on")


def ask_back(turn: Turn) -> Outcome:
    """Not understood: once, the customer is asked to say it differently."""
    return Outcome(
        say=(Say("handover.ask_back"),), asks="clarification", remember={"asked_back": True}
    )


def give_up(turn: Turn) -> Outcome:
    """Still not understood."""
    return _escalated(turn, "not_understood", "handover.not_understood")


def say_system_down(turn: Turn) -> Outcome:
    """A system is down: nothing is promised."""
    return _escalated(turn, "system_down", "handover.system_down")


def leave_to_adviser(turn: Turn) -> Outcome:
    """An adviser is talking with the customer: the assistant keeps silent."""
    return Outcome(escalations=(_escalation(turn, "not_understood"),))


def _escalated(turn: Turn, reason: str, sentence: str) -> Outcome:
    return Outcome(
        say=(Say(sentence, {"tenant": turn.tenant, "open": turn.tenant.hours.is_open(turn.now)}),),
        escalations=(_escalation(turn, reason),),
    )


def _escalation(turn: Turn, reason: str) -> Escalate:
    priority: Priority = "high" if turn.understanding.urgency == "high" else "normal"
    return Escalate(reason, priority, {"text": turn.text})
