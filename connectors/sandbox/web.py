"""What the sandbox's doors share."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, abort, current_app, request

from connectors.sandbox.worlds import World, Worlds


def open_worlds() -> Worlds:
    worlds = current_app.extensions["worlds"]
    assert isinstance(worlds, Worlds)
    return worlds


def open_world(name: str) -> World:
    """Answers 404 when there is none of that name."""
    world = open_worlds().get(name)
    if world is None:
        abort(answer_json({"error": f"there is no world {name!r}"}, 404))
    return world


def vendor_url(world: World, vendor: str) -> str:
    """Where this sandbox plays that vendor, as the one who asks us now sees it."""
    return f"{request.host_url}{world.name}/{vendor}"


def answer_json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, status, headers, content_type="application/json; charset=utf-8")
