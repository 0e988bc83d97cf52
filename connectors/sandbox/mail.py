"""The outside world of Resend: people who write, servers that report, and Svix, which
posts it all to the product, signed, and again when the door does not answer 2xx."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import itertools
import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, getaddresses, parseaddr
from typing import Any
from uuid import uuid4

import requests

from connectors.sandbox.documents import BadDocument, State, iso_now
from connectors.sandbox.worlds import World

log = logging.getLogger(__name__)

TIMEOUT = 15.0  # seconds: what Svix waits for an answer

# Seconds until a delivery is tried again. Resend's own are 5 s, 5 min, 30 min … 10 h.
RETRIES = (0.5, 2.0, 5.0, 10.0, 20.0, 30.0)
REPORT_DELAY = 0.05
POSTERS = 4

EVENTS = frozenset(
    {"sent", "delivered", "delivery_delayed", "bounced", "complained", "failed", "suppressed"}
    | {"opened", "clicked", "scheduled"}
)
FATES = {
    "delivered": ("sent", "delivered"),
    "bounced": ("sent", "bounced"),
    "complained": ("sent", "delivered", "complained"),
    "suppressed": ("suppressed",),
}
RAW: Mapping[Any, str | None] = {False: None, "gone": ""}
DETAILS: Mapping[str, tuple[str, State]] = {
    "bounced": (
        "bounce",
        {
            "type": "Permanent",
            "subType": "NoEmail",
            "message": "The recipient's mail server rejected the address.",
            "diagnosticCode": ["smtp; 550 5.1.1 user unknown"],
        },
    ),
    "failed": ("failed", {"reason": "reached_daily_quota"}),
    "suppressed": (
        "suppressed",
        {
            "type": "OnAccountSuppressionList",
            "reason": "previous_bounce",
            "message": "The address is on the suppression list.",
            "diagnosticCode": [],
        },
    ),
    "clicked": (
        "click",
        {
            "ipAddress": "203.0.113.7",
            "link": "https://elegance-paris.example/",
            "timestamp": "2026-11-20T09:12:00.000Z",
            "userAgent": "Mozilla/5.0",
        },
    ),
}

_local = threading.local()
_waiting: queue.PriorityQueue[tuple[float, int, Callable[[], None]]] = queue.PriorityQueue()
_turn = itertools.count()
_posters: list[threading.Thread] = []
_posters_lock = threading.Lock()


def receive(world: World, document: Mapping[str, Any]) -> State:
    """Somebody writes: `{from, to, subject, text?, html?, cc?, headers?, attachments?:
    [{name, type, content_base64?, content_id?}], authenticated?, in_reply_to?, references?,
    received_for?, message_id?, email_id?, raw?, replay?}`.

    `authenticated` true (SPF, DKIM and DMARC pass), false (they fail) or null (the header
    is missing); `headers` are those of the sender, below the receiving server's;
    `raw` false gives no address of the mail as it came, "gone" one that leads nowhere;
    `in_reply_to` is a Message-ID or the id of a mail that was sent; `replay` how many times
    the very same delivery is posted (1). Gives `{email_id, message_id, status, answers:
    [{status, ms} or {error, ms}]}`. Raises BadDocument.
    """
    for name in ("from", "subject"):
        if not isinstance(document.get(name), str):
            raise BadDocument(f"{name}: expected a text")
    if not world.settings.get("mail", {}).get("url"):
        raise BadDocument("mail.url: the world document has none")
    mail = _build_received(world, document)
    with world.lock:
        world.state["received_mails"][mail["id"]] = mail
        world.touch()
    data = {
        "email_id": mail["id"],
        "attachments": [
            {k: v for k, v in a.items() if k not in {"size", "content_base64"}}
            for a in mail["attachments"]
        ],
        **{name: mail[name] for name in ("created_at", "from", "to", "cc", "bcc")},
        **{name: mail[name] for name in ("received_for", "subject", "message_id")},
    }
    answers = _deliver(world, "email.received", data, int(document.get("replay") or 1))
    return {
        "email_id": mail["id"],
        "message_id": mail["message_id"],
        "status": answers[-1].get("status"),
        "answers": answers,
    }


def report(world: World, document: Mapping[str, Any]) -> State:
    """A server says what became of a mail: `{email_id or to, event, bounce?, suppressed?,
    failed?, replay?}`; `to` stands for the last mail to that address, `event` is
    `delivered`, `bounced` …, and `bounce` and its like change the details. Answers as
    `receive`. Raises BadDocument.
    """
    event = str(document.get("event") or "").removeprefix("email.")
    if event not in EVENTS:
        raise BadDocument(f"event: expected one of {', '.join(sorted(EVENTS))}")
    with world.lock:
        mail = _find_sent(world, document)
        mail["last_event"] = event
        world.touch()
        data: State = {
            "email_id": mail["id"],
            "created_at": mail["at"],
            "tags": {tag["name"]: tag["value"] for tag in mail["tags"]},
            "headers": [{"name": k, "value": v} for k, v in mail["headers"].items()],
            **{name: mail[name] for name in ("from", "to", "subject")},
        }
    if event in DETAILS:
        name, details = DETAILS[event]
        data[name] = {**details, **(document.get(name) or {})}
    answers = _deliver(world, f"email.{event}", data, int(document.get("replay") or 1))
    return {"email_id": mail["id"], "status": answers[-1].get("status"), "answers": answers}


def show_received(mail: State) -> State:
    """A received mail without its bytes."""
    attachments = [
        {k: v for k, v in a.items() if k != "content_base64"} for a in mail["attachments"]
    ]
    return {**{k: v for k, v in mail.items() if k != "raw"}, "attachments": attachments}


def plan_reports(world: World, mail: State) -> None:
    """What Resend says by itself goes out shortly, in order. Its own test addresses have
    the fate of their name: https://resend.com/docs/dashboard/emails/send-test-emails"""
    name, _, domain = parseaddr(mail["to"][0])[1].partition("@")
    fate = name.partition("+")[0] if domain == "resend.dev" else "delivered"
    events = FATES.get(fate, FATES["delivered"])

    def say() -> None:
        for event in events:
            report(world, {"email_id": mail["id"], "event": event})

    _do_later(REPORT_DELAY, say)


