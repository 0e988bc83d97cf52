"""Reading what a control request gives: its keys, its times; and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

State = dict[str, Any]

PARIS = ZoneInfo("Europe/Paris")


class BadDocument(ValueError):
    """A control request that cannot be carried out; the message names what is wrong."""


def iso_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_keys(where: str, document: Mapping[str, Any], known: Collection[str]) -> None:
    if not isinstance(document, Mapping):
        raise BadDocument(f"{where}: expected an object")
    if unknown := sorted(set(document) - set(known)):
        raise BadDocument(f"{where}: unknown {', '.join(unknown)}")


def read_instant(name: str, value: Any) -> str:
    """Of a day, its midnight; without an offset, in Paris."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise BadDocument(f"{name}: expected an ISO 8601 time") from None
    return (found if found.tzinfo else found.replace(tzinfo=PARIS)).isoformat()
