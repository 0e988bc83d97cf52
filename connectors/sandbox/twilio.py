"""Twilio's Messages resource (2010-04-01)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, request

from connectors.sandbox.carrier import build_message, plan_reports, read_rfc2822, rfc2822_now
from connectors.sandbox.documents import State
from connectors.sandbox.failures import Failure, pause_if_slow, play
from connectors.sandbox.web import answer_json, open_world
from connectors.sandbox.worlds import World

bp = Blueprint("twilio", __name__, url_prefix="/<name>/twilio/2010-04-01/Accounts/<account>")

LONGEST_BODY = 1600
PHONE = re.compile(r"\+[1-9]\d{7,14}")
CHANNEL_ADDRESS = re.compile(r"whatsapp:\+[1-9]\d{7,14}")
SENDER = re.compile(r"\+[1-9]\d{2,14}|\d{3,6}|[A-Za-z0-9 ]{1,11}")

# https://www.twilio.com/docs/api/errors
ERRORS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    21211: "Invalid 'To' Phone Number",
    21212: "Invalid 'From' Phone Number",
    21602: "Message body is required.",
    21603: "A 'From' or 'MessagingServiceSid' phone number is required.",
    21604: "A 'To' phone number is required.",
    21608: "The 'To' phone number provided is not yet verified for this account.",
    21610: "Attempt to send to unsubscribed recipient",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21635: "The 'To' phone number cannot be a landline",
    21910: "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel",
}


@bp.post("/Messages.json")
def create_message(name: str, account: str) -> Response:
    return _play(open_world(name), account, "messages.create", _create)


@bp.get("/Messages.json")
def list_messages(name: str, account: str) -> Response:
    return _play(open_world(name), account, "messages.list", _list)


@bp.get("/Messages/<sid>.json")
def read_message(name: str, account: str, sid: str) -> Response:
    return _play(open_world(name), account, "messages.get", lambda world: _get(world, sid))


def _play(world: World, account: str, operation: str, act: Callable[[World], Response]) -> Response:
    def run(failure: Failure | None) -> Response:
        pause_if_slow(failure)
        return act(world) if _is_known(world, account) else _refuse(401, 20003)

    refusals = {
        "down": lambda: _refuse(503, 20503, "Service Unavailable"),
        "throttled": lambda: _refuse(429, 20429),
        "unauthorized": lambda: _refuse(401, 20003),
    }
    return play(world, "twilio", operation, run, refusals)


def _is_known(world: World, account: str) -> bool:
    settings, given = world.settings["twilio"], request.authorization
    sid, token = settings.get("account_sid") or "", settings.get("auth_token") or ""
    if not sid or given is None or given.username != sid or account != sid:
        return False
    return hmac.compare_digest((given.password or "").encode(), token.encode())


# --- operations --------------------------------------------------------------------------


def _create(world: World) -> Response:
    form = request.form.to_dict()
    settings = world.settings["twilio"]
    if code := _find_problem(form, settings.get("refuse") or {}):
        return _refuse(400, code)
    sid = f"SM{uuid4().hex}"
    service = form.get("MessagingServiceSid")
    first = "accepted" if service else "queued"
    with world.lock:
        message = build_message(world, sid, form, direction="outbound-api", status=first)
        if service:
            message["num_segments"] = "0"  # no sender is assigned yet
        answer = _view(message)
        # The carrier takes it at once; what it says comes as reports.
        message.update(status="sent", date_sent=rfc2822_now())
        world.state["messages"][sid] = message
        world.touch()
    if settings.get("report") and message["status_callback"]:
        plan_reports(world, sid)
    return answer_json(answer, 201)


def _find_problem(form: Mapping[str, str], refused: Mapping[str, Any]) -> int | None:
    """The code of what Twilio refuses at once."""
    to, sender, service = form.get("To"), form.get("From"), form.get("MessagingServiceSid")
    body = form.get("Body", "")
    channel = (to or "").startswith("whatsapp:")
    plain = (to or "").removeprefix("whatsapp:")
    problems = {
        21604: not to,
        21603: not sender and not service,
        21211: not (CHANNEL_ADDRESS if channel else PHONE).fullmatch(to or ""),
        21910: bool(sender) and (sender or "").startswith("whatsapp:") != channel,
        21212: bool(sender) and not SENDER.fullmatch((sender or "").removeprefix("whatsapp:")),
        21602: not body and not form.get("MediaUrl") and not form.get("ContentSid"),
        21617: len(body) > LONGEST_BODY,
    }
    found = next((code for code, wrong in problems.items() if wrong), None)
    return found or (int(refused[plain]) if plain in refused else None)


def _list(world: World) -> Response:
    """Newest first. `DateSent` may be a day or an instant, compared as >= and <=."""
    size = min(int(request.args.get("PageSize", 50)), 1000)
    page = int(request.args.get("Page", 0))
    with world.lock:
        found = [m for m in reversed(world.state["messages"].values()) if _is_asked(m)]
    shown = found[page * size : (page + 1) * size]
    path = f"/2010-04-01/Accounts/{world.settings['twilio']['account_sid']}/Messages.json"
    query = "&".join(f"{k}={v}" for k, v in request.args.items() if k not in {"Page", "PageToken"})

    def uri(number: int) -> str:
        return f"{path}?{query}&Page={number}"

    body = {
        "messages": [_view(m) for m in shown],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(len(shown) - 1, 0),
        "uri": uri(page),
        "first_page_uri": uri(0),
        "previous_page_uri": uri(page - 1) if page else None,
        "next_page_uri": uri(page + 1) if (page + 1) * size < len(found) else None,
    }
    return answer_json(body)


def _is_asked(message: State) -> bool:
    for argument, field in (("To", "to"), ("From", "from")):
        if request.args.get(argument) not in {None, message[field]}:
            return False
    bounds = {name: request.args.get(name) for name in ("DateSent>", "DateSent<", "DateSent")}
    if not any(bounds.values()):
        return True
    if message["date_sent"] is None:
        return False
    sent = read_rfc2822(message["date_sent"])
    after, before, day = (bounds[name] for name in ("DateSent>", "DateSent<", "DateSent"))
    return (
        (not after or sent >= _read_date(after))
        and (not before or sent <= _read_date(before))
        and (not day or sent.date() == _read_date(day).date())
    )


def _read_date(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _get(world: World, sid: str) -> Response:
    with world.lock:
        message = world.state["messages"].get(sid)
        return answer_json(_view(message)) if message else _refuse(404, 20404)


def _view(message: State) -> State:
    return {k: v for k, v in message.items() if k not in {"status_callback", "at"}}


def _refuse(status: int, code: int, message: str | None = None) -> Response:
    body = {
        "code": code,
        "message": message or ERRORS.get(code, "Unknown error"),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return answer_json(body, status)
