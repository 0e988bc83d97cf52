"""A shop's opening hours and what they make of days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class OpeningHours:
    """`week` maps a weekday (0 is Monday) to its opening and closing time; a day that is
    absent is closed. Times are the shop's own, in `zone`."""

    zone: ZoneInfo
    week: Mapping[int, tuple[time, time]]
    holidays: frozenset[date] = field(default_factory=frozenset)

    def on(self, day: date) -> tuple[datetime, datetime] | None:
        """When the shop opens and closes that day, or None when it is closed."""
        span = None if day in self.holidays else self.week.get(day.weekday())
        if span is None:
            return None
        return tuple(datetime.combine(day, t, self.zone) for t in span)  # type: ignore[return-value]  # two of them

    def usual(self) -> tuple[time, time]:
        """The hours of an ordinary day, for a day that is closed (10:00-19:00 when none)."""
        return next(iter(self.week.values()), (time(10), time(19)))

    def runs(self) -> list[dict[str, Any]]:
        """Weekdays in a row with the same hours: {from, to, open, close}; 0 is Monday."""
        runs: list[dict[str, Any]] = []
        for weekday in sorted(self.week):
            opens, closes = self.week[weekday]
            last = runs[-1] if runs else None
            if (
                last
                and last["to"] == weekday - 1
                and (last["open"], last["close"]) == (opens, closes)
            ):
                last["to"] = weekday
            else:
                runs.append({"from": weekday, "to": weekday, "open": opens, "close": closes})
        return runs

    def is_open(self, at: datetime) -> bool:
        span = self.on(at.astimezone(self.zone).date())
        return span is not None and span[0] <= at <= span[1]

    def next_opening_day(self, after: date, days: int = 1) -> date:
        """The `days`-th day after `after` on which the shop opens.

        Raises ValueError when it does not open within a year.
        """
        day, left = after, days
        for _ in range(366):
            day += timedelta(days=1)
            if self.on(day) is not None:
                left -= 1
                if left == 0:
                    return day
        raise ValueError("the shop does not open within a year")

    def next_opening(self, at: datetime) -> datetime:
        """The next moment from `at` on at which the shop is open (`at` itself, if it is)."""
        local = at.astimezone(self.zone)
        span = self.on(local.date())
        if span and local <= span[1]:
            return max(local, span[0])
        opening = self.on(self.next_opening_day(local.date()))
        assert opening is not None
        return opening[0]

    def after_open_hours(self, at: datetime, length: timedelta) -> datetime:
        """When `length` of opening time has gone by since `at`, in the shop's zone."""
        moment, left = self.next_opening(at), length
        while True:
            span = self.on(moment.date())
            assert span is not None, "next_opening is within opening hours"
            if span[1] - moment >= left:
                return moment + left
            left -= span[1] - moment
            moment = self.next_opening(span[1] + timedelta(minutes=1))


def parse_hours(
    zone: str, week: Mapping[str, list[str] | str | None], holidays: list[str] | None = None
) -> OpeningHours:
    """Opening hours from stored JSON: `{"monday": ["10:00", "19:00"], "sunday": "closed"}`.

    Raises ValueError naming the weekday or time that is malformed.
    """
    spans: dict[int, tuple[time, time]] = {}
    for name, value in week.items():
        if name not in WEEKDAYS:
            raise ValueError(f"{name!r} is no weekday")
        if value is None or value == "closed":
            continue
        if isinstance(value, str) or len(value) != 2:
            raise ValueError(f"hours of {name}: expected [opening, closing] or closed")
        spans[WEEKDAYS.index(name)] = (time.fromisoformat(value[0]), time.fromisoformat(value[1]))
    return OpeningHours(
        ZoneInfo(zone), spans, frozenset(date.fromisoformat(str(d)) for d in holidays or ())
    )
