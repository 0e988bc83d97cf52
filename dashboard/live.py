"""Pages that ask again: the same partials, only when something changed."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, make_response, render_template, request, url_for
from flask_login import current_user

from dashboard.reader import formats


def show(page: str, /, **view: Any) -> Response:
    """The whole page or, asked for `?live`, its changing parts (live/<page>) with an ETag;
    304 before anything is rendered when nothing of `view` changed. `view` holds frozen data
    only. Relative times change with the minute."""
    if "live" not in request.args:
        return make_response(render_template(page, live_url=_live_url(), **view))
    tag = _tag(page, view)
    if request.if_none_match.contains(tag):
        response = Response(status=304)
    else:
        response = make_response(render_template(f"live/{page}", **view))
    response.set_etag(tag)
    response.headers["Cache-Control"] = "no-cache, private"
    return response


def _tag(page: str, view: dict[str, Any]) -> str:
    reader = formats()
    seen_as = (
        page,
        reader.texts.language,
        str(reader.zone),
        int(reader.now.timestamp() // 60),
        current_user.get_id(),
        sorted(view.items(), key=lambda item: item[0]),
    )
    return hashlib.sha256(repr(seen_as).encode()).hexdigest()[:32]


def _live_url() -> str:
    assert request.endpoint is not None, "a page was found"
    arguments = {**request.args.to_dict(), **(request.view_args or {}), "live": "1"}
    return url_for(request.endpoint, **arguments)
