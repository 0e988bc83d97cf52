"""Tenants, the agents they own or use, and how they are reached."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, UniqueConstraint, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of


class Tenant(Base):
    """A company that uses the assistant. `hours`: weekday -> [opening, closing] or "closed";
    `holidays`: ISO dates; `order_shapes`: regular expressions of its order numbers."""

    __tablename__ = "tenants"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    timezone: Mapped[str] = mapped_column(default="Europe/Paris")
    language: Mapped[str] = mapped_column(default="fr")
    currency: Mapped[str] = mapped_column(default="EUR")
    postal_address: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    hours: Mapped[Json] = mapped_column(default=dict)
    holidays: Mapped[list[Any]] = mapped_column(default=list)
    order_shapes: Mapped[list[Any]] = mapped_column(default=list)
    quiet_hours: Mapped[int] = mapped_column(default=72)  # then a conversation is over
    created_at: Mapped[When]


class Agent(Base):
    """The configured assistant. It belongs to the tenant that wrote it and may be deployed
    at others. `levels`: intent -> auto, draft, human or both; `policies`: see turn.Policies;
    `model`: "understanding" or "phrasing" -> see language_models.Choice."""

    __tablename__ = "agents"
    __table_args__ = (
        UniqueConstraint("owner_id", "slug"),
        one_of("address_form", "tu", "vous"),
        one_of("engine", "local", "openai"),
    )

    id: Mapped[Id]
    owner_id: Mapped[int] = mapped_column(ForeignKey("tenants.id", ondelete="CASCADE"))
    slug: Mapped[str]
    name: Mapped[str]
    address_form: Mapped[str] = mapped_column(default="vous")
    emoji: Mapped[bool] = mapped_column(default=False)
    engine: Mapped[str] = mapped_column(default="local")
    model: Mapped[Json] = mapped_column(default=dict)
    threshold: Mapped[float | None]  # None: the engine's own
    prompt: Mapped[str] = mapped_column(default="")
    levels: Mapped[Json] = mapped_column(default=dict)
    policies: Mapped[Json] = mapped_column(default=dict)
    created_at: Mapped[When]


class Deployment(Base):
    """An agent at a tenant. `overlay` replaces fields of the agent for this deployment."""

    __tablename__ = "deployments"
    __table_args__ = (UniqueConstraint("agent_id", "tenant_id", "name"),)

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)  # public: names the deployment on a client's site
    overlay: Mapped[Json] = mapped_column(default=dict)
    branding: Mapped[Json] = mapped_column(default=dict)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[When]


class Connection(Base):
    """A tenant's settings and secrets for one outside system. `key` names its door
    (/webhooks/<vendor>/<key>); `secrets` is encrypted (bot.vault)."""

    __tablename__ = "connections"
    __table_args__ = (UniqueConstraint("vendor", "key"),)

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    vendor: Mapped[str]
    key: Mapped[str]
    base_url: Mapped[str] = mapped_column(default="")  # empty: the vendor's own
    settings: Mapped[Json] = mapped_column(default=dict)
    secrets: Mapped[str] = mapped_column(default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[When]


class Address(Base):
    """Where a deployment is reached: a number, a mailbox, a widget key."""

    __tablename__ = "addresses"
    __table_args__ = (
        UniqueConstraint("channel", "value"),
        one_of("channel", "sms", "whatsapp", "email", "web"),
        Index("ix_addresses_deployment_channel", "deployment_id", "channel"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id", ondelete="CASCADE"))
    connection_id: Mapped[int | None] = mapped_column(
        ForeignKey("connections.id", ondelete="SET NULL"), index=True
    )
    channel: Mapped[str]
    value: Mapped[str]  # E.164, e-mail address or widget key
    created_at: Mapped[When]


def tenant_by_slug(db: Session, slug: str) -> Tenant | None:
    return db.scalar(select(Tenant).where(Tenant.slug == slug))


def lock_tenant(tenant_id: int, db: Session) -> None:
    """For what is to be done by one at a time, until the transaction ends. Rows that only point
    at the tenant go on coming in."""
    db.execute(select(Tenant.id).where(Tenant.id == tenant_id).with_for_update(key_share=True))


def connection_by_key(db: Session, vendor: str, key: str) -> Connection | None:
    """The active connection whose door this is; the key names the tenant."""
    return db.scalar(
        select(Connection).where(
            Connection.vendor == vendor, Connection.key == key, Connection.is_active
        )
    )


def connections(tenant_id: int, db: Session) -> list[Connection]:
    return list(
        db.scalars(
            select(Connection)
            .where(Connection.tenant_id == tenant_id, Connection.is_active)
            .order_by(Connection.id)
        )
    )


class Place(NamedTuple):
    """Where a message came in: an address of a deployment, and what its tenant says of it."""

    deployment_id: int
    address: str
    quiet_hours: int


_PLACE = (
    select(Address.deployment_id, Address.value, Tenant.quiet_hours)
    .join(Tenant, Tenant.id == Address.tenant_id)
    .where(
        Address.tenant_id == bindparam("tenant"),
        Address.channel == bindparam("channel"),
        Address.value == bindparam("value"),
    )
)


def place_at(tenant_id: int, db: Session, channel: str, value: str) -> Place | None:
    """Of the tenant's address; None when the number or mailbox is not one of its own."""
    values = {"tenant": tenant_id, "channel": channel, "value": value}
    found = db.connection().execute(_PLACE, values).one_or_none()
    return None if found is None else Place(*found)
