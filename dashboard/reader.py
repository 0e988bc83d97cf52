"""Whoever reads the page: their language, their tenant's zone, what time it is to them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import g, request
from flask_login import current_user

from bot import clock
from dashboard.formats import Formats, home_of
from dashboard.texts import LANGUAGES, Texts

WITHOUT_TENANT = "Europe/Paris"
LARGEST_ID = 2**63 - 1


def texts() -> Texts:
    """In the adviser's language; before sign-in in the browser's."""
    if "texts" not in g:
        signed_in = current_user.is_authenticated
        language = (
            current_user.language
            if signed_in
            else request.accept_languages.best_match(LANGUAGES, LANGUAGES[0])
        )
        g.texts = Texts(language)
    found: Texts = g.texts
    return found


def read_in(language: str) -> None:
    """Say this request's words in `language`, whoever reads."""
    g.texts = Texts(language)


def typed(name: str) -> str:
    """What stands in a form's field; lines end as everywhere but in HTML's forms, and there
    is no NUL, which PostgreSQL takes in no text."""
    return request.form.get(name, "").replace("\r\n", "\n").replace("\0", "").strip()


def asked_id(name: str) -> int | None:
    """A row's id out of the address; None when it is none."""
    value = request.args.get(name, type=int)
    return value if value is not None and 0 < value <= LARGEST_ID else None


def now() -> datetime:
    """The time of business, the same for the whole request."""
    if "now" not in g:
        g.now = clock.now()
    moment: datetime = g.now
    return moment


def formats() -> Formats:
    if "formats" not in g:
        placed = current_user.is_authenticated and current_user.tenants
        shop = current_user.tenant if placed else None
        zone, home = (shop.timezone, home_of(shop.phone)) if shop else (WITHOUT_TENANT, "FR")
        read_as(zone, home)
    found: Formats = g.formats
    return found


def read_as(zone: str, home: str) -> Formats:
    """Write this request's times in `zone`."""
    g.formats = Formats(ZoneInfo(zone), texts(), now(), home)
    found: Formats = g.formats
    return found
