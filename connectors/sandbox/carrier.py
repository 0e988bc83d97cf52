"""The carrier's side of Twilio: what it posts to the product, signed.

What people send is in inbound.py, what carriers allow in carrier_rules.py.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import requests

from connectors.sandbox.carrier_rules import CONFIRMATIONS, WHATSAPP, open_window, read_opt_out
from connectors.sandbox.documents import BadDocument, State, iso_now, rfc2822_now
from connectors.sandbox.inbound import build_fields, check_inbound
from connectors.sandbox.media import keep_media
from connectors.sandbox.overrides import Overrides, read_overrides
from connectors.sandbox.segments import count_segments
from connectors.sandbox.worlds import World
from connectors.transport import never_left

# How long after a message was taken its reports go out by themselves, in seconds.
REPORT_DELAY = 0.05
REPORTERS = 2

# What the API does not show of a message.
HIDDEN = frozenset({"status_callback", "content_sid", "media_urls", "at", "dated"})

ERROR_MESSAGES = {
    "21610": "Attempt to send to unsubscribed recipient",
    "30003": "Unreachable destination handset",
    "30007": "Message filtered",
    "63016": "Failed to send freeform message because you are outside the allowed window",
    "63028": "Number of parameters provided does not match the expected number of params",
}

_local = threading.local()
_reports: queue.SimpleQueue[tuple[float, World, str, tuple[tuple[str, str], ...]]] = (
    queue.SimpleQueue()
)
_reporters: list[threading.Thread] = []
_reporters_lock = threading.Lock()


def receive(world: World, document: Mapping[str, Any], api_url: str) -> State:
    """Someone writes: `{from, to, body, replay?, sid?, fields?}`, by WhatsApp also `media`,
    `button` and `button_text`, `list_id` and `list_title`, `latitude`, `longitude`,
    `address` and `label`, `external_user_id`, `profile_name`, `forwarded`, `replied_to`.

    `replay` is how many times the very same delivery is posted (1); `fields` are added to
    the form; `api_url` is where the world's Twilio is found. Gives `{sid, status, answers:
    [{status, ms} or {error, ms}]}`; `status` is the last answer's. Raises BadDocument.
    """
    document = check_inbound(document)
    sender, settings = document["from"], world.settings["twilio"]
    whatsapp = sender.startswith(WHATSAPP)
    url = (settings.get("whatsapp_url") if whatsapp else None) or settings.get("sms_url")
    if not url:
        raise BadDocument("twilio.sms_url: the world document has none")
    sid = document.get("sid") or f"{'MM' if document.get('media') else 'SM'}{uuid4().hex}"
    media = keep_media(world, sid, document.get("media") or [])
    fields = build_fields(world, sid, document, media, api_url)
    with world.lock:
        if sid not in world.state["messages"]:
            world.state["messages"][sid] = build_message(
                world, sid, fields, direction="inbound", status="received"
            )
            open_window(world, sender, document["to"])
            if kind := read_opt_out(world, sender, document["body"]):
                _confirm_opt_out(world, fields, kind)
                if "MessagingServiceSid" in fields:
                    fields["OptOutType"] = kind
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
        message.update(status=status, error_code=None, error_message=None)
        if code:
            mark_failed(message, code, status)
        message["date_updated"] = rfc2822_now()
        world.touch()
        fields = _report_fields(world, message, status, code)
        url = message["status_callback"]
    if not url:
        return {"sid": message["sid"], "status": None, "answers": []}
    return _deliver(world, "status", message["sid"], url, fields, int(document.get("replay") or 1))


def plan_reports(world: World, sid: str) -> None:
    """What became of the message goes out shortly: that it failed (as the message says), or
    that it was sent and then delivered."""
    with _reporters_lock:
        _reporters[:] = [t for t in _reporters if t.is_alive()]
        while len(_reporters) < REPORTERS:
            _reporters.append(threading.Thread(target=_report_always, daemon=True))
            _reporters[-1].start()
    with world.lock:
        code = world.state["messages"][sid]["error_code"]
    steps = (("failed", str(code)),) if code else (("sent", ""), ("delivered", ""))
    _reports.put((time.monotonic() + REPORT_DELAY, world, sid, steps))


def mark_failed(message: State, code: str, status: str = "failed") -> None:
    """Called under the lock."""
    text = ERROR_MESSAGES.get(code, "Unknown error")
    message.update(status=status, error_code=int(code), error_message=text)


def build_message(
    world: World, sid: str, fields: Mapping[str, Any], *, direction: str, status: str
) -> State:
    """A Message as Twilio keeps it; besides, what it does not show again (HIDDEN): when it
    happened (`at`), and when by the world's clock (`dated`)."""
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
        "content_sid": fields.get("ContentSid"),
        "media_urls": list(fields.get("MediaUrl") or []),
        "at": iso_now(),
        "dated": world.now().isoformat(timespec="milliseconds"),
    }


def sign(token: str, url: str, fields: Mapping[str, str]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 of the URL and the sorted fields.

    https://www.twilio.com/docs/usage/security#validating-requests
    """
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def read_rfc2822(text: str) -> datetime:
    return parsedate_to_datetime(text)


# --- forms -------------------------------------------------------------------------------


def _confirm_opt_out(world: World, fields: Mapping[str, str], kind: str) -> None:
    """Twilio's own answer to STOP, START or HELP. Called under the lock."""
    sid = f"SM{uuid4().hex}"
    answer = {"From": fields["To"], "To": fields["From"], "Body": CONFIRMATIONS[kind]}
    world.state["messages"][sid] = build_message(
        world, sid, answer, direction="outbound-reply", status="delivered"
    )


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
    if message["to"].startswith(WHATSAPP):
        fields |= {"ChannelPrefix": "whatsapp", "EventType": status.upper()}
    elif status in {"delivered", "undelivered"}:
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
    url, _, fragment = url.partition("#")
    overrides = read_overrides(fragment if world.settings["twilio"].get("retries") else "rc=0")
    headers = {
        "X-Twilio-Signature": sign(world.settings["twilio"].get("auth_token", ""), url, fields),
        "I-Twilio-Idempotency-Token": str(uuid4()),
        "User-Agent": "TwilioProxy/1.1",
    }
    answers = []
    for _ in range(times):
        for answer in _post(url, fields, headers, overrides):
            answers.append(answer)
            with world.lock:
                status = fields.get("MessageStatus") or "received"
                entry = {"at": iso_now(), "kind": kind, "sid": sid, "url": url}
                world.log("webhooks", {**entry, "message_status": status, **answer})
    return {"sid": sid, "status": answers[-1].get("status"), "answers": answers}


def _post(
    url: str, fields: Mapping[str, str], headers: Mapping[str, str], overrides: Overrides
) -> Iterator[State]:
    """The answers to the attempts, the last of which succeeded or is not followed."""
    end = time.monotonic() + overrides.total
    for _ in range(overrides.retries + 1):
        started = time.monotonic()
        try:
            response = _session().post(
                url,
                data=fields,
                headers=headers,
                timeout=(overrides.connect, overrides.read),
                allow_redirects=False,
            )
            outcome: State = {"status": response.status_code}
            failure = f"{response.status_code // 100}xx"
        except requests.RequestException as error:
            outcome, failure = {"error": type(error).__name__}, "ct" if never_left(error) else "rt"
        yield {**outcome, "ms": round((time.monotonic() - started) * 1000)}
        if not overrides.follows(failure) or time.monotonic() > end:
            return


def _session() -> requests.Session:
    """One a thread. Without the proxy settings of the environment: the doors are local."""
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
        session.trust_env = False
    return session


def _report_always() -> None:
    while True:
        due, world, sid, steps = _reports.get()
        time.sleep(max(due - time.monotonic(), 0.0))
        for status, code in steps:
            report(world, {"message_sid": sid, "status": status, "code": code})
