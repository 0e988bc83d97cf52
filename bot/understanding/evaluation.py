"""The evaluation file: reading it, comparing what was found with what was meant, figures."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from bot.demo.world import SLUGS, read_world
from bot.turn import INTENTS, QUESTIONS, Entities, Sentiment, TimeSpan, Understanding, Urgency
from bot.understanding.engine import Engine
from bot.understanding.normalize import fold
from connectors.ports import Product

NOW = "2025-01-16T12:00:00+01:00"
TENANT = "elegance-paris"


class BadLine(Exception):
    """A line of the file is malformed; the message names its number and the reason."""


@dataclass(frozen=True)
class Case:
    """One line: a message and what must be understood of it. `accept` None: any intents."""

    line: int
    text: str
    accept: tuple[frozenset[str], ...] | None
    entities: Mapping[str, Any]
    now: datetime
    tenant: str
    asked: str | None
    urgency: str | None
    sentiment: str | None


@dataclass(frozen=True)
class Miss:
    """A message that was not understood as meant: what was wrong, in words."""

    line: int
    text: str
    found: tuple[str, ...]
    confidence: float
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Figures:
    """Shares are None where nothing was to be measured; times are milliseconds."""

    messages: int
    right: int
    accuracy: float | None
    coverage: float | None
    accuracy_when_acting: float | None
    unknown_acted_on: float | None
    entity_recall: float | None
    urgency_accuracy: float | None
    ms_median: float
    ms_p95: float
    misses: list[Miss] = field(default_factory=list)

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)


# --- reading ---------------------------------------------------------------------------


def read_cases(path: Path) -> list[Case]:
    """The messages of an evaluation file; empty lines are skipped. Raises BadLine."""
    cases = []
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        if not line.strip():
            continue
        try:
            cases.append(_read_case(number, json.loads(line)))
        except (ValueError, TypeError) as error:
            raise BadLine(f"line {number}: {error}") from error
    return cases


def _read_case(number: int, raw: Any) -> Case:
    if not isinstance(raw, dict) or not isinstance(raw.get("text"), str):
        raise TypeError("expected an object with a `text`")
    entities = raw.get("entities") or {}
    if not isinstance(entities, dict):
        raise TypeError("`entities` must be an object")
    for name, value in entities.items():
        _check_value(name, value)
    now = datetime.fromisoformat(raw.get("now") or NOW)
    if now.tzinfo is None:
        raise ValueError("`now` has no offset")
    return Case(
        line=number,
        text=raw["text"],
        accept=_read_accept(raw["accept"]) if "accept" in raw else None,
        entities=entities,
        now=now,
        tenant=_one_of(raw, "tenant", SLUGS) or TENANT,
        asked=_one_of(raw, "asked", QUESTIONS),
        urgency=_one_of(raw, "urgency", get_args(Urgency)),
        sentiment=_one_of(raw, "sentiment", get_args(Sentiment)),
    )


def _read_accept(raw: Any) -> tuple[frozenset[str], ...]:
    if not isinstance(raw, list) or not raw or not all(isinstance(r, list) and r for r in raw):
        raise TypeError("`accept` must be a list of lists of intents")
    for each in raw:
        strange = [i for i in each if i not in INTENTS]
        if strange:
            raise ValueError(f"{strange[0]!r} is no intent")
    return tuple(frozenset(each) for each in raw)


def _check_value(name: str, value: Any) -> None:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            if set(each) != {"from", "to"}:
                raise ValueError(f"{name}: a range has `from` and `to`")
            _instant(each["from"]), _instant(each["to"])
        elif name == "pickup_time" and each is not None:
            _instant(each)


def _one_of(raw: Mapping[str, Any], key: str, allowed: Sequence[str]) -> str | None:
    value = raw.get(key)
    if value is not None and value not in allowed:
        raise ValueError(f"`{key}`: {value!r} is not one of {', '.join(allowed)}")
    return value


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return found


# --- comparing -------------------------------------------------------------------------


def entity_values(entities: Entities, products: Sequence[Product]) -> dict[str, list[Any]]:
    """What was found, by the names of the evaluation file. A product goes by the words used,
    by the reference and by the title of each catalogue product that they may mean."""
    titles = {p.reference: p.title for p in products}
    names = [
        name
        for mention in entities.products
        for name in (
            mention.words,
            *mention.references,
            *(titles[r] for r in mention.references if r in titles),
        )
    ]
    single = {
        "quantity": entities.quantity,
        "last_name": entities.last_name,
        "email": entities.email,
        "phone": entities.phone,
        "pickup_time": entities.pickup_time,
        "event": entities.event,
        "event_date": entities.event_date,
        "choice": entities.choice,
    }
    values: dict[str, list[Any]] = {
        "product": names,
        "size": list(entities.sizes),
        "color": list(entities.colors),
        "order_number": list(entities.order_numbers),
        "tracking_number": list(entities.tracking_numbers),
    }
    values |= {name: [value] for name, value in single.items() if value is not None}
    return {name: found for name, found in values.items() if found}


def found(expected: Any, values: Sequence[Any]) -> bool:
    """Whether `values` hold what is expected: a text, an instant, a range {from, to} within
    which the time must lie, a list (all of them), or None (nothing may be found)."""
    if expected is None:
        return not values
    if isinstance(expected, list):
        return all(found(each, values) for each in expected)
    return any(_same(expected, value) for value in values)


def _same(expected: Any, value: Any) -> bool:
    if isinstance(value, TimeSpan):
        if isinstance(expected, Mapping):
            earliest, latest = _instant(expected["from"]), _instant(expected["to"])
            return earliest <= value.start and (value.end or value.start) <= latest
        return value.end in (None, value.start) and value.start == _instant(str(expected))
    return _even(expected) == _even(value)


def _even(value: Any) -> str:
    return " ".join(fold(str(value)).split())


def judge(case: Case, understood: Understanding, products: Sequence[Product]) -> list[str]:
    """What was not understood as meant; empty when all was."""
    wrong = []
    if case.accept is not None and frozenset(understood.intents) not in case.accept:
        meant = " or ".join("+".join(sorted(each)) for each in case.accept)
        wrong.append(f"intents {'+'.join(understood.intents)}, not {meant}")
    values = entity_values(understood.entities, products)
    for name, expected in case.entities.items():
        if not found(expected, values.get(name, ())):
            wrong.append(f"{name} {_shown(values.get(name, []))}, not {_shown(expected)}")
    for name in ("urgency", "sentiment"):
        expected = getattr(case, name)
        if expected is not None and expected != getattr(understood, name):
            wrong.append(f"{name} {getattr(understood, name)}, not {expected}")
    return wrong


def _shown(value: Any) -> str:
    if isinstance(value, TimeSpan):
        return " to ".join(t.isoformat() for t in (value.start, value.end) if t)
    if isinstance(value, list):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)


# --- measuring -------------------------------------------------------------------------


def measure(cases: Sequence[Case], engine: Engine, threshold: float) -> Figures:
    """Let `engine` read every case and count. Needs nothing running."""
    marks = [_mark(case, engine, threshold) for case in cases]
    acted = [m for m in marks if m.acted]
    strangers = [m for m in marks if m.case.accept == (frozenset({"unknown"}),)]
    values = [v for m in marks for v in m.entities]
    urgencies = [m.urgent for m in marks if m.urgent is not None]
    times = sorted(m.ms for m in marks) or [0.0]
    return Figures(
        messages=len(marks),
        right=sum(m.right for m in marks),
        accuracy=_share([m.right for m in marks]),
        coverage=_share([m.acted for m in marks]),
        accuracy_when_acting=_share([m.right for m in acted]),
        unknown_acted_on=_share([m.acted for m in strangers]),
        entity_recall=_share(values),
        urgency_accuracy=_share(urgencies),
        ms_median=round(statistics.median(times), 3),
        ms_p95=round(times[min(len(times) - 1, int(len(times) * 0.95))], 3),
        misses=[m.miss for m in marks if m.miss],
    )


@dataclass(frozen=True)
class _Mark:
    case: Case
    right: bool
    acted: bool
    entities: list[bool]
    urgent: bool | None
    ms: float
    miss: Miss | None


def _mark(case: Case, engine: Engine, threshold: float) -> _Mark:
    context = read_world(case.tenant).context(case.now, case.asked)
    started = time.perf_counter()
    understood = engine.understand(case.text, context)
    ms = (time.perf_counter() - started) * 1000
    wrong = judge(case, understood, context.products)
    values = entity_values(understood.entities, context.products)
    confidence = round(understood.confidence, 3)
    return _Mark(
        case=case,
        right=frozenset(understood.intents) in case.accept if case.accept else not wrong,
        acted=understood.confidence >= threshold and "unknown" not in understood.intents,
        entities=[found(e, values.get(name, ())) for name, e in case.entities.items()],
        urgent=None if case.urgency is None else understood.urgency == case.urgency,
        ms=ms,
        miss=Miss(case.line, case.text, understood.intents, confidence, tuple(wrong))
        if wrong
        else None,
    )  # fmt: skip


def _share(held: Sequence[bool]) -> float | None:
    return round(sum(held) / len(held), 4) if held else None
