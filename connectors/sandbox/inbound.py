"""The forms that Twilio posts when someone writes, as captured.

SMS to a French number, and WhatsApp: texts, media, buttons, lists, places, and people
without a telephone number. https://www.twilio.com/docs/messaging/guides/webhook-request
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.sandbox.carrier_rules import WHATSAPP
from connectors.sandbox.documents import BadDocument, State
from connectors.sandbox.media import media_uri
from connectors.sandbox.segments import count_segments
from connectors.sandbox.worlds import World

KEYS = frozenset(
    {"from", "to", "body", "replay", "sid", "media", "fields", "button", "button_text", "list_id"}
    | {"list_title", "latitude", "longitude", "address", "label", "external_user_id"}
    | {"profile_name", "forwarded", "replied_to"}
)
TEXTS = KEYS - {"replay", "media", "fields", "forwarded", "latitude", "longitude"}


def check_inbound(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with `from` and `body` filled in. Raises BadDocument."""
    if unknown := sorted(set(document) - KEYS):
        raise BadDocument(f"inbound: unknown {', '.join(unknown)}")
    checked = dict(document)
    checked.setdefault("body", document.get("button_text") or document.get("list_title") or "")
    if user := document.get("external_user_id"):
        checked.setdefault("from", f"{WHATSAPP}{user}")
    for name in ("from", "to", *sorted(TEXTS & set(checked))):
        if not isinstance(checked.get(name), str):
            raise BadDocument(f"{name}: expected a text")
    if not isinstance(document.get("fields") or {}, Mapping):
        raise BadDocument("fields: expected an object")
    return checked


def build_fields(
    world: World, sid: str, document: Mapping[str, Any], media: Sequence[State], api_url: str
) -> dict[str, str]:
    """The form of a checked document. `api_url` is where the world's Twilio is found."""
    body = document["body"]
    whatsapp = document["from"].startswith(WHATSAPP)
    fields = _whatsapp_fields(document, media) if whatsapp else _sms_fields()
    fields |= {
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "MessageSid": sid,
        "AccountSid": world.settings["twilio"].get("account_sid", ""),
        "SmsStatus": "received",
        "Body": body,
        "To": document["to"],
        "From": document["from"],
        "NumMedia": str(len(media)),
        "NumSegments": str(count_segments(body)),
        "ApiVersion": "2010-04-01",
    }
    for n, item in enumerate(media):
        fields[f"MediaUrl{n}"] = api_url + media_uri(item)
        fields[f"MediaContentType{n}"] = item["content_type"]
    return fields | {str(k): str(v) for k, v in (document.get("fields") or {}).items()}


def _sms_fields() -> dict[str, str]:
    places = [f"{side}{part}" for side in ("To", "From") for part in ("State", "City", "Zip")]
    return dict.fromkeys(places, "") | {"ToCountry": "FR", "FromCountry": "FR"}


def _whatsapp_fields(document: Mapping[str, Any], media: Sequence[State]) -> dict[str, str]:
    address = document["from"].removeprefix(WHATSAPP)
    fields = {
        "WaId": address[1:] if address.startswith("+") else "",
        "ProfileName": document.get("profile_name", ""),
        "MessageType": _kind(document, media),
        "ReferralNumMedia": "0",
        "ChannelMetadata": json.dumps({"type": "whatsapp", "data": {"context": {}}}),
    }
    names = {
        "button": "ButtonPayload",
        "button_text": "ButtonText",
        "list_id": "ListId",
        "list_title": "ListTitle",
        "latitude": "Latitude",
        "longitude": "Longitude",
        "address": "Address",
        "label": "Label",
        "replied_to": "OriginalRepliedMessageSid",
    }
    fields |= {theirs: str(document[ours]) for ours, theirs in names.items() if ours in document}
    if "replied_to" in document:
        fields["OriginalRepliedMessageSender"] = document["to"]
    if "external_user_id" in document:
        fields["ExternalUserId"] = f"{WHATSAPP}{document['external_user_id']}"
    if document.get("forwarded"):
        fields["Forwarded"] = "true"
    return fields


def _kind(document: Mapping[str, Any], media: Sequence[State]) -> str:
    """WhatsApp's MessageType."""
    if "latitude" in document:
        return "location"
    if "list_id" in document:
        return "interactive"
    if "button" in document:
        return "button"
    if not media:
        return "text"
    kind = str(media[0]["content_type"]).partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "document"
