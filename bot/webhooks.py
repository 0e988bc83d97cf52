"""The doors: vendors post here. Verify, store, answer; nothing slow."""

from __future__ import annotations

from flask import Blueprint, Response, g, request
from sqlalchemy.exc import SQLAlchemyError

from bot import inbox, metrics
from bot.db import AT_A_DOOR, patience
from bot.logs import log
from bot.settings import settings
from bot.tenants import channel_at_door
from connectors.channels import SignedRequest
from connectors.errors import BadConfig, BadSignature, UnknownEvent

doors = Blueprint("webhooks", __name__, url_prefix="/webhooks")

MAX_BYTES = 256 * 1024
doors.after_request(metrics.count_refusal)


@doors.before_request
def hurry() -> None:
    """A vendor waits a few seconds: where the database hangs, it must hear so in time."""
    g.usual = patience.set(AT_A_DOOR)


@doors.teardown_request
def take_time(error: BaseException | None) -> None:
    if "usual" in g:
        patience.reset(g.usual)


@doors.errorhandler(SQLAlchemyError)
@doors.errorhandler(BadConfig)
def refuse_for_now(error: SQLAlchemyError | BadConfig) -> Response:
    """The database is away or all its connections are taken, or this connection cannot be
    opened: the vendor shall try again."""
    log().error("delivery not stored", error=type(error).__name__)
    return Response(status=503, headers={"Retry-After": "5"})


@doors.post("/<vendor>/<key>")
def deliver(vendor: str, key: str) -> Response:
    """A vendor's webhook for one connection: messages and reports alike.

    404 no such connection, 403 not signed by the vendor, 413 too large, 503 not for now, else
    2xx.
    """
    request.max_content_length = MAX_BYTES
    body = request.get_data(cache=True)
    if len(body) >= MAX_BYTES:  # of a body that does not say how long it is, the beginning
        return Response(status=413)
    door = channel_at_door(vendor, key) if key.isprintable() else None
    if door is None:
        return Response(status=404)
    connection, channel = door
    # The public URL as configured, never as the Host header has it (proxies, forgers)
    url = settings().base_url + request.full_path.removesuffix("?")
    signed = SignedRequest(request.method, url, dict(request.headers), body)
    try:
        receipt = channel.verify(signed)
    except BadSignature:
        log().warning("forged delivery", connection=connection.id)
        return Response(status=403)
    except UnknownEvent as error:
        log().error("unknown event", connection=connection.id, event_name=str(error))
        return Response(status=204)
    inbox.store(connection, receipt, signed)
    # Empty TwiML: Twilio takes anything else in an answer for a message to send
    return Response("<Response/>", mimetype="text/xml")
