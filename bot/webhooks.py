"""The doors: vendors post here. Verify, store, answer; nothing slow."""

from __future__ import annotations

from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from bot import inbox, metrics
from bot.logs import log
from bot.settings import settings
from bot.tenants import channel_at_door
from connectors.channels import SignedRequest
from connectors.errors import BadSignature, UnknownEvent

doors = Blueprint("webhooks", __name__, url_prefix="/webhooks")

MAX_BYTES = 256 * 1024
doors.after_request(metrics.count_refusal)


@doors.errorhandler(SQLAlchemyError)
def refuse_for_now(error: SQLAlchemyError) -> Response:
    """The database is away or all its connections are taken: the vendor shall try again."""
    log().error("delivery not stored", error=type(error).__name__)
    return Response(status=503, headers={"Retry-After": "5"})


@doors.post("/<vendor>/<key>")
def deliver(vendor: str, key: str) -> Response:
    """A vendor's webhook for one connection: messages and reports alike.

    404 no such connection, 403 not signed by the vendor, 413 too large, else 2xx.
    """
    request.max_content_length = MAX_BYTES
    body = request.get_data(cache=True)
    door = channel_at_door(vendor, key)
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
