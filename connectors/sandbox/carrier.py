"""The carrier's side of Twilio: what it posts to the product, signed.

Payloads as captured: an SMS to a French number, a WhatsApp message, a status callback.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from uuid import uuid4

import requests

from connectors.sandbox.documents import BadDocument, State, iso_now
from connectors.sandbox.segments import count_segments
from connectors.sandbox.worlds import World

# Twilio's defaults, in seconds: to connect, and to wait for the answer.
TIMEOUT = (5.0, 15.0)

# How long after a message was taken its reports go out by themselves, in seconds.
REPORT_DELAY = 0.05
REPORTERS = 2

ERROR_MESSAGES = {"30003": "Unreachable destination handset", "30007": "Message filtered"}

_local = threading.local()
_reports: queue.SimpleQueue[tuple[float, World, str]] = queue.SimpleQueue()
_reporters: list[threading.Thread] = []
_reporters_lock = threading.Lock()


def receive(world: World, document: Mapping[str, Any]) -> State:
    """Someone writes: `{from, to, body, replay?, sid?, media?, fields?}`.

    `replay` is how many times the very same delivery is posted (1); `fields` are added to
    the form. Gives `{sid, status, answers: [{status, ms} or {error, ms}]}`; `status` is the
    last answer's. Raises BadDocument.
    """
    for name in ("from", "to", "body"):
        if not isinstance(document.get(name), str):
            raise BadDocument(f"{name}: expected a text")
    sid = str(document.get("sid") or f"SM{uuid4().hex}")
    whatsapp = document["from"].startswith("whatsapp:")
    settings = world.settings["twilio"]
    url = (settings.get("whatsapp_url") if whatsapp else None) or settings.get("sms_url")
    if not url:
        raise BadDocument("twilio.sms_url: the world document has none")
    fields = _inbound_fields(world, sid, document)
    with world.lock:
        if sid not in world.state["messages"]:
            world.state["messages"][sid] = build_message(
                world, sid, fields, direction="inbound", status="received"
            )
            world.touch()
    return _deliver(world, "message", sid, url, fields, int(document.get("replay") or 1))


def report(world: World, document: Mapping[str, Any]) -> State:
    """The carrier says what became of a message: `{message_sid or to, status, code?,
    replay?}`; `to` stands for the last message to that number. Answers as `receive`, with
    no answers when the message has no StatusCallback. Raises BadDocument.
    """
    status = str(document.get("status") or "")
    code = str(document.get("code") or "")
    with world.lock:
        message = _find_sent(world, document)
        message["status"] = status
        message["error_code"] = int(code) if code else None
        message["error_message"] = ERROR_MESSAGES.get(code, "Unknown error") if code else None
        message["date_updated"] = rfc2822_now()
        world.touch()
        fields = _report_fields(world, message, status, code)
        url = message["status_callback"]
    if not url:
        return {"sid": message["sid"], "status": None, "answers": []}
    return _deliver(world, "status", message["sid"], url, fields, int(document.get("replay") or 1))


def plan_reports(world: World, sid: str) -> None:
    """The reports "sent" and "delivered" go out shortly, in this order."""
    with _reporters_lock:
        _reporters[:] = [t for t in _reporters if t.is_alive()]
        while len(_reporters) < REPORTERS:
            _reporters.append(threading.Thread(target=_report_always, daemon=True))
            _reporters[-1].start()
    _reports.put((time.monotonic() + REPORT_DELAY, world, sid))


def build_message(
    world: World, sid: str, fields: Mapping[str, Any], *, direction: str, status: str
) -> State:
    """A Message as Twilio keeps it; besides, `status_callback` and when it happened (`at`)."""
    account = world.settings["twilio"].get("account_sid", "")
    now = rfc2822_now()
    uri = f"/2010-04-01/Accounts/{account}/Messages/{sid}"
    return {
        "sid": sid,
        "account_sid": account,
        "messaging_service_sid": fields.get("MessagingServiceSid"),
        "direction": direction,
        "from": fields.get("From"),
        "to": fields["To"],
        "body": fields.get("Body", ""),
        "status": status,
        "num_segments": str(count_segments(fields.get("Body", ""))),
        "num_media": str(fields.get("NumMedia", "0")),
        "date_created": now,
        "date_updated": now,
        "date_sent": now if direction == "inbound" else None,
        "price": None,
        "price_unit": "EUR",
        "error_code": None,
        "error_message": None,
        "api_version": "2010-04-01",
        "uri": f"{uri}.json",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "status_callback": fields.get("StatusCallback"),
        "at": iso_now(),
    }


def sign(token: str, url: str, fields: Mapping[str, str]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 of the URL and the sorted fields.

    https://www.twilio.com/docs/usage/security#validating-requests
    """
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def rfc2822_now() -> str:
    return format_datetime(datetime.now(UTC))


