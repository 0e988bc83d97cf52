"""How the desk writes times, money and phone numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

from dashboard.texts import Texts

LOCALES = {"fr": "fr_FR", "en": "en_GB"}


@dataclass(frozen=True)
class Formats:
    """Writes for a reader: in the tenant's `zone`, in the reader's language, seen from `now`.
    `home` is the country (FR) whose numbers are written without their prefix."""

    zone: ZoneInfo
    texts: Texts
    now: datetime
    home: str = "FR"

    @property
    def locale(self) -> str:
        return LOCALES[self.texts.language]

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def time(self, at: datetime) -> str:
        """17 h 30, 18 h; in English 5:30 pm."""
        local = self.local(at)
        if self.texts.language == "fr":
            minutes = f"\u00a0{local:%M}" if local.minute else ""
            return f"{local.hour}\u00a0h{minutes}"
        return format_datetime(local, "h:mm a", locale=self.locale).replace(" ", "\u00a0")

    def day(self, at: datetime) -> str:
        """aujourd’hui, demain, hier, mar. 14 janv. (with the year when it is another)."""
        day, today = self.local(at).date(), self.local(self.now).date()
        near = {-1: "time.yesterday", 0: "time.today", 1: "time.tomorrow"}
        if key := near.get((day - today).days):
            return self.texts(key)
        pattern = "EEE d MMM" if day.year == today.year else "d MMM y"
        return format_date(day, pattern, locale=self.locale)

    def long_day(self, day: date) -> str:
        """lundi 13 janvier 2025"""
        return format_date(day, "EEEE d MMMM y", locale=self.locale)

    def moment(self, at: datetime) -> str:
        """demain à 18 h"""
        return self.texts("time.at", day=self.day(at), time=self.time(at))

    def span(self, start: datetime, end: datetime | None) -> str:
        """aujourd’hui à 17 h; aujourd’hui, de 14 h à 18 h"""
        if end is None or end == start:
            return self.moment(start)
        if self.local(start).date() != self.local(end).date():
            return self.texts("time.days", start=self.day(start), end=self.day(end))
        return self.texts(
            "time.hours", day=self.day(start), start=self.time(start), end=self.time(end)
        )

    def ago(self, at: datetime) -> str:
        """à l’instant, il y a 2 min, il y a 3 h, hier à 10 h 15, mar. 14 janv."""
        gone = self.now - at
        if gone < timedelta(minutes=1):
            return self.texts("time.just_now")
        if gone < timedelta(hours=12) and self.local(at).date() == self.local(self.now).date():
            whole = timedelta(minutes=gone // timedelta(minutes=1))
            if gone >= timedelta(hours=1):
                whole = timedelta(hours=gone // timedelta(hours=1))
            return format_timedelta(
                -whole, format="short", threshold=1, add_direction=True, locale=self.locale
            )
        return self.moment(at) if gone < timedelta(days=2) else self.day(at)

    def duration(self, seconds: float) -> str:
        """8 s, 2 min 30 s, 1 h 05"""
        whole = round(seconds)
        hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
        if hours:
            return f"{hours}\u00a0h\u00a0{minutes:02}"
        if minutes:
            return f"{minutes}\u00a0min" + (f"\u00a0{rest}\u00a0s" if rest else "")
        return f"{whole}\u00a0s"

    def money(self, amount: Decimal | str, currency: str) -> str:
        return format_currency(Decimal(amount), currency, locale=self.locale)

    def fact(self, value: Any) -> str:
        """A value out of JSON as a person writes it: money, a time, a span, a list …"""
        if isinstance(value, bool):
            return self.texts("yes" if value else "no")
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return ", ".join(self.fact(v) for v in value)
        if isinstance(value, str):
            return self._time_or_text(value)
        return self.number(value) if isinstance(value, int | float) else str(value)

    def _mapping(self, value: Mapping[str, Any]) -> str:
        if {"amount", "currency"} <= value.keys():
            return self.money(value["amount"], value["currency"])
        if "start" in value:
            end = value.get("end")
            start = datetime.fromisoformat(value["start"])
            return self.span(start, datetime.fromisoformat(end) if end else None)
        if "title" in value:  # an article
            return " ".join(str(value[k]) for k in ("title", "size", "reference") if value.get(k))
        if "words" in value:  # a product: the words used, and what they may mean
            references = self.fact(value.get("references", ()))
            return f"{value['words']} ({references})" if references else str(value["words"])
        return ", ".join(self.fact(v) for v in value.values() if v not in (None, "", [], {}))

    def _time_or_text(self, value: str) -> str:
        try:
            if len(value) == 10:
                return self.long_day(date.fromisoformat(value))
            at = datetime.fromisoformat(value)
        except ValueError:
            return value
        return value if at.tzinfo is None else self.moment(at)

    def number(self, value: float) -> str:
        return format_decimal(value, locale=self.locale)

    def size(self, count: int) -> str:
        """Of a file: 12 ko, 1,2 Mo"""
        unit, many = ("megabyte", 10**6) if count >= 10**6 else ("kilobyte", 10**3)
        share = max(round(count / many, 1), 0.1)
        return format_unit(share, f"digital-{unit}", length="short", locale=self.locale)

    def percent(self, share: float) -> str:
        return format_percent(share, locale=self.locale)

    def phone(self, value: str) -> str:
        """06 45 78 90 12 at home, +32 470 12 34 56 from abroad; what is no number as it is."""
        try:
            number = phonenumbers.parse(value)
        except phonenumbers.NumberParseException:
            return value
        at_home = number.country_code == phonenumbers.country_code_for_region(self.home)
        form = phonenumbers.PhoneNumberFormat
        written = phonenumbers.format_number(
            number, form.NATIONAL if at_home else form.INTERNATIONAL
        )
        return written.replace(" ", "\u00a0")


def home_of(phone: str) -> str:
    """The country of a tenant's own number (E.164 or French national writing)."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(phone, "FR")) or "FR"
    except phonenumbers.NumberParseException:
        return "FR"
