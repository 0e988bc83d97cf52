"""What goes out: messages written to the database, handed to carriers, and their fate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from bot import clock, consent, metrics, sending
from bot import turn as words
from bot.db import alone, transaction
from bot.escalation import escalate
from bot.events import describe_customer, notify
from bot.holds import pause_before
from bot.limits import take
from bot.logs import log
from bot.mail import compose
from bot.media.links import signed_url
from bot.media.names import saved_name
from bot.models.base import Json
from bot.models.conversations import Conversation
from bot.models.customers import Customer
from bot.models.media import media_of
from bot.models.messages import (
    Message,
    answered_by,
    claim_messages,
    ids_of_others,
    left_sending,
    note_sent,
    of_unknown_fate,
    what_is_around,
)
from bot.reach import find_ways, way_back
from bot.replies.render import fit_text
from bot.sending import Way
from bot.settings import settings
from bot.tenants import describe_tenant, open_channel
from bot.turn import Escalate, Voice
from connectors.channels import OutboundMessage, Sent, StatusReport
from connectors.errors import OutcomeUnknown, Refused, Unavailable

BATCH = 10
GIVE_UP_AFTER = 10  # attempts at handing a message over, the last more than an hour later
OPTED_OUT = "21610"  # Twilio's word for: they said STOP to the carrier
ASK_AFTER = timedelta(seconds=30)  # then the carrier is asked what became of a message
ASK_AT_LEAST_EVERY = timedelta(minutes=30)
# WhatsApp takes one file a message (https://www.twilio.com/docs/whatsapp/api)
MOST_PICTURES = {"whatsapp": 1, "email": 10}
PASSING = 1.0  # seconds until what is sure to pass is tried again


@dataclass(frozen=True)
class _Letter:
    text: str
    kind: str
    author: str = "assistant"
    state: str = "queued"
    turn_id: int | None = None
    extra: Json = field(default_factory=dict)


def write_answer(
    db: Session,
    inbound: Message,
    text: str,
    *,
    author: str,
    kind: str,
    state: str = "queued",
    turn_id: int | None = None,
    extra: Json | None = None,
    tenant: words.Tenant | None = None,
) -> Message:
    """A message that answers `inbound`: back the way it came, if the planner lets it. `tenant`,
    where it is at hand."""
    conversation = db.get_one(Conversation, inbound.conversation_id)
    customer = db.get_one(Customer, conversation.customer_id)
    answers = sending.SENDING.get(kind) == "answer"
    back = way_back(db, customer, inbound, answers=answers)
    ways = [back]
    if back.channel == "whatsapp":  # its window may be over: how else?
        others = find_ways(customer.tenant_id, db, customer, conversation.deployment_id)
        ways += [way for way in others if way.channel != back.channel]
    stopped = customer.opted_out_at is not None and (
        inbound.created_at < customer.opted_out_at
        # STOP itself is confirmed, by the assistant, and answered by nobody else
        or (author == "adviser" and inbound.created_at == customer.opted_out_at)
    )
    letter = _Letter(text, kind, author, state, turn_id, extra or {})
    return _write(db, conversation, customer, ways, letter, stopped, inbound, tenant)


def write_first(
    db: Session,
    conversation: Conversation,
    text: str,
    *,
    kind: str,
    only: str = "",
    subject: str = "",
) -> Message:
    """A message of our own accord (a reminder …), where and when the planner says: by the
    channel `only`, if one is named. `subject`: of the e-mail, if it is one."""
    customer = db.get_one(Customer, conversation.customer_id)
    ways = find_ways(customer.tenant_id, db, customer, conversation.deployment_id)
    ways = [way for way in ways if only in {"", way.channel}]
    stopped = customer.opted_out_at is not None
    letter = _Letter(text, kind, extra={"subject": subject} if subject else {})
    return _write(db, conversation, customer, ways, letter, stopped)


def _write(
    db: Session,
    conversation: Conversation,
    customer: Customer,
    ways: Sequence[Way],
    letter: _Letter,
    stopped: bool,
    inbound: Message | None = None,
    tenant: words.Tenant | None = None,
) -> Message:
    tenant = tenant or describe_tenant(conversation.tenant_id, db)
    kind, text, now = letter.kind, letter.text, clock.now()
    plan = sending.plan(
        kind,
        ways,
        now=now.astimezone(tenant.hours.zone),
        hours=tenant.hours,
        stopped=stopped,
        preferred="" if inbound else customer.profile.get("preferred_channel", ""),
    )
    way = plan.way or (ways[0] if ways else None)
    fits = way is not None and way.channel == "sms" and letter.author == "assistant"
    message = Message(
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.id,
        turn_id=letter.turn_id,
        delivery_id=inbound.delivery_id if inbound else None,
        connection_id=way.connection_id if way else None,
        direction="out",
        author=letter.author,
        kind=kind,
        channel=way.channel if way else "sms",
        contact=way.contact if way else "",
        address=way.address if way else "",
        subject=inbound.subject if inbound else "",
        body=fit_text(text) if fits else text,
        template=plan.template,
        variables=_fill(customer.first_name, text) if plan.template else {},
        plan={"how": plan.how, "why": plan.why},
        extra=letter.extra,
        state="withheld" if plan.how == "never" else letter.state,
        attempts=0,
        send_after=plan.at or now,
        created_at=now,
    )
    db.add(message)
    db.flush()
    if plan.how == "never":
        metrics.count_send(message.channel, "withheld")
        log().info("message withheld", message=message.id, why=plan.why)
    return message


def _fill(name: str, text: str) -> dict[str, str]:
    """A template's variables as WhatsApp takes them: none empty, each on one line. A greeting
    without a name (the template may be in any language) waves instead."""
    return {"1": name or "👋", "2": " ".join(text.split())}


def send_messages() -> int:
    """Hand over what waits; how many were taken."""
    with transaction() as db:
        claimed = claim_messages(db, clock.now(), clock.wall(), settings().claim, BATCH)
        around = what_is_around(db, [m.id for m in claimed]) if claimed else {}
        for message in claimed:
            if around[message.id].stopped:  # it came between the writing and the sending
                message.state, message.plan = "withheld", {"how": "never", "why": "stopped"}
    for message in claimed:
        if message.state == "withheld":
            metrics.count_send(message.channel, "withheld")
            log().info("message withheld", message=message.id, why="stopped")
            continue
        if not _renew_claim(message):
            log().warning("claim lost", message=message.id)
            continue
        with bound_contextvars(message=message.id, delivery=message.delivery_id):
            _send(message, around[message.id].came_at)
    return len(claimed)


def _renew_claim(message: Message) -> bool:
    """Those before it may have taken long: keep it, or learn that it is another's by now."""
    assert message.tried_at is not None
    wall = clock.wall()
    if wall < message.tried_at + settings().claim / 3:
        return True
    with transaction() as db:
        stored = _lock(db, message)
        if not _is_ours(stored, message):
            return False
        for copy in (stored, message):
            copy.claimed_until, copy.tried_at = wall + settings().claim, wall
    return True


