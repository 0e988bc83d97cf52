"""What happens in the shop: a sale ends what was put aside for its buyer, counts in their
profile and plans what is said to them afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import reservations, sending
from bot import turn as words
from bot.events import describe_customer, notify
from bot.logs import log
from bot.models.base import Json
from bot.models.conversations import Conversation, join_conversation
from bot.models.customers import Customer, NewIdentity, identities_of, meet_customer
from bot.models.customers import customer_known_as as known_as
from bot.models.effects import effect_for, plan_effect
from bot.models.reminders import Reminder, last_of_kind, planned_of_order
from bot.models.reservations import Reservation, kept_for
from bot.models.tenants import Address, Tenant
from bot.models.wishes import look_now
from bot.reach import find_ways
from bot.replies.render import LANGUAGES
from bot.sending import Way
from bot.tenants import describe_tenant
from connectors.ports import Sale, StoreEvent

THANK_YOU, FOLLOW_UP = "thank_you", "follow_up"
THANK_AFTER = timedelta(hours=2)
FOLLOW_UP_AFTER, FOLLOW_UP_AT = timedelta(days=7), time(10)
STALE = timedelta(days=1)  # a sale that we hear of later than this is not written about


def take_event(tenant_id: int, db: Session, event: StoreEvent, now: datetime) -> str:
    """Do what follows; why nothing does, or "". However often, late or disordered the shop
    tells of an order, it is taken once."""
    match event:
        case StoreEvent(sale=Sale() as sale):
            return _take_sale(tenant_id, db, sale, now)
        case StoreEvent(kind="cancelled" | "returned"):
            return _call_off(tenant_id, db, event, now)
        case StoreEvent(kind="stock"):
            look_now(tenant_id, db, now)
            return ""
    return f"{event.topic} is not followed"


def _take_sale(tenant_id: int, db: Session, sale: Sale, now: datetime) -> str:
    if effect_for(tenant_id, db, _purpose(sale.order.id)) is not None:
        return "this order was taken before"
    buyer = _find_buyer(tenant_id, db, sale) or _meet_buyer(tenant_id, db, sale, now)
    if buyer is None:
        return "bought by nobody whom we know"
    # Its row makes the order ours: whoever comes second does nothing
    purpose, request = _purpose(sale.order.id), _count(buyer.id, sale)
    if not plan_effect(tenant_id, db, "profile", purpose, request, now):
        return "this order was taken before"
    db.refresh(buyer, with_for_update=True)
    tenant = describe_tenant(tenant_id, db)
    latest = _latest_conversation(tenant_id, db, buyer.id)
    _collect(tenant, db, buyer, sale, now)
    _count_here(buyer, sale, now)
    _tell_sale(tenant, db, buyer, sale, latest, now)
    _plan_messages(tenant, db, buyer, sale, latest, now)
    log().info("sale", customer=buyer.id, lines=len(sale.order.lines))
    return ""


def _purpose(order_id: str) -> str:
    return f"sale:{order_id}"


def _count(customer_id: int, sale: Sale) -> Json:
    """What bot.profiles.write_sale adds to the CRM's profile."""
    assert sale.order.total is not None, "the shop tells every order's sum"
    return {
        "customer": customer_id,
        "total": str(sale.order.total.amount),
        "currency": sale.order.total.currency,
        "at": sale.order.placed_at.isoformat(),
    }


# --- who bought --------------------------------------------------------------------------


def _find_buyer(tenant_id: int, db: Session, sale: Sale) -> Customer | None:
    """By an identity that somebody vouches for: a number counts before an address."""
    given = [("phone", p) for p in sale.phones] + [("email", e) for e in sale.emails]
    for kind, value in given:
        found = known_as(tenant_id, db, kind, value)
        if found is not None and any(
            (i.kind, i.value) == (kind, value) and i.proven_by
            for i in identities_of(tenant_id, db, found.id)
        ):
            return found
    return None


