"""Pages for people: what each system holds and received, and switches to break it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connectors.sandbox import carrier, laposte, mail
from connectors.sandbox.control import refuse_strangers, show_world
from connectors.sandbox.failures import order_failure, stop_failure
from connectors.sandbox.web import open_world, open_worlds, vendor_url
from connectors.sandbox.worlds import SYSTEMS

bp = Blueprint("pages", __name__)

TITLES = {
    "twilio": "Twilio — l’opérateur",
    "shopify": "Shopify — le stock",
    "hubspot": "HubSpot — les clientes",
    "resend": "Resend — le courrier électronique",
    "colissimo": "Colissimo — les colis",
}
SWITCHES: dict[str, tuple[str, dict[str, Any]]] = {
    "down": ("En panne", {"mode": "down"}),
    "slow": ("Lent (3 s)", {"mode": "slow", "ms": 3000}),
    "throttled": ("Quota dépassé", {"mode": "throttled"}),
    "timeout_after": ("Fait, mais sans réponse", {"mode": "timeout_after"}),
}
QUANTITIES = {"available": "disponible", "reserved": "mis de côté"}
SITUATIONS = {
    "announced": "annoncé",
    "in_transit": "en transit",
    "out_for_delivery": "en livraison",
    "pickup_point": "en point de retrait",
    "delivered": "livré",
    "delayed": "retardé",
    "problem": "incident",
    "returned": "retourné",
}
APPROVALS = {
    "approved": "approuvé",
    "disabled": "désactivé",
    "paused": "suspendu",
    "pending": "en attente",
    "received": "en attente",
    "rejected": "refusé",
    "unsubmitted": "non soumis",
}
LATEST = 50


@bp.before_request
def refuse_other_sites() -> None:
    """Forms of these pages only, from this machine only."""
    refuse_strangers()
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin and urlsplit(origin).netloc != request.host:
        abort(403)


@bp.after_request
def forbid_outside(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response


@bp.get("/")
def show_worlds() -> str:
    worlds = [show_world(world) for world in open_worlds().all()]
    return render_template("worlds.html", worlds=worlds)


@bp.get("/<name>/")
def show_systems(name: str) -> str:
    return render_template(
        "world.html",
        world=show_world(open_world(name)),
        systems=SYSTEMS,
        titles=TITLES,
        switches=SWITCHES,
        quantities=QUANTITIES,
        approvals=APPROVALS,
        situations=SITUATIONS,
        latest=LATEST,
    )


@bp.post("/<name>/switch/<system>")
def switch_failure(name: str, system: str) -> AnyResponse:
    world, mode = open_world(name), request.form.get("mode", "")
    if mode in SWITCHES:
        order_failure(world, system, SWITCHES[mode][1])
    else:
        stop_failure(world, system)
    return redirect(url_for("pages.show_systems", name=name), 303)


@bp.post("/<name>/move-parcel")
def move_parcel(name: str) -> AnyResponse:
    """Something happens to a parcel, now."""
    status = {"status": request.form.get("status", "")}
    laposte.set_parcel(open_world(name), request.form.get("number", ""), status)
    return redirect(url_for("pages.show_systems", name=name), 303)


@bp.post("/<name>/write")
def write_message(name: str) -> AnyResponse:
    """Write to the shop as a customer would."""
    world = open_world(name)
    document = {key: request.form.get(key, "") for key in ("from", "to", "body")}
    carrier.receive(world, document, vendor_url(world, "twilio"))
    return redirect(url_for("pages.show_systems", name=name), 303)


@bp.post("/<name>/write-mail")
def write_mail(name: str) -> AnyResponse:
    """Write an e-mail to the shop as a customer would."""
    names = ("from", "to", "subject", "text")
    mail.receive(open_world(name), {key: request.form.get(key, "") for key in names})
    return redirect(url_for("pages.show_systems", name=name), 303)
