"""What comes in: stored once at the door, read into messages by a worker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from bot import clock, consent, metrics
from bot.db import alone, transaction
from bot.holds import pause_before
from bot.keywords import read_keyword
from bot.logs import log
from bot.media.fetching import plan
from bot.models.base import insert_row
from bot.models.conversations import join_conversation
from bot.models.customers import Customer, NewIdentity, is_known, meet_customer
from bot.models.deliveries import (
    Delivery,
    claim_deliveries,
    finish_delivery,
    give_back,
    say_ignored,
    store_delivery,
)
from bot.models.messages import Message, said_lately
from bot.models.tenants import Connection, Place, place_at
from bot.outbox import apply_report
from bot.profiles import LookUp, look_up, take_profile
from bot.queue import ring
from bot.reports import Reported, apply_reports, as_plain_report
from bot.sales import take_event
from bot.settings import settings
from bot.tenants import open_reader
from connectors.channels import InboundMessage, Receipt, SignedRequest, StatusReport
from connectors.errors import Refused, Unavailable, UnknownEvent
from connectors.ports import StoreEvent

BATCH = 20
DIGITS = re.compile(r"\d+")
PASSING = 1.0  # seconds until what is sure to pass is tried again
GIVE_UP_AFTER = 10  # attempts at a delivery, the last more than an hour after the first
ASK_FOR = timedelta(hours=24)  # a vendor that is down is asked for longer: it comes back
GONE = "not_found"  # a vendor that is there, and has not what it told of: no reason to go on
# Two programs that answer each other do so until somebody stops: mails that say the same again
# (their numbers aside), or so many of whatever they say, in that time
ROUND = timedelta(hours=1)
SAME, MANY = 3, 20
SHORT = 30  # characters of what people, too, say again ("Merci !")
IDENTITY_KINDS = {"sms": "phone", "whatsapp": "phone", "email": "email", "web": "site_user"}
PROVEN_BY = {"sms": "carrier", "whatsapp": "carrier", "email": "authentication", "web": "site"}


def store(connection: Connection, receipt: Receipt, request: SignedRequest) -> int | None:
    """Keep a verified delivery and ring; its id, or None for one that came before.

    The caller may answer the vendor 2xx once this returns: it is committed.
    """
    now = clock.now()
    with alone() as database:
        delivery_id = store_delivery(
            database,
            tenant_id=connection.tenant_id,
            connection_id=connection.id,
            provider_id=receipt.provider_id,
            kind=receipt.kind,
            sender=receipt.sender,
            url=request.url,
            headers=dict(request.headers),
            body=request.body,
            state="new",
            next_try_at=now,
            received_at=now,
        )
    metrics.count_delivery(connection.vendor, receipt.kind, repeated=delivery_id is None)
    log().info("delivery", delivery=delivery_id, kind=receipt.kind, repeated=delivery_id is None)
    if delivery_id is not None:
        ring()
    return delivery_id


def read_deliveries() -> int:
    """Turn waiting deliveries into messages and reports; how many were taken."""
    with transaction() as db:
        claimed = claim_deliveries(db, clock.now(), clock.wall(), settings().claim, BATCH)
    waiting: set[tuple[int, str]] = set()
    behind = []
    # A vendor may be slow: what cannot be read while it is ours is another's to read
    end = clock.wall() + settings().claim / 2
    for delivery in _read_reports(claimed):
        sender = (delivery.connection_id, delivery.sender)
        if clock.wall() > end or (delivery.sender and sender in waiting):
            behind.append(delivery.id)
            continue
        with bound_contextvars(delivery=delivery.id):
            if not _read_guarded(delivery):
                waiting.add(sender)
    if behind:
        with transaction() as db:
            give_back(db, behind)
    return len(claimed)


def _read_reports(claimed: Sequence[Delivery]) -> list[Delivery]:
    """Read those that plainly report, all at once; the others, to be read one by one. When one
    breaks all are others: it must not hold them up."""
    others: list[Delivery] = []
    reported: list[Reported] = []
    try:
        for delivery in claimed:
            found = _plain_report(delivery) if delivery.kind == "status" else None
            others += [] if found else [delivery]
            reported += [found] if found else []
        if reported:
            with transaction() as db:
                apply_reports(db, reported)
    except Exception as error:  # whatever one of them broke must not cost the others
        log().warning("reports read one by one", error=type(error).__name__)
        return list(claimed)
    return others


def _plain_report(delivery: Delivery) -> Reported | None:
    reader = open_reader(delivery.tenant_id, delivery.connection_id)
    return as_plain_report(delivery, reader.read(_request(delivery)))


def _request(delivery: Delivery) -> SignedRequest:
    return SignedRequest("POST", delivery.url, delivery.headers, delivery.body)


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
    try:
        reader = open_reader(delivery.tenant_id, delivery.connection_id)
        read = reader.read(_request(delivery))  # may ask the vendor: no transaction is open
    except Unavailable as error:
        _try_again(delivery, error)
        return False
    except (Refused, UnknownEvent) as error:
        _finish(delivery, "failed", str(error))
        return True
    events = [_without_nul(event) for event in read]
    people = [_look_up(delivery.tenant_id, event) for event in events]  # asks outside, too
    with transaction() as db:
        if not finish_delivery(db, delivery.id):
            return True
        reasons = [
            _take(db, delivery, event, person) for event, person in zip(events, people, strict=True)
        ]
        if ignored := [reason for reason in reasons if reason]:
            say_ignored(db, delivery.id, "; ".join(ignored))
    for reason in ignored:
        log().warning("ignored", reason=reason)
    return True


def _without_nul(
    event: InboundMessage | StatusReport | StoreEvent,
) -> InboundMessage | StatusReport | StoreEvent:
    """Carriers hand on whatever is typed; PostgreSQL keeps any character but NUL."""
    if not isinstance(event, InboundMessage):
        return event
    files = [replace(file, name=file.name.replace("\0", "")) for file in event.attachments]
    return replace(
        event,
        text=event.text.replace("\0", ""),
        subject=event.subject.replace("\0", ""),
        extra={name: value.replace("\0", "") for name, value in event.extra.items()},
        attachments=tuple(files),
    )


def _look_up(tenant_id: int, event: InboundMessage | StatusReport | StoreEvent) -> LookUp:
    """Who the CRM says that a new sender is: the same person by another channel, perhaps."""
    if not isinstance(event, InboundMessage) or not event.proven:
        return LookUp(asked=False)
    identity = _identity(event)
    with alone() as connection:
        if is_known(tenant_id, connection, identity.kind, identity.value):
            return LookUp(asked=False)
    return replace(look_up(tenant_id, identity.kind, identity.value), stranger=True)


def _take(
    db: Session,
    delivery: Delivery,
    event: InboundMessage | StatusReport | StoreEvent,
    person: LookUp,
) -> str:
    """Put one event where it belongs; why it was ignored, or ""."""
    if isinstance(event, StatusReport):
        return apply_report(db, delivery.tenant_id, delivery.connection_id, event)
    if isinstance(event, StoreEvent):
        return take_event(delivery.tenant_id, db, event, clock.now())
    return _take_message(db, delivery, event, person)


def _take_message(db: Session, delivery: Delivery, event: InboundMessage, person: LookUp) -> str:
    tenant_id = delivery.tenant_id
    place = _place(tenant_id, db, event)
    if place is None:
        return "no deployment has this address"
    now = clock.now()
    customer, new = _meet(tenant_id, db, event, person, now)
    settled = now + timedelta(seconds=settings().settling_seconds)
    automatic = event.automatic or _goes_round(db, customer, event, now)
    conversation_id = join_conversation(
        tenant_id,
        db,
        customer_id=customer.id,
        deployment_id=place.deployment_id,
        now=now,
        quiet_hours=place.quiet_hours,
        answer_after=None if automatic else settled,
        new=new,
    )
    message = Message(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        delivery_id=delivery.id,
        connection_id=delivery.connection_id,
        direction="in",
        author="customer",
        kind="automatic" if automatic else "message",
        channel=event.channel,
        contact=event.sender,
        address=place.address,
        subject=event.subject,
        body=event.text,
        state="received",
        provider_id=event.provider_id,
        extra=dict(event.extra),
        created_at=delivery.received_at,
    )
    insert_row(db, message)
    plan(tenant_id, db, message, event.attachments, now)
    _obey_keyword(db, customer, message)
    log().info("message in", conversation=conversation_id, channel=event.channel)
    return ""


def _goes_round(db: Session, customer: Customer, event: InboundMessage, now: datetime) -> bool:
    """Whether a machine that does not say so answers our answers: the desk has the mail, and
    nobody is written to."""
    if event.channel != "email":
        return False
    lately = said_lately(customer.tenant_id, db, customer.id, event.channel, now - ROUND)
    words = DIGITS.sub("", event.text)
    same = [said for said in lately if DIGITS.sub("", said) == words]
    return (len(words) >= SHORT and len(same) >= SAME - 1) or len(lately) >= MANY - 1


def _place(tenant_id: int, db: Session, event: InboundMessage) -> Place | None:
    """Which of our addresses it was sent to: an e-mail may have several recipients."""
    others = event.extra.get("recipients", "").split(",")
    for recipient in (event.recipient, *(r.strip() for r in others)):
        value = recipient.lower() if event.channel == "email" else recipient
        if value and (found := place_at(tenant_id, db, event.channel, value)):
            return found
    return None


def _meet(
    tenant_id: int, db: Session, event: InboundMessage, person: LookUp, now: datetime
) -> tuple[Customer, bool]:
    """The customer, and whether they are new."""
    profile = person.profile
    others = [("phone", profile.phone), ("email", profile.email.lower())] if profile else []
    others = [(kind, value) for kind, value in others if value]
    draft = Customer(
        tenant_id=tenant_id, first_name="", last_name="", language="", profile={}, created_at=now
    )
    if person.asked:
        take_profile(draft, person, now)
    return meet_customer(
        tenant_id, db, _identity(event), others, draft, now, stranger=person.stranger
    )


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
    down = bool(error.vendor) and error.code != GONE
    asked_for = clock.now() - delivery.received_at
    if delivery.attempts >= GIVE_UP_AFTER and not (down and asked_for < ASK_FOR):
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
