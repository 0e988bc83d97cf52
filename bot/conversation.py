"""One turn: load the thread, understand, decide, record."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from structlog.contextvars import bound_contextvars

from bot import clock, profiles
from bot.db import alone, transaction
from bot.decision import ATTEMPTS, decide
from bot.engines import engine_of, open_engine
from bot.identity import describe_customer, proof_of
from bot.inbox import IDENTITY_KINDS
from bot.loading import Loaded, let_go, load, spoken_language
from bot.logs import log
from bot.models.conversations import Conversation, Leased, lease_conversation, lock_leased
from bot.models.customers import Customer
from bot.models.messages import Message
from bot.recording import record
from bot.settings import settings
from bot.turn import Context, Turn, Understanding
from bot.understanding.engine import DEFAULT_THRESHOLD, Engine

# An engine knows the format's questions; another of ours is read as the one most like it
READ_AS = {"waiting_offer": "photo_offer", "team_offer": "photo_offer"}

# What mail programs put before the subject of what is answered or passed on
ANSWERING = re.compile(r"(?:re|aw|tr|fwd?|réf?)\s*:", re.IGNORECASE)

POLITE = frozenset({"greeting", "closing", "unknown"})
HARDLY = 0.3  # a confidence below which a subject says nothing either
# What a subject may name: "Commande #2847"
NAMED = ("order_numbers", "tracking_numbers", "products", "sizes")

REREADS = 3  # how often what arrived meanwhile is read again before the answer is recorded


def take_turn() -> bool:
    """Take one conversation whose answer is due; False when none is."""
    with alone() as connection:
        leased = lease_conversation(
            connection, clock.now(), clock.wall(), timedelta(seconds=settings().lease_seconds)
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


def _answer(leased: Leased) -> None:
    for reread in range(REREADS):
        loaded = load(leased, again=reread > 0)
        if loaded is None:
            return
        loaded = replace(loaded, customer=_refresh_customer(loaded))
        turn = _read_turn(loaded)
        if record(loaded, turn, decide(loaded, turn)):
            return
    _put_back(leased)


def _refresh_customer(loaded: Loaded) -> Customer:
    last = loaded.messages[-1]
    kind = IDENTITY_KINDS[last.channel]
    return profiles.refresh(loaded.customer, loaded.identities, kind, last.contact)


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
        asked=_asked(loaded.conversation),
        language=spoken_language(loaded),
        own_names=loaded.own_names,
    )
    if loaded.row.attempts > ATTEMPTS:  # perhaps it is the reading that breaks
        understanding = Understanding(("unknown",), 0.0, language=context.language)
    else:
        engine = engine_of(loaded.speaker, tenant.id, loaded.conversation.id)
        text, understanding = _understand(engine, loaded, text, context)
    return Turn(
        now=now,
        tenant=tenant,
        policies=loaded.speaker.policies,
        voice=loaded.speaker.voice,
        customer=describe_customer(customer, loaded.identities),
        channel=loaded.messages[-1].channel,
        text=text,
        understanding=understanding,
        asked=loaded.conversation.asked,
        memory=loaded.conversation.memory,
        reservations=loaded.reservations,
        first=loaded.first,
        shop=shop,
        id=loaded.row.id,
        enclosed=loaded.enclosed,
        proof=proof_of(customer, loaded.identities),
    )


def _asked(conversation: Conversation) -> str | None:
    """The question that is open, as an engine knows it. Of several orders named in it, one is
    chosen as of two ways of exchanging: "la première"."""
    if conversation.asked == "order_number" and conversation.memory.get("options"):
        return "exchange_option"
    return READ_AS.get(conversation.asked or "", conversation.asked)


def _understand(
    engine: Engine, loaded: Loaded, text: str, context: Context
) -> tuple[str, Understanding]:
    """What they want, and the words that say so: of an e-mail that opens a thread the subject
    too, where the words are nothing but politeness. It completes what they name in any case."""
    read = engine.understand(text, context)
    subject = " ".join(s for m in loaded.messages if (s := _own_subject(m, loaded.first)))
    if not subject:
        return text, read
    if set(read.intents) <= POLITE or read.confidence < DEFAULT_THRESHOLD:
        titled = engine.understand(f"{subject}\n\n{text}", context)
        if not set(titled.intents) <= POLITE and titled.confidence > HARDLY:
            return f"{subject}\n\n{text}", titled
    named = open_engine("local").understand(subject, context).entities
    missing = {n: getattr(named, n) for n in NAMED if not getattr(read.entities, n)}
    return text, replace(read, entities=replace(read.entities, **missing))


def _own_subject(message: Message, first: bool) -> str:
    """The subject of an e-mail that opens a thread, or the conversation; "" of every other
    message."""
    subject = message.subject.strip()
    answers = ANSWERING.match(subject)
    if message.channel != "email" or (answers and not first):
        return ""
    return subject[answers.end() :].strip() if answers else subject


def _try_later(leased: Leased) -> None:
    """The turn broke on a defect: again in a while, and after some tries a person."""
    with transaction() as db:
        conversation = lock_leased(leased.tenant_id, db, leased.id, leased.lease)
        if conversation is not None:
            let_go(conversation, waits=True)
            conversation.answer_after = clock.now() + timedelta(seconds=10)


def _put_back(leased: Leased) -> None:
    """They keep writing: the next turn begins where this one left off."""
    with transaction() as db:
        conversation = lock_leased(leased.tenant_id, db, leased.id, leased.lease)
        if conversation is not None:
            let_go(conversation, waits=True)
