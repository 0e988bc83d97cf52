"""Puts the desk and, in the demo, the phone on an app."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, request, url_for
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from werkzeug.routing import IntegerConverter, Map

from bot.settings import settings
from bot.vault import session_key
from dashboard import reader, security
from dashboard.accounts import accounts, connect_accounts
from dashboard.actions import actions
from dashboard.facts import Facts, Line, read_facts
from dashboard.media import media
from dashboard.opinions import opinions
from dashboard.pages import desk
from dashboard.phone import phone
from dashboard.unsubscribe import unsubscribe

STATIC = Path(__file__).parent / "static"
A_YEAR = 365 * 24 * 3600

assets = Blueprint("assets", __name__, static_folder="static", static_url_path="/desk/static")


class RowId(IntegerConverter):
    """The id of a row in an address: beyond what the database can hold there is none."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, min=1, max=reader.LARGEST_ID)


def register(app: Flask) -> None:
    """Wire the dashboard onto `app`: pages, accounts, guards, texts."""
    app.secret_key = app.secret_key or session_key()
    app.url_map.converters["id"] = RowId
    security.configure(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    connect_accounts(app)
    pages = (desk, actions, assets, media, unsubscribe, opinions)
    for blueprint in (*pages, *([phone] if settings().demo else [])):
        app.register_blueprint(blueprint)


def _tools() -> dict[str, Any]:
    """What every template may use."""
    return {
        "t": reader.texts(),
        "f": reader.formats(),
        "rests_on": rests_on,
        "asset": asset,
        "csrf": _csrf_field,
        "is_demo": settings().demo,
    }


def rests_on(found: Facts) -> list[Line]:
    """Facts out of JSON as a few lines."""
    return read_facts(found, reader.texts(), reader.formats())


def _csrf_field() -> Markup:
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def asset(name: str) -> str:
    """The URL of a static file; it changes with the file's content."""
    return url_for("assets.static", filename=name, v=_version(name))


@lru_cache
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


@assets.after_request
def _keep(response: Response) -> Response:
    """A file asked for by its present version may be kept for good."""
    name = (request.view_args or {}).get("filename", "")
    if response.status_code == 200 and request.args.get("v") == _version(name):
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response


for _blueprint in (accounts, desk, actions, assets, media, unsubscribe, opinions, phone):
    security.guard(_blueprint)
    _blueprint.context_processor(_tools)
