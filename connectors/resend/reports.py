"""What Resend says became of a mail, as a StatusReport.

https://resend.com/docs/webhooks/event-types
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from connectors.channels import StatusReport
from connectors.resend.outbound import TAG

STATUS_EVENTS = frozenset(
    {"email.sent", "email.delivered", "email.delivery_delayed", "email.bounced"}
    | {"email.complained", "email.suppressed", "email.failed"}
)
# Known, signed, and of no use here: acknowledged.
OTHER_EVENTS = frozenset(
    {"email.opened", "email.clicked", "email.scheduled"}
    | {f"contact.{what}" for what in ("created", "updated", "deleted")}
    | {f"domain.{what}" for what in ("created", "updated", "deleted")}
)


def read_report(event: Mapping[str, Any]) -> StatusReport | None:
    """None: it says nothing that lasts. A delay goes on being tried; a transient bounce may
    be somebody's out-of-office, sent back by a server that had delivered."""
    data, kind = event["data"], event["type"].removeprefix("email.")
    ours = {"provider_id": data["email_id"], "message_id": _our_id(data.get("tags"))}
    match kind:
        case "sent" | "delivered":
            return StatusReport(**ours, state=kind)
        case "complained":
            return StatusReport(**ours, state="delivered", stops="complained")
        case "bounced":
            return _read_bounce(ours, data.get("bounce") or {})
        case "suppressed":
            why = data.get("suppressed") or {}
            past: Literal["complained", "bounced"]
            past = "complained" if why.get("reason") == "previous_complaint" else "bounced"
            return StatusReport(**ours, state="failed", code="suppressed", stops=past)
        case "failed":
            code = str((data.get("failed") or {}).get("reason") or "failed")[:60]
            return StatusReport(**ours, state="failed", code=code)
    return None


def _read_bounce(ours: Mapping[str, Any], bounce: Mapping[str, Any]) -> StatusReport | None:
    kind, code = bounce.get("type"), str(bounce.get("subType") or "bounced")
    if kind == "Transient":
        return None
    stops: Literal["", "bounced"] = "bounced" if kind == "Permanent" else ""
    return StatusReport(**ours, state="failed", code=code, stops=stops)


def _our_id(tags: object) -> int | None:
    """Tags come as an object or as a list of {name, value}."""
    if isinstance(tags, list):
        tags = {tag.get("name"): tag.get("value") for tag in tags if isinstance(tag, dict)}
    value = str(tags.get(TAG, "")) if isinstance(tags, dict) else ""
    return int(value) if value.isascii() and value.isdigit() else None
