"""The agent that speaks in a conversation: its voice, policies and levels of automation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.models.conversations import Conversation
from bot.models.tenants import Agent, Deployment
from bot.turn import Level, Policies, Voice

# Short answers to what the assistant asked itself
ANSWERS = frozenset({"confirm", "deny", "choose"})


@dataclass(frozen=True)
class Speaker:
    """An agent as deployed. `levels` by intent; one not listed is handed over. `models` by
    purpose, see language_models.Choice."""

    voice: Voice
    policies: Policies
    levels: Mapping[str, Level]
    threshold: float | None
    engine: str
    models: Mapping[str, Any] = field(default_factory=dict)

    def level(self, intent: str) -> Level:
        return self.levels.get(intent, "auto" if intent in ANSWERS else "human")


def speaking_as(tenant_id: int, db: Session, conversation_id: int) -> Speaker:
    """The agent deployed where the conversation takes place, its overlay applied."""
    agent, overlay = db.execute(
        select(Agent, Deployment.overlay)
        .join(Deployment, Deployment.agent_id == Agent.id)
        .join(Conversation, Conversation.deployment_id == Deployment.id)
        .where(Conversation.tenant_id == tenant_id, Conversation.id == conversation_id)
    ).one()

    def setting(name: str) -> Any:
        return overlay.get(name, getattr(agent, name))

    known = {f.name for f in fields(Policies)}
    policies = {**agent.policies, **overlay.get("policies", {})}
    return Speaker(
        voice=Voice(setting("address_form"), setting("emoji")),
        policies=Policies(**{k: v for k, v in policies.items() if k in known}),
        levels=cast("dict[str, Level]", {**agent.levels, **overlay.get("levels", {})}),
        threshold=setting("threshold"),
        engine=setting("engine"),
        models={**agent.model, **overlay.get("model", {})},
    )
