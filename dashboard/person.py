"""The customer beside the conversation: who they are, what they agreed to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.models.consents import Consent
from bot.models.conversations import Conversation
from bot.models.customers import Customer, Identity
from bot.models.messages import Message
from bot.models.tenants import Address
from bot.reach import IDENTITIES

LATEST = 8  # entries of the ledger shown
TALKS = 6  # other conversations shown
CHANNELS = ("sms", "whatsapp", "email", "web")


@dataclass(frozen=True)
class Contact:
    """An identity: the channels by which the shop reaches it, and who vouches for it (""
    nobody)."""

    kind: str
    value: str
    channels: tuple[str, ...]
    proven_by: str


@dataclass(frozen=True)
class Agreed:
    """An entry of the consent ledger. `proof` names how it is known, `words` what was said:
    the customer's message, or the carrier's code."""

    scope: str
    channel: str
    given: bool
    proof: str
    words: str
    at: datetime


@dataclass(frozen=True)
class Talk:
    """Another conversation of theirs. `channel` is the one it was last on."""

    id: int
    channel: str
    state: str
    at: datetime


@dataclass(frozen=True)
class Person:
    id: int
    name: str
    first_name: str
    contacts: tuple[Contact, ...]
    profile: tuple[tuple[str, Any], ...]
    opted_out_at: datetime | None
    agreed: tuple[Agreed, ...] = ()
    talks: tuple[Talk, ...] = ()

    def known(self, key: str) -> Any:
        return dict(self.profile).get(key)


def read_person(tenant_id: int, db: Session, customer: Customer, conversation_id: int) -> Person:
    """The customer of that conversation."""
    identities = db.scalars(
        select(Identity)
        .where(Identity.tenant_id == tenant_id, Identity.customer_id == customer.id)
        .order_by(Identity.id)
    )
    offered = set(db.scalars(select(Address.channel).where(Address.tenant_id == tenant_id)))
    return Person(
        id=customer.id,
        name=customer.name,
        first_name=customer.first_name,
        contacts=tuple(
            Contact(it.kind, it.value, _channels(it.kind, offered), it.proven_by)
            for it in identities
        ),
        profile=tuple(customer.profile.items()),
        opted_out_at=customer.opted_out_at,
        agreed=_agreed(tenant_id, db, customer.id),
        talks=_talks(tenant_id, db, customer.id, conversation_id),
    )


def _channels(kind: str, offered: set[str]) -> tuple[str, ...]:
    return tuple(c for c in CHANNELS if c in offered and kind in IDENTITIES.get(c, ()))


def _agreed(tenant_id: int, db: Session, customer_id: int) -> tuple[Agreed, ...]:
    """The latest first."""
    rows = db.scalars(
        select(Consent)
        .where(Consent.tenant_id == tenant_id, Consent.customer_id == customer_id)
        .order_by(Consent.id.desc())
        .limit(LATEST)
    )
    return tuple(_entry(row) for row in rows)


def _talks(tenant_id: int, db: Session, customer_id: int, this: int) -> tuple[Talk, ...]:
    """Their other conversations, on whatever channel, the latest first."""
    last = (
        select(Message.channel)
        .where(Message.conversation_id == Conversation.id)
        .order_by(Message.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = db.execute(
        select(Conversation.id, last, Conversation.state, Conversation.last_message_at)
        .where(
            Conversation.tenant_id == tenant_id,
            Conversation.customer_id == customer_id,
            Conversation.id != this,
        )
        .order_by(Conversation.last_message_at.desc())
        .limit(TALKS)
    )
    return tuple(Talk(row_id, last_on or "", state, at) for row_id, last_on, state, at in rows)


def _entry(row: Consent) -> Agreed:
    """`how` is the proof and, after a colon, its words: "sms: STOP", "carrier: 21610"."""
    proof, _, words = row.how.partition(": ")
    return Agreed(row.scope, row.channel, row.state == "given", proof, words, row.at)
