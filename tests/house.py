"""The product as tests see it: people who write to it, and what came of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from bot.db import transaction
from bot.rehearsal.stage import Stage, workers_held
from bot.stack import Stack
from connectors.sandbox.client import SandboxWorld

MONDAY = "2025-01-13T10:15:00+01:00"
SHOP = "+33939035761"
JULIE = "+33645789012"


@dataclass(frozen=True)
class House:
    """The demo world in a running product, and what people and systems around it do."""

    stack: Stack
    stage: Stage

    @property
    def sandbox(self) -> SandboxWorld:
        return self.stage.sandbox

    @property
    def tenant_id(self) -> int:
        return self.stage.tenant_id

    def text(self, sender: str, body: str, *, to: str = SHOP, replay: int = 1) -> None:
        """A customer's text message arrives; answering it is not waited for."""
        self.stage.text(sender, body, to=to, replay=replay)

    def held(self) -> AbstractContextManager[None]:
        """Workers stand still within the block: what comes in waits for its end."""
        return workers_held()

    def settle(self) -> None:
        """Wait until nothing is due or being done."""
        self.stage.settle()

    def say(self, sender: str, body: str) -> list[str]:
        """A message and the replies to it."""
        before = len(self.replies(sender))
        self.text(sender, body)
        self.settle()
        return self.replies(sender)[before:]

    def replies(self, to: str) -> list[str]:
        """All that went out to this number, oldest first."""
        return [m["body"] for m in self.sent() if m["to"] == to]

    def sent(self) -> list[dict[str, Any]]:
        """All messages that the carrier took, oldest first."""
        messages = self.sandbox.state()["messages"]
        return [m for m in messages if m["direction"] != "inbound"]

    def move_clock(self, to: str | timedelta) -> None:
        """To an ISO time or so much further; whatever falls due on the way happens."""
        self.stage.move_clock(datetime.fromisoformat(to) if isinstance(to, str) else to)

    def stock(self, sku: str) -> dict[str, int]:
        """available, reserved, committed, on_hand at the store."""
        units: dict[str, int] = self.sandbox.state()["stock"][sku]
        return units

    def db(self) -> AbstractContextManager[Session]:
        """A transaction on the product's database."""
        return transaction()
