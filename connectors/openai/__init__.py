"""OpenAI, and every server that speaks its API. How to connect one: doc.md."""

from __future__ import annotations

from connectors.openai.model import Config, OpenAIModel
from connectors.registry import Vendor

VENDOR = Vendor(config=Config, ports={"model": OpenAIModel})
