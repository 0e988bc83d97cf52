"""What came with messages: Twilio's Media resource, and the store it sends on to.

The API wants the account's name and token and answers with a link that is good for four
hours; the store wants no more than the link, and takes nothing else for a signature:
https://help.twilio.com/articles/223183748
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, abort, request

from connectors.sandbox.documents import BadDocument, State, rfc2822_now
from connectors.sandbox.twilio_answers import play_twilio, refuse
from connectors.sandbox.web import answer_json, open_world
from connectors.sandbox.worlds import World

bp = Blueprint("media", __name__)

API = "/<name>/twilio/2010-04-01/Accounts/<account>/Messages/<sid>"
LINK_SECONDS = 4 * 3600
LARGEST = 16 * 1024 * 1024  # bytes, WhatsApp's limit
MOST = 10

SAMPLES = Path(__file__).parent / "samples"
SAMPLE_TYPES = {
    "picture.png": "image/png",
    "voice.ogg": "audio/ogg",
    "document.pdf": "application/pdf",
}


@bp.get(API + "/Media.json")
def list_media(name: str, account: str, sid: str) -> Response:
    return play_twilio(open_world(name), account, "media.list", lambda world: _list(world, sid))


@bp.get(API + "/Media/<media>")
def get_media(name: str, account: str, sid: str, media: str) -> Response:
    return play_twilio(
        open_world(name), account, "media.get", lambda world: _send_on(world, sid, media)
    )


@bp.get("/<name>/twilio-store/<media>")
def get_stored(name: str, media: str) -> Response:
    world = open_world(name)
    expires, given = request.args.get("expires", ""), request.args.get("signature", "")
    signed = hmac.compare_digest(given.encode(), _sign(world, media, expires).encode())
    if request.authorization is not None:
        abort(answer_json({"error": "only one way of authentication is allowed"}, 400))
    if not signed or int(expires) < time.time():
        abort(answer_json({"error": "the link is not good, or not any more"}, 403))
    with world.lock:
        stored = world.state["media"][media]
    return Response(base64.b64decode(stored["content"]), content_type=stored["content_type"])


def keep_media(world: World, sid: str, documents: list[Any]) -> list[State]:
    """Keep what came with message `sid`: `[{type, content_base64} or {name: a sample's}]`.

    Raises BadDocument, and then keeps nothing.
    """
    if not isinstance(documents, list) or len(documents) > MOST:
        raise BadDocument(f"media: expected a list of at most {MOST}")
    kept = [_build_media(world, sid, document) for document in documents]
    with world.lock:
        world.state["media"].update({media["sid"]: media for media in kept})
        world.touch()
    return kept


def media_uri(media: State) -> str:
    """Its path under the API."""
    account, sid = media["account_sid"], media["parent_sid"]
    return f"/2010-04-01/Accounts/{account}/Messages/{sid}/Media/{media['sid']}"


def _build_media(world: World, sid: str, document: Any) -> State:
    if not isinstance(document, Mapping) or set(document) - {"type", "content_base64", "name"}:
        raise BadDocument("media: expected {type, content_base64} or {name}")
    kind, name = document.get("type"), document.get("name")
    try:
        if "content_base64" in document:
            content = base64.b64decode(document["content_base64"], validate=True)
        else:
            kind = kind or SAMPLE_TYPES[str(name)]
            content = (SAMPLES / str(name)).read_bytes() if name in SAMPLE_TYPES else b""
    except (binascii.Error, TypeError, KeyError, ValueError):
        told = ", ".join(SAMPLE_TYPES)
        raise BadDocument(f"media: expected base64, or a name among {told}") from None
    if not kind or not content or len(content) > LARGEST:
        raise BadDocument(f"media: expected a type and at most {LARGEST} bytes of content")
    now = rfc2822_now()
    return {
        "sid": f"ME{uuid4().hex}",
        "account_sid": world.settings["twilio"].get("account_sid", ""),
        "parent_sid": sid,
        "content_type": str(kind),
        "content": base64.b64encode(content).decode(),
        "date_created": now,
        "date_updated": now,
    }


def _list(world: World, sid: str) -> Response:
    with world.lock:
        found = [_view(m) for m in world.state["media"].values() if m["parent_sid"] == sid]
    uri = request.path.removeprefix(f"/{world.name}/twilio")
    body = {
        "media_list": found,
        "page": 0,
        "page_size": 50,
        "start": 0,
        "end": max(len(found) - 1, 0),
        "uri": uri,
        "first_page_uri": uri,
        "previous_page_uri": None,
        "next_page_uri": None,
    }
    return answer_json(body)


def _view(media: State) -> State:
    uri = f"{media_uri(media)}.json"
    return {k: v for k, v in media.items() if k != "content"} | {"uri": uri}


def _send_on(world: World, sid: str, media: str) -> Response:
    with world.lock:
        found = world.state["media"].get(media)
    if found is None or found["parent_sid"] != sid:
        return refuse(404, 20404)
    expires = str(int(time.time()) + LINK_SECONDS)
    link = f"{request.host_url}{world.name}/twilio-store/{media}"
    signature = _sign(world, media, expires)
    return Response(
        status=307, headers={"Location": f"{link}?expires={expires}&signature={signature}"}
    )


def _sign(world: World, media: str, expires: str) -> str:
    token = str(world.settings["twilio"].get("auth_token", ""))
    return hmac.new(token.encode(), f"{media}:{expires}".encode(), hashlib.sha256).hexdigest()