def sign(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """svix-signature: https://docs.svix.com/receiving/verifying-payloads/how-manual"""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


# --- a mail as the receiving server takes it ---------------------------------------------


def _build_received(world: World, document: Mapping[str, Any]) -> State:
    settings = world.settings["mail"]
    sender = parseaddr(document["from"])[1].lower()
    to, cc = _list(document, "to"), _list(document, "cc")
    if not to and not cc:
        raise BadDocument("to: expected an address, or a list of them")
    domains = settings.get("domains") or []
    addresses = [address.lower() for _, address in getaddresses([*to, *cc])]
    ours = [a for a in addresses if not domains or a.rpartition("@")[2] in domains]
    message = _compose(world, document, to, cc)
    trace = _trace(sender, document.get("authenticated", True), (ours or addresses)[0])
    raw = "".join(f"{name}: {value}\r\n" for name, value in trace).encode()
    raw += message.as_bytes(policy=SMTP)
    return {
        "id": str(document.get("email_id") or uuid4()),
        "from": document["from"],
        "to": to,
        "cc": cc,
        "bcc": [],
        "reply_to": _list(document, "reply_to"),
        "received_for": _list(document, "received_for") or ours,
        "subject": document["subject"],
        "message_id": str(message["Message-ID"]),
        "html": document.get("html"),
        "text": document.get("text"),
        "headers": {k.lower(): str(v) for k, v in [*trace, *message.items()]},
        "created_at": iso_now(),
        "attachments": [_build_attachment(a) for a in document.get("attachments") or []],
        "raw": RAW.get(document.get("raw", True), base64.b64encode(raw).decode()),
    }


def _compose(
    world: World, document: Mapping[str, Any], to: list[str], cc: list[str]
) -> EmailMessage:
    """The mail as it left its sender; attachments stay beside it. Raises BadDocument."""
    host = parseaddr(document["from"])[1].rpartition("@")[2] or "mail.example"
    message = EmailMessage()
    headers = {
        "From": document["from"],
        "To": ", ".join(to),
        "Cc": ", ".join(cc),
        "Reply-To": ", ".join(_list(document, "reply_to")),
        "Subject": document["subject"],
        "Date": formatdate(usegmt=True),
        "Message-ID": document.get("message_id") or f"<{uuid4()}@{host}>",
        "In-Reply-To": _message_id(world, str(document.get("in_reply_to") or "")),
        "References": str(document.get("references") or ""),
        **(document.get("headers") or {}),
    }
    try:
        message.set_content(document.get("text") or "")
        if document.get("html"):
            message.add_alternative(document["html"], subtype="html")
        for name, value in headers.items():
            if value:
                del message[name]
                message[name] = value
    except (ValueError, TypeError) as error:
        raise BadDocument(f"headers: {error}") from None
    return message


def _trace(sender: str, authenticated: bool | None, recipient: str) -> list[tuple[str, str]]:
    """What Amazon's receiving server, which is Resend's, writes on top."""
    domain = sender.rpartition("@")[2]
    result = "pass" if authenticated else "fail"
    trace = [
        ("Return-Path", f"<{sender}>"),
        (
            "Received",
            f"from mail.{domain} (mail.{domain} [203.0.113.7]) by "
            f"inbound-smtp.eu-west-1.amazonaws.com with SMTP id {uuid4().hex} for {recipient}; "
            + formatdate(),
        ),
        ("X-SES-Spam-Verdict", "PASS"),
        ("X-SES-Virus-Verdict", "PASS"),
        (
            "Authentication-Results",
            f"amazonses.com; spf={result} (spfCheck: domain of {domain}) client-ip=203.0.113.7; "
            f"envelope-from={sender}; helo=mail.{domain}; dkim={result} header.i=@{domain}; "
            f"dmarc={result} header.from={domain};",
        ),
    ]
    return trace if authenticated is not None else trace[:-1]


def _build_attachment(document: Mapping[str, Any]) -> State:
    content = str(document.get("content_base64") or "")
    try:
        size = len(base64.b64decode(content, validate=True))
    except binascii.Error:
        raise BadDocument("attachments: content_base64 is not base64") from None
    built = {
        "id": str(uuid4()),
        "filename": document.get("name"),
        "content_type": str(document.get("type") or "application/octet-stream"),
        "content_disposition": "inline" if document.get("content_id") else "attachment",
        "content_id": document.get("content_id"),
        "size": size,
        "content_base64": content,
    }
    return {name: value for name, value in built.items() if value is not None}


def _message_id(world: World, answered: str) -> str:
    """Of a mail that was sent, given its id; what is not one is a Message-ID."""
    sent = world.state["mails"].get(answered)
    return str(sent["message_id"]) if sent else answered


def _find_sent(world: World, document: Mapping[str, Any]) -> State:
    mails: dict[str, State] = world.state["mails"]
    if email_id := document.get("email_id"):
        if email_id in mails:
            return mails[email_id]
        raise BadDocument(f"email_id: no mail {email_id} was sent")
    to = str(document.get("to") or "").lower()
    for mail in reversed(mails.values()):
        if to in {address.lower() for _, address in getaddresses(mail["to"])}:
            return mail
    raise BadDocument("to: no mail was sent to that address")


def _list(document: Mapping[str, Any], name: str) -> list[str]:
    value = document.get(name) or []
    return [value] if isinstance(value, str) else [str(one) for one in value]


# --- posting -----------------------------------------------------------------------------


def _deliver(world: World, kind: str, data: State, times: int) -> list[State]:
    """Post an event `times` times. Without an address there is nobody to tell."""
    url = _door(world, kind, data)
    if not url:
        return [{"error": "NoURL", "ms": 0}]
    event = {"type": kind, "created_at": iso_now(), "data": data}
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    sid = f"msg_{uuid4().hex}"
    return [_attempt(world, kind, sid, url, body, 0) for _ in range(times)]


def _door(world: World, kind: str, data: State) -> str:
    """Where the events of our domain go: that of the address written to, or from."""
    settings = world.settings.get("mail", {})
    ours = data["to"] if kind == "email.received" else [data["from"]]
    domains = [address.rpartition("@")[2].lower() for _, address in getaddresses(ours)]
    doors: dict[str, str] = settings.get("doors", {})
    return next((doors[d] for d in domains if d in doors), settings.get("url") or "")


def _attempt(world: World, kind: str, id: str, url: str, body: bytes, number: int) -> State:
    """Post a delivery, and plan the next try when it was not taken."""
    settings = world.settings["mail"]
    now = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Svix-Webhooks/1.81.0 (sender; +https://www.svix.com/http-sender/)",
        "svix-id": id,
        "svix-timestamp": str(now),
        "svix-signature": sign(settings.get("webhook_secret", ""), id, now, body),
    }
    answer = _post(url, body, headers)
    with world.lock:
        entry = {"at": iso_now(), "kind": kind, "sid": id, "url": url}
        world.log("webhooks", {**entry, "message_status": f"essai {number + 1}", **answer})
    retries = settings.get("retries", RETRIES)
    again = not 200 <= answer.get("status", 0) < 300 and number < len(retries)
    with world.lock:
        if again:  # deliveries that are still to be tried, and how often they were
            world.state["undelivered"][id] = number + 1
        else:
            world.state["undelivered"].pop(id, None)
    if again:
        _do_later(
            float(retries[number]),
            lambda: _attempt(world, kind, id, url, body, number + 1),
        )
    return answer


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> State:
    started = time.monotonic()
    try:
        response = _session().post(
            url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
        outcome: State = {"status": response.status_code}
    except requests.RequestException as error:
        outcome = {"error": type(error).__name__}
    return {**outcome, "ms": round((time.monotonic() - started) * 1000)}


def _session() -> requests.Session:
    """This thread's, which keeps connections open; without the environment's proxies."""
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
        session.trust_env = False
    return session


def _do_later(seconds: float, job: Callable[[], Any]) -> None:
    with _posters_lock:
        _posters[:] = [t for t in _posters if t.is_alive()]
        while len(_posters) < POSTERS:
            _posters.append(threading.Thread(target=_post_always, daemon=True))
            _posters[-1].start()
    _waiting.put((time.monotonic() + seconds, next(_turn), job))


def _post_always() -> None:
    while True:
        due, turn, job = _waiting.get()
        wait = due - time.monotonic()
        if wait > 0:
            _waiting.put((due, turn, job))
            time.sleep(min(wait, 0.05))
            continue
        try:
            job()
        except Exception:  # the poster must live on, whatever a world holds
            log.exception("the sandbox could not post an event")
