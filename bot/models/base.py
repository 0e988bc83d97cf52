"""What all tables share."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any, cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    MetaData,
    Table,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
TenantId = Annotated[
    int, mapped_column(BigInteger, ForeignKey("tenants.id", ondelete="CASCADE"), index=True)
]
When = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Json = dict[str, Any]


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it as a plain dict
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        int: BigInteger,
    }


def one_of(column: str, *values: str) -> CheckConstraint:
    """The column holds one of these words."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in values)})", name=column)


def table_of(model: type[Base]) -> Table:
    """For statements without objects, which cost half."""
    return cast(Table, model.__table__)


def columns_of(row: Base) -> dict[str, Any]:
    """What was set of it, by column."""
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}


@cache
def _insert(model: type[Base]) -> ReturningInsert[int]:
    table = table_of(model)
    return table.insert().returning(table.c.id)


def insert_row(db: Session, row: Base) -> int:
    """Insert it at once and give it its id. The session does not keep it: what becomes of it
    afterwards is not saved."""
    made = int(db.connection().execute(_insert(type(row)), columns_of(row)).scalar_one())
    vars(row)["id"] = made
    return made
