"""What comes in: stored once at the door, read into messages by a worker."""

from __future__ import annotations

from datetime import datetime, timedelta

from redis import RedisError
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from bot import clock, consent, metrics
from bot.db import transaction
from bot.holds import pause_before
from bot.keywords import read_keyword
from bot.logs import log
from bot.media.fetching import plan
from bot.models.conversations import join_conversation
from bot.models.customers import Customer, NewIdentity, customer_known_as, meet_customer
from bot.models.deliveries import Delivery, claim_deliveries, give_back, store_delivery
from bot.models.messages import Message
from bot.models.tenants import Address, Connection, Tenant, address_at
from bot.outbox import apply_report
from bot.profiles import LookUp, look_up, take_profile
from bot.queue import ring
from bot.settings import settings
from bot.tenants import open_channel
from connectors.errors import Refused, Unavailable, UnknownEvent
from connectors.ports import InboundMessage, Receipt, SignedRequest, StatusReport

BATCH = 20
PASSING = 1.0  # seconds until what is sure to pass is tried again
GIVE_UP_AFTER = 10  # attempts at a delivery, the last more than an hour after the first
IDENTITY_KINDS = {"sms": "phone", "whatsapp": "phone", "email": "email", "web": "site_user"}
PROVEN_BY = {"sms": "carrier", "whatsapp": "carrier", "email": "authentication", "web": "site"}


def store(connection: Connection, receipt: Receipt, request: SignedRequest) -> int | None:
    """Keep a verified delivery and ring; its id, or None for one that came before.

    The caller may answer the vendor 2xx once this returns: it is committed.
    """
    now = clock.now()
    with transaction() as db:
        delivery_id = store_delivery(
            connection.tenant_id,
            db,
            Delivery(
                connection_id=connection.id,
                provider_id=receipt.provider_id,
                kind=receipt.kind,
                sender=receipt.sender,
                url=request.url,
                headers=dict(request.headers),
                body=request.body,
                received_at=now,
            ),
        )
    metrics.count_delivery(connection.vendor, receipt.kind, repeated=delivery_id is None)
    log().info("delivery", delivery=delivery_id, kind=receipt.kind, repeated=delivery_id is None)
    if delivery_id is not None:
        try:
            ring()
        except RedisError as error:
            log().warning("bell is broken, the sweep will find it", error=type(error).__name__)
    return delivery_id


def read_deliveries() -> int:
    """Turn waiting deliveries into messages and reports; how many were taken."""
    with transaction() as db:
        claimed = claim_deliveries(db, clock.now(), clock.wall(), settings().claim, BATCH)
    waiting: set[tuple[int, str]] = set()
    behind = []
    for delivery in claimed:
        sender = (delivery.connection_id, delivery.sender)
        if delivery.sender and sender in waiting:
            behind.append(delivery.id)
            continue
        with bound_contextvars(delivery=delivery.id):
            if not _read_guarded(delivery):
                waiting.add(sender)
    if behind:
        with transaction() as db:
            give_back(db, behind)
    return len(claimed)


def _read_guarded(delivery: Delivery) -> bool:
    """Read it, whatever breaks; False when it is to be tried again."""
    try:
        return _read(delivery)
    except OperationalError as error:  # the database was away, or busy, for a moment
        _try_again(delivery, Unavailable(type(error).__name__, retry_after=PASSING))
    except Exception as error:  # a defect must not hold the other deliveries up
        log().exception("delivery broke")
        _try_again(delivery, Unavailable(type(error).__name__), broke=True)
    return False


def _read(delivery: Delivery) -> bool:
    request = SignedRequest("POST", delivery.url, delivery.headers, delivery.body)
    try:
        _, channel = open_channel(delivery.tenant_id, delivery.connection_id)
        events = channel.read(request)  # may ask the vendor: no transaction is open
    except Unavailable as error:
        _try_again(delivery, error)
        return False
    except (Refused, UnknownEvent) as error:
        _finish(delivery, "failed", str(error))
        return True
    people = [_look_up(delivery.tenant_id, event) for event in events]  # asks outside, too
    with transaction() as db:
        stored = db.get_one(Delivery, delivery.id, with_for_update=True)
        if stored.state != "new":  # it took so long that another read it meanwhile
            return True
        reasons = [
            _take(db, delivery, event, person) for event, person in zip(events, people, strict=True)
        ]
        ignored = [reason for reason in reasons if reason]
        stored.state, stored.error = ("ignored" if ignored else "done"), "; ".join(ignored)
    for reason in ignored:
        log().warning("ignored", reason=reason)
    return True


