"""The world that the demo and rehearsals start from."""

from bot.demo.load import PASSWORD, load_demo

__all__ = ["PASSWORD", "load_demo"]