def _meet_buyer(tenant_id: int, db: Session, sale: Sale, now: datetime) -> Customer | None:
    """A stranger who is to be thanked. By their address alone: that the number which they gave
    is theirs, too, nobody vouches for."""
    if not sale.emails or _is_stale(sale, now) or not sale.order.lines:
        return None
    stranger = Customer(
        tenant_id=tenant_id,
        first_name=sale.first_name,
        last_name=sale.last_name,
        language=sale.language if sale.language in LANGUAGES else "",
        profile={},
        created_at=now,
    )
    identity = NewIdentity("email", sale.emails[0], "shop")
    return meet_customer(tenant_id, db, identity, (), stranger, now)[0]


def _is_stale(sale: Sale, now: datetime) -> bool:
    return now - sale.order.placed_at > STALE


def _deployment(tenant_id: int, db: Session) -> int | None:
    """Where the tenant writes from: by e-mail, if it can."""
    return db.scalar(
        select(Address.deployment_id)
        .where(Address.tenant_id == tenant_id, Address.connection_id.is_not(None))
        .order_by(Address.channel != "email", Address.id)
        .limit(1)
    )


def _latest_conversation(tenant_id: int, db: Session, customer_id: int) -> Conversation | None:
    return db.scalar(
        select(Conversation)
        .where(Conversation.tenant_id == tenant_id, Conversation.customer_id == customer_id)
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
        .limit(1)
    )


# --- what changes with it ----------------------------------------------------------------


def _collect(tenant: words.Tenant, db: Session, buyer: Customer, sale: Sale, now: datetime) -> None:
    """What was put aside for the buyer and is sold to them now is kept no longer."""
    sold: Counter[str] = Counter()
    for line in sale.order.lines:
        sold[line.sku] += line.quantity
    for found in kept_for(tenant.id, db, buyer.id, [sku for sku in sold if sku]):
        units = min(found.quantity, sold[found.sku])
        reservations.collect(db, found, units, now)
        _tell_collected(tenant, db, found, units, sale, now)
        log().info("reservation collected", reservation=found.id, units=units)


def _count_here(buyer: Customer, sale: Sale, now: datetime) -> None:
    """As the CRM will have it, until it is asked again. What it does not know stays unknown."""
    profile, total = dict(buyer.profile), sale.order.total
    if profile.get("orders") is not None:
        profile["orders"] += 1
    spent = profile.get("spent")
    if spent and total and spent["currency"] == total.currency:
        profile["spent"] = {**spent, "amount": str(Decimal(spent["amount"]) + total.amount)}
    buyer.profile = profile
    if buyer.profiled_at is not None:  # the CRM's own count may lag behind for a moment
        buyer.profiled_at = now


def _tell_collected(
    tenant: words.Tenant, db: Session, found: Reservation, units: int, sale: Sale, now: datetime
) -> None:
    facts = describe_customer(tenant.id, db, found.customer_id)
    told = reservations.describe(found, tenant)
    left = 0 if found.state == "collected" else found.quantity
    facts |= {"reservation": told, "sold": units, "left": left, "order": sale.order.number}
    notify(
        tenant,
        db,
        "reservation_collected",
        facts,
        now=now,
        conversation_id=found.conversation_id,
        reservation_id=found.id,
    )


def _tell_sale(
    tenant: words.Tenant,
    db: Session,
    buyer: Customer,
    sale: Sale,
    latest: Conversation | None,
    now: datetime,
) -> None:
    order = sale.order
    in_shop = order.state == "bought_in_shop"
    facts = {
        **describe_customer(tenant.id, db, buyer.id),
        **{"order": order.number, "lines": order.lines, "total": order.total, "in_shop": in_shop},
    }
    conversation_id = latest.id if latest else None
    notify(tenant, db, "sale", facts, now=now, conversation_id=conversation_id)


# --- what is said afterwards -------------------------------------------------------------