def _send(message: Message, came_at: datetime | None) -> None:
    """`came_at`: when the delivery came that it answers."""
    assert message.connection_id is not None
    try:
        connection, channel = open_channel(message.tenant_id, message.connection_id)
        holder = str(connection.id) if message.channel == "email" else message.address
        if wait := take(f"{connection.vendor}:{message.channel}", holder):
            _queue_again(message, timedelta(seconds=wait), tried=False)
            return
        outbound = _outbound(message)
    except Exception as error:  # a connection that is shut, a defect: nothing has left yet
        _put_off(message, _say_broken(error))
        return
    try:
        sent = channel.send(outbound)
    except OutcomeUnknown as error:
        _fail(message, "unknown", error.code)
    except Unavailable as error:
        _put_off(message, error)
    except Refused as error:
        if error.code == OPTED_OUT:
            _record_stop(message)
        _fail(message, "failed", error.code)
    except Exception as error:  # a defect, perhaps in reading what the carrier answered
        _fail(message, "unknown", _say_broken(error).code)
    else:
        _sent(message, sent)
        metrics.count_send(message.channel, "sent", clock.now() - came_at if came_at else None)


def _say_broken(error: Exception) -> Unavailable:
    """What breaks costs no other message: it is tried again, then the desk has it."""
    if isinstance(error, OperationalError):  # the database was away, or busy, for a moment
        return Unavailable(type(error).__name__, retry_after=PASSING)
    log().exception("message broke")
    return Unavailable(type(error).__name__, code=type(error).__name__)


