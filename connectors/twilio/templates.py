"""Reading templates of Twilio's Content API.

https://www.twilio.com/docs/content/content-api-resources
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from connectors.channels import MessageTemplate

Approval = Literal["approved", "pending", "rejected", "unsubmitted"]

# What WhatsApp says of a template -> ours. One paused or disabled is refused as a rejected
# one is; what WhatsApp may say one day is not an approval.
APPROVALS: Mapping[str, Approval] = {
    "approved": "approved",
    "disabled": "rejected",
    "paused": "rejected",
    "pending": "pending",
    "received": "pending",
    "rejected": "rejected",
    "unsubmitted": "unsubmitted",
    "": "unsubmitted",
}


def read_template(content: Any) -> MessageTemplate:
    """From the SDK's ContentAndApprovalsInstance."""
    status = (content.approval_requests or {}).get("status") or ""
    return MessageTemplate(
        id=content.sid,
        name=content.friendly_name or "",
        language=content.language or "",
        body=_find_body(content.types or {}),
        approval=APPROVALS.get(status.lower(), "pending"),
    )


def _find_body(types: Mapping[str, Any]) -> str:
    """What is written in it, with `{{1}}` where variables go. Cards have only a title."""
    for name in ("body", "title"):
        for content in types.values():
            if isinstance(content, Mapping) and content.get(name):
                return str(content[name])
    return ""
