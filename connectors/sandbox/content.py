"""Twilio's Content API (v1): the templates of a world, with what WhatsApp said of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from connectors.sandbox.documents import State
from connectors.sandbox.twilio_answers import play_twilio
from connectors.sandbox.web import answer_json, open_world
from connectors.sandbox.worlds import World

bp = Blueprint("content", __name__, url_prefix="/<name>/twilio/v1")

PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@bp.get("/ContentAndApprovals")
def list_contents(name: str) -> Response:
    return play_twilio(open_world(name), None, "contents.list", _list)


def find_content_problem(world: World, form: Mapping[str, str]) -> int | None:
    """The code of what is wrong with ContentSid and ContentVariables, at once."""
    sid, variables = form.get("ContentSid"), form.get("ContentVariables")
    if not sid:
        return 21654 if variables else None
    if sid not in world.state["templates"]:
        return 21655
    if variables is None:
        return None
    try:
        given = json.loads(variables)
    except ValueError:
        return 21656
    named = isinstance(given, dict) and all(isinstance(v, str) and v for v in given.values())
    return None if named else 21656


def render_content(world: World, form: Mapping[str, str]) -> str:
    """What the recipient reads. A variable that nothing fills stays as `{{1}}`."""
    template = world.state["templates"][form["ContentSid"]]
    given = {**template["variables"], **json.loads(form.get("ContentVariables") or "{}")}
    return PLACEHOLDER.sub(lambda found: given.get(found[1], found[0]), template["body"])


def _list(world: World) -> Response:
    size = min(int(request.args.get("PageSize", 50)), 1000)
    page = int(request.args.get("Page", 0))
    with world.lock:
        contents = [_view(world, t) for t in world.state["templates"].values()]

    def url(number: int) -> str:
        return f"{request.base_url}?PageSize={size}&Page={number}"

    meta = {
        "key": "contents",
        "page": page,
        "page_size": size,
        "first_page_url": url(0),
        "previous_page_url": url(page - 1) if page else None,
        "next_page_url": url(page + 1) if (page + 1) * size < len(contents) else None,
        "url": url(page),
    }
    return answer_json({"contents": contents[page * size : (page + 1) * size], "meta": meta})


def _view(world: World, template: State) -> dict[str, Any]:
    return {
        "sid": template["sid"],
        "account_sid": world.settings["twilio"].get("account_sid"),
        "friendly_name": template["name"],
        "language": template["language"],
        "variables": template["variables"],
        "types": {"twilio/text": {"body": template["body"]}},
        "date_created": template["at"],
        "date_updated": template["at"],
        "approval_requests": {
            "name": template["name"],
            "category": "UTILITY",
            "content_type": "twilio/text",
            "status": template["approval"],
            "rejection_reason": "INVALID_FORMAT" if template["approval"] == "rejected" else "",
            "allow_category_change": True,
        },
    }