def _put_off(message: Message, error: Unavailable) -> None:
    if message.attempts >= GIVE_UP_AFTER:
        _fail(message, "failed", error.code)
    else:
        _queue_again(message, pause_before(message.attempts, error.retry_after))


def _record_stop(message: Message) -> None:
    """The carrier refuses because they told it STOP."""
    with transaction() as db:
        conversation = db.get_one(Conversation, message.conversation_id)
        customer = db.get_one(Customer, conversation.customer_id)
        how = f"carrier: {OPTED_OUT}"
        consent.stop(db, customer, how=how, now=clock.now(), message_id=message.id)


def _outbound(message: Message) -> OutboundMessage:
    assert message.connection_id is not None
    connection, _ = open_channel(message.tenant_id, message.connection_id)
    door = f"{settings().base_url}/webhooks/{connection.vendor}/{connection.key}"
    plain = OutboundMessage(
        id=message.id,
        channel=message.channel,
        sender=message.address,
        recipient=message.contact,
        text=message.body,
        status_url=f"{door}?message={message.id}",
        key=f"message-{message.tenant_id}-{message.id}",
        template=message.template,
        variables=message.variables,
        media_urls=_pictures(message),
    )
    return _as_mail(plain, message) if message.channel == "email" else plain


def _pictures(message: Message) -> tuple[str, ...]:
    """Where the carrier fetches the pictures that go with it: the catalogue's that the
    assistant chose, and ours that an adviser enclosed. A template has no room for any."""
    if message.template or message.channel not in MOST_PICTURES:
        return ()
    urls = list(message.extra.get("pictures", ()))
    if "enclosed" in message.extra:
        with transaction() as db:
            files = media_of(message.tenant_id, db, [message.id])
        urls += [
            f"{signed_url(m)}/{quote(saved_name(m.name, m.content_type, m.id))}" for m in files
        ]
    return tuple(urls[: MOST_PICTURES[message.channel]])


def _as_mail(plain: OutboundMessage, message: Message) -> OutboundMessage:
    """Composed once and kept: sent again, it must be the same to the byte, whatever changed
    meanwhile, for its idempotency key stands for exactly that."""
    with transaction() as db:
        stored = db.get_one(Message, message.id)
        if "mail" not in stored.extra:
            tenant = describe_tenant(message.tenant_id, db)
            answered = answered_by(message.tenant_id, db, message)
            memory = db.get_one(Conversation, message.conversation_id).memory
            mail = compose(message, answered, tenant, memory.get("language") or tenant.language)
            composed = {**asdict(mail), "sender_name": tenant.name}
            composed["media_urls"] = list(plain.media_urls)  # a link of tomorrow would differ
            stored.extra = {**stored.extra, "mail": composed}
        return replace(plain, **stored.extra["mail"])


def _sent(message: Message, sent: Sent) -> None:
    with alone() as connection:
        note_sent(connection, message.id, sent, clock.now())
    log().info("message out", conversation=message.conversation_id, attempts=message.attempts)


def _queue_again(message: Message, pause: timedelta, *, tried: bool = True) -> None:
    with transaction() as db:
        stored = _lock(db, message)
        if not _is_ours(stored, message):
            return
        stored.attempts -= 0 if tried else 1
        stored.state, stored.send_after = "queued", clock.now() + pause
    metrics.count_send(message.channel, "again")
    log().warning("message waits", attempts=message.attempts, seconds=pause.total_seconds())


def _fail(message: Message, state: str, code: str) -> None:
    """It was not handed over, or nobody knows: the desk is told whom it was for."""
    with transaction() as db:
        stored = _lock(db, message)
        if not _is_ours(stored, message) or not stored.move_to(state, code):
            return
        if state == "unknown":
            stored.send_after = clock.now() + ASK_AFTER
        tell_undelivered(db, stored)
    metrics.count_send(message.channel, state)
    log().warning("message not handed over", state=state, code=code)


