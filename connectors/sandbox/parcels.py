"""Parcels as a world holds them: `number`, `history` [{status, at}] the oldest first, and
`expected`, `pickup_point`, `announced_at` where they are told; times as ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.sandbox.given import BadDocument, State, check_keys, iso_now, read_instant

SITUATION_KEYS = frozenset({"status", "at", "expected", "pickup_point", "announced_at"})
PARCEL_STATUSES = frozenset(
    {"announced", "in_transit", "out_for_delivery", "pickup_point", "delivered"}
    | {"delayed", "problem", "returned"}
)


def build_parcel(document: Mapping[str, Any]) -> State:
    check_keys("parcel", document, SITUATION_KEYS | {"number"})
    parcel: State = {"number": str(document.get("number") or ""), "history": []}
    if not parcel["number"]:
        raise BadDocument("parcel: number is missing")
    move_parcel(parcel, {k: v for k, v in document.items() if k != "number"}, iso_now())
    return parcel


def move_parcel(parcel: State, situation: Mapping[str, Any], now: str) -> None:
    """What happened to a parcel, after what had happened until then; `now` where it does not
    say when. Raises BadDocument, and then changes nothing."""
    check_keys("parcel", situation, SITUATION_KEYS)
    status = situation.get("status")
    if status not in PARCEL_STATUSES:
        raise BadDocument(f"parcel: status is one of {', '.join(sorted(PARCEL_STATUSES))}")
    times = {n: situation[n] for n in ("at", "expected", "announced_at") if situation.get(n)}
    times = {name: read_instant(name, value) for name, value in times.items()}
    at = times.pop("at", now)
    parcel.update(times)
    if situation.get("pickup_point"):
        parcel["pickup_point"] = str(situation["pickup_point"])
    until = datetime.fromisoformat(at)
    before = [s for s in parcel["history"] if datetime.fromisoformat(s["at"]) <= until]
    parcel["history"] = [*before, {"status": status, "at": at}]
