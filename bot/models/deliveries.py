"""Deliveries: raw webhooks as received, each stored once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    any_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from bot.models.base import Base, Id, Json, TenantId, When, one_of, table_of

CLAIMING = 0x0C0CC2  # the advisory lock of whoever claims deliveries


class Delivery(Base):
    """`state`: new, done, ignored (with the reason in `error`), failed (given up). A new one
    with an `error` broke on a defect. `sender`: who wrote, where it brings a message."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("connection_id", "provider_id"),
        one_of("state", "new", "done", "ignored", "failed"),
        Index("ix_deliveries_failed", "tenant_id", "id", postgresql_where="state = 'failed'"),
        Index("ix_deliveries_waiting", "id", postgresql_where="state = 'new'"),
        Index(
            "ix_deliveries_of_sender",
            "connection_id",
            "sender",
            "id",
            postgresql_where="state = 'new' AND sender != ''",
        ),
    )

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    provider_id: Mapped[str]
    kind: Mapped[str]
    sender: Mapped[str] = mapped_column(default="")
    url: Mapped[str]
    headers: Mapped[Json]
    body: Mapped[bytes]
    state: Mapped[str] = mapped_column(default="new")
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[When]
    claimed_until: Mapped[When | None]  # wall time
    error: Mapped[str] = mapped_column(default="")
    received_at: Mapped[When]


_STORE = insert(table_of(Delivery)).on_conflict_do_nothing().returning(table_of(Delivery).c.id)


def store_delivery(connection: Connection, **values: Any) -> int | None:
    """Insert one, its columns by name; its id, or None when this provider id was stored before."""
    made: int | None = connection.execute(_STORE, values).scalar()
    return made


def stored_ids(
    tenant_id: int, db: Session, connection_id: int, provider_ids: Collection[str]
) -> set[str]:
    """Those of the vendor's deliveries that are here already, read or not."""
    return set(
        db.scalars(
            select(Delivery.provider_id).where(
                Delivery.tenant_id == tenant_id,
                Delivery.connection_id == connection_id,
                Delivery.provider_id.in_(provider_ids),
            )
        )
    )


_NOW, _WALL = (bindparam(name, type_=DateTime(timezone=True)) for name in ("now", "wall"))
_earlier = aliased(Delivery)
_held_up = exists().where(
    _earlier.state == "new",
    _earlier.sender != "",
    _earlier.connection_id == Delivery.connection_id,
    _earlier.sender == Delivery.sender,
    _earlier.id < Delivery.id,
    _earlier.error == "",
    or_(_earlier.next_try_at > _NOW, _earlier.claimed_until >= _WALL),
)
_WAITING = (
    select(Delivery.id)
    .where(
        Delivery.state == "new",
        Delivery.next_try_at <= _NOW,
        or_(Delivery.claimed_until.is_(None), Delivery.claimed_until < _WALL),
        ~_held_up,
    )
    .order_by(Delivery.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_CLAIM = select(Delivery).from_statement(
    update(Delivery)
    .where(Delivery.id.in_(_WAITING))
    .values(claimed_until=bindparam("until"), attempts=Delivery.attempts + 1)
    .returning(Delivery)
)
_ALONE = select(func.pg_advisory_xact_lock(CLAIMING))


def claim_deliveries(
    db: Session, now: datetime, wall: datetime, length: timedelta, limit: int
) -> list[Delivery]:
    """Up to `limit` deliveries of any tenant that wait, oldest first, claimed for `length`.

    Those of one sender in order: none while an earlier one is claimed or is to be tried again
    later, unless that one broke. One process claims at a time, so that no two share a sender's.
    """
    db.connection().execute(_ALONE)
    values = {"now": now, "wall": wall, "until": wall + length, "most": limit}
    return sorted(db.scalars(_CLAIM, values), key=lambda d: d.id)


_DONE = (
    table_of(Delivery)
    .update()
    .where(table_of(Delivery).c.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
    .where(table_of(Delivery).c.state == "new")
    .values(state="done", error="")
)


_FINISH = (
    table_of(Delivery)
    .update()
    .where(table_of(Delivery).c.id == bindparam("delivery"))
    .where(table_of(Delivery).c.state == "new")
    .values(state="done", error="")
)


def finish_deliveries(db: Session, whys: Mapping[int, str]) -> None:
    """These of any tenant have been read; why each one was ignored, or ""."""
    db.connection().execute(_DONE, {"ids": sorted(whys)})
    for delivery_id, why in whys.items():
        if why:
            say_ignored(db, delivery_id, why)


def finish_delivery(db: Session, delivery_id: int) -> bool:
    """It has been read; False when another read it meanwhile. It is locked until the
    transaction ends."""
    return db.connection().execute(_FINISH, {"delivery": delivery_id}).rowcount == 1


def say_ignored(db: Session, delivery_id: int, why: str) -> None:
    """Of one that we have finished."""
    db.execute(
        update(Delivery).where(Delivery.id == delivery_id).values(state="ignored", error=why)
    )


def give_back(db: Session, delivery_ids: Sequence[int]) -> None:
    """These were claimed and not tried: another may."""
    db.execute(
        update(Delivery)
        .where(Delivery.id.in_(delivery_ids), Delivery.state == "new")
        .values(claimed_until=None, attempts=Delivery.attempts - 1)
    )
