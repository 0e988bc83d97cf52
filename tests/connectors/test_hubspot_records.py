"""HubSpot: tickets and notes made once under our key, what is written on a contact, and
what the sandbox tells of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import vendor_contracts
from order_worlds import Garbage
from sandbox_world import Tape, World

from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.ports import Note, Ticket

JULIE = "101"
TICKET = Ticket(
    key="case-7",
    subject="Échange de la commande 2847",
    content="PN-310 du 40 au 42\nÉtiquette 6A123 envoyée",
    profile_id=JULIE,
    priority="HIGH",
)
NOTE = Note(
    key="note-7",
    text="Préfère être appelée <après 18 h> & le samedi\nCherche une robe",
    at=datetime(2025, 1, 13, 11, 0, tzinfo=timezone(timedelta(hours=1))),
    profile_id=JULIE,
)
CHANGES = {"usual_size": "40", "orders": "9", "spent": "815.00"}

# What writes, and how often it stands in the CRM after being said twice.
WRITES: dict[str, Callable[[Any], Any]] = {
    "open_ticket": lambda crm: crm.open_ticket(TICKET),
    "add_note": lambda crm: crm.add_note(NOTE),
    "update_profile": lambda crm: crm.update_profile(JULIE, CHANGES),
}
writes = pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))


# --- tickets and notes -------------------------------------------------------------------


def test_a_ticket_is_opened_once_with_all_that_it_says(world: World) -> None:
    crm = world.connect("hubspot")
    opened = crm.open_ticket(TICKET)
    assert crm.open_ticket(TICKET) == opened
    (ticket,) = world.state()["tickets"]
    assert ticket["id"] == opened
    assert ticket["contacts"] == [JULIE]
    assert ticket["properties"] == {
        "subject": "Échange de la commande 2847",
        "content": "PN-310 du 40 au 42\nÉtiquette 6A123 envoyée",
        "hs_pipeline": "0",
        "hs_pipeline_stage": "1",
        "hs_ticket_priority": "HIGH",
        "coccinelle_key": "case-7",
    }


def test_a_ticket_of_somebody_whom_the_crm_does_not_know_has_no_contact(world: World) -> None:
    world.connect("hubspot").open_ticket(Ticket("case-8", "Demande de devis", "30 robes"))
    (ticket,) = world.state()["tickets"]
    assert ticket["contacts"] == []


def test_two_cases_are_two_tickets(world: World) -> None:
    crm = world.connect("hubspot")
    ids = {crm.open_ticket(Ticket(f"case-{n}", "Retour", "", JULIE)) for n in range(3)}
    assert len(ids) == 3


def test_a_note_is_added_once_and_reads_as_it_was_written(world: World) -> None:
    crm = world.connect("hubspot")
    added = crm.add_note(NOTE)
    assert crm.add_note(NOTE) == added
    (note,) = world.state()["notes"]
    assert note["contacts"] == [JULIE]
    assert note["properties"]["hs_timestamp"] == "2025-01-13T10:00:00Z"
    body = note["properties"]["hs_note_body"]
    assert "<après" not in body
    assert body.endswith("&amp; le samedi<br>Cherche une robe")
    (call,) = world.crm_calls()["calls"]
    assert call["text"].startswith(NOTE.text)


def test_the_same_key_on_a_ticket_and_on_a_note_are_two_things(world: World) -> None:
    crm = world.connect("hubspot")
    crm.open_ticket(Ticket("7", "Retour", "", JULIE))
    crm.add_note(Note("7", "Retour", NOTE.at, JULIE))
    state = world.state()
    assert (len(state["tickets"]), len(state["notes"])) == (1, 1)


def test_our_property_is_made_at_the_first_need_and_once(world: World) -> None:
    crm = world.connect("hubspot")
    for n in range(3):
        crm.open_ticket(Ticket(f"case-{n}", "Retour", "", JULIE))
    operations = world.state()["operations"]
    assert operations["hubspot.properties.create"] == 1
    assert operations["hubspot.tickets.create"] == 3


def test_a_property_that_stands_already_under_another_name_is_taken(world: World) -> None:
    crm = world.connect("hubspot", key="reference_boutique")
    crm.open_ticket(TICKET)
    (ticket,) = world.state()["tickets"]
    assert ticket["properties"]["reference_boutique"] == "case-7"


def test_a_ticket_that_another_opens_at_the_same_time_is_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both look, both make: the CRM refuses the second one's key."""
    crm = world.connect("hubspot")
    first = crm.open_ticket(TICKET)
    find = crm._records._find

    def look_too_early(kind: str, key: str) -> None:
        monkeypatch.setattr(crm._records, "_find", find)

    monkeypatch.setattr(crm._records, "_find", look_too_early)
    assert crm.open_ticket(TICKET) == first
    assert len(world.state()["tickets"]) == 1


def test_a_ticket_for_a_contact_that_is_gone_is_refused(world: World) -> None:
    with pytest.raises(Refused):
        world.connect("hubspot").open_ticket(Ticket("case-9", "Retour", "", "999"))
    assert world.state()["tickets"] == []


@pytest.mark.parametrize("kind", ["tickets", "notes", "properties"])
def test_what_is_outside_the_contract_is_found(
    specs: Path, world: World, tape: Tape, kind: str
) -> None:
    """A check that cannot fail checks nothing."""
    crm = world.connect("hubspot")
    crm.open_ticket(TICKET)
    crm.add_note(NOTE)
    said = [e for e in tape.exchanges if f"/{kind}" in e.url and e.method == "POST"]
    vendor_contracts.check(said[-1])
    answer = json.dumps({**json.loads(said[-1].answer), "colour": "bleu"}).encode()
    with pytest.raises(AssertionError, match="colour"):
        vendor_contracts.check(dataclasses.replace(said[-1], answer=answer))


