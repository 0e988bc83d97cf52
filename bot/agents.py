"""The agent that speaks in a conversation: its voice, policies and levels of automation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.logs import log
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

    policies = {**agent.policies, **overlay.get("policies", {})}
    levels = {**agent.levels, **overlay.get("levels", {})}
    return Speaker(
        voice=Voice(setting("address_form"), setting("emoji")),
        policies=Policies(**_known(policies, {f.name for f in fields(Policies)})),
        levels=_known_levels(levels),
        threshold=setting("threshold"),
        engine=setting("engine"),
        models={**agent.model, **overlay.get("model", {})},
    )


def _known(policies: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Without what is misspelt, whose usual value then holds; the log says so."""
    if unknown := sorted(policies.keys() - names):
        log().error("policy unknown", names=unknown)
    return {name: value for name, value in policies.items() if name in names}


def _known_levels(levels: Mapping[str, Any]) -> dict[str, Level]:
    """What is misspelt is a person's: nothing is done alone by a word that we do not know."""
    known = get_args(Level)
    if unknown := sorted(intent for intent, level in levels.items() if level not in known):
        log().error("level unknown", intents=unknown)
    return {intent: level if level in known else "human" for intent, level in levels.items()}
