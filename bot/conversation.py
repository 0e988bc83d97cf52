"""One turn: load the thread, understand, decide, record."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from bot import clock, consent, metrics, profiles
from bot import turn as words
from bot.agents import Speaker, speaking_as
from bot.db import transaction
from bot.engines import open_engine
from bot.escalation import escalate, summarize
from bot.events import describe_customer, notify, plain_facts
from bot.flows import FLOWS
from bot.flows.consent import tell_help
from bot.flows.handover import (
    ask_back,
    give_up,
    hand_over,
    leave_to_adviser,
    receive,
    say_system_down,
)
from bot.flows.outcomes import merge
from bot.inbox import IDENTITY_KINDS
from bot.keywords import read_keyword
from bot.logs import log
from bot.media.types import kind_of
from bot.models.conversations import (
    Conversation,
    begin_turn,
    lease_conversation,
    lock_leased,
)
from bot.models.conversations import (
    Turn as TurnRow,
)
from bot.models.customers import Customer
from bot.models.media import media_of
from bot.models.messages import Message, has_spoken, last_out, unanswered
from bot.models.reservations import active_reservations
from bot.models.tenants import Tenant
from bot.outbox import write_answer
from bot.replies.render import speak, tell_desk
from bot.reservations import apply, describe, undo_unkept
from bot.settings import settings
from bot.shop import Shop
from bot.tenants import describe_tenant, open_shop
from bot.turn import (
    Cancel,
    Context,
    Level,
    Outcome,
    Restart,
    Say,
    SetPickup,
    Stop,
    Turn,
    Understanding,
)
from bot.understanding.engine import DEFAULT_THRESHOLD
from connectors.errors import ConnectorError

REREADS = 3  # how often what arrived meanwhile is read again before the answer is recorded
ATTEMPTS = 3  # then a turn that keeps breaking is handed to a person


@dataclass(frozen=True)
class Loaded:
    """The thread as it stood when the turn began."""

    conversation: Conversation
    lease: uuid.UUID
    row: TurnRow
    tenant: words.Tenant
    shop: Shop
    order_shapes: tuple[str, ...]
    speaker: Speaker
    customer: Customer
    messages: tuple[Message, ...]
    enclosed: tuple[str, ...]
    reservations: tuple[words.Reservation, ...]
    first: bool
    adviser_speaks: bool


def take_turn() -> bool:
    """Take one conversation whose answer is due; False when none is."""
    with transaction() as db:
        leased = lease_conversation(
            db, clock.now(), clock.wall(), timedelta(seconds=settings().lease_seconds)
        )
    if leased is None:
        return False
    with bound_contextvars(conversation=leased.id):
        try:
            _answer(leased)
        except Exception:  # a defect must not take the other conversations along
            log().exception("turn broke")
            _try_later(leased)
    return True


def _answer(leased: Conversation) -> None:
    for reread in range(REREADS):
        loaded = _load(leased, again=reread > 0)
        if loaded is None:
            return
        loaded = replace(loaded, customer=_refresh_customer(loaded))
        turn = _read_turn(loaded)
        if _record(loaded, turn, _decide(loaded, turn)):
            return
    _put_back(leased)


# --- load --------------------------------------------------------------------------------


def _load(leased: Conversation, *, again: bool) -> Loaded | None:
    """The thread, or None when there is nothing to answer or the lease is lost. Unless it
    is loaded `again`, an attempt at the turn begins."""
    assert leased.lease is not None
    with transaction() as db:
        conversation = lock_leased(leased.tenant_id, db, leased.id, leased.lease)
        if conversation is None:
            return None
        messages = unanswered(leased.tenant_id, db, leased.id)
        if not messages:
            _let_go(conversation, waits=False)
            return None
        if again:
            conversation.lease_until = clock.wall() + timedelta(seconds=settings().lease_seconds)
        tenant = describe_tenant(leased.tenant_id, db)
        row = begin_turn(leased.tenant_id, db, leased.id, clock.now(), again=again)
        held = active_reservations(leased.tenant_id, db, leased.customer_id)
        last = last_out(leased.tenant_id, db, leased.id)
        return Loaded(
            conversation=conversation,
            lease=leased.lease,
            row=row,
            tenant=tenant,
            shop=open_shop(
                leased.tenant_id,
                db,
                turn_id=row.id,
                conversation_id=leased.id,
                customer_id=leased.customer_id,
            ),
            order_shapes=tuple(db.get_one(Tenant, leased.tenant_id).order_shapes),
            speaker=speaking_as(leased.tenant_id, db, leased.id),
            customer=db.get_one(Customer, leased.customer_id),
            messages=tuple(messages),
            enclosed=_enclosed(leased.tenant_id, db, messages),
            reservations=tuple(describe(r, tenant) for r in held),
            first=not has_spoken(leased.tenant_id, db, leased.id),
            adviser_speaks=last is not None and last.author == "adviser",
        )


def _enclosed(tenant_id: int, db: Session, messages: Sequence[Message]) -> tuple[str, ...]:
    """What came along, as its senders call it: it may not be fetched yet. The pictures of an
    e-mail that says something are often its signature."""
    told = [m for m in messages if m.channel != "email" or not m.body.strip()]
    files = media_of(tenant_id, db, [m.id for m in told])
    kinds = [kind_of(f.source["content_type"]) for f in files if "content_type" in f.source]
    return (*kinds, *("place" for m in messages if "latitude" in m.extra))


def _refresh_customer(loaded: Loaded) -> Customer:
    last = loaded.messages[-1]
    return profiles.refresh(loaded.customer, IDENTITY_KINDS[last.channel], last.contact)


def _let_go(conversation: Conversation, *, waits: bool) -> None:
    conversation.lease = conversation.lease_until = None
    if not waits:
        conversation.answer_after = None


# --- understand and decide ---------------------------------------------------------------


def _read_turn(loaded: Loaded) -> Turn:
    """The turn as flows see it, the customer's words understood."""
    customer, tenant, shop = loaded.customer, loaded.tenant, loaded.shop
    now = clock.now().astimezone(tenant.hours.zone)
    text = "\n".join(m.body for m in loaded.messages)
    context = Context(
        now=now,
        hours=tenant.hours,
        products=shop.products,
        posts=shop.posts,
        order_shapes=loaded.order_shapes,
        asked=loaded.conversation.asked,
        language=_spoken(loaded),
    )
    if loaded.row.attempts > ATTEMPTS:  # perhaps it is the reading that breaks
        understanding = Understanding(("unknown",), 0.0, language=context.language)
    else:
        understanding = open_engine(loaded.speaker.engine).understand(text, context)
    return Turn(
        now=now,
        tenant=tenant,
        policies=loaded.speaker.policies,
        voice=loaded.speaker.voice,
        customer=words.Customer(
            id=customer.id,
            first_name=customer.first_name,
            name=customer.name,
            segment=customer.profile.get("segment", ""),
            usual_size=customer.profile.get("usual_size", ""),
            language=customer.language,
        ),
        channel=loaded.messages[-1].channel,
        text=text,
        understanding=understanding,
        asked=loaded.conversation.asked,
        memory=loaded.conversation.memory,
        reservations=loaded.reservations,
        first=loaded.first,
        shop=shop,
        enclosed=loaded.enclosed,
    )


