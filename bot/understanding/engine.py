"""What an understanding engine is, whoever it asks."""

from __future__ import annotations

from typing import Protocol

from bot.turn import Context, Understanding

# Below it the assistant asks back or hands over; an agent may set its own. Chosen on messages
# apart from the training examples (tests/understanding/dev.jsonl): the least at which 98 of 100
# messages acted on were understood; 94 of 100 that are no `unknown` are then acted on.
DEFAULT_THRESHOLD = 0.6


class Engine(Protocol):
    """Reads what a customer says. Never raises on any text."""

    def understand(self, text: str, context: Context) -> Understanding:
        """`text` may be several messages, joined by newlines."""
        ...
