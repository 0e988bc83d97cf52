"""The understanding engines, by name."""

from __future__ import annotations

from functools import lru_cache

from bot.understanding.engine import Engine
from bot.understanding.local import load_engine


@lru_cache
def open_engine(name: str) -> Engine:
    """The engine of that name, loaded once a process. Raises KeyError for one not built in."""
    return {"local": load_engine}[name]()
