"""The demo's phone: text a shop as any of its customers, move the clock. Demo only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any, Literal, get_args
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
SHOWN = 100
QUICKLY = 3.0  # seconds: the page asks every second

Channel = Literal["sms", "whatsapp", "email"]


@dataclass(frozen=True)
class Shop:
    """A tenant that can be written to; `addresses`: (channel, number or mailbox)."""

    id: int
    slug: str
    name: str
    zone: str
    home: str
    addresses: tuple[tuple[Channel, str], ...]

    @property
    def channels(self) -> tuple[Channel, ...]:
        return tuple(dict(self.addresses))

    def address(self, channel: Channel) -> str:
        return dict(self.addresses)[channel]


@dataclass(frozen=True)
class Caller:
    """Whose phone it is."""

    name: str
    number: str
    email: str = ""

    def contact(self, channel: Channel) -> str:
        return self.email if channel == "email" else self.number


@dataclass(frozen=True)
class Bubble:
    """A message. `state` is the carrier's word for where it is."""

    id: str
    mine: bool
    body: str
    state: str
    subject: str = ""


@phone.get("")
def page() -> Response:
    with transaction() as db:
        shops = _shops(db)
        shop = next((s for s in shops if s.slug == request.args.get("shop")), None) or next(
            iter(shops), None
        )
        known = _callers(shop.id, db) if shop else ()
    channel = _channel(shop, request.args.get("channel", ""))
    callers = tuple(c for c in known if c.contact(channel))
    caller = _whose(known, request.args.get("contact", ""), channel)
    if shop:
        reader.read_as(shop.zone, shop.home)
    contact = caller.contact(channel)
    return live.show(
        "phone.html",
        shops=shops,
        shop=shop,
        channel=channel,
        callers=callers,
        caller=caller,
        bubbles=_bubbles(shop.address(channel), contact, channel) if shop and contact else (),
        aim=clock.target(),
    )


@phone.post("/text")
def text() -> BaseResponse:
    """Send the caller's words to the shop, through the carriers that the sandbox plays."""
    shop = _shop(reader.typed("shop"))
    channel = _channel(shop, reader.typed("channel"))
    contact, body = _contact(reader.typed("contact"), channel), reader.typed("text")[:LONGEST]
    if not contact or not body:
        wrong = "phone.no_text" if contact else f"phone.no_{_kind(channel)}"
        return _answer(shop, channel, contact, wrong)
    try:
        _send(shop.address(channel), contact, channel, body)
    except requests.RequestException as error:
        log().warning("the sandbox did not take the phone's text", error=type(error).__name__)
        return _answer(shop, channel, contact, "phone.not_sent")
    return _answer(shop, channel, contact)


@phone.post("/clock")
def move_clock() -> BaseResponse:
    shop = _shop(reader.typed("shop"))
    channel = _channel(shop, reader.typed("channel"))
    contact = _contact(reader.typed("contact"), channel)
    now = reader.now()
    to = _aim(now, ZoneInfo(shop.zone))
    if to is None or not now < to <= now + FARTHEST:
        return _answer(shop, channel, contact, "phone.bad_time")
    clock.aim_clock(to)
    return _answer(shop, channel, contact)


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
        select(Tenant, Address.channel, Address.value)
        .join(Address, Address.tenant_id == Tenant.id)
        .where(
            Address.channel.in_(get_args(Channel)),
            # A mailbox that no connection serves is nobody's here
            (Address.channel != "email") | Address.connection_id.is_not(None),
        )
        .order_by(Tenant.id, Address.id)
    ).all()
    tenants = {tenant.id: tenant for tenant, _, _ in rows}
    return tuple(
        _describe(tenant, [(c, value) for t, c, value in rows if t.id == tenant.id])
        for tenant in tenants.values()
    )


def _describe(tenant: Tenant, addresses: list[tuple[str, str]]) -> Shop:
    first = dict(reversed(addresses))  # of several numbers the first
    ordered: tuple[tuple[Channel, str], ...]
    ordered = tuple((c, first[c]) for c in get_args(Channel) if c in first)
    home = home_of(first.get("sms") or tenant.phone)
    return Shop(tenant.id, tenant.slug, tenant.name, tenant.timezone, home, ordered)


def _shop(slug: str) -> Shop:
    with transaction() as db:
        return next((s for s in _shops(db) if s.slug == slug), None) or abort(404)


def _channel(shop: Shop | None, asked: str) -> Channel:
    """The one asked for when the shop has it, else its first."""
    offered = shop.channels if shop else ()
    return next((c for c in offered if c == asked), offered[0] if offered else "sms")