@dataclass(frozen=True)
class Decision:
    outcome: Outcome
    handled: Level


def _decide(loaded: Loaded, turn: Turn) -> Decision:
    """Flows and policies decide; a system that is down is said honestly."""
    if loaded.row.attempts > ATTEMPTS:
        return Decision(say_system_down(turn), "human")
    try:
        return _decide_by_level(loaded, turn)
    except ConnectorError as error:
        log().warning("system down", vendor=error.vendor, code=error.code)
        return Decision(say_system_down(turn), "human")


def _decide_by_level(loaded: Loaded, turn: Turn) -> Decision:
    if read_keyword(loaded.messages[-1].body) == "help":
        return Decision(tell_help(turn), "auto")
    threshold = loaded.speaker.threshold
    if threshold is None:
        threshold = DEFAULT_THRESHOLD
    intents = _in_this_light(turn)
    if "unknown" in intents or not intents or turn.understanding.confidence < threshold:
        return _decide_unknown(loaded, turn)
    if loaded.adviser_speaks and set(intents) <= {"closing", "confirm", "deny", "choose"}:
        return Decision(leave_to_adviser(turn) if intents != ("closing",) else Outcome(), "human")
    ordered = sorted(intents, key=lambda i: [*FLOWS, i].index(i))
    outcomes: list[Outcome] = []
    levels: set[Level] = set()
    covered: frozenset[str] = frozenset()
    for intent in ordered:
        if intent in covered:
            continue
        level = loaded.speaker.level(intent) if intent in FLOWS else "human"
        outcome = FLOWS[intent](turn) if level != "human" else hand_over(turn, intent)
        outcomes.append(outcome)
        covered |= outcome.covers
        levels.add("human" if outcome.escalations and level == "auto" else level)
    return Decision(merge(outcomes), _joint_level(levels))


