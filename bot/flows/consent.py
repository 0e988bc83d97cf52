"""STOP, START and HELP, in the customer's own words or as a keyword."""

from __future__ import annotations

from bot.turn import Outcome, Restart, Say, Stop, Turn


def opt_out(turn: Turn) -> Outcome:
    """No more messages; this confirmation is the last one, and said once."""
    told = () if turn.memory.get("stopped") else (Say("consent.stopped", {"tenant": turn.tenant}),)
    return Outcome(say=told, changes=(Stop(),), remember={"stopped": True})


def opt_in(turn: Turn) -> Outcome:
    """Messages again."""
    return Outcome(say=(Say("consent.started", {"tenant": turn.tenant}),), changes=(Restart(),))


def tell_help(turn: Turn) -> Outcome:
    """AIDE: who writes here, and how to stop it."""
    return Outcome(say=(Say("consent.help", {"tenant": turn.tenant}),))
