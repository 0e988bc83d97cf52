"""What time it is. Moved only by the demo and rehearsals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from bot.db import engine, transaction
from bot.models.clock import ClockOffset
from bot.settings import settings


def wall() -> datetime:
    """The real time: signatures, tokens, sessions, rate limits, leases."""
    return datetime.now(UTC)


def now() -> datetime:
    """The time of business: whatever a customer or adviser would call now."""
    return wall() + moved_by() if settings().demo else wall()


def moved_by() -> timedelta:
    """How far the clock stands ahead of the real one (asks the database each time, so that
    all processes agree)."""
    with engine().connect() as connection:
        offset = connection.scalar(select(ClockOffset.moved_by))
    return offset or timedelta()


def set_clock(to: datetime, target: datetime | None = None) -> None:
    """Let it be `to` now, at once; with `target`, still on its way there."""
    _write(moved_by=to - wall(), target=target)


def aim_clock(to: datetime) -> None:
    """Ask the clock process to move there, stopping at everything due on the way."""
    _write(moved_by=moved_by(), target=to)


def arrive() -> None:
    """The clock is where it was aimed."""
    _write(moved_by=moved_by(), target=None)


def target() -> datetime | None:
    """Where the clock is still on its way to."""
    with engine().connect() as connection:
        return connection.scalar(select(ClockOffset.target))


def _write(moved_by: timedelta, target: datetime | None) -> None:
    if not settings().demo:
        raise RuntimeError("the clock moves only in the demo and in rehearsals")
    values = {"moved_by": moved_by, "target": target}
    with transaction() as db:
        db.execute(
            insert(ClockOffset)
            .values(id=1, **values)
            .on_conflict_do_update(index_elements=["id"], set_=values)
        )
