"""From what was said of a time to the time itself, by the shop's clock and hours.

The rules are those of "Times" in formats/understanding.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from bot.hours import OpeningHours
from bot.turn import TimeSpan
from bot.understanding.clocks import Clock, Relative
from bot.understanding.dayparts import Bound, Moment, Part
from bot.understanding.days import Days

_DAY = timedelta(days=1)
# From here on "ce soir" is the next day's: nobody comes to a shop that near midnight.
_NEAR_MIDNIGHT = time(22)
_NOON, _LUNCH_ENDS = time(12), time(14)


@dataclass(frozen=True)
class When:
    """One time as said. `this`: "ce midi"; `inner`: the bound stands between day and hour
    ("demain avant midi"); `broken`: something in it is not to be believed."""

    start: int
    end: int
    days: Days | None = None
    part: Part | None = None
    clock: Clock | None = None
    until: Clock | None = None
    relative: Relative | None = None
    moment: Moment | None = None
    bound: Bound | None = None
    this: bool = False
    inner: bool = False
    broken: bool = False

    @property
    def dated(self) -> bool:
        """Whether it says which day."""
        here = self.this or (self.part is not None and self.part.this)
        return self.days is not None or here or self.relative is not None


@dataclass(frozen=True)
class Resolver:
    now: datetime
    hours: OpeningHours

    def resolve(self, when: When) -> TimeSpan | None:
        """The instant or range; None when it is over, broken, or says too little."""
        if when.broken or (when.days and when.days.past):
            return None
        if when.relative:
            return self._relative(when.relative)
        opens = when.moment is not None and when.moment.name == "opening"
        if opens and when.part and "morning" in when.part.name:
            when = replace(when, part=None)  # "lundi matin à l'ouverture"
        if when.moment and when.part:  # "samedi soir avant la fermeture" is samedi soir
            when = replace(when, moment=None, bound=None)
        if when.clock and when.moment and when.moment.name == "later":
            when = replace(when, moment=None)  # "tout à l'heure vers 16h"
        if when.moment:
            return self._moment(when, when.moment)
        if when.clock:
            return self._clock(when, when.clock)
        if when.part:
            return self._part(when, when.part)
        return self._days(when, when.days) if when.days else None

    def day_of(self, when: When) -> date | None:
        """The one day that it names, if it does and is not over."""
        if when.broken or when.relative or (when.days and when.days.past):
            return None
        if when.days:
            return when.days.first
        return self.now.date() if when.dated else None

    # --- the shop's day -------------------------------------------------------------------

    def _at(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.hours.zone)

    def _open(self, day: date) -> tuple[datetime, datetime]:
        """Opening and closing, of a closed day the usual ones."""
        opening, closing = self.hours.usual()
        return self.hours.on(day) or (self._at(day, opening), self._at(day, closing))

    def _later(self, minutes: int) -> datetime:
        now = self.now.replace(second=0, microsecond=0)
        return (now.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(self.hours.zone)

    def _from_now(self, start: datetime, end: datetime) -> TimeSpan | None:
        """What is left of a range."""
        if end <= self.now:
            return None
        return TimeSpan(max(start, self.now), end)

    # --- kinds of time --------------------------------------------------------------------

    def _relative(self, said: Relative) -> TimeSpan:
        then = self._later(said.minutes)
        return TimeSpan(self.now, then) if said.within else TimeSpan(then)

    def _moment(self, when: When, moment: Moment) -> TimeSpan | None:
        today = self.now.date()
        if moment.name == "now":
            return TimeSpan(self.now.replace(second=0, microsecond=0))
        if moment.name == "later":
            return self._from_now(self.now, self._open(today)[1])
        side = 0 if moment.name == "opening" else 1
        day = when.days.first if when.days else today
        if not when.days and (self.hours.on(day) is None or self._open(day)[side] < self.now):
            day = self.hours.next_opening_day(day)
        opening, closing = self._open(day)
        if when.bound and when.bound.name in {"before", "by"} and side == 1:
            return self._from_now(opening, closing)
        return TimeSpan((opening, closing)[side])

    def _part(self, when: When, part: Part) -> TimeSpan | None:
        today = self.now.date()
        days = when.days
        if days and days.first != days.last:
            return self._days(when, days)
        day = days.first if days else today
        start, end = self._span_of(part, day)
        over = end <= self.now
        if over and part.name == "evening" and (not days or days.today):
            day += _DAY  # "ce soir" near midnight, or once the shop has closed
        elif over and not days and not part.this:
            day += _DAY
        elif over:
            return None
        if over:
            start, end = self._span_of(part, day)
        return self._bounded(when, day, start, end)

    def _bounded(self, when: When, day: date, start: datetime, end: datetime) -> TimeSpan | None:
        """The range from `start` to `end`, or what "avant", "à partir de", "d'ici" make of it."""
        opening, closing = self._open(day)
        match when.bound.name if when.bound else None:
            case "before":
                first = opening if when.inner else self.now
                return self._from_now(first, start)
            case "by":
                return self._from_now(self.now, end)
            case "from":
                return self._from_now(start, max(closing, end))
            case _:
                return self._from_now(start, end)

    def _span_of(self, part: Part, day: date) -> tuple[datetime, datetime]:
        opening, closing = self._open(day)
        start, end = self._span_between(part, day, opening, closing)
        if start >= end:  # the shop is closed in that part: the usual hours then
            start, end = self._span_between(
                part, day, self._at(day, time(10)), self._at(day, time(19))
            )
        return start, end

    def _span_between(
        self, part: Part, day: date, opening: datetime, closing: datetime
    ) -> tuple[datetime, datetime]:
        noon = self._at(day, _NOON)

        def hours(start: int, end: int) -> tuple[datetime, datetime]:
            first, last = self._at(day, time(start)), self._at(day, time(end))
            return max(first, opening), min(last, closing)

        match part.name:
            case "morning":
                return opening, min(noon, closing)
            case "early_morning":
                return opening, opening + timedelta(hours=1)
            case "late_morning":
                return hours(11, 12)
            case "lunch":
                return hours(12, 14)
            case "afternoon":
                return hours(12, 18)
            case "early_afternoon":
                return hours(13, 15)
            case "mid_afternoon":
                return hours(14, 16)
            case "late_afternoon":
                return hours(16, 18)
            case "evening":
                return min(self._at(day, time(17)), closing - timedelta(hours=1)), closing

    def _days(self, when: When, days: Days) -> TimeSpan | None:
        opened = [day for day in _each(days) if self.hours.on(day) is not None]
        if when.bound and when.bound.name == "before":
            return self._before_day(days.first)
        if not opened and days.first != days.last:
            return None
        first, last = (opened[0], opened[-1]) if opened else (days.first, days.last)
        start, end = self._open(first)[0], self._open(last)[1]
        if when.bound and when.bound.name == "by":
            start = self.now
        return self._from_now(start, end)

    def _before_day(self, day: date) -> TimeSpan | None:
        """ "Avant samedi": until the last closing before it."""
        last = day - _DAY
        while last >= self.now.date():
            if self.hours.on(last) is not None:
                return self._from_now(self.now, self._open(last)[1])
            last -= _DAY
        return None

    # --- hours ----------------------------------------------------------------------------

    def _clock(self, when: When, clock: Clock) -> TimeSpan | None:
        day = self._single_day(when)
        if day is None:
            return None
        start = self._at(day, _time_of(clock, when.part))
        end = self._end(when, start)
        if (end or start) < self.now.replace(second=0, microsecond=0):
            if not self._rolls(when, clock):
                return self._rest_of_lunch(when)
            day += _DAY
            start, end = start + _DAY, end + _DAY if end else None
        if end:
            return self._from_now(start, end)
        return self._instant(when, day, start)

    def _single_day(self, when: When) -> date | None:
        if when.days is None:
            return self.now.date()
        if when.days.first == when.days.last:
            return when.days.first
        opened = [day for day in _each(when.days) if self.hours.on(day) is not None]
        return opened[0] if len(opened) == 1 else None

    def _end(self, when: When, start: datetime) -> datetime | None:
        if when.until is None:
            return None
        end = self._at(start.date(), _time_of(when.until, when.part))
        if end <= start and not when.until.sure:
            end += timedelta(hours=12)
        return end if end > start else None

    def _rolls(self, when: When, clock: Clock) -> bool:
        """Whether an hour that is past means the next day's."""
        evening = when.part is not None and when.part.name == "evening"
        if evening and (when.days is None or when.days.today):
            return self.now.time() >= min(_NEAR_MIDNIGHT, self._open(self.now.date())[1].time())
        return not when.dated

    def _rest_of_lunch(self, when: When) -> TimeSpan | None:
        """ "Ce midi", said at half past twelve."""
        end = self._at(self.now.date(), _LUNCH_ENDS)
        if when.this and when.clock and when.clock.hour == _NOON.hour:
            return self._from_now(self.now, end)
        return None

    def _instant(self, when: When, day: date, at: datetime) -> TimeSpan | None:
        opening, closing = self._open(day)
        match when.bound.name if when.bound else None:
            case "before" | "by":
                today = day == self.now.date()
                start = self.now if today or not when.inner else min(opening, at)
                if not when.dated and not today:
                    start = opening
                return TimeSpan(start, at) if start < at else TimeSpan(at)
            case "from":
                return TimeSpan(at, closing) if at < closing else TimeSpan(at)
            case _:
                return TimeSpan(at)


def _each(days: Days) -> list[date]:
    return [days.first + timedelta(days=n) for n in range((days.last - days.first).days + 1)]


def _time_of(clock: Clock, part: Part | None) -> time:
    """The hour meant: bare 1 to 7 in the afternoon; the part of the day decides before."""
    hour = clock.hour
    name = part.name if part else ""
    if clock.sure or hour >= 12:
        return time(hour, clock.minute)
    if "morning" in name:
        return time(hour, clock.minute)
    if name == "evening" or ("afternoon" in name and hour <= 8) or 1 <= hour <= 7:
        return time(hour + 12, clock.minute)
    return time(hour, clock.minute)
