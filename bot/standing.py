"""What a tenant and its agent are set to, and what the shop sells: read again only when it was
changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cachetools import LRUCache
from sqlalchemy import String, bindparam, cast, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from bot import turn as words
from bot.agents import Speaker, speaking_as
from bot.db import engine
from bot.models import catalogue
from bot.models.base import table_of
from bot.models.catalogue import Post as PostRow
from bot.models.catalogue import Product as ProductRow
from bot.models.conversations import Conversation
from bot.models.media import Media
from bot.models.messages import Message
from bot.models.reservations import Reservation
from bot.models.tenants import Agent, Connection, Deployment, Tenant
from bot.models.users import Membership, User
from bot.tenants import describe_tenant, forget_systems
from bot.understanding.people import read_names
from connectors.ports import Post, Product


@dataclass(frozen=True)
class Standing:
    """`reserved`, `enclosed`: whether the customer has reservations, and what they wrote now
    files with it."""

    tenant: words.Tenant
    order_shapes: tuple[str, ...]
    own_names: frozenset[str]
    speaker: Speaker
    products: tuple[Product, ...]
    posts: tuple[Post, ...]
    reserved: bool = False
    enclosed: bool = False


def _version(table: str) -> Any:
    """PostgreSQL's own: the transaction that wrote the row as it is."""
    return cast(literal_column(f"{table}.xmin"), String)


_conversation, _deployment = table_of(Conversation), table_of(Deployment)
_agent, _tenant = table_of(Agent), table_of(Tenant)
_products = select(func.max(ProductRow.read_at)).where(ProductRow.tenant_id == _tenant.c.id)
_articles = select(func.count()).where(ProductRow.tenant_id == _tenant.c.id)
_posts = select(func.max(PostRow.id)).where(PostRow.tenant_id == _tenant.c.id)
_advisers = (
    select(func.string_agg(User.name, aggregate_order_by(literal_column("' '"), User.id)))
    .join(Membership, Membership.user_id == User.id)
    .where(Membership.tenant_id == _tenant.c.id)
)
_systems = select(
    func.string_agg(
        _version("connections"), aggregate_order_by(literal_column("','"), Connection.id)
    )
).where(Connection.tenant_id == _tenant.c.id)
_reserved = exists().where(
    Reservation.tenant_id == _tenant.c.id,
    Reservation.customer_id == _conversation.c.customer_id,
    Reservation.state == "active",
)
_enclosed = exists().where(
    Media.message_id == Message.id,
    Message.conversation_id == _conversation.c.id,
    Message.direction == literal_column("'in'"),  # as an index has it
    Message.turn_id.is_(None),
)
_STAMP = (
    select(
        _reserved,
        _enclosed,
        _tenant.c.id,
        _version("tenants"),
        _deployment.c.id,
        _version("deployments"),
        _agent.c.id,
        _version("agents"),
        _products.scalar_subquery(),
        _articles.scalar_subquery(),
        _posts.scalar_subquery(),
        _systems.scalar_subquery(),
        _advisers.scalar_subquery(),
    )
    .select_from(_conversation)
    .join(_deployment, _deployment.c.id == _conversation.c.deployment_id)
    .join(_agent, _agent.c.id == _deployment.c.agent_id)
    .join(_tenant, _tenant.c.id == _conversation.c.tenant_id)
    .where(
        _conversation.c.tenant_id == bindparam("tenant"),
        _conversation.c.id == bindparam("conversation"),
    )
)
_read: LRUCache[Any, Standing] = LRUCache(256)


def standing_in(tenant_id: int, db: Session, conversation_id: int) -> Standing:
    """As it is now where that conversation takes place. What the tenant has connected is
    looked up again where that was changed."""
    values = {"tenant": tenant_id, "conversation": conversation_id}
    reserved, enclosed, *versions = db.connection().execute(_STAMP, values).one()
    stamp = (engine(), *versions)
    found: Standing | None = _read.get(stamp)
    if found is None:
        forget_systems(tenant_id)  # the next message after a change goes by it
        tenant = describe_tenant(tenant_id, db)
        found = _read[stamp] = Standing(
            tenant=tenant,
            order_shapes=tuple(db.get_one(Tenant, tenant_id).order_shapes),
            own_names=read_names(tenant.name, tenant.address, versions[-1] or ""),
            speaker=speaking_as(tenant_id, db, conversation_id),
            products=catalogue.products(tenant_id, db),
            posts=catalogue.posts(tenant_id, db),
        )
    return replace(found, reserved=reserved, enclosed=enclosed)
