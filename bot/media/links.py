"""Public links to a file, for carriers that fetch what we send: signed, and soon over."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from itsdangerous import BadData, URLSafeSerializer

from bot import clock
from bot.models.media import Media
from bot.settings import settings
from bot.vault import session_key


def signed_url(media: Media) -> str:
    """Where anyone may fetch it, for one to two days. It is the same all day (UTC), for a
    vendor takes a message again under the same key only if it is the same."""
    today = datetime.combine(clock.wall().date(), time(), clock.wall().tzinfo)
    token = _signer().dumps([media.tenant_id, media.id, int((today + timedelta(2)).timestamp())])
    return f"{settings().base_url}/media/{token}"


def read_link(token: str) -> tuple[int, int] | None:
    """The tenant and the file of a link of ours that is not over."""
    try:
        tenant_id, media_id, until = _signer().loads(token)
    except BadData:
        return None
    return (tenant_id, media_id) if clock.wall().timestamp() < until else None


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(session_key(), salt="media-link")