def tell_undelivered(db: Session, message: Message) -> None:
    """A message failed, or its fate is unknown."""
    tenant = describe_tenant(message.tenant_id, db)
    conversation = db.get_one(Conversation, message.conversation_id)
    unknown = message.state == "unknown"
    facts = describe_customer(tenant.id, db, conversation.customer_id)
    notify(
        tenant,
        db,
        "delivery_failed",
        {**facts, "unknown": unknown, "code": message.code},
        now=clock.now(),
        conversation_id=conversation.id,
        needs_action=not unknown,
    )
    if not unknown:
        escalate(
            tenant,
            db,
            conversation.id,
            conversation.customer_id,
            Escalate("delivery_failed", facts={"text": message.body, "code": message.code}),
            now=clock.now(),
            voice=Voice(),
            language=tenant.language,
        )


def apply_report(db: Session, tenant_id: int, connection_id: int, report: StatusReport) -> str:
    """Move the message reported on forward; why the report was ignored, or ""."""
    by = (
        Message.id == report.message_id
        if report.message_id is not None
        else Message.provider_id == report.provider_id
    )
    message = db.scalar(
        select(Message)
        .where(Message.tenant_id == tenant_id, Message.connection_id == connection_id, by)
        .with_for_update()
    )
    if message is None or message.direction != "out":
        return "report on no message of ours"
    if message.provider_id not in {None, report.provider_id}:
        return "report on another message"
    message.provider_id = report.provider_id
    if report.stops:
        _take_stop(db, message, report)
    if not message.move_to(report.state, report.code):
        return ""
    message.sent_at = message.sent_at or clock.now()
    if message.state == "failed":
        tell_undelivered(db, message)
    log().info("message reported", message=message.id, state=report.state, code=report.code)
    return ""


def _take_stop(db: Session, message: Message, report: StatusReport) -> None:
    """The carrier tells that this person is not to be written to any more."""
    conversation = db.get_one(Conversation, message.conversation_id)
    customer = db.get_one(Customer, conversation.customer_id)
    how = f"{report.stops}: {report.code}" if report.code else report.stops
    if report.stops == "opted_out":
        consent.stop(db, customer, how=how, now=clock.now(), message_id=message.id)
    else:
        consent.silence(db, customer, message.channel, how=how, now=clock.now())


def find_lost() -> int:
    """Settle messages whose sender died and ask carriers about those of unknown fate."""
    with transaction() as db:
        for message in (lost := left_sending(db, clock.wall())):
            message.move_to("unknown")
            message.send_after = clock.now()
            tell_undelivered(db, message)
    with transaction() as db:
        unknown = of_unknown_fate(db, clock.now(), clock.wall(), settings().claim)
    for message in unknown:
        with bound_contextvars(message=message.id, delivery=message.delivery_id):
            _ask_carrier(message)
    return len(lost) + len(unknown)


def _ask_carrier(message: Message) -> None:
    """The carrier has it, or it may safely be sent again."""
    assert message.connection_id is not None
    assert message.tried_at is not None
    try:
        _, channel = open_channel(message.tenant_id, message.connection_id)
        with transaction() as db:
            others = ids_of_others(db, message)
        found = channel.find_sent(_outbound(message), since=message.tried_at, known=others)
    except Refused as error:
        _fail(message, "failed", error.code)
        return
    except Exception as error:  # the carrier is down; a connection that is shut, a defect
        if not isinstance(error, Unavailable):
            _say_broken(error)
        _ask_later(message, message.tried_at)
        return
    if found is not None:
        _sent(message, found)
    elif message.attempts >= GIVE_UP_AFTER:
        _fail(message, "failed", "lost")
    else:
        _queue_again(message, timedelta())


def _ask_later(message: Message, tried_at: datetime) -> None:
    """The longer nobody knows, the rarer the carrier is asked."""
    pause = min(max(ASK_AFTER, (clock.wall() - tried_at) / 2), ASK_AT_LEAST_EVERY)
    with transaction() as db:
        _lock(db, message).send_after = clock.now() + pause


def _is_ours(stored: Message, message: Message) -> bool:
    """Whether nobody has taken it over, and no report moved it on, since we claimed it."""
    return (stored.state, stored.claimed_until) == (message.state, message.claimed_until)


def _lock(db: Session, message: Message) -> Message:
    return db.get_one(Message, message.id, with_for_update=True)
