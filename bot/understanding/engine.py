"""What an understanding engine is, whoever it asks."""

from __future__ import annotations

from typing import Protocol

from bot.turn import Context, Understanding

# Below it the assistant asks back or hands over; an agent may set its own. Chosen on the
# held-out messages (docstring of bot.understanding.training says how).
DEFAULT_THRESHOLD = 0.5


class Engine(Protocol):
    """Reads what a customer says. Never raises on any text."""

    def understand(self, text: str, context: Context) -> Understanding:
        """`text` may be several messages, joined by newlines."""
        ...