def read_rfc2822(text: str) -> datetime:
    return parsedate_to_datetime(text)


# --- forms -------------------------------------------------------------------------------


def _inbound_fields(world: World, sid: str, document: Mapping[str, Any]) -> dict[str, str]:
    sender, body = document["from"], document["body"]
    whatsapp = sender.startswith("whatsapp:")
    media = document.get("media") or []
    places = [f"{side}{part}" for side in ("To", "From") for part in ("State", "City", "Zip")]
    fields = dict.fromkeys(places, "") | {"ToCountry": "FR", "FromCountry": "FR"}
    if whatsapp:
        phone = sender.removeprefix("whatsapp:")
        kind = "image" if media else "text"
        fields = {"WaId": phone.removeprefix("+"), "ProfileName": "", "MessageType": kind}
        fields |= {"ReferralNumMedia": "0", "ChannelMetadata": json.dumps({"type": "whatsapp"})}
    fields |= {
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "MessageSid": sid,
        "AccountSid": world.settings["twilio"].get("account_sid", ""),
        "SmsStatus": "received",
        "Body": body,
        "To": document["to"],
        "From": sender,
        "NumMedia": str(len(media)),
        "NumSegments": str(count_segments(body)),
        "ApiVersion": "2010-04-01",
    }
    for n, (url, kind) in enumerate(media):
        fields |= {f"MediaUrl{n}": url, f"MediaContentType{n}": kind}
    return fields | {str(k): str(v) for k, v in (document.get("fields") or {}).items()}


def _report_fields(world: World, message: State, status: str, code: str) -> dict[str, str]:
    fields = {
        "MessageSid": message["sid"],
        "MessageStatus": status,
        "SmsSid": message["sid"],
        "SmsStatus": status,
        "To": message["to"],
        "From": message["from"] or "",
        "AccountSid": world.settings["twilio"].get("account_sid", ""),
        "ApiVersion": "2010-04-01",
    }
    if message["messaging_service_sid"]:
        fields["MessagingServiceSid"] = message["messaging_service_sid"]
    if code:
        fields["ErrorCode"] = code
    if status in {"delivered", "undelivered"}:
        fields["RawDlrDoneDate"] = datetime.now(UTC).strftime("%y%m%d%H%M")
    return fields


def _find_sent(world: World, document: Mapping[str, Any]) -> State:
    messages: dict[str, State] = world.state["messages"]
    if sid := document.get("message_sid"):
        if sid in messages:
            return messages[sid]
        raise BadDocument(f"message_sid: there is no message {sid}")
    to = str(document.get("to") or "")
    for message in reversed(messages.values()):
        if message["direction"] != "inbound" and message["to"] in {to, f"whatsapp:{to}"}:
            return message
    raise BadDocument("to: no message was sent to that number")


# --- posting -----------------------------------------------------------------------------


def _deliver(
    world: World, kind: str, sid: str, url: str, fields: Mapping[str, str], times: int
) -> State:
    url = url.partition("#")[0]  # connection overrides (#rc=3) are for Twilio itself
    headers = {
        "X-Twilio-Signature": sign(world.settings["twilio"].get("auth_token", ""), url, fields),
        "I-Twilio-Idempotency-Token": str(uuid4()),
        "User-Agent": "TwilioProxy/1.1",
    }
    answers = []
    for _ in range(times):
        answer = _post(url, fields, headers)
        answers.append(answer)
        with world.lock:
            status = fields.get("MessageStatus") or "received"
            entry = {"at": iso_now(), "kind": kind, "sid": sid, "url": url}
            world.log("webhooks", {**entry, "message_status": status, **answer})
    return {"sid": sid, "status": answers[-1].get("status"), "answers": answers}


def _post(url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> State:
    started = time.monotonic()
    try:
        response = _session().post(
            url, data=fields, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
        outcome: State = {"status": response.status_code}
    except requests.RequestException as error:
        outcome = {"error": type(error).__name__}
    return {**outcome, "ms": round((time.monotonic() - started) * 1000)}


def _session() -> requests.Session:
    """One a thread. Without the proxy settings of the environment: the doors are local."""
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
        session.trust_env = False
    return session


def _report_always() -> None:
    while True:
        due, world, sid = _reports.get()
        time.sleep(max(due - time.monotonic(), 0.0))
        for status in ("sent", "delivered"):
            report(world, {"message_sid": sid, "status": status})
