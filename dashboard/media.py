"""What came with messages: how the desk shows it, and who may fetch it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BytesIO

from flask import Blueprint, Response, abort, request, send_file
from flask_login import current_user
from sqlalchemy.orm import Session

from bot import labels
from bot.db import transaction
from bot.logs import log
from bot.media.links import read_link
from bot.media.names import saved_name
from bot.media.store import media_store
from bot.media.types import Kind, kind_of
from bot.models.labels import label as label_of
from bot.models.media import Media, kept_media, media_of
from connectors.errors import Refused, Unavailable

# What browsers show by themselves; the rest is only handed out to be saved.
PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
SOUNDS = frozenset({"audio/ogg", "audio/mpeg", "audio/mp4", "audio/wav"})
PDF = "application/pdf"

# Opened by itself, a file is nobody's page: it may load nothing and run nothing.
ALONE = "default-src 'none'; img-src 'self'; media-src 'self'; frame-ancestors 'none'; sandbox"

media = Blueprint("media", __name__)


@dataclass(frozen=True)
class Enclosed:
    """A file beside a message. `shown` is how: picture, sound, or a link. `count`: so many
    were refused at once."""

    id: int
    state: str
    reason: str
    kind: Kind
    shown: str
    name: str
    bytes: int
    count: int


@dataclass(frozen=True)
class File:
    """A file of the store that is handed out, and under what name."""

    id: int
    key: str
    content_type: str
    bytes: int
    name: str


@dataclass(frozen=True)
class Place:
    """A location that was sent, in degrees."""

    latitude: float
    longitude: float
    name: str

    @property
    def url(self) -> str:
        at = f"{self.latitude}/{self.longitude}"
        marker = f"mlat={self.latitude}&mlon={self.longitude}"
        return f"https://www.openstreetmap.org/?{marker}#map=17/{at}"


@media.get("/desk/media/<id:id>")
def file(id: int) -> Response:
    """A file of the chosen tenant, whole or in part."""
    with transaction() as db:
        found = kept_media(current_user.tenant.id, db, id)
    return _serve(_file(found))


@media.get("/media/<token>")
@media.get("/media/<token>/<_>")
def link(token: str, _: str = "") -> Response:
    """A file to whoever has a link that we signed, as long as it lasts. A name may stand
    behind it, for mail programs to save it under."""
    named = read_link(token)
    if named is None:
        abort(404)
    with transaction() as db:
        found = kept_media(named[0], db, named[1])
    return _serve(_file(found))


@media.get("/l/<token>")
def label(token: str) -> Response:
    """A return label to whoever has a link that we signed."""
    named = labels.read_link(token)
    if named is None:
        abort(404)
    with transaction() as db:
        found = label_of(named[0], db, named[1])
    if found is None:
        abort(404)
    name = f"etiquette-retour-{found.order_number}"
    return _serve(File(found.id, found.key, found.content_type, found.bytes, name))


def read_enclosed(
    tenant_id: int, db: Session, message_ids: Collection[int]
) -> dict[int, tuple[Enclosed, ...]]:
    """By message, what came with it."""
    found: dict[int, tuple[Enclosed, ...]] = {}
    for row in media_of(tenant_id, db, message_ids):
        found[row.message_id] = (*found.get(row.message_id, ()), _enclosed(row))
    return found


def read_place(extra: Mapping[str, str]) -> Place | None:
    """The location that a message is; None when it is none on Earth."""
    try:
        latitude, longitude = float(extra["latitude"]), float(extra["longitude"])
    except (KeyError, ValueError):
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    name = ", ".join(filter(None, (extra.get("label"), extra.get("address"))))
    return Place(round(latitude, 6), round(longitude, 6), name)


def _enclosed(row: Media) -> Enclosed:
    content_type = row.content_type or row.source.get("content_type", "")
    shown = "picture" if content_type in PICTURES else "sound" if content_type in SOUNDS else "link"
    return Enclosed(
        id=row.id,
        state=row.state,
        reason=row.reason,
        kind=kind_of(content_type),
        shown=shown,
        name=row.name,
        bytes=row.bytes or 0,
        count=row.source.get("count", 1),
    )


def _file(row: Media | None) -> File:
    """What is to be handed out. 404 when there is nothing."""
    if row is None or not row.bytes:
        abort(404)
    return File(row.id, row.key, row.content_type, row.bytes, row.name)


def _serve(row: File) -> Response:
    span = request.range
    asked = None
    if span is not None and span.units == "bytes" and len(span.ranges) == 1:
        asked = span.range_for_length(row.bytes)
        if asked is None:
            return Response(status=416, headers={"Content-Range": f"bytes */{row.bytes}"})
    start, end = asked or (0, row.bytes)
    response = send_file(
        BytesIO(_read(row, start, end)),
        mimetype=row.content_type,
        as_attachment=row.content_type not in PICTURES | SOUNDS | {PDF},
        download_name=saved_name(row.name, row.content_type, row.id),
        conditional=False,  # parts are read from the store as parts
        etag=False,
    )
    if asked:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{row.bytes}"
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["Content-Security-Policy"] = ALONE
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _read(row: File, start: int, end: int) -> bytes:
    try:
        return media_store().get(row.key, start, end)
    except Unavailable as error:
        log().warning("media store down", media=row.id, code=error.code)
        abort(Response(status=503, headers={"Retry-After": "10"}))
    except Refused:
        log().error("media lost", media=row.id)
        abort(404)
