"""Twilio's Messages resource (2010-04-01)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from flask import Blueprint, Response, request

from connectors.sandbox.carrier import (
    HIDDEN,
    build_message,
    mark_failed,
    plan_reports,
    read_rfc2822,
)
from connectors.sandbox.carrier_rules import find_late_problem, is_too_fast
from connectors.sandbox.content import find_content_problem, render_content
from connectors.sandbox.documents import State, rfc2822_now
from connectors.sandbox.twilio_answers import play_twilio, refuse
from connectors.sandbox.web import answer_json, open_world
from connectors.sandbox.worlds import World

bp = Blueprint("twilio", __name__, url_prefix="/<name>/twilio/2010-04-01/Accounts/<account>")

LONGEST_BODY = 1600
MOST_MEDIA = 10
WEB_ADDRESS = re.compile(r"https?://\S+")
PHONE = re.compile(r"\+[1-9]\d{7,14}")
CHANNEL_ADDRESS = re.compile(r"whatsapp:(\+[1-9]\d{7,14}|[A-Z]{2}\.\w+)")
SENDER = re.compile(r"\+[1-9]\d{2,14}|\d{3,6}|[A-Za-z0-9 ]{1,11}")


@bp.post("/Messages.json")
def create_message(name: str, account: str) -> Response:
    return play_twilio(open_world(name), account, "messages.create", _create)


@bp.get("/Messages.json")
def list_messages(name: str, account: str) -> Response:
    return play_twilio(open_world(name), account, "messages.list", _list)


@bp.get("/Messages/<sid>.json")
def read_message(name: str, account: str, sid: str) -> Response:
    return play_twilio(open_world(name), account, "messages.get", lambda world: _get(world, sid))


# --- operations --------------------------------------------------------------------------


def _create(world: World) -> Response:
    form: dict[str, Any] = request.form.to_dict()
    if is_too_fast(world, form):
        return refuse(429, 20429)
    if code := _find_problem(world, form) or find_content_problem(world, form):
        return refuse(400, code)
    form["MediaUrl"] = request.form.getlist("MediaUrl")
    form["NumMedia"] = str(len(form["MediaUrl"]))
    if form.get("ContentSid"):
        form["Body"] = render_content(world, form)
    sid = f"{'MM' if form['MediaUrl'] else 'SM'}{uuid4().hex}"
    with world.lock:
        message, answer = _take(world, sid, form)
        world.state["messages"][sid] = message
        world.touch()
    late = message["error_code"] is not None
    if (late or world.settings["twilio"].get("report")) and message["status_callback"]:
        plan_reports(world, sid)
    return answer_json(answer, 201)


def _take(world: World, sid: str, form: Mapping[str, Any]) -> tuple[State, State]:
    """The message as it is kept, and as Twilio answers: the carrier takes it, or not, at
    once; what it says comes as reports."""
    service = form.get("MessagingServiceSid")
    first = "accepted" if service else "queued"
    message = build_message(world, sid, form, direction="outbound-api", status=first)
    if service:
        message["num_segments"] = "0"  # no sender is assigned yet
    answer = _view(message)
    if code := find_late_problem(world, message):
        mark_failed(message, code)
    else:
        message.update(status="sent", date_sent=rfc2822_now())
    return message, answer


def _find_problem(world: World, form: Mapping[str, str]) -> int | None:
    """The code of what Twilio refuses at once."""
    to, sender, service = form.get("To"), form.get("From"), form.get("MessagingServiceSid")
    body, media = form.get("Body", ""), request.form.getlist("MediaUrl")
    channel = (to or "").startswith("whatsapp:")
    problems = {
        21604: not to,
        21603: not sender and not service,
        21211: not (CHANNEL_ADDRESS if channel else PHONE).fullmatch(to or ""),
        21910: bool(sender) and (sender or "").startswith("whatsapp:") != channel,
        21212: bool(sender) and not SENDER.fullmatch((sender or "").removeprefix("whatsapp:")),
        21602: not body and not media and not form.get("ContentSid"),
        21617: len(body) > LONGEST_BODY,
        21623: len(media) > MOST_MEDIA,
        21620: not all(WEB_ADDRESS.fullmatch(url) for url in media),
        # A Messaging Service takes it, and says so later.
        21610: to in world.state["opted_out"] and not service,
    }
    found = next((code for code, wrong in problems.items() if wrong), None)
    refused = world.settings["twilio"].get("refuse") or {}
    plain = (to or "").removeprefix("whatsapp:")
    return found or (int(refused[plain]) if plain in refused else None)


def _list(world: World) -> Response:
    """Newest first. `DateSent` may be a day or an instant, compared as >= and <=."""
    size = min(int(request.args.get("PageSize", 50)), 1000)
    page = int(request.args.get("Page", 0))
    with world.lock:
        found = [m for m in reversed(world.state["messages"].values()) if _is_asked(m)]
    shown = found[page * size : (page + 1) * size]
    path = f"/2010-04-01/Accounts/{world.settings['twilio']['account_sid']}/Messages.json"
    query = urlencode([(k, v) for k, v in request.args.items() if k not in {"Page", "PageToken"}])

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
        return answer_json(_view(message)) if message else refuse(404, 20404)


def _view(message: State) -> State:
    return {k: v for k, v in message.items() if k not in HIDDEN}
