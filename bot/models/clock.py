"""How far the demo's or a rehearsal's clock has been moved. In production: no row."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import CheckConstraint, Interval
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base, When


class ClockOffset(Base):
    """One row. `target` is where the clock is to go; the clock process takes it there,
    from one due row to the next."""

    __tablename__ = "clock_offset"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    moved_by: Mapped[timedelta] = mapped_column(Interval)
    target: Mapped[When | None]