# --- what we learned of a customer -------------------------------------------------------


def test_what_we_learned_is_written_and_read_again(world: World) -> None:
    crm = world.connect("hubspot")
    crm.update_profile(JULIE, {**CHANGES, "preferred_channel": "whatsapp", "consents": "sms"})
    profile = crm.read_profile(JULIE)
    assert (profile.usual_size, profile.orders, profile.preferred_channel) == ("40", 9, "whatsapp")
    assert profile.consents == ("sms",)
    assert profile.first_name == "Julie"


def test_properties_have_the_names_of_the_settings(world: World) -> None:
    crm = world.connect("hubspot", usual_size="taille", last_order="derniere_commande")
    crm.update_profile(JULIE, {"usual_size": "40", "last_order_at": "2025-01-13"})
    properties = world.state()["contacts"][0]["properties"]
    assert (properties["taille"], properties["derniere_commande"]) == ("40", "2025-01-13")
    assert properties["usual_size"] == "38"


def test_what_has_no_property_is_not_written(world: World) -> None:
    crm = world.connect("hubspot", usual_size="")
    crm.update_profile(JULIE, {"usual_size": "40"})
    crm.update_profile(JULIE, {})
    assert "hubspot.contacts.update" not in world.state()["operations"]


def test_a_change_that_no_profile_has_is_named(world: World) -> None:
    with pytest.raises(ValueError, match="colour"):
        world.connect("hubspot").update_profile(JULIE, {"colour": "bleu"})


def test_a_contact_that_is_gone_is_not_written(world: World) -> None:
    with pytest.raises(Refused):
        world.connect("hubspot").update_profile("999", CHANGES)


# --- failures ----------------------------------------------------------------------------


@writes
@pytest.mark.parametrize(
    "failure",
    [
        {"mode": "down"},
        {"mode": "slow", "ms": 500},
        {"mode": "timeout_after"},
        {"mode": "throttled"},
    ],
    ids=["down", "slow", "hung up", "throttled"],
)
def test_what_was_not_answered_is_written_once_by_writing_it_again(
    world: World, write: Callable[[Any], Any], failure: dict[str, Any]
) -> None:
    WRITES["open_ticket"](world.connect("hubspot"))
    world.fail("hubspot", **failure)
    with pytest.raises(Unavailable) as caught:
        write(world.connect("hubspot", timeout="0.3"))
    assert not isinstance(caught.value, OutcomeUnknown)
    world.heal("hubspot")
    write(world.connect("hubspot"))
    write(world.connect("hubspot"))
    state = world.state()
    assert len(state["tickets"]) == 1
    assert len(state["notes"]) == (1 if write is WRITES["add_note"] else 0)


@pytest.mark.parametrize("kind", ["tickets", "notes"])
def test_what_was_made_without_an_answer_is_not_made_again(world: World, kind: str) -> None:
    """The connection is lost after the record was made."""
    write = WRITES["open_ticket" if kind == "tickets" else "add_note"]
    world.fail("hubspot", "timeout_after", operation=f"{kind}.create")
    with pytest.raises(Unavailable):
        write(world.connect("hubspot"))
    world.heal("hubspot")
    write(world.connect("hubspot"))
    assert len(world.state()[kind]) == 1


def test_a_throttled_crm_says_when_to_come_back(world: World) -> None:
    world.fail("hubspot", "throttled")
    with pytest.raises(Unavailable) as caught:
        world.connect("hubspot").open_ticket(TICKET)
    assert caught.value.retry_after == 1.0


@writes
def test_a_wrong_key_is_refused_and_nobody_quoted(
    world: World, write: Callable[[Any], Any]
) -> None:
    with pytest.raises(Refused) as caught:
        write(world.connect("hubspot", access_token="wrong"))
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "ask",
    [*WRITES.values(), lambda crm: crm.find_by_phone("+33645789012")],
    ids=[*WRITES, "find_by_phone"],
)
@pytest.mark.parametrize(
    ("status", "answer"), [(200, b"<html>no"), (200, b"{}"), (201, b"<html>no"), (502, b"<html>")]
)
def test_an_answer_that_is_none_may_be_asked_again(
    world: World, garbage: Garbage, ask: Callable[[Any], Any], status: int, answer: bytes
) -> None:
    garbage.answer, garbage.status = answer, status
    with pytest.raises(Unavailable):
        ask(world.connect("hubspot", base_url=garbage.url))


# --- what the sandbox tells --------------------------------------------------------------


def test_calls_are_told_since_a_mark(world: World) -> None:
    crm = world.connect("hubspot")
    crm.open_ticket(TICKET)
    mark = world.crm_calls()["mark"]
    assert mark == 1
    crm.add_note(NOTE)
    crm.update_profile(JULIE, {"usual_size": "40"})
    calls = world.crm_calls(mark)["calls"]
    assert [call["kind"] for call in calls] == ["note", "contact_update"]
    assert "usual_size: 40" in calls[1]["text"]
    assert all(call["text"].endswith("Julie Mercier") for call in calls)
    (ticket,) = world.crm_calls(0)["calls"][:1]
    assert (ticket["kind"], ticket["contact"]) == ("ticket", JULIE)
    assert ticket["text"].startswith("Échange de la commande 2847\nPN-310 du 40 au 42")
