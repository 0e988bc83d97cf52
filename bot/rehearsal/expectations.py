"""Whether what followed a step is what was expected of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from bot.rehearsal.findings import Found
from bot.rehearsal.script import (
    CallExpected,
    EscalationExpected,
    Expect,
    MessageExpected,
    NotificationExpected,
    ReminderExpected,
    ReservationExpected,
    Span,
)
from bot.turn import TimeSpan
from bot.understanding.evaluation import found as is_found

# The clock runs on while a step is played: times nearer than this are the same
SAME = timedelta(minutes=1)
TOLERATED = 10  # times the seconds of `within`


@dataclass(frozen=True)
class Difference:
    """One expectation that does not hold, both sides as plain data."""

    key: str
    expected: Any
    found: Any


def compare(expect: Expect, found: Found) -> list[Difference]:
    """Every key that was named and does not hold, in the page's order."""
    named = {name: getattr(expect, name) for name in type(expect).model_fields}
    return [
        difference
        for key, expected in named.items()
        if expected is not None
        for difference in CHECKS[key](key, expected, found[key])
    ]


# --- texts and times ---------------------------------------------------------------------


def fold(text: str) -> str:
    """Case and accents folded, any run of spaces as one, ’ as ', « 18 h » as « 18h »."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    spaced = re.sub(r"[\s\u200b\u2060\ufeff]+", " ", bare.replace("’", "'").casefold())
    return re.sub(r"(?<=\d) (?=h\b)", "", spaced)


def _holds(text: str, has: Sequence[str], lacks: Sequence[str] = ()) -> bool:
    folded = fold(text)
    return all(fold(part) in folded for part in has) and not any(
        fold(part) in folded for part in lacks
    )


def _is_at(expected: datetime, found: str | None) -> bool:
    return found is not None and abs(datetime.fromisoformat(found) - expected) < SAME


# --- single items ------------------------------------------------------------------------


def _is_message(expected: MessageExpected, found: Found) -> bool:
    text = found["text"]
    return (
        expected.via in {None, found["via"]}
        and (expected.to is None or expected.to.casefold() == found["to"].casefold())
        and _holds(found["subject"], expected.subject)
        and expected.media in {None, found["media"]}
        and _holds(text, expected.has, expected.lacks)
        and (not expected.has_any or any(_holds(text, [part]) for part in expected.has_any))
    )


def _is_reservation(expected: ReservationExpected, found: Found) -> bool:
    return (
        expected.sku in {None, found["sku"]}
        and expected.status in {None, found["status"]}
        and (expected.until is None or _is_at(expected.until, found["until"]))
        and (expected.pickup is None or _is_pickup(expected.pickup, found))
    )


def _is_pickup(expected: datetime | Span, found: Found) -> bool:
    """An instant is when they come, or the beginning of the time in which they do."""
    if isinstance(expected, datetime):
        return _is_at(expected, found["pickup"])
    if found["pickup"] is None:
        return False
    start = datetime.fromisoformat(found["pickup"])
    end = datetime.fromisoformat(found["pickup_to"] or found["pickup"])
    return expected.start - SAME < start and end < expected.end + SAME


def _is_reminder(expected: ReminderExpected, found: Found) -> bool:
    return (
        expected.kind in {None, found["kind"]}
        and expected.via in {None, found["via"]}
        and (expected.at is None or _is_at(expected.at, found["at"]))
    )


def _is_escalation(expected: EscalationExpected, found: Found) -> bool:
    text = "\n".join([found["reason"], found["summary"], found["customer"]])
    return (
        expected.reason in {None, found["reason"]}
        and expected.priority in {None, found["priority"]}
        and _holds(text, expected.has)
    )


def _is_notification(expected: NotificationExpected, found: Found) -> bool:
    return expected.kind in {None, found["kind"]} and _holds(found["text"], expected.has)


# --- keys --------------------------------------------------------------------------------

Check = Callable[[str, Any, Any], list[Difference]]
Fits = Callable[[Any, Any], bool]


def _in_order(fits: Fits) -> Check:
    """Exactly these, in this order."""

    def check(key: str, expected: Sequence[Any], found: Sequence[Any]) -> list[Difference]:
        same = len(expected) == len(found) and all(map(fits, expected, found))
        return [] if same else [_differ(key, expected, found)]

    return check


def _exactly(fits: Fits) -> Check:
    """These and no others, in any order."""

    def check(key: str, expected: Sequence[Any], found: Sequence[Any]) -> list[Difference]:
        same = len(expected) == len(found) and _pairs(expected, found, fits)
        return [] if same else [_differ(key, expected, found)]

    return check


def _among(fits: Fits) -> Check:
    """These, and maybe others."""

    def check(key: str, expected: Sequence[Any], found: Sequence[Any]) -> list[Difference]:
        return [] if _pairs(expected, found, fits) else [_differ(key, expected, found)]

    return check


def _pairs(expected: Sequence[Any], found: Sequence[Any], fits: Fits) -> bool:
    """Whether every expected item finds one of its own."""
    if not expected:
        return True
    return any(
        fits(expected[0], item) and _pairs(expected[1:], [*found[:n], *found[n + 1 :]], fits)
        for n, item in enumerate(found)
    )


def _same_set(key: str, expected: Sequence[str], found: Sequence[str]) -> list[Difference]:
    return [] if set(expected) == set(found) else [_differ(key, expected, found)]


def _entities(key: str, expected: Mapping[str, Any], found: Sequence[Found]) -> list[Difference]:
    """Compared as the evaluation file compares them, over all messages of the step."""
    there: dict[str, list[Any]] = {}
    for entities in found:
        for name, values in entities.items():
            there.setdefault(name, []).extend(values)
    missed = [
        name
        for name, value in expected.items()
        if not is_found(_as_text(value), [_as_span(v) for v in there.get(name, [])])
    ]
    return [Difference(f"{key} {name}", expected[name], there.get(name)) for name in missed]


def _as_text(value: Any) -> Any:
    """YAML's times and numbers, as the evaluation file writes them."""
    if isinstance(value, Mapping):
        return {name: _as_text(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_text(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _as_span(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    start, end = (datetime.fromisoformat(value[name]) for name in ("from", "to"))
    return TimeSpan(start, None if end == start else end)


def _alone(key: str, expected: str, found: Sequence[str]) -> list[Difference]:
    return [] if list(found) == [expected] else [_differ(key, expected, found)]


def _equal(key: str, expected: Any, found: Any) -> list[Difference]:
    return [] if expected == found else [_differ(key, expected, found)]


def _units(
    key: str, expected: Mapping[str, BaseModel], found: Mapping[str, Mapping[str, int]]
) -> list[Difference]:
    """The named quantities of the named SKUs."""
    differences = []
    for sku, units in expected.items():
        named = units.model_dump(exclude_none=True)
        there = {name: found[sku][name] for name in named} if sku in found else None
        if there != named:
            differences.append(Difference(f"{key} {sku}", named, there))
    return differences


def _suggested(key: str, expected: Any, found: Sequence[str]) -> list[Difference]:
    held = any(_holds(text, expected.has, expected.lacks) for text in found)
    return [] if held else [_differ(key, expected, found)]


def _profile(key: str, expected: BaseModel, found: Found | None) -> list[Difference]:
    named = expected.model_dump(exclude_none=True)
    there = {name: (found or {}).get(name) for name in named}
    if "spent" in named and there["spent"] is not None:
        there["spent"] = float(Decimal(there["spent"]))
    return [] if there == named else [Difference(key, named, there)]


def _calls(key: str, expected: Sequence[CallExpected], found: Sequence[Found]) -> list[Difference]:
    """These and maybe others; of `[]`, none at all."""
    check = _among(_is_call) if expected else _exactly(_is_call)
    return check(key, expected, found)


def _is_call(expected: CallExpected, found: Found) -> bool:
    return expected.kind in {None, found["kind"]} and _holds(found["text"], expected.has)


def _soon(key: str, expected: float, found: float | None) -> list[Difference]:
    slow = found is None or found > expected * TOLERATED
    return [_differ(key, expected, found)] if slow else []


def _differ(key: str, expected: Any, found: Any) -> Difference:
    return Difference(key, plain(expected), found)


def plain(expected: Any) -> Any:
    """An expectation as it was written, without what it does not name."""
    if isinstance(expected, BaseModel):
        return expected.model_dump(
            mode="json", exclude_unset=True, exclude_none=True, by_alias=True
        )
    if isinstance(expected, tuple | list):
        return [plain(item) for item in expected]
    return expected


CHECKS: Mapping[str, Check] = {
    "replies": _in_order(_is_message),
    "sent": _among(_is_message),
    "intents": _same_set,
    "entities": _entities,
    "urgency": _equal,
    "handled": _alone,
    "stock": _units,
    "reservations": _exactly(_is_reservation),
    "reminders": _exactly(_is_reminder),
    "escalations": _exactly(_is_escalation),
    "suggestion": _suggested,
    "notifications": _among(_is_notification),
    "customer": _profile,
    "crm": _calls,
    "label": _equal,
    "within": _soon,
}
