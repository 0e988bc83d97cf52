"""Resend's API: sending, what was sent, what was received and its attachments."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from math import ceil
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, request

from connectors.sandbox.documents import State, iso_now
from connectors.sandbox.failures import Failure, pause_if_slow, play
from connectors.sandbox.mail import plan_reports
from connectors.sandbox.web import answer_json, open_world, vendor_url
from connectors.sandbox.worlds import World

bp = Blueprint("resend", __name__, url_prefix="/<name>/resend")

KEY_LASTS = 24 * 3600  # seconds
LONGEST_KEY = 256
MOST_RECIPIENTS = 50
ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")
TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")

# https://resend.com/docs/api-reference/errors
MESSAGES = {
    "missing_api_key": "Missing API key in the authorization header",
    "invalid_api_key": "API key is invalid",
    "rate_limit_exceeded": "Too many requests. You can only make {rate} requests per second.",
    "service_unavailable": "The service is unavailable. Please try again.",
    "application_error": "Something went wrong.",
    "not_found": "{what} not found",
    "invalid_idempotency_key": "The key must be between 1-256 chars.",
    "invalid_idempotent_request": (
        "This idempotency key has been used on a request that had a different payload."
    ),
    "concurrent_idempotent_requests": (
        "There's another request with the same idempotency key currently in progress."
    ),
}


@bp.post("/emails")
def send_email(name: str) -> Response:
    return _play(open_world(name), "emails.send", _send)


@bp.get("/emails/<email_id>")
def get_email(name: str, email_id: str) -> Response:
    return _play(open_world(name), "emails.get", lambda world, _: _get_sent(world, email_id))


@bp.get("/emails/receiving")
def list_received(name: str) -> Response:
    return _play(open_world(name), "receiving.list", _list_received)


@bp.get("/emails/receiving/<email_id>")
def get_received(name: str, email_id: str) -> Response:
    return _play(open_world(name), "receiving.get", lambda world, _: _get_received(world, email_id))


@bp.get("/emails/receiving/<email_id>/attachments")
def list_attachments(name: str, email_id: str) -> Response:
    return _play(
        open_world(name), "attachments.list", lambda world, _: _list_attachments(world, email_id)
    )


@bp.get("/emails/receiving/<email_id>/attachments/<attachment_id>")
def get_attachment(name: str, email_id: str, attachment_id: str) -> Response:
    return _play(
        open_world(name),
        "attachments.get",
        lambda world, _: _get_attachment(world, email_id, attachment_id),
    )


@bp.get("/files/<email_id>/<file_id>")
def download(name: str, email_id: str, file_id: str) -> Response:
    """What a download_url leads to, at Resend a host of its own: a part, or `raw`."""
    world = open_world(name)
    with world.lock:
        mail = world.state["received_mails"].get(email_id) or {"attachments": []}
        parts = {a["id"]: (a["content_type"], a["content_base64"]) for a in mail["attachments"]}
        found = (
            ("message/rfc822", mail.get("raw") or None) if file_id == "raw" else parts.get(file_id)
        )
    expires = request.args.get("Expires", "")
    if not found or found[1] is None or not expires.isdigit() or int(expires) < time.time():
        return Response("<Error><Code>AccessDenied</Code></Error>", 403, content_type="text/xml")
    return Response(base64.b64decode(found[1]), content_type=found[0])


Act = Callable[[World, Failure | None], Response]


def _play(world: World, operation: str, act: Act) -> Response:
    limits, exceeded = _take_rate(world)

    def run(failure: Failure | None) -> Response:
        if code := _find_stranger(world):
            return _refuse(401 if code == "missing_api_key" else 403, code)
        if failure is not None and failure.mode == "failed_attempt":
            return _refuse(500, "application_error")
        if exceeded:
            return _throttle(limits)
        if operation != "emails.send":  # which is slow while it holds its key
            pause_if_slow(failure)
        return act(world, failure)

    refusals = {
        "down": lambda: _refuse(503, "service_unavailable"),
        "throttled": lambda: _throttle(limits),
        "unauthorized": lambda: _refuse(403, "invalid_api_key"),
    }
    answer = play(world, "resend", operation, run, refusals)
    answer.headers.update(limits)
    return answer


def _find_stranger(world: World) -> str | None:
    given = request.headers.get("Authorization", "")
    key = str(world.settings.get("mail", {}).get("api_key") or "")
    if not given.startswith("Bearer "):
        return "missing_api_key"
    known = hmac.compare_digest(given.removeprefix("Bearer ").encode(), key.encode())
    return None if key and known else "invalid_api_key"


def _take_rate(world: World) -> tuple[dict[str, str], bool]:
    """`mail.rate` is in requests a second, for the whole team; without it, none is refused.

    https://resend.com/docs/api-reference/introduction#rate-limit
    """
    rate = int(world.settings.get("mail", {}).get("rate") or 0)
    shown = rate or 5
    now = time.time()
    with world.lock:
        window = world.state.setdefault("mail_window", {"second": 0, "count": 0})
        if window["second"] != int(now):
            window.update(second=int(now), count=0)
        window["count"] += 1
        count = window["count"] if rate else 1
    limits = {
        "ratelimit-limit": str(shown),
        "ratelimit-remaining": str(max(shown - count, 0)),
        "ratelimit-reset": str(max(ceil(int(now) + 1 - now), 1)),
    }
    return limits, count > shown


def _throttle(limits: Mapping[str, str]) -> Response:
    answer = _refuse(429, "rate_limit_exceeded", rate=limits["ratelimit-limit"])
    answer.headers["retry-after"] = limits["ratelimit-reset"]
    return answer


# --- sending -----------------------------------------------------------------------------


def _send(world: World, failure: Failure | None) -> Response:
    """Once for each idempotency key within 24 hours, whatever becomes of the answer."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        return _refuse(400, "invalid_idempotency_key")
    body = request.get_json(silent=True)
    if problem := _find_problem(world, body):
        return _refuse(problem[0], problem[1], problem[2])
    assert isinstance(body, dict)
    running = f"resend:{key}"
    with world.lock:
        kept = world.state["mail_keys"].get(key) if key else None
        if kept and kept["until"] > time.time():
            same = kept["body"] == _canonical(body)
            if not same:
                return _refuse(409, "invalid_idempotent_request")
            return answer_json({"id": kept["id"]})
        if key and running in world.running_keys:
            return _refuse(409, "concurrent_idempotent_requests")
        world.running_keys.add(running)
    try:
        pause_if_slow(failure)
        mail = _keep_sent(world, body, key)
    finally:
        with world.lock:
            world.running_keys.discard(running)
    if world.settings["mail"].get("report"):
        plan_reports(world, mail)
    return answer_json({"id": mail["id"]})


