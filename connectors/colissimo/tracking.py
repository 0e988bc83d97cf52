"""La Poste's Suivi v2 as a TrackingSystem. The contract and its gaps: doc.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

import requests

from connectors.colissimo.client import VENDOR_NAME, Config, session
from connectors.errors import ConnectorError, Refused, Unavailable
from connectors.ports import Parcel, ParcelStatus
from connectors.transport import parse_seconds

NUMBER = re.compile(r"[0-9A-Za-z]{11,15}")
PAGE = "https://www.laposte.fr/outils/suivre-vos-envois?code="
PARIS = ZoneInfo("Europe/Paris")  # of a time that La Poste writes without an offset
LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)  # of an event without a date
LONGEST_SENTENCE = 300  # characters

UNKNOWN = 104  # returnCode: not a parcel's number, or not scanned yet

# La Poste answers 429 without saying for how long: ours doubles while it goes on (seconds).
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

# The official file has no table of codes: this is what four independent public ones agree on.
# DR1 is the sender's announcement and MD2 the last round, never a delivery.
STATUSES: Mapping[str, ParcelStatus] = {
    **dict.fromkeys(("DR1",), "announced"),
    **dict.fromkeys(("PC1", "PC2", "ET1", "ET2", "ET3", "ET4", "EP1"), "in_transit"),
    **dict.fromkeys(("DO1", "DO2", "PB2", "ID0"), "in_transit"),
    **dict.fromkeys(("DR2", "DO3", "PB1", "ND1"), "problem"),
    "MD2": "out_for_delivery",
    "AG1": "pickup_point",
    "DI3": "delayed",
    **dict.fromkeys(("DI0", "DI1"), "delivered"),
    **dict.fromkeys(("DI2", "RE1"), "returned"),
}
ON_ITS_WAY = frozenset({"announced", "in_transit", "out_for_delivery"})
OVER = frozenset({"delivered", "returned"})


def wall() -> datetime:
    return datetime.now(UTC)


class ColissimoTracking:
    """One Okapi key. Implements connectors.ports.TrackingSystem.

    `now` tells what is late; rehearsals move it.
    """

    def __init__(self, config: Config, now: Callable[[], datetime] = wall) -> None:
        self._config = config
        self._now = now
        self._timeout = parse_seconds(config.timeout)
        self._pause = FIRST_PAUSE

    def track(self, number: str) -> Parcel | None:
        """Spaces and case do not matter. Raises Unavailable (5xx, 429, timeouts, an answer
        that cannot be read) and Refused: the key is not accepted, or `number` cannot be a
        parcel's (code "malformed": nothing was asked)."""
        wanted = re.sub(r"[\s.-]", "", number)
        if not NUMBER.fullmatch(wanted):
            raise Refused("colissimo: no parcel's number", vendor=VENDOR_NAME, code="malformed")
        wanted = wanted.upper()
        envelope = self._ask(wanted)
        return None if envelope is None else self._read(wanted, envelope)

    def _ask(self, number: str) -> Mapping[str, Any] | None:
        try:
            answer = session().get(
                f"{self._config.base_url.rstrip('/')}/suivi/v2/idships/{number}",
                params={"lang": "fr_FR"},
                headers={"X-Okapi-Key": self._config.okapi_key, "Accept": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            text = f"colissimo: {type(error).__name__}"
            raise Unavailable(text, vendor=VENDOR_NAME) from None
        if answer.status_code != 429:
            self._pause = FIRST_PAUSE
        if answer.status_code == 404:  # sometimes without JSON
            return None
        if answer.status_code not in {200, 207}:
            raise self._refusal(answer)
        return find_envelope(number, read_json(answer))

    def _refusal(self, answer: requests.Response) -> ConnectorError:
        status = answer.status_code
        text, code = f"colissimo: HTTP {status}", str(status)
        if status == 429:
            pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
            return Unavailable(text, vendor=VENDOR_NAME, code=code, retry_after=pause)
        kind = Unavailable if status >= 500 else Refused
        return kind(text, vendor=VENDOR_NAME, code=code)

    def _read(self, number: str, envelope: Mapping[str, Any]) -> Parcel:
        shipment = envelope["shipment"]
        events = sort_events(shipment.get("event"))
        status = read_status(events, is_final=shipment.get("isFinal") is True)
        expected, by_day = read_estimate(shipment.get("estimDate"))
        if expected and status in ON_ITS_WAY:
            end = expected + timedelta(days=1) if by_day else expected
            status = "delayed" if end <= self._now() else status
        said = events[0] if events else {}
        url = str(shipment.get("url") or "")
        return Parcel(
            number=number,
            status=status,
            expected=None if status in OVER else expected,
            expected_day=by_day and status not in OVER,
            delivered_at=find_delivery(shipment, events) if status == "delivered" else None,
            said=" ".join(str(said.get("label") or "").split())[:LONGEST_SENTENCE],
            said_at=read_time(said.get("date")),
            pickup_point=find_pickup_point(shipment) if status == "pickup_point" else "",
            url=url if url.startswith("https://") else PAGE + number,
        )


def read_json(answer: requests.Response) -> Any:
    """Raises Unavailable."""
    try:
        return answer.json()
    except ValueError:
        text = "colissimo: the answer is not JSON"
        raise Unavailable(text, vendor=VENDOR_NAME) from None


def find_envelope(number: str, answer: Any) -> Mapping[str, Any] | None:
    """The part of an answer that is about `number`: alone, or one of several, each with a
    code of its own. None when it is not known. Raises Unavailable, Refused."""
    envelopes = [e for e in (answer if isinstance(answer, list) else [answer]) if is_object(e)]
    for envelope in envelopes:
        shipment = envelope.get("shipment")
        told = shipment.get("idShip") if is_object(shipment) else envelope.get("idShip")
        if told not in {number, None} and len(envelopes) > 1:
            continue
        code = envelope.get("returnCode")
        if code == UNKNOWN:
            return None
        if is_object(shipment):
            return envelope
        kind = Refused if isinstance(code, int) and code < 500 else Unavailable
        raise kind(f"colissimo: returnCode {code}", vendor=VENDOR_NAME, code=str(code))
    raise Unavailable("colissimo: an answer without the parcel", vendor=VENDOR_NAME)


def is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, dict)


def sort_events(events: Any) -> list[Mapping[str, Any]]:
    """The newest first, as La Poste promises; of the same instant as it lists them."""
    found = [e for e in events if is_object(e)] if isinstance(events, list) else []
    return sorted(found, key=lambda e: read_time(e.get("date")) or LONG_AGO, reverse=True)


def read_status(events: Sequence[Mapping[str, Any]], *, is_final: bool) -> ParcelStatus:
    """By the newest event whose code is known. A journey that is over in a way that we do
    not know is a problem, for it must not be called a delivery."""
    if not events:
        return "problem" if is_final else "announced"
    codes = (str(e.get("code")) for e in events)
    known = [STATUSES[code] for code in codes if code in STATUSES]
    if is_final:
        return next((status for status in known if status in OVER), "problem")
    return known[0] if known else "in_transit"


def find_delivery(
    shipment: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> datetime | None:
    delivery = next(e for e in events if STATUSES.get(str(e.get("code"))) == "delivered")
    return read_time(delivery.get("date")) or read_time(shipment.get("deliveryDate"))


def find_pickup_point(shipment: Mapping[str, Any]) -> str:
    context = shipment.get("contextData")
    point = context.get("removalPoint") if is_object(context) else None
    return str(point.get("name") or "").strip() if is_object(point) else ""


def read_estimate(value: Any) -> tuple[datetime | None, bool]:
    """When a parcel is to arrive, and whether only the day is told: at midnight, in Paris."""
    told = read_time(value)
    if told is None:
        return None, False
    if told.time() == time():
        return told.replace(tzinfo=PARIS), True
    in_paris = told.astimezone(PARIS)
    return in_paris, in_paris.time() == time()


def read_time(value: Any) -> datetime | None:
    """None when it is no ISO 8601 time, or none of our century."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    if not 2000 <= found.year < 2100:
        return None
    return found if found.tzinfo else found.replace(tzinfo=PARIS)
