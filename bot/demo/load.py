"""Writes the demo's tenants into the database, and their outside systems into the sandbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

import requests
from sqlalchemy.orm import Session

from bot import catalogue, clock, templates, vault
from bot.db import transaction
from bot.demo.knowledge import load_knowledge
from bot.demo.sandbox import describe_world
from bot.demo.world import SLUGS, World, read_world, shifted
from bot.models.catalogue import Post
from bot.models.consents import record_consent
from bot.models.customers import Customer, Identity
from bot.models.tenants import Address, Agent, Connection, Deployment, Tenant, tenant_by_slug
from bot.models.users import Membership, User
from bot.passwords import hash_password
from bot.profiles import keep
from bot.settings import settings
from connectors.ports import Profile
from connectors.sandbox.client import SandboxWorld

PASSWORD = "coccinelle"  # noqa: S105  # of the demo's desk, printed by `make run`
SANDBOX_WORLD = "demo"


def load_demo() -> None:
    """Load what is not there yet; dates shifted to this week. The sandbox must be running.

    Raises requests.RequestException when it is not.
    """
    sandbox = SandboxWorld(settings().sandbox_url, SANDBOX_WORLD)
    now = clock.now()
    worlds = [shifted(read_world(slug), now.date()) for slug in SLUGS]
    boutique = worlds[0]
    if not _is_there(sandbox):
        described = describe_world(
            boutique,
            door_of(boutique),
            mail_url=door_of(boutique, "resend"),
            mail_doors=mail_doors(worlds[1:]),
            shop_url=door_of(boutique, "shopify"),
            reports=True,
        )
        sandbox.replace(described)
    with transaction() as db:
        missing = [w for w in worlds if tenant_by_slug(db, w.slug) is None]
    for world in missing:
        load_world(world, sandbox, now)


def load_world(world: World, sandbox: SandboxWorld, now: datetime) -> int:
    """One tenant, its connections played by the sandbox; its id."""
    with transaction() as db:
        tenant_id = _write(world, sandbox, db, now)
        load_knowledge(tenant_id, world.slug, db, now)
    if world.products:
        catalogue.refresh(tenant_id)
    templates.refresh(tenant_id)
    return tenant_id


def door_of(world: World, vendor: str = "twilio") -> str:
    """Where the tenant's carrier posts."""
    return f"{settings().base_url}/webhooks/{vendor}/{world.raw['connections'][vendor]['key']}"


def mail_doors(worlds: Iterable[World]) -> dict[str, str]:
    """By the domain of a tenant's e-mail address, where its events go."""
    return {
        address["value"].rpartition("@")[2]: door_of(world, "resend")
        for world in worlds
        for address in world.raw["addresses"]
        if address["channel"] == "email" and "resend" in world.raw["connections"]
    }


def _is_there(sandbox: SandboxWorld) -> bool:
    try:
        sandbox.state()
    except requests.HTTPError:
        return False
    return True


def _write(world: World, sandbox: SandboxWorld, db: Session, now: datetime) -> int:
    raw = world.raw
    tenant = Tenant(**{"holidays": [], **raw["tenant"]}, created_at=now)
    db.add(tenant)
    db.flush()
    agent = Agent(owner_id=tenant.id, **raw["agent"], created_at=now)
    db.add(agent)
    db.flush()
    deployment = Deployment(
        tenant_id=tenant.id,
        agent_id=agent.id,
        name=tenant.name,
        key=f"dpl_{tenant.slug}",
        created_at=now,
    )
    db.add(deployment)
    connections = _write_connections(world, sandbox, db, tenant.id, now)
    for address in raw["addresses"]:
        connection = connections.get(address.get("connection"))
        db.add(
            Address(
                tenant_id=tenant.id,
                deployment_id=deployment.id,
                connection_id=connection.id if connection else None,
                channel=address["channel"],
                value=address["value"],
                created_at=now,
            )
        )
    for user in raw["users"]:
        _write_user(db, tenant.id, user, now)
    for post in world.posts:
        db.add(
            Post(
                tenant_id=tenant.id,
                posted_on=post.posted_on,
                reference=post.reference,
                caption=post.caption,
            )
        )
    for customer, profile in zip(raw["customers"], world.profiles, strict=True):
        write_customer(db, tenant.id, profile, customer.get("site_user", ""), now)
    return tenant.id


def _write_connections(
    world: World, sandbox: SandboxWorld, db: Session, tenant_id: int, now: datetime
) -> dict[str, Connection]:
    made = {
        vendor: Connection(
            tenant_id=tenant_id,
            vendor=vendor,
            key=raw["key"],
            base_url=sandbox.vendor_url(vendor),
            # A vendor with a second address names it {base_url}: the sandbox plays both there
            settings={
                name: text.replace("{base_url}", sandbox.vendor_url(vendor))
                for name, text in raw["settings"].items()
            },
            secrets=vault.encrypt(raw["secrets"]),
            updated_at=now,
        )
        for vendor, raw in world.raw["connections"].items()
    }
    db.add_all(made.values())
    db.flush()
    return made


def _write_user(db: Session, tenant_id: int, raw: dict[str, str], now: datetime) -> None:
    user = User(
        name=raw["name"],
        email=raw["email"],
        password_hash=_hash(),
        created_at=now,
    )
    db.add(user)
    db.flush()
    db.add(Membership(user_id=user.id, tenant_id=tenant_id, role=raw["role"]))


@lru_cache
def _hash() -> str:
    """Made once: it is slow on purpose, and rehearsals load the demo again and again."""
    return hash_password(PASSWORD)


def write_customer(
    db: Session, tenant_id: int, profile: Profile, site_user: str, now: datetime
) -> Customer:
    """A customer whom the CRM has told us of before, and what they agreed to there."""
    customer = Customer(
        tenant_id=tenant_id,
        first_name=profile.first_name,
        last_name=profile.last_name,
        language=profile.language,
        profile=keep(profile),
        created_at=now,
    )
    db.add(customer)
    db.flush()
    known = {"phone": profile.phone, "email": profile.email, "site_user": site_user}
    db.add_all(
        Identity(
            tenant_id=tenant_id,
            customer_id=customer.id,
            kind=kind,
            value=value,
            proven_by="crm",
            created_at=now,
        )
        for kind, value in known.items()
        if value
    )
    for channel in profile.consents:
        record_consent(
            tenant_id,
            db,
            customer.id,
            scope="commercial",
            channel=channel,
            given=True,
            how="crm",
            now=now,
        )
    return customer
