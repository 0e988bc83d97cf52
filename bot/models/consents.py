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
    select(Consent.scope, Consent.channel, Consent.id, Consent.state)
    .where(
        Consent.tenant_id == bindparam("tenant"),
        Consent.customer_id == bindparam("customer"),
        Consent.channel.in_((bindparam("channel"), "all")),
    )
    .ext(distinct_on(Consent.scope, Consent.channel))
    .order_by(Consent.scope, Consent.channel, Consent.id.desc())
)


def given(tenant_id: int, db: Session, customer_id: int, channel: str) -> dict[str, bool]:
    """The last word on each scope of that channel on which any was said. What was withdrawn for
    this channel alone (a bounce, a complaint) is given again for it alone: START, which is for
    all, does not mend a mailbox."""
    values = {"tenant": tenant_id, "customer": customer_id, "channel": channel}
    rows = db.execute(_LAST_WORDS, values).all()
    last = {row.scope: row.state for row in sorted(rows, key=lambda row: row.id)}
    here = {row.scope for row in rows if row.channel == channel and row.state == "withdrawn"}
    return {scope: state == "given" and scope not in here for scope, state in last.items()}


def is_given(
    tenant_id: int, db: Session, customer_id: int, scope: str, channel: str
) -> bool | None:
    """The last word on that scope and channel; None when nothing was ever said."""
    return given(tenant_id, db, customer_id, channel).get(scope)
