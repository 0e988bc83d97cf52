"""Joining what several requests of one message came to."""

from __future__ import annotations

from collections.abc import Iterable

from bot.turn import Escalate, Outcome, Say


def merge(outcomes: Iterable[Outcome]) -> Outcome:
    """One outcome of several, in order; the last question asked stays open."""
    found = list(outcomes)
    asked = [o.asks for o in found if o.asks]
    says: list[Say] = []
    for say in (say for o in found for say in o.say):
        if say in says:  # two requests may end in the same question: it belongs at the end
            says.remove(say)
        says.append(say)
    return Outcome(
        say=tuple(says),
        asks=asked[-1] if asked else None,
        covers=frozenset().union(*(o.covers for o in found)),
        remember={k: v for o in found for k, v in o.remember.items()},
        changes=tuple(c for o in found for c in o.changes),
        escalations=_one_each(e for o in found for e in o.escalations),
        notices=tuple(n for o in found for n in o.notices),
        answered=any(o.answered for o in found if o.say) or not any(o.say for o in found),
        pictures=tuple(p for o in found for p in o.pictures),
        needs_approval=any(o.needs_approval for o in found),
    )


def _one_each(escalations: Iterable[Escalate]) -> tuple[Escalate, ...]:
    """One a reason: the first of the highest priority."""
    kept: dict[str, Escalate] = {}
    for one in escalations:
        before = kept.get(one.reason)
        if before is None or (one.priority == "high" and before.priority != "high"):
            kept[one.reason] = one
    return tuple(kept.values())
