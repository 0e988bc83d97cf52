"""Conversations as JSON lines, for whoever has to read or hand over what was said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.db import transaction
from bot.models.consents import Consent
from bot.models.conversations import Conversation, Turn
from bot.models.customers import Customer, Identity
from bot.models.messages import Message
from bot.models.tenants import Tenant

BATCH = 200  # conversations looked up at a time


@click.group("conversations")
def conversations() -> None:
    """Conversations with customers."""


@conversations.command("export")
@click.option("--tenant", "slug", help="Only this tenant's.")
@click.option("--conversation", "id", type=int, help="Only this one.")
def export(slug: str | None, id: int | None) -> None:
    """Write conversations to the standard output, one a line, as JSON. The lines hold
    personal data."""
    written = 0
    for line in export_lines(slug, id):
        click.echo(line)
        written += 1
    if not written and (slug or id):
        raise click.ClickException("no such conversation")


def export_lines(slug: str | None = None, id: int | None = None) -> Iterator[str]:
    """One JSON object a conversation, oldest first; times in the tenant's zone, with their
    offset."""
    after = 0
    while True:
        with transaction() as db:
            ids = list(db.scalars(_choose(slug, id, after)))
        if not ids:
            return
        for after in ids:
            with transaction() as db:
                found = db.get(Conversation, after)
                if found is not None:
                    yield json.dumps(_describe(db, found), ensure_ascii=False)


def _choose(slug: str | None, id: int | None, after: int) -> Any:
    query = select(Conversation.id).where(Conversation.id > after)
    if slug is not None:
        tenant = select(Tenant.id).where(Tenant.slug == slug).scalar_subquery()
        query = query.where(Conversation.tenant_id == tenant)
    if id is not None:
        query = query.where(Conversation.id == id)
    return query.order_by(Conversation.id).limit(BATCH)


def _describe(db: Session, conversation: Conversation) -> dict[str, Any]:
    tenant = db.get_one(Tenant, conversation.tenant_id)
    zone = ZoneInfo(tenant.timezone)
    of_it = {"conversation_id": conversation.id, "tenant_id": tenant.id}
    return {
        "id": conversation.id,
        "tenant": tenant.slug,
        "state": conversation.state,
        "opened_at": _at(conversation.opened_at, zone),
        "closed_at": _at(conversation.closed_at, zone),
        "customer": _describe_customer(db, conversation, zone),
        "messages": [
            _describe_message(message, zone)
            for message in db.scalars(select(Message).filter_by(**of_it).order_by(Message.id))
        ],
        "turns": [
            _describe_turn(turn, zone)
            for turn in db.scalars(select(Turn).filter_by(**of_it).order_by(Turn.id))
        ],
    }


def _describe_customer(db: Session, conversation: Conversation, zone: ZoneInfo) -> dict[str, Any]:
    customer = db.get_one(Customer, conversation.customer_id)
    of_them = {"customer_id": customer.id, "tenant_id": customer.tenant_id}
    identities = db.scalars(select(Identity).filter_by(**of_them).order_by(Identity.id))
    consents = db.scalars(select(Consent).filter_by(**of_them).order_by(Consent.id))
    return {
        "id": customer.id,
        "name": customer.name,
        "language": customer.language,
        "opted_out_at": _at(customer.opted_out_at, zone),
        "identities": [
            {"kind": it.kind, "value": it.value, "proven_by": it.proven_by} for it in identities
        ],
        "consents": [
            {
                "scope": it.scope,
                "channel": it.channel,
                "state": it.state,
                "how": it.how,
                "message": it.message_id,
                "at": _at(it.at, zone),
            }
            for it in consents
        ],
    }


def _describe_message(message: Message, zone: ZoneInfo) -> dict[str, Any]:
    """`disclosed`: the language in which it says that an assistant answers, or null."""
    same = ("id", "direction", "author", "kind", "channel", "contact", "address", "subject")
    more = ("body", "state", "code", "plan", "template", "segments", "turn_id", "provider_id")
    return {
        **{name: getattr(message, name) for name in (*same, *more)},
        "disclosed": message.extra.get("disclosed"),
        "created_at": _at(message.created_at, zone),
        "sent_at": _at(message.sent_at, zone),
    }


def _describe_turn(turn: Turn, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": turn.id,
        "handled": turn.handled,
        "understanding": turn.understanding,
        "actions": turn.actions,
        "started_at": _at(turn.started_at, zone),
        "finished_at": _at(turn.finished_at, zone),
    }


def _at(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return None if moment is None else moment.astimezone(zone).isoformat()
