"""The thread as it stands when a turn begins."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from bot import clock
from bot import turn as words
from bot.agents import Speaker
from bot.db import transaction
from bot.media.types import kind_of
from bot.models.conversations import Conversation, Leased, begin_turn, lock_leased
from bot.models.conversations import Turn as TurnRow
from bot.models.customers import Customer, Identity, identities_of
from bot.models.media import media_of
from bot.models.messages import Message, unanswered, what_we_said
from bot.models.reservations import active_reservations
from bot.reservations import describe
from bot.settings import settings
from bot.shop import Shop
from bot.standing import standing_in
from bot.tenants import open_shop


@dataclass(frozen=True)
class Loaded:
    """The thread as it stood when the turn began."""

    conversation: Conversation
    lease: uuid.UUID
    row: TurnRow
    tenant: words.Tenant
    shop: Shop
    order_shapes: tuple[str, ...]
    own_names: frozenset[str]
    speaker: Speaker
    customer: Customer
    messages: tuple[Message, ...]
    enclosed: tuple[str, ...]
    identities: tuple[Identity, ...]
    reservations: tuple[words.Reservation, ...]
    first: bool
    introduced_on: frozenset[str]
    adviser_speaks: bool


def load(leased: Leased, *, again: bool) -> Loaded | None:
    """The thread, or None when there is nothing to answer or the lease is lost. Unless it
    is loaded `again`, an attempt at the turn begins."""
    with transaction() as db:
        conversation = lock_leased(leased.tenant_id, db, leased.id, leased.lease)
        if conversation is None:
            return None
        messages = unanswered(leased.tenant_id, db, leased.id)
        if not messages:
            let_go(conversation, waits=False)
            return None
        if again:
            conversation.lease_until = clock.wall() + timedelta(seconds=settings().lease_seconds)
        standing = standing_in(leased.tenant_id, db, leased.id)
        row = begin_turn(leased.tenant_id, db, leased.id, clock.now(), again=again)
        held = (
            active_reservations(leased.tenant_id, db, leased.customer_id)
            if standing.reserved
            else []
        )
        said = what_we_said(leased.tenant_id, db, leased.id)
        return Loaded(
            conversation=conversation,
            lease=leased.lease,
            row=row,
            tenant=standing.tenant,
            shop=open_shop(
                standing.tenant,
                standing.products,
                standing.posts,
                turn_id=row.id,
                conversation_id=leased.id,
                customer_id=leased.customer_id,
            ),
            order_shapes=standing.order_shapes,
            own_names=standing.own_names,
            speaker=standing.speaker,
            customer=db.get_one(Customer, leased.customer_id),
            messages=tuple(messages),
            enclosed=_enclosed(leased.tenant_id, db, messages, files=standing.enclosed),
            identities=tuple(identities_of(leased.tenant_id, db, leased.customer_id)),
            reservations=tuple(describe(r, standing.tenant) for r in held),
            first=not any(s.last for s in said),
            introduced_on=frozenset(s.channel for s in said if s.disclosed),
            adviser_speaks=bool(said) and said[0].by == "adviser",
        )


def _enclosed(
    tenant_id: int, db: Session, messages: Sequence[Message], *, files: bool
) -> tuple[str, ...]:
    """What came along, as its senders call it: it may not be fetched yet. The pictures of an
    e-mail that says something are often its signature."""
    told = [m for m in messages if m.channel != "email" or not m.body.strip()]
    came = media_of(tenant_id, db, [m.id for m in told]) if files else []
    kinds = [kind_of(f.source["content_type"]) for f in came if "content_type" in f.source]
    return (*kinds, *("place" for m in messages if "latitude" in m.extra))


def let_go(conversation: Conversation, *, waits: bool) -> None:
    conversation.lease = conversation.lease_until = None
    if not waits:
        conversation.answer_after = None


def spoken_language(loaded: Loaded) -> str:
    """The language of the conversation so far, for words too short to tell."""
    remembered: str = loaded.conversation.memory.get("language", "")
    return remembered or loaded.customer.language or loaded.tenant.language
