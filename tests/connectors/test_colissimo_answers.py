"""Colissimo: whatever La Poste's tracking may answer, played by a door that says it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from colissimo_world import MONDAY, OKAPI_KEY, PARCEL, Stranger
from sandbox_world import Server

from connectors.colissimo import ColissimoTracking
from connectors.colissimo.client import Config
from connectors.colissimo.tracking import STATUSES
from connectors.errors import Refused, Unavailable

CET = timezone(timedelta(hours=1))
PAGE = "https://www.laposte.fr/outils/suivre-vos-envois?code="


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    stranger = Stranger()
    server = Server(stranger.app)
    stranger.url = server.url
    yield stranger
    server.stop()


def ask(stranger: Stranger, now: datetime = MONDAY) -> Any:
    config = Config(okapi_key=OKAPI_KEY, base_url=stranger.url, timeout="2")
    return ColissimoTracking(config, now=lambda: now).track(PARCEL)


def envelope(**shipment: Any) -> dict[str, Any]:
    return {"returnCode": 200, "shipment": {"idShip": PARCEL, **shipment}}


def event(code: str, date: str = "2025-01-13T09:00:00+01:00") -> dict[str, str]:
    return {"code": code, "label": f"La Poste dit {code}.", "date": date}


# Written apart from the connector's own table, by situation
MEANINGS = {
    "announced": "DR1",
    "in_transit": "PC1 PC2 ET1 ET2 ET3 ET4 EP1 DO1 DO2 PB2 ID0",
    "out_for_delivery": "MD2",
    "pickup_point": "AG1",
    "delayed": "DI3",
    "problem": "DR2 DO3 PB1 ND1",
    "delivered": "DI0 DI1",
    "returned": "DI2 RE1",
}


@pytest.mark.parametrize(
    ("code", "status"), [(c, status) for status, codes in MEANINGS.items() for c in codes.split()]
)
def test_each_code_has_its_meaning(stranger: Stranger, code: str, status: str) -> None:
    stranger.tell(envelope(event=[event(code), event("PC1", "2025-01-12T09:00:00+01:00")]))
    assert ask(stranger).status == status


@pytest.mark.parametrize("code", ["DR1", "MD2", "DI2", "RE1", "AG1", "XX9"])
def test_only_a_delivery_is_called_a_delivery(stranger: Stranger, code: str) -> None:
    for is_final in (True, False):
        stranger.tell(envelope(event=[event(code)], isFinal=is_final))
        parcel = ask(stranger)
        assert parcel.status != "delivered"
        assert parcel.delivered_at is None


def test_a_journey_that_is_over_in_an_unknown_way_is_a_problem(stranger: Stranger) -> None:
    stranger.tell(envelope(event=[event("XX9"), event("MD2")], isFinal=True))
    assert ask(stranger).status == "problem"
    stranger.tell(envelope(event=[event("XX9"), event("DI1")], isFinal=True))
    assert ask(stranger).status == "delivered"


def test_an_unknown_code_says_its_words_and_leaves_the_situation_as_it_was(
    stranger: Stranger,
) -> None:
    stranger.tell(envelope(event=[event("XX9"), event("MD2")]))
    parcel = ask(stranger)
    assert (parcel.status, parcel.said) == ("out_for_delivery", "La Poste dit XX9.")
    stranger.tell(envelope(event=[event("XX9")]))
    assert ask(stranger).status == "in_transit"


def test_the_newest_event_counts_wherever_it_stands(stranger: Stranger) -> None:
    old, new = event("PC1", "2025-01-10T09:00:00+01:00"), event("DI1", "2025-01-13T09:00:00+01:00")
    for events in ([new, old], [old, new]):
        stranger.tell(envelope(event=events))
        assert ask(stranger).status == "delivered"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(envelope(event=[event("ET1")]), id="an object"),
        pytest.param([envelope(event=[event("ET1")])], id="an array of one"),
        pytest.param(
            [
                {"returnCode": 104, "idShip": "6A11111111111"},
                {"returnCode": 200, "shipment": {"idShip": "6A22222222222", "event": []}},
                envelope(event=[event("ET1")]),
            ],
            id="one of several",
        ),
    ],
)
@pytest.mark.parametrize("status", [200, 207])
def test_an_answer_may_be_an_object_or_an_array(
    stranger: Stranger, answer: Any, status: int
) -> None:
    stranger.tell(answer, status)
    assert ask(stranger).status == "in_transit"


@pytest.mark.parametrize("status", [200, 207])
def test_an_envelope_of_its_own_code_may_be_unknown_refused_or_failed(
    stranger: Stranger, status: int
) -> None:
    stranger.tell([{"returnCode": 104, "idShip": PARCEL}], status)
    assert ask(stranger) is None
    stranger.tell([{"returnCode": 105, "idShip": PARCEL}], status)
    with pytest.raises(Refused) as refused:
        ask(stranger)
    assert refused.value.code == "105"
    stranger.tell([{"returnCode": 504, "idShip": PARCEL}], status)
    with pytest.raises(Unavailable):
        ask(stranger)


def test_not_found_is_none_with_json_or_without(stranger: Stranger) -> None:
    stranger.tell({"returnCode": 104, "returnMessage": "Inconnu", "idShip": PARCEL}, 404)
    assert ask(stranger) is None
    stranger.tell(b"", 404, "text/html")
    assert ask(stranger) is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", [], {}, 7, None, "x", [7], {"shipment": "x"}], ids=repr
)
def test_an_answer_that_cannot_be_read_is_worth_asking_again(stranger: Stranger, body: Any) -> None:
    stranger.tell(body)
    with pytest.raises(Unavailable):
        ask(stranger)


@pytest.mark.parametrize(
    "shipment",
    [
        {"event": None, "contextData": None, "estimDate": None},
        {"event": "x", "contextData": 7, "estimDate": 7, "url": 7},
        {"event": [7, {}, {"code": 7, "label": None, "date": "hier"}]},
        {"event": [event("AG1")], "contextData": {"removalPoint": "x"}},
        {"event": [event("ET1", "0001-01-01T00:30:00+14:00")], "estimDate": "9999-12-31T23:59:59Z"},
        {"event": [event("DI1", "")], "isFinal": "yes"},
    ],
    ids=",".join,
)
def test_odd_fields_do_not_break_a_parcel(stranger: Stranger, shipment: dict[str, Any]) -> None:
    stranger.tell(envelope(**shipment))
    parcel = ask(stranger)
    assert parcel.number == PARCEL
    assert parcel.url == PAGE + PARCEL


def test_a_link_of_another_scheme_is_not_passed_on(stranger: Stranger) -> None:
    stranger.tell(envelope(url="javascript:alert(1)"))
    assert ask(stranger).url == PAGE + PARCEL
    stranger.tell(envelope(url="https://www.laposte.fr/suivi?x=1"))
    assert ask(stranger).url == "https://www.laposte.fr/suivi?x=1"


@pytest.mark.parametrize(
    "told",
    [
        "2025-01-17T00:00:00+01:00",
        "2025-01-17T00:00:00",
        "2025-01-17T00:00:00Z",
        "2025-01-16T23:00:00Z",
    ],
)
def test_midnight_is_a_day_however_it_is_written(stranger: Stranger, told: str) -> None:
    stranger.tell(envelope(event=[event("ET1")], estimDate=told))
    parcel = ask(stranger)
    assert (parcel.expected, parcel.expected_day) == (datetime(2025, 1, 17, tzinfo=CET), True)


def test_la_postes_sentence_is_one_line_of_a_bounded_length(stranger: Stranger) -> None:
    stranger.tell(envelope(event=[event("ET1") | {"label": " En\n transit " + "x" * 9999}]))
    said = ask(stranger).said
    assert said.startswith("En transit xxx")
    assert len(said) == 300


def test_no_code_is_known_but_those() -> None:
    assert set(STATUSES) == set(" ".join(MEANINGS.values()).split())


# --- by its status -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 400, 403, 410])
def test_what_la_poste_will_not_answer_is_refused_with_its_code(
    stranger: Stranger, status: int
) -> None:
    stranger.tell({"returnCode": 101, "returnMessage": "Non"}, status)
    with pytest.raises(Refused) as caught:
        ask(stranger)
    assert caught.value.code == str(status)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_breakdown_may_be_asked_again(stranger: Stranger, status: int) -> None:
    stranger.tell(b"<html>", status, "text/html")
    with pytest.raises(Unavailable):
        ask(stranger)
