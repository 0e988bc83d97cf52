"""The shop's catalogue as last read from its inventory, and its posts.

Stock is never kept here: it is read live.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from threading import Lock
from typing import Any

from cachetools import LRUCache, cached
from sqlalchemy import UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, TenantId, When
from connectors import ports


class Product(Base):
    """`variants`: [{sku, ref, size, color, amount, currency}], in the shop's order."""

    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("tenant_id", "reference"),)

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    vendor_id: Mapped[str]
    reference: Mapped[str]
    title: Mapped[str]
    category: Mapped[str] = mapped_column(default="")
    colors: Mapped[list[Any]] = mapped_column(default=list)
    material: Mapped[str] = mapped_column(default="")
    care: Mapped[str] = mapped_column(default="")
    goes_with: Mapped[list[Any]] = mapped_column(default=list)
    image_url: Mapped[str] = mapped_column(default="")
    variants: Mapped[list[Any]] = mapped_column(default=list)
    read_at: Mapped[When]


class Post(Base):
    """A publication that shows a product."""

    __tablename__ = "posts"

    id: Mapped[Id]
    tenant_id: Mapped[TenantId]
    posted_on: Mapped[date]
    reference: Mapped[str]
    caption: Mapped[str] = mapped_column(default="")


def products(tenant_id: int, db: Session) -> tuple[ports.Product, ...]:
    """Converted again only when they were read anew."""
    stamp = select(func.max(Product.read_at), func.count()).where(Product.tenant_id == tenant_id)
    read_at, count = db.execute(stamp).one()
    return _products(tenant_id, read_at, count, db)


@cached(
    LRUCache(256),
    key=lambda tenant_id, read_at, count, db: (tenant_id, read_at, count),
    lock=Lock(),
)
def _products(
    tenant_id: int, read_at: datetime | None, count: int, db: Session
) -> tuple[ports.Product, ...]:
    rows = db.scalars(select(Product).where(Product.tenant_id == tenant_id).order_by(Product.id))
    return tuple(_product(row) for row in rows)


def posts(tenant_id: int, db: Session) -> tuple[ports.Post, ...]:
    """Newest first."""
    rows = db.execute(
        select(Post.posted_on, Post.reference, Post.caption)
        .where(Post.tenant_id == tenant_id)
        .order_by(Post.posted_on.desc())
    )
    return tuple(ports.Post(*row) for row in rows)


def tenant_ids_with_products(db: Session) -> list[int]:
    """All tenants that have a catalogue."""
    return list(db.scalars(select(Product.tenant_id).distinct()))


def replace_products(
    tenant_id: int, db: Session, found: list[ports.Product], now: datetime
) -> None:
    """Make the kept catalogue the one just read."""
    db.execute(delete(Product).where(Product.tenant_id == tenant_id))
    db.add_all(
        Product(
            tenant_id=tenant_id,
            vendor_id=p.id,
            reference=p.reference,
            title=p.title,
            category=p.category,
            colors=list(p.colors),
            material=p.material,
            care=p.care,
            goes_with=list(p.goes_with),
            image_url=p.image_url,
            variants=[_variant_row(v) for v in p.variants],
            read_at=now,
        )
        for p in found
    )


def _variant_row(variant: ports.Variant) -> dict[str, str | None]:
    return {
        "sku": variant.sku,
        "ref": variant.ref,
        "size": variant.size,
        "color": variant.color,
        "amount": str(variant.price.amount),
        "currency": variant.price.currency,
    }


def _product(row: Product) -> ports.Product:
    return ports.Product(
        id=row.vendor_id,
        reference=row.reference,
        title=row.title,
        category=row.category,
        colors=tuple(row.colors),
        material=row.material,
        care=row.care,
        goes_with=tuple(row.goes_with),
        image_url=row.image_url,
        variants=tuple(
            ports.Variant(
                sku=v["sku"],
                ref=v["ref"],
                size=v["size"],
                color=v["color"],
                price=ports.Money(Decimal(v["amount"]), v["currency"]),
            )
            for v in row.variants
        ),
    )
