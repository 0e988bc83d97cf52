"""The demo's phone: text a shop as any of its customers, move the clock. Demo only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import requests
from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from bot import clock
from bot.db import transaction
from bot.logs import log
from bot.models.customers import Customer, Identity
from bot.models.tenants import Address, Tenant
from bot.settings import settings
from connectors.sandbox.client import SandboxWorld
from dashboard import live, reader
from dashboard.formats import home_of

phone = Blueprint("phone", __name__, url_prefix="/demo/phone", template_folder="templates")

WORLD = "demo"
LONGEST = 1600  # characters: what the carrier takes in one message
STEPS = {"15": timedelta(minutes=15), "60": timedelta(hours=1), "1440": timedelta(days=1)}
FARTHEST = timedelta(days=60)
PEOPLE = 30
QUICKLY = 3.0  # seconds: the page asks every second


@dataclass(frozen=True)
class Shop:
    """A tenant that can be texted."""

    id: int
    slug: str
    name: str
    number: str
    zone: str


@dataclass(frozen=True)
class Caller:
    """Whose phone it is."""

    name: str
    number: str


@dataclass(frozen=True)
class Bubble:
    """A text message. `state` is the carrier's word for where it is."""

    id: str
    mine: bool
    body: str
    state: str


@phone.get("")
def page() -> Response:
    with transaction() as db:
        shops = _shops(db)
        shop = next((s for s in shops if s.slug == request.args.get("shop")), None) or next(
            iter(shops), None
        )
        callers = _callers(shop.id, db) if shop else ()
    number = _number(request.args.get("number", "")) or (callers[0].number if callers else "")
    caller = next((c for c in callers if c.number == number), None) or Caller("", number)
    if shop:
        reader.read_as(shop.zone, home_of(shop.number))
    bubbles = _bubbles(shop.number, number) if shop and number else ()
    return live.show(
        "phone.html",
        shops=shops,
        shop=shop,
        callers=callers,
        caller=caller,
        bubbles=bubbles,
        aim=clock.target(),
    )


@phone.post("/text")
def text() -> BaseResponse:
    """Send the caller's words to the shop, through the carrier that the sandbox plays."""
    shop, number = _shop(reader.typed("shop")), _number(reader.typed("number"))
    body = reader.typed("text")[:LONGEST]
    if not number or not body:
        return _answer(shop, number, "phone.no_number" if not number else "phone.no_text")
    try:
        _world().text(sender=number, recipient=shop.number, body=body)
    except requests.RequestException as error:
        log().warning("the sandbox did not take the phone's text", error=type(error).__name__)
        return _answer(shop, number, "phone.not_sent")
    return _answer(shop, number)


@phone.post("/clock")
def move_clock() -> BaseResponse:
    shop, number = _shop(reader.typed("shop")), _number(reader.typed("number"))
    now = reader.now()
    to = _aim(now, ZoneInfo(shop.zone))
    if to is None or not now < to <= now + FARTHEST:
        return _answer(shop, number, "phone.bad_time")
    clock.aim_clock(to)
    return _answer(shop, number)


def _aim(now: datetime, zone: ZoneInfo) -> datetime | None:
    """Where the clock is asked to go: a step on, or the typed time of the shop's zone."""
    if step := STEPS.get(reader.typed("step")):
        return max(now, clock.target() or now) + step
    try:
        return datetime.fromisoformat(reader.typed("to")).replace(tzinfo=zone)
    except ValueError:
        return None


def _shops(db: Session) -> tuple[Shop, ...]:
    rows = db.execute(
        select(Tenant, Address.value)
        .join(Address, Address.tenant_id == Tenant.id)
        .where(Address.channel == "sms")
        .order_by(Tenant.id, Address.id)
    )
    return tuple(Shop(t.id, t.slug, t.name, number, t.timezone) for t, number in rows)


def _shop(slug: str) -> Shop:
    with transaction() as db:
        return next((s for s in _shops(db) if s.slug == slug), None) or abort(404)


def _callers(tenant_id: int, db: Session) -> tuple[Caller, ...]:
    rows = db.execute(
        select(Customer, Identity.value)
        .join(Identity, Identity.customer_id == Customer.id)
        .where(Identity.tenant_id == tenant_id, Identity.kind == "phone")
        .order_by(Customer.id)
        .limit(PEOPLE)
    )
    return tuple(Caller(customer.name, number) for customer, number in rows)


def _bubbles(shop: str, number: str) -> tuple[Bubble, ...] | None:
    """What the two have texted each other, as the carrier has it; None without the sandbox."""
    world = _world()
    try:
        found = world.http.get(world.url, params={"parts": "messages"}, timeout=QUICKLY)
        found.raise_for_status()
    except requests.RequestException as error:
        log().warning("the sandbox does not answer the phone", error=type(error).__name__)
        return None
    between = [m for m in found.json()["messages"] if {m["from"], m["to"]} == {shop, number}]
    return tuple(_bubble(m, number) for m in between[-100:])


def _bubble(message: dict[str, Any], number: str) -> Bubble:
    return Bubble(message["sid"], message["from"] == number, message["body"], message["status"])


def _world() -> SandboxWorld:
    return SandboxWorld(settings().sandbox_url, WORLD)


def _number(typed: str) -> str:
    """In E.164; empty when it is no phone number."""
    try:
        number = phonenumbers.parse(typed, "FR")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _answer(shop: Shop, number: str, wrong: str = "") -> BaseResponse:
    said = reader.texts()(wrong) if wrong else ""
    if "X-Live" in request.headers:
        return Response(said, 422 if wrong else 204, mimetype="text/plain")
    if wrong:
        flash(said, "error")
    return redirect(url_for("phone.page", shop=shop.slug, number=number))
