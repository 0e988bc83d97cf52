"""The ways in which a customer can be reached."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from bot.models import consents
from bot.models.conversations import Conversation
from bot.models.customers import Customer, Identity
from bot.models.messages import Message
from bot.models.templates import approved_templates
from bot.models.tenants import Address
from bot.sending import Way

# By which identity a channel reaches someone
IDENTITIES = {"sms": ("phone",), "whatsapp": ("phone", "whatsapp"), "email": ("email",)}


def find_ways(tenant_id: int, db: Session, customer: Customer, deployment_id: int) -> list[Way]:
    """Where they last wrote first; then the deployment's other channels for which they have
    an identity."""
    written = list(
        db.scalars(
            select(Message)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(
                Message.tenant_id == tenant_id,
                Message.direction == "in",
                Conversation.customer_id == customer.id,
                Conversation.deployment_id == deployment_id,
            )
            .ext(distinct_on(Message.channel))
            .order_by(Message.channel, Message.id.desc())
        )
    )
    written.sort(key=lambda m: m.id, reverse=True)
    ways = [way_back(db, customer, message) for message in written]
    seen = {way.channel for way in ways}
    addresses = db.scalars(
        select(Address)
        .where(Address.tenant_id == tenant_id, Address.deployment_id == deployment_id)
        .order_by(Address.id)
    ).all()
    for address in addresses:
        contact = _contact(tenant_id, db, customer.id, address.channel)
        if address.channel not in seen and contact and address.connection_id:
            ways.append(_way(db, customer, address, contact))
            seen.add(address.channel)
    return ways


def way_back(db: Session, customer: Customer, inbound: Message, *, answers: bool = False) -> Way:
    """The way by which a message came. `answers`: for an answer to it, which needs no consent."""
    said = {} if answers else consents.given(customer.tenant_id, db, customer.id, inbound.channel)
    return Way(
        channel=inbound.channel,
        contact=inbound.contact,
        address=inbound.address,
        connection_id=inbound.connection_id,
        last_wrote=inbound.created_at,
        silenced=said.get("all") is False,
        commercial=said.get("commercial") is True,
        templates=_templates(customer.tenant_id, db, inbound.channel, inbound.connection_id),
    )


def _way(db: Session, customer: Customer, address: Address, contact: str) -> Way:
    said = consents.given(customer.tenant_id, db, customer.id, address.channel)
    return Way(
        channel=address.channel,
        contact=contact,
        address=address.value,
        connection_id=address.connection_id,
        last_wrote=None,
        silenced=said.get("all") is False,
        commercial=said.get("commercial") is True,
        templates=_templates(customer.tenant_id, db, address.channel, address.connection_id),
    )


def _templates(
    tenant_id: int, db: Session, channel: str, connection_id: int | None
) -> dict[str, str]:
    if channel != "whatsapp" or connection_id is None:
        return {}
    return approved_templates(tenant_id, db, connection_id)


def _contact(tenant_id: int, db: Session, customer_id: int, channel: str) -> str | None:
    return db.scalar(
        select(Identity.value)
        .where(
            Identity.tenant_id == tenant_id,
            Identity.customer_id == customer_id,
            Identity.kind.in_(IDENTITIES.get(channel, ())),
        )
        .order_by(Identity.id)
        .limit(1)
    )
