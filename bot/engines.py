"""The understanding engines: by name, and the one that an agent reads with."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from bot.agents import Speaker
from bot.language_models import Asker, Call, Choice, open_asker
from bot.settings import settings
from bot.understanding.engine import Engine
from bot.understanding.local import load_engine
from bot.understanding.remote import RemoteEngine
from connectors.config import build_config
from connectors.errors import BadConfig
from connectors.registry import load_vendor


@lru_cache
def open_engine(name: str) -> Engine:
    """The engine of that name, loaded once a process: "openai" by OPENAI_BASE_URL, for
    evaluation. Raises KeyError for one not built in, BadConfig when it is not set up."""
    makers: dict[str, Callable[[], Engine]] = {"local": load_engine, "openai": open_remote}
    return makers[name]()


def engine_of(speaker: Speaker, tenant_id: int, conversation_id: int) -> Engine:
    """The engine that the agent reads this conversation with; the offline one where its
    model is not set up. Never to be called, or its engine used, within a transaction."""
    local = open_engine("local")
    if speaker.engine != "openai":
        return local
    asker = open_asker(tenant_id, conversation_id, speaker.models, "understanding")
    return RemoteEngine(asker.ask, local) if asker else local


def open_remote(keep: Callable[[Call], None] = lambda call: None) -> Engine:
    """The engine that asks the server of the settings; each request is told to `keep`.
    Raises BadConfig when OPENAI_MODEL names no model."""
    now = settings()
    if not now.openai_model:
        raise BadConfig("OPENAI_MODEL names no model (and OPENAI_BASE_URL its server)")
    vendor = load_vendor("openai")
    values = {
        "api_key": now.openai_api_key or "none",
        "timeout": str(now.vendor_timeout_seconds),
        "token_limit": now.openai_limit,
    }
    if now.openai_base_url:
        values["base_url"] = now.openai_base_url
    port = vendor.ports["model"](build_config(vendor.config, values))
    choice = Choice(now.openai_model)
    asker = Asker(port, choice, "understanding", keep)
    return RemoteEngine(asker.ask, open_engine("local"))