def _keep_sent(world: World, body: Mapping[str, Any], key: str | None) -> State:
    email_id = str(uuid4())
    mail = {
        "id": email_id,
        "message_id": f"<{email_id}@eu-west-1.amazonses.com>",
        "from": body["from"],
        **{name: _as_list(body.get(name)) for name in ("to", "cc", "bcc", "reply_to")},
        "subject": body["subject"],
        **{name: body.get(name) for name in ("html", "text")},
        "headers": dict(body.get("headers") or {}),
        "tags": list(body.get("tags") or []),
        "attachments": list(body.get("attachments") or []),
        "key": key,
        "last_event": "sent",
        "created_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00"),
        "at": iso_now(),
    }
    with world.lock:
        world.state["mails"][email_id] = mail
        if key:
            kept = {"id": email_id, "body": _canonical(body), "until": time.time() + KEY_LASTS}
            world.state["mail_keys"][key] = kept
        world.touch()
    return mail


def _find_problem(world: World, body: Any) -> tuple[int, str, str] | None:
    """What Resend refuses at once: status, name and message."""
    if not isinstance(body, dict):
        return 422, "validation_error", "The request body is not a JSON object."
    for name in ("from", "to", "subject"):
        if not body.get(name):
            return 422, "missing_required_field", f"Missing `{name}` field."
    if not any(body.get(name) for name in ("html", "text", "template")):
        return 422, "missing_required_field", "Missing `html` or `text` field."
    sender = _plain(str(body["from"]))
    if not ADDRESS.fullmatch(sender):
        return (
            422,
            "validation_error",
            (
                "Invalid `from` field. The email address needs to follow the "
                "`email@example.com` or `Name <email@example.com>` format."
            ),
        )
    recipients = _as_list(body["to"])
    if len(recipients) > MOST_RECIPIENTS or not all(
        ADDRESS.fullmatch(_plain(address)) for address in recipients
    ):
        return 422, "validation_error", "Invalid `to` field. The email address is not valid."
    if not all(TAG.fullmatch(str(t.get(n, ""))) for t in body.get("tags") or [] for n in t):
        return 422, "validation_error", "Tags should only contain ASCII letters, numbers, _ or -."
    domains = world.settings["mail"].get("domains")
    if domains and sender.rpartition("@")[2] not in domains:
        return 403, "validation_error", "The domain is not verified."
    return None


