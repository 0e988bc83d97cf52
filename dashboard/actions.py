"""What an adviser does at the desk. Every one is a POST with a CSRF token."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_login import current_user
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from bot import advisers, incidents, templates
from bot.db import transaction
from bot.knowledge.blocks import CannotRead
from bot.logs import log
from bot.models.conversations import Conversation
from bot.models.deliveries import Delivery
from bot.models.escalations import Escalation, close_escalations
from bot.models.messages import Message
from bot.queue import ring
from connectors.errors import ConnectorError
from dashboard import boards, knowledge, pictures, reader

actions = Blueprint("actions", __name__, url_prefix="/desk")

Row = TypeVar("Row", Conversation, Delivery, Escalation, Message)

LONGEST = 4000  # characters: more is no message but a paste gone wrong
TWICE = timedelta(seconds=15)  # the same words again so soon are a second click


@actions.post("/conversations/<id:id>/answer")
def answer(id: int) -> BaseResponse:
    """What an adviser wrote, with a picture if they chose one."""
    try:
        text, picture = reader.typed("text"), pictures.read_picture()
    except pictures.NotSendable as error:
        return _not_done(id, f"reply.picture_{error.reason}")
    if not text or len(text) > LONGEST:
        return _not_done(id, "reply.empty" if not text else "reply.too_long")
    if picture is not None:
        with transaction() as db:
            _own(db, Conversation, id)
        try:
            picture = pictures.keep(current_user.tenant.id, picture)
        except ConnectorError as error:  # nothing was written, so nothing leaves
            log().warning("picture not kept", conversation=id, code=error.code)
            return _not_done(id, "reply.picture_not_kept")

    def send(db: Session) -> None:
        _lock(db, id)
        if not _is_repeat(db, id, text):
            _drop_draft(db, id, reader.typed("instead"))
            tenant_id, user_id = current_user.tenant.id, current_user.id
            message = advisers.answer(tenant_id, db, id, user_id, text, reader.now())
            if picture is not None:
                pictures.enclose(db, message, picture)

    return _do(send, id, "done.answered")


@actions.post("/escalations/<id:id>/send")
def send_suggestion(id: int) -> BaseResponse:
    with transaction() as db:
        conversation_id = _own(db, Escalation, id).conversation_id

    def send(db: Session) -> None:
        _lock(db, conversation_id)
        if _own(db, Escalation, id).state == "open":  # else someone was quicker
            advisers.send_suggestion(current_user.tenant.id, db, id, current_user.id, reader.now())

    return _do(send, conversation_id, "done.answered")


@actions.post("/escalations/<id:id>/keep")
def keep_answer(id: int) -> BaseResponse:
    """A question and its answer go into the knowledge base."""
    with transaction() as db:
        conversation_id = _own(db, Escalation, id).conversation_id

    def keep(db: Session) -> None:
        question, answer = reader.typed("question"), reader.typed("answer")
        escalation = _own(db, Escalation, id)
        if escalation.reason != knowledge.REASON:
            abort(404)
        knowledge.keep_answer(db, escalation, question, answer, current_user.name)

    try:
        return _do(keep, conversation_id, "done.kept")
    except CannotRead:
        return _not_done(conversation_id, "keep.refused")


@actions.post("/conversations/<id:id>/settle")
def settle(id: int) -> BaseResponse:
    """The escalation is dealt with; the conversation goes on."""

    def close(db: Session) -> None:
        _lock(db, id)
        close_escalations(current_user.tenant.id, db, id, current_user.id, reader.now())

    return _do(close, id, "done.settled")


@actions.post("/conversations/<id:id>/close")
def close(id: int) -> BaseResponse:
    def end(db: Session) -> None:
        _lock(db, id)
        advisers.close_conversation(current_user.tenant.id, db, id, current_user.id, reader.now())

    return _do(end, id, "done.closed")


@actions.post("/messages/<id:id>/approve")
def approve(id: int) -> BaseResponse:
    with transaction() as db:
        conversation_id = _own(db, Message, id).conversation_id

    def send(db: Session) -> None:
        _lock(db, conversation_id)
        if _own(db, Message, id).state == "draft":  # else someone was quicker
            advisers.approve_draft(current_user.tenant.id, db, id, current_user.id, reader.now())

    return _do(send, conversation_id, "done.approved")


@actions.post("/messages/<id:id>/discard")
def discard(id: int) -> BaseResponse:
    """A draft that nobody wants to send."""
    with transaction() as db:
        conversation_id = _own(db, Message, id).conversation_id

    def drop(db: Session) -> None:
        _lock(db, conversation_id)
        _drop_draft(db, conversation_id, f"m{id}")

    return _do(drop, conversation_id, "done.discarded")


@actions.post("/notifications/<id:id>/read")
def read_notification(id: int) -> BaseResponse:
    with transaction() as db:
        if not boards.mark_read(current_user.tenant.id, db, reader.now(), id):
            abort(404)
    return _back(url_for("desk.notifications"))


@actions.post("/notifications/read")
def read_notifications() -> BaseResponse:
    with transaction() as db:
        boards.mark_read(current_user.tenant.id, db, reader.now())
    return _back(url_for("desk.notifications"))


@actions.post("/deliveries/<id:id>/retry")
def retry_delivery(id: int) -> BaseResponse:
    """Let a worker read what came in once more."""

    def retry(db: Session) -> None:
        _own(db, Delivery, id)
        incidents.retry_delivery(current_user.tenant.id, db, id, reader.now())

    return _retry(retry, "done.delivery_retried")


@actions.post("/deliveries/<id:id>/discard")
def discard_delivery(id: int) -> BaseResponse:
    """Nobody will read it: off the page, and kept."""

    def discard(db: Session) -> None:
        _own(db, Delivery, id)
        tenant_id, user_id = current_user.tenant.id, current_user.id
        incidents.discard_delivery(tenant_id, db, id, user_id, reader.now())

    return _retry(discard, "done.delivery_discarded")


@actions.post("/messages/<id:id>/retry")
def retry_message(id: int) -> BaseResponse:
    """Send a message once more; of one that may have gone, ask the carrier."""
    with transaction() as db:
        message = _own(db, Message, id)
        said = "done.asked" if message.state == "unknown" else "done.message_retried"

    def retry(db: Session) -> None:
        _lock(db, message.conversation_id)
        incidents.retry_message(current_user.tenant.id, db, id, reader.now())

    return _retry(retry, said)


@actions.post("/templates/refresh")
def refresh_templates() -> BaseResponse:
    """Ask the carrier which templates there are and what WhatsApp says of them."""
    try:
        templates.refresh(current_user.tenant.id)
    except ConnectorError as error:
        log().warning("templates not read", tenant=current_user.tenant.id, code=error.code)
        flash(reader.texts()("templates.not_read"), "error")
        return _refused(url_for("desk.templates"))
    return _back(url_for("desk.templates"))


def _own(db: Session, kind: type[Row], id: int) -> Row:
    """The tenant's row of that id. Else 404."""
    row = db.scalar(select(kind).where(kind.id == id, kind.tenant_id == current_user.tenant.id))
    return row or abort(404)


