"""The sending planner: how, when and whether a message may go out, and why.

One place decides for all that writes to customers. docs/sending-rules.md is the table of
rules with their sources; SENDING below is what the code goes by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal

import holidays

from bot.hours import OpeningHours

MessageClass = Literal["answer", "service", "commercial"]

# Why we write -> what the law makes of it. A kind that is not listed is commercial: the
# strictest rule for whatever nobody has thought about.
SENDING: Mapping[str, MessageClass] = {
    "reply": "answer",
    "acknowledgement": "answer",
    "adviser": "answer",
    "reservation_reminder": "service",
    "exchange_reminder": "service",
    "parcel_update": "service",
    "back_in_stock": "service",  # asked for by the customer, once
    "thank_you": "service",
    "follow_up": "commercial",
}

# Advertising by text message: not from 20:00 to 8:00, on Sundays or public holidays
# (charte of the French operators' association af2m, and CNIL's guidance)
COMMERCIAL_HOURS = (time(8), time(20))
# Our own courtesy for service messages: nobody is woken
SERVICE_HOURS = (time(8), time(21))
# WhatsApp lets a business write freely this long after the person's last message
WINDOW = timedelta(hours=24)
# What carries a message costs, roughly and in this order: used when all else is equal
CHEAPEST_FIRST = ("web", "email", "whatsapp", "sms")


@dataclass(frozen=True)
class Way:
    """One way to reach the customer: where they are, and where we write from.

    `last_wrote`: when they last wrote there. `silenced`: STOP, a bounce or a complaint on
    this channel. `templates`: kinds for which the carrier has approved a template.
    """

    channel: str
    contact: str
    address: str
    connection_id: int | None
    last_wrote: datetime | None
    silenced: bool = False
    commercial: bool = False
    templates: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Plan:
    """What was decided. `why` names its words in dashboard/texts (sending.*)."""

    how: Literal["text", "template", "wait", "never"]
    why: str
    way: Way | None = None
    at: datetime | None = None
    template: str = ""


def plan(
    kind: str,
    ways: Sequence[Way],
    *,
    now: datetime,
    hours: OpeningHours,
    stopped: bool,
    preferred: str = "",
) -> Plan:
    """Decide on a message of that kind. `ways`: where the customer last wrote first;
    `stopped`: STOP was said, and what is to be answered was not written since; `now` in
    the tenant's zone."""
    message_class = SENDING.get(kind, "commercial")
    if stopped:
        return Plan("never", "stopped")
    if message_class == "answer":
        return _plan_answer(ways, now, kind)
    allowed = [w for w in ways if not w.silenced]
    if message_class == "commercial":
        allowed = [w for w in allowed if w.commercial]
        if not allowed:
            return Plan("never", "no_consent")
    if not allowed:
        return Plan("never", "unreachable")
    way, template = _choose(allowed, now, kind, preferred)
    if way is None:
        return Plan("never", "window_closed")
    at = _allowed_from(message_class, now, hours)
    how: Literal["text", "template"] = "template" if template else "text"
    if at > now:
        return Plan("wait", f"{message_class}_hours", way, at, template)
    moved = way.channel != ways[0].channel
    why = "template" if template else "other_channel" if moved else message_class
    return Plan(how, why, way, now, template)


def _plan_answer(ways: Sequence[Way], now: datetime, kind: str) -> Plan:
    """Where they last wrote, at once; outside WhatsApp's window by template or elsewhere."""
    if not ways:
        return Plan("never", "unreachable")
    way, template = _choose(ways, now, kind, "")
    if way is None:
        return Plan("never", "window_closed")
    if template:
        return Plan("template", "template", way, now, template)
    return Plan("text", "answer" if way is ways[0] else "other_channel", way, now)


def _choose(
    ways: Sequence[Way], now: datetime, kind: str, preferred: str
) -> tuple[Way | None, str]:
    """The first way that is open, the preferred channel before the others; then one that a
    template opens."""
    ordered = sorted(ways, key=lambda w: (w.channel != preferred, *_habit(w, ways)))
    for way in ordered:
        if way.channel != "whatsapp" or _in_window(way, now):
            return way, ""
        if template := (way.templates or {}).get(kind):
            return way, template
    return None, ""


def _habit(way: Way, ways: Sequence[Way]) -> tuple[bool, int]:
    """Where they last wrote first, then what costs least."""
    return (way is not ways[0], CHEAPEST_FIRST.index(way.channel))


def _in_window(way: Way, now: datetime) -> bool:
    return way.last_wrote is not None and now - way.last_wrote < WINDOW


def _allowed_from(message_class: MessageClass, now: datetime, hours: OpeningHours) -> datetime:
    """The first moment from `now` on at which the law, or courtesy, lets it go."""
    start, end = COMMERCIAL_HOURS if message_class == "commercial" else SERVICE_HOURS
    at = now
    for _ in range(30):
        day = at.date()
        if message_class == "commercial" and (at.weekday() == 6 or is_holiday(day)):
            at = _next_day(at, start, hours)
        elif at.time() < start:
            return at.replace(hour=start.hour, minute=start.minute, second=0, microsecond=0)
        elif at.time() >= end:
            at = _next_day(at, start, hours)
        else:
            return at
    return at


def _next_day(at: datetime, start: time, hours: OpeningHours) -> datetime:
    return datetime.combine(at.date() + timedelta(days=1), start, hours.zone)


def is_holiday(day: date) -> bool:
    """A public holiday in France (the country of the tenants that there are)."""
    return day in _holidays(day.year)


@lru_cache(maxsize=16)
def _holidays(year: int) -> holidays.HolidayBase:
    return holidays.country_holidays("FR", years=year)
