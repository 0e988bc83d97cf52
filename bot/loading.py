"""The thread as it stands when a turn begins."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from bot import clock
from bot import turn as words
from bot.agents import Speaker, speaking_as
from bot.db import transaction
from bot.media.types import kind_of
from bot.models.conversations import Conversation, begin_turn, lock_leased
from bot.models.conversations import Turn as TurnRow
from bot.models.customers import Customer
from bot.models.media import media_of
from bot.models.messages import Message, has_spoken, last_out, unanswered
from bot.models.reservations import active_reservations
from bot.models.tenants import Tenant
from bot.reservations import describe
from bot.settings import settings
from bot.shop import Shop
from bot.tenants import describe_tenant, open_shop


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


def load(leased: Conversation, *, again: bool) -> Loaded | None:
    """The thread, or None when there is nothing to answer or the lease is lost. Unless it
    is loaded `again`, an attempt at the turn begins."""
    assert leased.lease is not None
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


def let_go(conversation: Conversation, *, waits: bool) -> None:
    conversation.lease = conversation.lease_until = None
    if not waits:
        conversation.answer_after = None


def spoken_language(loaded: Loaded) -> str:
    """The language of the conversation so far, for words too short to tell."""
    remembered: str = loaded.conversation.memory.get("language", "")
    return remembered or loaded.customer.language or loaded.tenant.language
