"""Keeps at hand which message templates the carriers have approved."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import clock
from bot.db import transaction
from bot.logs import log
from bot.models.templates import Template, replace_templates
from bot.models.tenants import Address, Connection
from bot.tenants import open_channel
from connectors.channels import TemplateSource


def refresh(tenant_id: int) -> int:
    """Read the tenant's templates anew; how many there are. Raises ConnectorError."""
    with transaction() as db:
        connection_ids = _sources(tenant_id, db)
    return sum(_read(tenant_id, connection_id) for connection_id in connection_ids)


def kept(tenant_id: int, db: Session) -> list[Template]:
    """All of the tenant's, by name and language."""
    return list(
        db.scalars(
            select(Template)
            .where(Template.tenant_id == tenant_id)
            .order_by(Template.name, Template.language, Template.id)
        )
    )


def tenant_ids_on_whatsapp(db: Session) -> list[int]:
    """All tenants that have a WhatsApp address."""
    found = select(Address.tenant_id).where(Address.channel == "whatsapp").distinct()
    return list(db.scalars(found))


def _sources(tenant_id: int, db: Session) -> list[int]:
    """The connections that carry the tenant's WhatsApp: they have templates."""
    return list(
        db.scalars(
            select(Connection.id)
            .join(Address, Address.connection_id == Connection.id)
            .where(
                Connection.tenant_id == tenant_id,
                Connection.is_active,
                Address.channel == "whatsapp",
            )
            .distinct()
        )
    )


def _read(tenant_id: int, connection_id: int) -> int:
    _, channel = open_channel(tenant_id, connection_id)
    found = cast(TemplateSource, channel).list_templates()
    with transaction() as db:
        # One reading at a time; deliveries, which only point here, go on coming in
        db.get_one(Connection, connection_id, with_for_update={"key_share": True})
        replace_templates(tenant_id, db, connection_id, found, clock.now())
    log().info("templates read", tenant=tenant_id, templates=len(found))
    return len(found)