def _lock(db: Session, conversation_id: int) -> None:
    """Lock the tenant's conversation, before anything in it (as turns do, so that the two do
    not wait for each other): what two advisers click at once happens once. Else 404."""
    locked = select(Conversation.id).where(
        Conversation.id == conversation_id, Conversation.tenant_id == current_user.tenant.id
    )
    if db.scalar(locked.with_for_update()) is None:
        abort(404)


def _drop_draft(db: Session, conversation_id: int, name: str) -> None:
    """The draft ("m12") that the adviser rewrote: what they send stands in its place."""
    if re.fullmatch(r"m\d{1,18}", name):
        db.execute(
            delete(Message).where(
                Message.id == int(name[1:]),
                Message.tenant_id == current_user.tenant.id,
                Message.conversation_id == conversation_id,
                Message.state == "draft",
            )
        )


def _is_repeat(db: Session, conversation_id: int, text: str) -> bool:
    last = db.scalar(
        select(Message)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.id.desc())
        .limit(1)
    )
    return (
        last is not None
        and last.user_id == current_user.id
        and last.body == text
        and reader.now() - last.created_at < TWICE
    )


def _do(act: Callable[[Session], None], conversation_id: int, said: str) -> BaseResponse:
    try:
        with transaction() as db:
            act(db)
    except advisers.NothingToAnswer:
        abort(409)
    ring()
    if "X-Live" not in request.headers:
        flash(reader.texts()(said))
    return _back(url_for("desk.conversation", id=conversation_id))


def _retry(act: Callable[[Session], None], said: str) -> BaseResponse:
    try:
        with transaction() as db:
            act(db)
    except incidents.NothingToRetry as error:
        flash(reader.texts()(f"incidents.cannot.{error.reason}"), "error")
        return _refused(url_for("desk.incidents"))
    incidents.ring()
    if "X-Live" not in request.headers:
        flash(reader.texts()(said))
    return _back(url_for("desk.incidents"))


def _not_done(conversation_id: int, why: str) -> BaseResponse:
    said = reader.texts()(why, longest=LONGEST) if why == "reply.too_long" else reader.texts()(why)
    if "X-Live" in request.headers:
        return Response(said, 422, mimetype="text/plain")
    flash(said, "error")
    return redirect(url_for("desk.conversation", id=conversation_id))


def _refused(page: str) -> BaseResponse:
    """To the page, which says why; a live one loads again by itself."""
    return Response(status=409) if "X-Live" in request.headers else redirect(page)


def _back(page: str) -> BaseResponse:
    """To the page; nothing more to a page that asks again anyhow."""
    return Response(status=204) if "X-Live" in request.headers else redirect(page)