def _plan_messages(
    tenant: words.Tenant,
    db: Session,
    buyer: Customer,
    sale: Sale,
    latest: Conversation | None,
    now: datetime,
) -> None:
    """The thanks and the follow-up, if we may write to them; asked again when it is time."""
    where = latest.deployment_id if latest else _deployment(tenant.id, db)
    if buyer.opted_out_at is not None or where is None or not sale.order.lines:
        return
    ways = find_ways(tenant.id, db, buyer, where)
    planned = [*_thank(sale, ways, now), *_follow_up(tenant, db, buyer, sale, ways, now)]
    if not planned:
        return
    conversation_id = latest.id if latest else _open(tenant.id, db, buyer.id, where, now)
    for kind, channel, due in planned:
        db.add(
            Reminder(
                tenant_id=tenant.id,
                customer_id=buyer.id,
                conversation_id=conversation_id,
                kind=kind,
                channel=channel,
                due_at=due,
                facts=_facts(sale),
                state="planned",
                created_at=now,
            )
        )


def _thank(sale: Sale, ways: Sequence[Way], now: datetime) -> list[tuple[str, str, datetime]]:
    """Two hours after the purchase, by e-mail or not at all."""
    if _is_stale(sale, now) or not any(w.channel == "email" and not w.silenced for w in ways):
        return []
    return [(THANK_YOU, "email", max(min(sale.order.placed_at, now) + THANK_AFTER, now))]


def _follow_up(
    tenant: words.Tenant,
    db: Session,
    buyer: Customer,
    sale: Sale,
    ways: Sequence[Way],
    now: datetime,
) -> list[tuple[str, str, datetime]]:
    """A week after the purchase at ten, once a week at most, where they agreed to it."""
    if not ways:
        return []
    bought = min(sale.order.placed_at, now).astimezone(tenant.hours.zone)
    due = datetime.combine(bought.date() + FOLLOW_UP_AFTER, FOLLOW_UP_AT, tenant.hours.zone)
    last = last_of_kind(tenant.id, db, buyer.id, FOLLOW_UP)
    if due < now or (last is not None and abs(due - last) < FOLLOW_UP_AFTER):
        return []
    plan = sending.plan(
        FOLLOW_UP,
        ways,
        now=due,
        hours=tenant.hours,
        stopped=False,
        preferred=buyer.profile.get("preferred_channel", ""),
    )
    return [] if plan.way is None else [(FOLLOW_UP, plan.way.channel, due)]


def _open(tenant_id: int, db: Session, customer_id: int, deployment_id: int, now: datetime) -> int:
    return join_conversation(
        tenant_id,
        db,
        customer_id=customer_id,
        deployment_id=deployment_id,
        now=now,
        quiet_hours=db.get_one(Tenant, tenant_id).quiet_hours,
        answer_after=None,
        new=False,
    )


def _facts(sale: Sale) -> Json:
    """What bot.after_sale writes of."""
    order = sale.order
    return {
        "order_id": order.id,
        "order": order.number,
        "in_shop": order.state == "bought_in_shop",
        "total": str(order.total.amount) if order.total else "0",
        "currency": order.total.currency if order.total else "EUR",
        "lines": [
            {
                "sku": line.sku,
                "title": line.title,
                "size": line.size,
                "quantity": line.quantity,
                "price": str(line.price.amount) if line.price else "0",
            }
            for line in order.lines
        ],
    }


def _call_off(tenant_id: int, db: Session, event: StoreEvent, now: datetime) -> str:
    """An order is cancelled or came back: nobody is asked any more how they like it. One that
    is cancelled before we heard of it is not taken at all."""
    kinds = (THANK_YOU, FOLLOW_UP) if event.kind == "cancelled" else (FOLLOW_UP,)
    planned = planned_of_order(tenant_id, db, event.order_id, kinds)
    for reminder in planned:
        reminder.state = "cancelled"
    if event.kind == "cancelled":
        plan_effect(tenant_id, db, "profile", _purpose(event.order_id), {}, now)
    return "" if planned else f"{event.topic}: nothing was planned"
