"""Working days, for what carriers and workshops promise in them."""

from __future__ import annotations

from datetime import date, timedelta

from bot.sending import is_holiday


def is_workday(day: date) -> bool:
    """Monday to Friday, no public holiday."""
    return day.weekday() < 5 and not is_holiday(day)


def workdays_until(today: date, day: date) -> int:
    """How many working days lie after `today` up to `day`; 0 when it is today or past."""
    away = (day - today).days
    return sum(is_workday(today + timedelta(days=n + 1)) for n in range(max(away, 0)))