def _callers(tenant_id: int, db: Session) -> tuple[Caller, ...]:
    rows = db.execute(
        select(Customer, Identity.kind, Identity.value)
        .join(Identity, Identity.customer_id == Customer.id)
        .where(Identity.tenant_id == tenant_id, Identity.kind.in_(("phone", "email")))
        .order_by(Customer.id, Identity.id.desc())
        .limit(2 * PEOPLE)
    ).all()
    known: dict[int, dict[str, str]] = {}
    for customer, kind, value in rows:
        known.setdefault(customer.id, {"name": customer.name})[kind] = value
    return tuple(
        Caller(it["name"], it.get("phone", ""), it.get("email", "")) for it in known.values()
    )[:PEOPLE]


def _whose(known: tuple[Caller, ...], typed: str, channel: Channel) -> Caller:
    """The phone asked for; on another channel still the same person's. Else the first."""
    for kind in (channel, "sms", "email"):
        if contact := _contact(typed, kind):
            found = (c for c in known if contact in {c.number, c.email})
            if caller := next((c for c in found if c.contact(channel)), None):
                return caller
            if _kind(kind) == _kind(channel):
                return Caller("", *(("", contact) if channel == "email" else (contact,)))
    return next((c for c in known if c.contact(channel)), Caller("", ""))


def _kind(channel: str) -> Literal["address", "number"]:
    return "address" if channel == "email" else "number"


def _send(shop: str, contact: str, channel: Channel, body: str) -> None:
    """Raises requests.RequestException."""
    if channel == "email":
        subject = " ".join(reader.typed("subject").split())[:200]
        _world().mail(sender=contact, recipient=shop, subject=subject, text=body)
    else:
        _world().text(sender=_on(channel, contact), recipient=_on(channel, shop), body=body)


def _bubbles(shop: str, contact: str, channel: Channel) -> tuple[Bubble, ...] | None:
    """What the two have written each other, as the carrier has it; None without the sandbox."""
    world = _world()
    parts = "mails,received_mails" if channel == "email" else "messages"
    try:
        found = world.http.get(world.url, params={"parts": parts}, timeout=QUICKLY)
        found.raise_for_status()
    except requests.RequestException as error:
        log().warning("the sandbox does not answer the phone", error=type(error).__name__)
        return None
    if channel == "email":
        return _mails(found.json(), contact)
    ends = {_on(channel, shop), _on(channel, contact)}
    between = [m for m in found.json()["messages"] if {m["from"], m["to"]} == ends]
    return tuple(
        Bubble(m["sid"], m["from"] == _on(channel, contact), m["body"], m["status"])
        for m in between[-SHOWN:]
    )


def _mails(found: dict[str, Any], contact: str) -> tuple[Bubble, ...]:
    """Both directions, in the order they were written."""
    theirs = [
        (m["at"], Bubble(m["id"], False, m["text"] or "", m["last_event"], m["subject"]))
        for m in found["mails"]
        if contact in map(_plain, m["to"])
    ]
    mine = [
        (m["created_at"], Bubble(m["id"], True, m["text"] or "", "received", m["subject"]))
        for m in found["received_mails"]
        if _plain(m["from"]) == contact
    ]
    both = sorted([*theirs, *mine], key=lambda written: written[0])
    return tuple(bubble for _, bubble in both[-SHOWN:])


def _plain(address: str) -> str:
    """`Élégance Paris <hello@…>` without the name."""
    return parseaddr(address)[1].lower()


def _on(channel: Channel, number: str) -> str:
    """As the carrier writes it."""
    return f"whatsapp:{number}" if channel == "whatsapp" else number


def _world() -> SandboxWorld:
    return SandboxWorld(settings().sandbox_url, WORLD)


def _contact(typed: str, channel: str) -> str:
    """A number in E.164 or an e-mail address; empty when it is none."""
    if channel == "email":
        address = _plain(typed)
        return address if "@" in address.strip("@") and " " not in address else ""
    try:
        number = phonenumbers.parse(typed, "FR")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _answer(shop: Shop, channel: Channel, contact: str, wrong: str = "") -> BaseResponse:
    said = reader.texts()(wrong) if wrong else ""
    if "X-Live" in request.headers:
        return Response(said, 422 if wrong else 204, mimetype="text/plain")
    if wrong:
        flash(said, "error")
    return redirect(url_for("phone.page", shop=shop.slug, channel=channel, contact=contact))
