"""Resend: e-mail, both directions. How to connect a team and its domain: doc.md."""

from __future__ import annotations

from connectors.registry import Vendor
from connectors.resend.channel import Config, ResendChannel

VENDOR = Vendor(config=Config, ports={"channel": ResendChannel})