def _look_up(tenant_id: int, event: InboundMessage | StatusReport) -> LookUp:
    """Who the CRM says that a new sender is: the same person by another channel, perhaps."""
    if isinstance(event, StatusReport) or not event.proven:
        return LookUp(asked=False)
    identity = _identity(event)
    with transaction() as db:
        known = customer_known_as(tenant_id, db, identity.kind, identity.value)
    if known is not None:
        return LookUp(asked=False)
    return look_up(tenant_id, identity.kind, identity.value)


def _take(
    db: Session, delivery: Delivery, event: InboundMessage | StatusReport, person: LookUp
) -> str:
    """Put one event where it belongs; why it was ignored, or ""."""
    if isinstance(event, StatusReport):
        return apply_report(db, delivery.tenant_id, delivery.connection_id, event)
    return _take_message(db, delivery, event, person)


def _take_message(db: Session, delivery: Delivery, event: InboundMessage, person: LookUp) -> str:
    address = _address(delivery.tenant_id, db, event)
    if address is None:
        return "no deployment has this address"
    now = clock.now()
    tenant = db.get_one(Tenant, delivery.tenant_id)
    customer = _meet(tenant.id, db, event, person, now)
    conversation = join_conversation(
        tenant.id,
        db,
        customer_id=customer.id,
        deployment_id=address.deployment_id,
        now=now,
        quiet_hours=tenant.quiet_hours,
    )
    message = Message(
        tenant_id=tenant.id,
        conversation_id=conversation.id,
        delivery_id=delivery.id,
        connection_id=delivery.connection_id,
        direction="in",
        author="customer",
        kind="automatic" if event.automatic else "message",
        channel=event.channel,
        contact=event.sender,
        address=address.value,
        subject=event.subject,
        body=event.text,
        state="received",
        provider_id=event.provider_id,
        extra=dict(event.extra),
        created_at=delivery.received_at,
    )
    db.add(message)
    db.flush()
    plan(tenant.id, db, message, event.attachments, now)
    _obey_keyword(db, customer, message)
    conversation.last_message_at = now
    if not event.automatic:
        conversation.answer_after = now + timedelta(seconds=settings().settling_seconds)
    log().info("message in", conversation=conversation.id, channel=event.channel)
    return ""


def _address(tenant_id: int, db: Session, event: InboundMessage) -> Address | None:
    """Which of our addresses it was sent to: an e-mail may have several recipients."""
    others = event.extra.get("recipients", "").split(",")
    for recipient in (event.recipient, *(r.strip() for r in others)):
        value = recipient.lower() if event.channel == "email" else recipient
        if value and (found := address_at(tenant_id, db, event.channel, value)):
            return found
    return None


def _meet(
    tenant_id: int, db: Session, event: InboundMessage, person: LookUp, now: datetime
) -> Customer:
    profile = person.profile
    others = [("phone", profile.phone), ("email", profile.email.lower())] if profile else []
    others = [(kind, value) for kind, value in others if value]
    customer, new = meet_customer(tenant_id, db, _identity(event), others, now)
    if new and person.asked:
        take_profile(customer, person, now)
    return customer


def _identity(event: InboundMessage) -> NewIdentity:
    """By which identity the sender is recognised, and who vouches for it."""
    if event.channel == "email" and not event.proven:
        return NewIdentity("claimed_email", event.sender, "")
    proven_by = PROVEN_BY[event.channel] if event.proven else ""
    kind = IDENTITY_KINDS[event.channel]
    if event.channel == "whatsapp" and not event.sender.startswith("+"):
        kind = "whatsapp"
    return NewIdentity(kind, event.sender, proven_by)


def _obey_keyword(db: Session, customer: Customer, message: Message) -> None:
    """STOP and START hold from the moment they come in; the turn only says so."""
    keyword = read_keyword(message.body)
    how = f"{message.channel}: {message.body[:40]}"
    if keyword == "stop":
        consent.stop(db, customer, how=how, now=message.created_at, message_id=message.id)
    elif keyword == "start":
        consent.restart(db, customer, how=how, now=message.created_at, message_id=message.id)


def _try_again(delivery: Delivery, error: Unavailable, *, broke: bool = False) -> None:
    if delivery.attempts >= GIVE_UP_AFTER:
        _finish(delivery, "failed", str(error))
        return
    pause = pause_before(delivery.attempts, error.retry_after)
    with transaction() as db:
        stored = db.get_one(Delivery, delivery.id)
        stored.claimed_until, stored.next_try_at = None, clock.now() + pause
        if broke:
            stored.error = str(error)
    log().warning("delivery waits", code=error.code, attempts=delivery.attempts)


def _finish(delivery: Delivery, state: str, error: str) -> None:
    with transaction() as db:
        stored = db.get_one(Delivery, delivery.id)
        stored.state, stored.error = state, error
    log().error("delivery not read", state=state)
