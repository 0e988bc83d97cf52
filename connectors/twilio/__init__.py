"""Twilio: SMS and WhatsApp, both directions. How to connect an account: doc.md."""

from __future__ import annotations

from connectors.registry import Vendor
from connectors.twilio.channel import Config, TwilioChannel

VENDOR = Vendor(config=Config, ports={"channel": TwilioChannel})