def _get_sent(world: World, email_id: str) -> Response:
    names = ("id", "message_id", "to", "from", "created_at", "subject", "html", "text", "bcc")
    with world.lock:
        mail = world.state["mails"].get(email_id)
        if mail is None:
            return _refuse(404, "not_found", what="Email")
        shown = {n: mail[n] for n in (*names, "cc", "reply_to", "last_event")}
    return answer_json({"object": "email", **{k: v for k, v in shown.items() if v is not None}})


# --- receiving ---------------------------------------------------------------------------


def _get_received(world: World, email_id: str) -> Response:
    """Inline images stay `cid:` references, whatever `html_format` asks."""
    with world.lock:
        mail = world.state["received_mails"].get(email_id)
        if mail is None:
            return _refuse(404, "not_found", what="Email")
        view = {
            "object": "email",
            **_outline(mail),
            **{name: mail[name] for name in ("html", "text", "headers", "received_for")},
        }
    if request.args.get("html_format"):
        view["html_format"] = request.args["html_format"]
    if mail["raw"] is not None:
        view["raw"] = _signed(world, email_id, "raw")
    return answer_json(view)


def _list_received(world: World, _: Failure | None) -> Response:
    """The newest first; `after` and `before` are the id of a mail."""
    size = int(request.args.get("limit", 20))
    if not 1 <= size <= 100:
        return _refuse(422, "validation_error", "`limit` must be between 1 and 100.")
    with world.lock:
        mails = [_outline(mail) for mail in reversed(world.state["received_mails"].values())]
    ids = [mail["id"] for mail in mails]
    after, before = request.args.get("after"), request.args.get("before")
    if after in ids:
        mails = mails[ids.index(after) + 1 :]
    elif before in ids:
        mails = mails[max(ids.index(before) - size, 0) : ids.index(before)]
    elif after or before:
        return _refuse(404, "not_found", what="Email")
    return answer_json({"object": "list", "has_more": len(mails) > size, "data": mails[:size]})


def _list_attachments(world: World, email_id: str) -> Response:
    with world.lock:
        mail = world.state["received_mails"].get(email_id)
        if mail is None:
            return _refuse(404, "not_found", what="Email")
        data = [_show_file(world, email_id, a) for a in mail["attachments"]]
    return answer_json({"object": "list", "has_more": False, "data": data})


def _get_attachment(world: World, email_id: str, attachment_id: str) -> Response:
    with world.lock:
        mail = world.state["received_mails"].get(email_id) or {"attachments": []}
        found = next((a for a in mail["attachments"] if a["id"] == attachment_id), None)
    if found is None:
        return _refuse(404, "not_found", what="Attachment")
    return answer_json({"object": "attachment", **_show_file(world, email_id, found)})


def _outline(mail: State) -> State:
    """A received mail as lists give it."""
    names = ("id", "to", "from", "subject", "message_id", "bcc", "cc", "reply_to", "created_at")
    attachments = [
        {k: v for k, v in a.items() if k != "content_base64"} for a in mail["attachments"]
    ]
    return {**{name: mail[name] for name in names}, "attachments": attachments}


def _show_file(world: World, email_id: str, attachment: State) -> State:
    shown = {k: v for k, v in attachment.items() if k != "content_base64"}
    return {**shown, **_signed(world, email_id, attachment["id"])}


def _signed(world: World, email_id: str, file_id: str) -> State:
    until = int(time.time()) + 3600
    url = f"{vendor_url(world, 'resend')}/files/{email_id}/{file_id}?Expires={until}"
    at = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {"download_url": url, "expires_at": at}


def _plain(address: str) -> str:
    return parseaddr(address)[1]


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def _refuse(status: int, code: str, message: str = "", **words: str) -> Response:
    text = message or MESSAGES[code].format_map(words)
    return answer_json({"statusCode": status, "name": code, "message": text}, status)
