"""The ledger of what customers agreed to: rows are added, never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, bindparam, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, TenantId, When, one_of


class Consent(Base):
    """`scope`: commercial (advertising on that channel) or all (any message that is not an
    answer). `channel` is one, or "all". `how` says how it is proven (a form, the CRM, the
    words STOP in message `message_id`, the carrier's code)."""

    __tablename__ = "consents"
    __table_args__ = (
        one_of("scope", "commercial", "all"),
        one_of("state", "given", "withdrawn"),
        one_of("channel", "all", "sms", "whatsapp", "email", "web"),
        Index("ix_consents_customer", "tenant_id", "customer_id", "id"),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    scope: Mapped[str]
    channel: Mapped[str]
    state: Mapped[str]
    how: Mapped[str]
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id", ondelete="SET NULL"))
    at: Mapped[When]


def record_consent(
    tenant_id: int,
    db: Session,
    customer_id: int,
    *,
    scope: str,
    channel: str,
    given: bool,
    how: str,
    now: datetime,
    message_id: int | None = None,
) -> None:
    db.add(
        Consent(
            tenant_id=tenant_id,
            customer_id=customer_id,
            scope=scope,
            channel=channel,
            state="given" if given else "withdrawn",
            how=how,
            message_id=message_id,
            at=now,
        )
    )


_LAST_WORDS = (
    select(Consent.scope, Consent.state)
    .where(
        Consent.tenant_id == bindparam("tenant"),
        Consent.customer_id == bindparam("customer"),
        Consent.channel.in_((bindparam("channel"), "all")),
    )
    .ext(distinct_on(Consent.scope))
    .order_by(Consent.scope, Consent.id.desc())
)


def given(tenant_id: int, db: Session, customer_id: int, channel: str) -> dict[str, bool]:
    """The last word on each scope of that channel on which any was said."""
    values = {"tenant": tenant_id, "customer": customer_id, "channel": channel}
    return {scope: state == "given" for scope, state in db.execute(_LAST_WORDS, values)}


def is_given(
    tenant_id: int, db: Session, customer_id: int, scope: str, channel: str
) -> bool | None:
    """The last word on that scope and channel; None when nothing was ever said."""
    state = db.scalar(
        select(Consent.state)
        .where(
            Consent.tenant_id == tenant_id,
            Consent.customer_id == customer_id,
            Consent.scope == scope,
            Consent.channel.in_((channel, "all")),
        )
        .order_by(Consent.id.desc())
        .limit(1)
    )
    return None if state is None else state == "given"
