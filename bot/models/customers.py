"""Customers and the identities by which they are recognised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, ForeignKey, Index, UniqueConstraint, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of, table_of


class Customer(Base):
    """A person who writes to a tenant. `profile` is the CRM's last word (turn.Customer's
    and ports.Profile's names), read again when `profiled_at` is old."""

    __tablename__ = "customers"

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    first_name: Mapped[str] = mapped_column(default="")
    last_name: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    profile: Mapped[Json] = mapped_column(default=dict)
    profiled_at: Mapped[When | None]
    opted_out_at: Mapped[When | None]
    created_at: Mapped[When]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Identity(Base):
    """How a customer is recognised. `proven_by` says who vouches (carrier, crm …). An
    e-mail address that nobody vouches for is only a "claimed_email": its writer is not
    taken for the customer who has that address."""

    __tablename__ = "identities"
    __table_args__ = (
        UniqueConstraint("tenant_id", "kind", "value"),
        one_of("kind", "phone", "email", "claimed_email", "site_user", "whatsapp"),
        Index("ix_identities_customer_id", "customer_id"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id", ondelete="CASCADE"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    kind: Mapped[str]
    value: Mapped[str]  # E.164 for phones, lower case for e-mail
    proven_by: Mapped[str] = mapped_column(default="")
    created_at: Mapped[When]


@dataclass(frozen=True)
class NewIdentity:
    kind: str
    value: str
    proven_by: str


_KNOWN = (
    select(Customer)
    .join(Identity, Identity.customer_id == Customer.id)
    .where(
        Identity.tenant_id == bindparam("tenant"),
        Identity.kind == bindparam("kind"),
        Identity.value == bindparam("value"),
    )
)
_ADD = insert(table_of(Identity)).on_conflict_do_nothing().returning(table_of(Identity).c.id)


def customer_known_as(tenant_id: int, db: Session, kind: str, value: str) -> Customer | None:
    return db.scalar(_KNOWN, {"tenant": tenant_id, "kind": kind, "value": value})


_IS_KNOWN = select(table_of(Identity).c.id).where(
    table_of(Identity).c.tenant_id == bindparam("tenant"),
    table_of(Identity).c.kind == bindparam("kind"),
    table_of(Identity).c.value == bindparam("value"),
)


def is_known(tenant_id: int, connection: Connection, kind: str, value: str) -> bool:
    values = {"tenant": tenant_id, "kind": kind, "value": value}
    return connection.execute(_IS_KNOWN, values).scalar() is not None


def meet_customer(
    tenant_id: int,
    db: Session,
    identity: NewIdentity,
    others: Sequence[tuple[str, str]],
    customer: Customer,
    now: datetime,
    *,
    stranger: bool = False,
) -> tuple[Customer, bool]:
    """The customer of that identity, and whether they are new, which makes it `customer`. Two
    at once make one.

    `others` are further identities (kind, value) that the CRM vouches for: a person known
    by one of them is the same person. Of a `stranger` nobody had that identity a moment ago.
    """
    if not stranger:
        known = customer_known_as(tenant_id, db, identity.kind, identity.value)
        if known is not None:
            return known, False
    for kind, value in others:
        if known := customer_known_as(tenant_id, db, kind, value):
            add_identity(tenant_id, db, known.id, identity, now)
            return known, False
    db.add(customer)
    db.flush()
    if add_identity(tenant_id, db, customer.id, identity, now):
        for kind, value in others:
            add_identity(tenant_id, db, customer.id, NewIdentity(kind, value, "crm"), now)
        return customer, True
    db.delete(customer)  # another transaction has just met them
    db.flush()
    other = customer_known_as(tenant_id, db, identity.kind, identity.value)
    assert other is not None, "the identity that was in our way is there"
    return other, False


def add_identity(
    tenant_id: int, db: Session, customer_id: int, identity: NewIdentity, now: datetime
) -> bool:
    """False when somebody has it already."""
    values = {
        "tenant_id": tenant_id,
        "customer_id": customer_id,
        "kind": identity.kind,
        "value": identity.value,
        "proven_by": identity.proven_by,
        "created_at": now,
    }
    return db.connection().execute(_ADD, values).scalar() is not None


_IDENTITIES = (
    select(Identity)
    .where(Identity.tenant_id == bindparam("tenant"), Identity.customer_id == bindparam("customer"))
    .order_by(Identity.id)
)


def identities_of(tenant_id: int, db: Session, customer_id: int) -> list[Identity]:
    """How a customer is recognised, the first one first."""
    return list(db.scalars(_IDENTITIES, {"tenant": tenant_id, "customer": customer_id}))