def _in_this_light(turn: Turn) -> tuple[str, ...]:
    """The intents, in the light of what is put aside: "finalement le 40" is about that, not
    about an order, unless they name one."""
    entities = turn.understanding.entities
    about_order = {"exchange_request", "order_change"} & set(turn.understanding.intents)
    in_hand = turn.reservations or turn.asked in {"reservation_offer", "size"}
    if not (about_order and in_hand and entities.sizes) or entities.order_numbers:
        return turn.understanding.intents
    others = [i for i in turn.understanding.intents if i not in about_order]
    return ("reservation_create", *(i for i in others if i != "reservation_create"))


def _decide_unknown(loaded: Loaded, turn: Turn) -> Decision:
    if loaded.adviser_speaks:
        return Decision(leave_to_adviser(turn), "human")
    if turn.enclosed:
        return Decision(receive(turn), "human")
    if turn.memory.get("asked_back"):
        return Decision(give_up(turn), "human")
    return Decision(ask_back(turn), "auto")


def _joint_level(levels: set[Level]) -> Level:
    """Several requests of one message: what a person must see prevails."""
    if len(levels) == 1:
        return next(iter(levels))
    return "both" if "auto" in levels and "draft" not in levels else "draft"


# --- record ------------------------------------------------------------------------------


def _record(loaded: Loaded, turn: Turn, decision: Decision) -> bool:
    """Record the decision in one transaction; False when more was said meanwhile."""
    now = clock.now()
    outcome = decision.outcome
    with transaction() as db:
        conversation = lock_leased(loaded.tenant.id, db, loaded.conversation.id, loaded.lease)
        if conversation is None:
            log().warning("lease lost")  # who has it now finds our effects and goes on
            return True
        known = {m.id for m in loaded.messages}
        waiting = unanswered(loaded.tenant.id, db, conversation.id)
        if any(m.id not in known for m in waiting):
            return False
        row = db.get_one(TurnRow, loaded.row.id)
        for message in waiting:
            message.turn_id = row.id
        _apply_changes(db, loaded, turn, outcome, now)
        undo_unkept(loaded.tenant.id, db, row.id, now)
        _record_reply(db, loaded, turn, decision)
        _record_handover(db, loaded, turn, outcome, now)
        if outcome.say:
            conversation.last_message_at = now
        conversation.asked = outcome.asks or _still_asked(turn, outcome)
        conversation.memory = {
            **conversation.memory,
            "asked_back": False,
            "language": _language(turn),
            **plain_facts(outcome.remember),
        }
        row.understanding = plain_facts(asdict(turn.understanding))
        row.actions = {"done": _describe_actions(turn, outcome)}
        row.handled, row.finished_at = decision.handled, now
        _let_go(conversation, waits=False)
    metrics.count_turn(row.handled, turn.understanding.intents, now - row.started_at)
    log().info(
        "turn",
        turn=row.id,
        intents=turn.understanding.intents,
        confidence=round(turn.understanding.confidence, 3),
        handled=decision.handled,
        deliveries=[m.delivery_id for m in loaded.messages],
    )
    return True


