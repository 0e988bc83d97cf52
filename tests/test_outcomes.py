"""What several requests of one message come to."""

from __future__ import annotations

from bot.flows.outcomes import merge
from bot.turn import Escalate, Outcome


def test_of_two_handovers_for_one_reason_the_urgent_one_is_kept() -> None:
    urgent = Escalate("delivery_problem", "high", {"order": "2901"})
    calm = Escalate("delivery_problem", "normal", {"order": "3012"})
    for order in ((urgent, calm), (calm, urgent)):
        assert merge(Outcome(escalations=(one,)) for one in order).escalations == (urgent,)


def test_handovers_for_different_reasons_are_all_kept() -> None:
    both = (Escalate("complaint"), Escalate("human_request"))
    assert merge(Outcome(escalations=(one,)) for one in both).escalations == both
