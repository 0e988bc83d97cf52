"""Colissimo: where parcels are, by Suivi v2."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import colissimo_world
import pytest
import requests
from colissimo_world import OKAPI_KEY, PARCEL, LaPoste, Tape
from jsonschema import ValidationError
from sandbox_world import Server

from bot.demo.sandbox import describe_world
from bot.demo.world import read_world, shifted
from connectors.colissimo.tracking import FIRST_PAUSE, LONGEST_PAUSE, STATUSES
from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.sandbox.app import create_app

CET = timezone(timedelta(hours=1))
PAGE = "https://www.laposte.fr/outils/suivre-vos-envois?code="


@pytest.fixture(scope="module")
def tape_and_server() -> Iterator[tuple[Tape, Server]]:
    app = create_app(None)
    server = Server(app)
    yield Tape(app), server
    server.stop()


@pytest.fixture
def tape(tape_and_server: tuple[Tape, Server]) -> Iterator[Tape]:
    tape, _ = tape_and_server
    tape.exchanges.clear()
    yield tape
    if colissimo_world.CONTRACT_FILE.is_file():
        for exchange in tape.exchanges:
            colissimo_world.check(exchange)


@pytest.fixture
def world(tape_and_server: tuple[Tape, Server], tape: Tape) -> LaPoste:
    world = LaPoste(tape_and_server[1].url, "parcels")
    world.replace(colissimo_world.make_document())
    return world


# --- what a parcel is --------------------------------------------------------------------


def test_a_parcel_on_its_way_is_told_with_what_la_poste_says(world: LaPoste) -> None:
    parcel = world.tracking().track(PARCEL)
    assert (parcel.number, parcel.status, parcel.url) == (PARCEL, "in_transit", PAGE + PARCEL)
    assert parcel.expected == datetime(2025, 1, 17, 12, tzinfo=CET)
    assert parcel.expected_day is False
    assert parcel.said == "Votre colis est en transit sur nos plateformes logistiques."
    assert parcel.said_at == datetime(2025, 1, 13, 9, tzinfo=CET)
    assert (parcel.delivered_at, parcel.pickup_point) == (None, "")


@pytest.mark.parametrize(
    "status",
    "announced in_transit out_for_delivery pickup_point delivered delayed problem returned".split(),
)
def test_each_situation_of_a_parcel_is_understood(world: LaPoste, status: str) -> None:
    at = "2025-01-13T10:00:00+01:00"
    world.set_parcel(PARCEL, status=status, at=at, pickup_point="Relais Rivoli")
    parcel = world.tracking().track(PARCEL)
    assert (parcel.status, parcel.said_at) == (status, datetime(2025, 1, 13, 10, tzinfo=CET))
    assert parcel.delivered_at == (parcel.said_at if status == "delivered" else None)
    assert parcel.pickup_point == ("Relais Rivoli" if status == "pickup_point" else "")
    assert (parcel.expected is None) == (status in {"delivered", "returned"})


@pytest.mark.parametrize("status", sorted(set(STATUSES.values())))
def test_a_situation_that_is_the_first_one_has_a_journey_before_it(
    world: LaPoste, tape: Tape, status: str
) -> None:
    world.set_parcel("8R00099990001", status=status, at="2025-01-13T10:00:00+01:00")
    assert world.tracking().track("8R00099990001").status == status
    events = fetch(world, "8R00099990001").json()["shipment"]["event"]
    dates = [e["date"] for e in events]
    assert dates == sorted(dates, reverse=True)
    assert events[-1]["code"] == "DR1"


def test_a_situation_at_an_hour_that_had_not_come_replaces_what_was_to_come(world: LaPoste) -> None:
    world.set_parcel(PARCEL, status="delivered", at="2025-01-15T09:00:00+01:00")
    world.set_parcel(PARCEL, status="delayed", at="2025-01-14T09:00:00+01:00")
    assert world.tracking().track(PARCEL).status == "delayed"


def test_a_new_situation_is_dated_by_the_worlds_clock(world: LaPoste) -> None:
    away = datetime(2025, 1, 16, 8, tzinfo=UTC)
    world.set_clock((away - datetime.now(UTC)).total_seconds())
    world.set_parcel(PARCEL, status="out_for_delivery")
    said_at = world.tracking().track(PARCEL).said_at
    assert timedelta() <= said_at - away < timedelta(minutes=5)


def test_a_new_expectation_is_told_and_an_old_one_is_kept(world: LaPoste) -> None:
    world.set_parcel(PARCEL, status="in_transit", expected="2025-01-18T10:00:00+01:00")
    assert world.tracking().track(PARCEL).expected == datetime(2025, 1, 18, 10, tzinfo=CET)
    world.set_parcel(PARCEL, status="out_for_delivery")
    assert world.tracking().track(PARCEL).expected == datetime(2025, 1, 18, 10, tzinfo=CET)


def test_an_expectation_at_midnight_is_of_a_day(world: LaPoste) -> None:
    world.set_parcel(PARCEL, status="in_transit", expected="2025-01-17")
    parcel = world.tracking().track(PARCEL)
    assert parcel.expected == datetime(2025, 1, 17, tzinfo=CET)
    assert parcel.expected_day is True


@pytest.mark.parametrize(
    ("expected", "now", "status"),
    [
        ("2025-01-17T12:00:00+01:00", datetime(2025, 1, 17, 10, 59, tzinfo=UTC), "in_transit"),
        ("2025-01-17T12:00:00+01:00", datetime(2025, 1, 17, 11, 0, tzinfo=UTC), "delayed"),
        ("2025-01-17", datetime(2025, 1, 17, 22, 59, tzinfo=UTC), "in_transit"),
        ("2025-01-17", datetime(2025, 1, 17, 23, 0, tzinfo=UTC), "delayed"),
    ],
)
def test_a_parcel_is_late_when_its_hour_or_its_whole_day_has_passed(
    world: LaPoste, expected: str, now: datetime, status: str
) -> None:
    world.set_parcel(PARCEL, status="in_transit", expected=expected)
    world.now = now
    assert world.tracking().track(PARCEL).status == status


@pytest.mark.parametrize("status", ["delivered", "pickup_point", "problem", "returned"])
def test_what_is_no_longer_on_its_way_is_not_late(world: LaPoste, status: str) -> None:
    world.set_parcel(PARCEL, status=status)
    world.now = datetime(2025, 2, 1, tzinfo=UTC)
    assert world.tracking().track(PARCEL).status == status


def test_a_parcel_that_la_poste_does_not_know_is_none(world: LaPoste) -> None:
    assert world.tracking().track("8R00000000000") is None


def test_a_number_is_read_however_it_is_written(world: LaPoste) -> None:
    assert world.tracking().track(" 8r 0001-2345.678\n").number == PARCEL


# --- failures ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [{"mode": "down"}, {"mode": "slow", "ms": 400}, {"mode": "timeout_after"}],
    ids=["down", "slow", "hung up"],
)
def test_a_question_that_is_not_answered_may_be_asked_again(
    world: LaPoste, failure: dict[str, Any]
) -> None:
    world.fail("colissimo", **failure)
    with pytest.raises(Unavailable) as caught:
        world.tracking(timeout="0.2").track(PARCEL)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert caught.value.vendor == "colissimo"
    world.heal("colissimo")
    assert world.tracking().track(PARCEL).status == "in_transit"


def test_a_system_that_nobody_reaches_is_unavailable(world: LaPoste) -> None:
    with pytest.raises(Unavailable):
        world.tracking(base_url="http://127.0.0.1:9").track(PARCEL)


def test_over_the_quota_the_pause_grows_until_an_answer_comes(world: LaPoste) -> None:
    tracking = world.tracking()
    world.fail("colissimo", "throttled", times=8)
    pauses = []
    for _ in range(8):
        with pytest.raises(Unavailable) as caught:
            tracking.track(PARCEL)
        pauses.append(caught.value.retry_after)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    tracking.track(PARCEL)
    world.fail("colissimo", "throttled", times=1)
    with pytest.raises(Unavailable) as caught:
        tracking.track(PARCEL)
    assert caught.value.retry_after == FIRST_PAUSE


@pytest.mark.parametrize("how", ["a wrong key", "a key that was withdrawn"])
def test_a_key_that_is_not_accepted_is_refused_for_good(world: LaPoste, how: str) -> None:
    key = "wrong" if how == "a wrong key" else OKAPI_KEY
    if key == OKAPI_KEY:
        world.fail("colissimo", "unauthorized")
    with pytest.raises(Refused) as caught:
        world.tracking(okapi_key=key).track(PARCEL)
    assert caught.value.code == "401"


# --- hostile numbers ---------------------------------------------------------------------

HOSTILE = {
    "empty": "",
    "too short": "8R0001234",
    "too long": "8R" + "0" * 14,
    "very long": "8" * 100_000,
    "path": "../../../etc/passwd",
    "encoded path": "..%2f..%2fetc%2fp",
    "slash": "8R0001/2345678",
    "query": "8R000123456?lang=",
    "fragment": "8R00012345678#x",
    "several": "8R00012345678,8R00012340001",
    "host": "8R0001@evil.example",
    "header": "8R00012345678\r\nX-A: b",
    "null": "8R000123\x0045678",
    "fullwidth": "８Ｒ０００１２３４５６７８",
    "arabic digits": "8R٠٠٠١٢٣٤٥٦٧٨",
    "cyrillic": "8В00012345678А",
    "emoji": "📦" * 12,
    "right to left": "\u202e87654321000R8",
    "markup": "<b>8R00012345678</b>",
    "sql": "8R' OR '1'='1' --",
}


@pytest.mark.parametrize("number", HOSTILE.values(), ids=list(HOSTILE))
def test_what_is_no_number_is_refused_and_never_asked(world: LaPoste, number: str) -> None:
    with pytest.raises(Refused) as caught:
        world.tracking().track(number)
    assert caught.value.code == "malformed"
    assert world.state()["requests"].get("colissimo", 0) == 0
    assert not number or number not in str(caught.value)


def test_a_number_with_capitals_of_another_alphabet_does_not_become_one_of_ours(
    world: LaPoste,
) -> None:
    # str.upper makes SS of ß and I of a dotless ı
    for number in ("8ß00012345678", "8ı00012345678"):
        with pytest.raises(Refused):
            world.tracking().track(number)


# --- secrets, and the sandbox by hand ----------------------------------------------------


def test_neither_keys_nor_numbers_are_logged_or_told(
    world: LaPoste, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.INFO)  # as bot.logs has it
    tracking = world.tracking()
    tracking.track(PARCEL)
    world.fail("colissimo", "down")
    with pytest.raises(Unavailable) as caught:
        tracking.track(PARCEL)
    told = f"{caplog.text} {caught.value} {caught.value!r} {tracking!r} {world.config()!r}"
    assert OKAPI_KEY not in told
    assert PARCEL not in told
    assert caught.value.__cause__ is None


def fetch(world: LaPoste, numbers: str, key: str = OKAPI_KEY) -> requests.Response:
    return requests.get(
        f"{world.vendor_url('colissimo')}/suivi/v2/idships/{numbers}",
        params={"lang": "fr_FR"},
        headers={"X-Okapi-Key": key, "X-By-Hand": "1"},
        timeout=5,
    )


def test_the_sandbox_answers_in_every_way_of_the_contract(world: LaPoste, tape: Tape) -> None:
    assert fetch(world, PARCEL).status_code == 200
    several = fetch(world, f"{PARCEL},8R00000000000,x")
    assert several.status_code == 207
    assert [e["returnCode"] for e in several.json()] == [200, 104, 101]
    assert fetch(world, "x").status_code == 400
    assert fetch(world, PARCEL, key="").status_code == 401
    assert fetch(world, "8R00000000000").json()["returnCode"] == 104
    world.fail("colissimo", "throttled")
    assert fetch(world, PARCEL).status_code == 429
    assert [e.status for e in tape.exchanges] == [200, 207, 400, 401, 404, 429]


def test_a_timeline_has_five_steps_reached_in_order(world: LaPoste) -> None:
    reached = {"announced": 1, "in_transit": 3, "out_for_delivery": 4, "delivered": 5}
    for status, count in reached.items():
        world.set_parcel(PARCEL, status=status)
        steps = fetch(world, PARCEL).json()["shipment"]["timeline"]
        assert [s["id"] for s in steps] == [1, 2, 3, 4, 5]
        assert [s["status"] for s in steps] == [n < count for n in range(5)]
    world.set_parcel(PARCEL, status="problem")
    assert fetch(world, PARCEL).json()["shipment"]["timeline"][2]["type"] == -1


def test_a_check_finds_what_is_outside_the_contract(world: LaPoste, tape: Tape) -> None:
    """A check that cannot fail checks nothing."""
    if not colissimo_world.CONTRACT_FILE.is_file():
        pytest.skip("the vendors' contracts (../shared/vendors/specs) are not on this machine")
    world.tracking().track(PARCEL)
    said = tape.exchanges[-1]
    for ours, theirs, error in [
        (b"holder", b"keeper", AssertionError),
        (b'"ET1"', b"1", ValidationError),
        (b"2025-01-13T", b"13.01.25 ", ValidationError),
        (b"shipment", b"parcel", AssertionError),
    ]:
        assert ours in said.answer
        wrong = dataclasses.replace(said, answer=said.answer.replace(ours, theirs))
        with pytest.raises(error):
            colissimo_world.check(wrong)


@pytest.mark.parametrize(
    "situation",
    [
        {},
        {"status": "lost"},
        {"status": "delayed", "expected": "soon"},
        {"status": "delayed", "x": 1},
    ],
    ids=str,
)
def test_a_situation_that_does_not_exist_is_not_taken(
    world: LaPoste, situation: dict[str, Any]
) -> None:
    with pytest.raises(requests.HTTPError, match="400"):
        world.set_parcel(PARCEL, **situation)
    assert world.tracking().track(PARCEL).status == "in_transit"


def test_a_person_moves_a_parcel_on_the_sandboxs_page(world: LaPoste) -> None:
    moved = requests.post(
        f"{world.url}/move-parcel", data={"number": PARCEL, "status": "delivered"}, timeout=5
    )
    assert moved.status_code == 200
    assert "Colissimo" in moved.text
    assert world.tracking().track(PARCEL).status == "delivered"


# --- the demo's parcels ------------------------------------------------------------------


def test_the_demos_parcels_are_where_its_orders_say(world: LaPoste) -> None:
    boutique = read_world("elegance-paris")
    world.replace(describe_world(boutique, "https://x.example", reports=False))
    tracking = world.tracking(**boutique.raw["connections"]["colissimo"]["secrets"])
    on_its_way = tracking.track("8R00012345678")
    assert on_its_way.status == "in_transit"
    assert on_its_way.expected == datetime(2025, 1, 17, 12, tzinfo=CET)
    for number, day in (("8R00012340001", 13), ("8R00012339990", 23)):
        parcel = tracking.track(number)
        assert (parcel.status, parcel.delivered_at.day) == ("delivered", day)


def test_the_demos_parcels_move_with_its_week_and_keep_their_hour_in_summer() -> None:
    summer = shifted(read_world("elegance-paris"), date(2026, 7, 22))
    described = describe_world(summer, "https://x.example", reports=False)
    parcels = {p["number"]: p for p in described["colissimo"]["parcels"]}
    assert parcels["8R00012345678"]["expected"] == "2026-07-24T12:00:00+02:00"
    assert parcels["8R00012345678"]["at"] == "2026-07-20T09:00:00+02:00"
    assert parcels["8R00012340001"]["at"] == "2026-07-20T09:00:00+02:00"
    assert parcels["8R00012339990"]["at"].startswith("2026-06-29")
