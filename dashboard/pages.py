"""The desk's pages. Each shows the chosen tenant's things and no other's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from bot import incidents as troubles
from bot.db import transaction
from bot.events import plain
from dashboard import boards, inbox, live, reader
from dashboard.boards import Told
from dashboard.inbox import Page, Show
from dashboard.purchases import NoAnswer, read_purchases
from dashboard.thread import Thread, read_thread
from dashboard.today import Today, read_today

BESIDE = 3  # alerts and notifications shown beside the inbox

desk = Blueprint("desk", __name__, template_folder="templates")


@desk.get("/desk/<path:_>")
def nowhere(_: str) -> Response:
    """What is no page is said in the desk's own words."""
    abort(404)


@dataclass(frozen=True)
class Listing:
    """What the inbox shows: its filter, words looked for, page; links carry them on."""

    show: Show
    words: str
    before: str


@desk.get("/")
def begin() -> BaseResponse:
    return redirect(url_for("desk.inbox"))


@desk.get("/desk/", endpoint="inbox")
def conversations() -> Response:
    tenant_id = current_user.tenant.id
    with transaction() as db:
        return live.show(
            "inbox.html",
            thread=None,
            page=_list(tenant_id, db),
            today=_today(db),
            handed=boards.read_alerts(tenant_id, db, BESIDE),
            news=_news(tenant_id, db),
            badges=boards.read_badges(tenant_id, db),
            listing=_listing(),
        )


@desk.get("/desk/conversations/<id:id>")
def conversation(id: int) -> Response:
    tenant_id = current_user.tenant.id
    with transaction() as db:
        thread = read_thread(tenant_id, db, id, reader.asked_id("earlier"))
        if thread is None:
            abort(404)
        return live.show(
            "inbox.html",
            thread=thread,
            page=_list(tenant_id, db),
            typed=_typed(thread),
            instead=request.args.get("edit", ""),
            badges=boards.read_badges(tenant_id, db),
            listing=_listing(),
        )


@desk.get("/desk/customers/<id:id>/purchases")
def purchases(id: int) -> str:
    """What they bought, for the panel to load beside the page."""
    try:
        orders = read_purchases(current_user.tenant.id, id)
    except NoAnswer:
        return render_template("parts/purchases.html", orders=None)
    if orders is None:
        abort(404)
    return render_template("parts/purchases.html", orders=plain(orders))


@desk.get("/desk/reservations")
def reservations() -> Response:
    tenant_id = current_user.tenant.id
    with transaction() as db:
        ended, older = boards.read_ended_reservations(tenant_id, db, reader.asked_id("before"))
        return live.show(
            "reservations.html",
            held=boards.read_live_reservations(tenant_id, db),
            ended=ended,
            older=older,
            badges=boards.read_badges(tenant_id, db),
        )


@desk.get("/desk/alerts")
def alerts() -> Response:
    tenant_id = current_user.tenant.id
    with transaction() as db:
        return live.show(
            "alerts.html",
            handed=boards.read_alerts(tenant_id, db),
            badges=boards.read_badges(tenant_id, db),
        )


@desk.get("/desk/notifications")
def notifications() -> Response:
    tenant_id = current_user.tenant.id
    with transaction() as db:
        told, older = boards.read_notifications(tenant_id, db, reader.asked_id("before"))
        return live.show(
            "notifications.html",
            told=told,
            older=older,
            badges=boards.read_badges(tenant_id, db),
        )


@desk.get("/desk/incidents")
def incidents() -> Response:
    tenant_id = current_user.tenant.id
    with transaction() as db:
        return live.show(
            "incidents.html",
            messages=tuple(troubles.undelivered_messages(tenant_id, db)),
            deliveries=tuple(troubles.failed_deliveries(tenant_id, db)),
            badges=boards.read_badges(tenant_id, db),
        )


@desk.get("/desk/templates")
def templates() -> Response:
    tenant_id = current_user.tenant.id
    with transaction() as db:
        return live.show(
            "templates.html",
            found=boards.read_templates(tenant_id, db),
            badges=boards.read_badges(tenant_id, db),
        )


def _news(tenant_id: int, db: Session) -> tuple[Told, ...]:
    """The latest of what the assistant did by itself; the rest stands among the alerts."""
    told, _ = boards.read_notifications(tenant_id, db)
    return tuple(it for it in told if not it.needs_action)[:BESIDE]


def _typed(thread: Thread) -> str:
    """The text that the adviser chose to edit: an escalation's suggestion or a draft."""
    texts = {f"e{it.id}": it.suggestion for it in thread.handed}
    texts |= {f"m{it.id}": it.body for it in thread.said if it.state == "draft"}
    return texts.get(request.args.get("edit", ""), "")


def _listing() -> Listing:
    asked = request.args.get("show", "all")
    return Listing(
        next((show for show in get_args(Show) if show == asked), "all"),
        request.args.get("words", "").replace("\0", "")[:100],
        request.args.get("before", ""),
    )


def _list(tenant_id: int, db: Session) -> Page:
    asked = _listing()
    before = inbox.read_cursor(asked.before)
    if asked.before and before is None:
        abort(404)
    quiet_since = reader.now() - timedelta(hours=current_user.tenant.quiet_hours)
    return inbox.read_inbox(tenant_id, db, asked.show, asked.words, before, quiet_since=quiet_since)


def _today(db: Session) -> Today:
    return read_today(current_user.tenant.id, db, reader.now(), reader.formats().zone)