def _apply_changes(
    db: Session, loaded: Loaded, turn: Turn, outcome: Outcome, now: datetime
) -> None:
    last = loaded.messages[-1]
    customer = db.get_one(Customer, loaded.customer.id)
    how = f"{last.channel}: {last.body[:40]}"
    for change in outcome.changes:
        match change:
            case Stop():
                # A keyword was obeyed when it came in
                if customer.opted_out_at is None:
                    at = last.created_at
                    consent.stop(db, customer, how=how, now=at, message_id=last.id)
            case Restart():
                if customer.opted_out_at is not None:
                    consent.restart(db, customer, how=how, now=now, message_id=last.id)
            case _:
                apply(loaded.tenant.id, db, change, channel=turn.channel, now=now)


def _still_asked(turn: Turn, outcome: Outcome) -> str | None:
    """A question about the pick-up stays open while they speak of something else."""
    if turn.asked != "pickup_time" or any(
        isinstance(c, SetPickup | Cancel) for c in outcome.changes
    ):
        return None
    return turn.asked if any(r.pickup is None for r in turn.reservations) else None


def _record_reply(db: Session, loaded: Loaded, turn: Turn, decision: Decision) -> None:
    says = decision.outcome.say
    if not says:
        return
    if turn.first and not says[0].key.startswith("smalltalk.hello"):
        says = (Say("greeting.hello", {"name": turn.customer.first_name}), *says)
    voice = replace(turn.voice, emoji=turn.voice.emoji and not turn.upset)
    text = speak(says, language=_language(turn), voice=voice, now=turn.now)
    draft = decision.handled == "draft"
    write_answer(
        db,
        loaded.messages[-1],
        text,
        author="assistant",
        kind="acknowledgement" if decision.handled == "human" else "reply",
        state="draft" if draft else "queued",
        turn_id=loaded.row.id,
    )


def _record_handover(
    db: Session, loaded: Loaded, turn: Turn, outcome: Outcome, now: datetime
) -> None:
    """Escalations and notices onto the desk."""
    conversation = loaded.conversation
    for escalation in outcome.escalations:
        escalate(
            loaded.tenant,
            db,
            conversation.id,
            conversation.customer_id,
            escalation,
            now=now,
            voice=turn.voice,
            language=_language(turn),
            turn_id=loaded.row.id,
        )
    if not outcome.notices:
        return
    contact = describe_customer(loaded.tenant.id, db, conversation.customer_id)["contact"]
    for notice in outcome.notices:
        notify(
            loaded.tenant,
            db,
            notice.kind,
            {"contact": contact, **notice.facts},
            now=now,
            conversation_id=conversation.id,
            reservation_id=notice.reservation_id,
            needs_action=notice.needs_action,
        )


def _describe_actions(turn: Turn, outcome: Outcome) -> list[str]:
    """What was done, as the desk shows it beside the message."""
    told = [(f"done.{n.kind}", n.facts) for n in outcome.notices]
    told += [
        ("done.escalated", {"summary": summarize(turn.tenant, e, turn.now)})
        for e in outcome.escalations
    ]
    return [
        " ".join(tell_desk(key, facts, language=turn.tenant.language, now=turn.now))
        for key, facts in told
    ]


def _spoken(loaded: Loaded) -> str:
    """The language of the conversation so far, for words too short to tell."""
    remembered: str = loaded.conversation.memory.get("language", "")
    return remembered or loaded.customer.language or loaded.tenant.language


def _language(turn: Turn) -> str:
    """The language of the answer: the one they write, where we speak it."""
    wrote = turn.understanding.language
    return wrote if wrote in {"fr", "en"} else turn.tenant.language


def _try_later(leased: Conversation) -> None:
    """The turn broke on a defect: again in a while, and after some tries a person."""
    assert leased.lease is not None
    with transaction() as db:
        conversation = lock_leased(leased.tenant_id, db, leased.id, leased.lease)
        if conversation is not None:
            _let_go(conversation, waits=True)
            conversation.answer_after = clock.now() + timedelta(seconds=10)


def _put_back(leased: Conversation) -> None:
    """They keep writing: the next turn begins where this one left off."""
    assert leased.lease is not None
    with transaction() as db:
        conversation = lock_leased(leased.tenant_id, db, leased.id, leased.lease)
        if conversation is not None:
            _let_go(conversation, waits=True)
