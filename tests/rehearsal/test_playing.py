"""Rehearsals on a running product: what fails, and what is told of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from house import JULIE, House

from bot.models.escalations import open_escalations
from bot.rehearsal import desk
from bot.rehearsal.people import Person
from bot.rehearsal.player import play
from bot.rehearsal.reading import read_file
from bot.rehearsal.report import sum_up, tell, write_json
from bot.rehearsal.setting import CannotPlay
from bot.stack import Stack, adopted

WRONG = """\
name: An owner who expects too much
tenant: elegance-paris
clock: 2025-01-13T10:15:00+01:00
steps:
  - customer: "Bonjour !"
    via: sms
    from: "+33645789012"
    expect:
      replies: [{has: ["champagne"]}]
      handled: auto
      stock: {RF-2847-38: {available: 7}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "said.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_expectation_that_does_not_hold_is_told_with_both_sides(
    tmp_path: Path, stack: Stack
) -> None:
    (rehearsal,) = read_file(written(tmp_path, WRONG))
    with adopted(stack.env):
        result = play(rehearsal)
    told = tell(result)
    assert not result.passed
    assert told.startswith("FAILED ")
    assert "line 5, customer +33645789012: 'Bonjour !'" in told
    assert 'expected: \n             - {"has": ["champagne"]}' in told
    assert "Bonjour Julie" in told
    assert 'stock RF-2847-38\n           expected: {"available": 7}' in told
    assert "handled" not in told
    assert sum_up([result]) == "0 passed, 1 failed"
    report = tmp_path / "report.json"
    write_json([result], report)
    (step,) = json.loads(report.read_text())["rehearsals"][0]["steps"]
    assert step["found"]["intents"] == ["greeting"]
    assert [d["key"] for d in step["differences"]] == ["replies", "stock RF-2847-38"]


def test_a_step_that_cannot_be_done_fails_the_rehearsal_by_its_line(
    tmp_path: Path, stack: Stack
) -> None:
    text = WRONG[: WRONG.index("    expect:")] + "  - wait: 2025-01-12T10:00:00+01:00\n"
    (rehearsal,) = read_file(written(tmp_path, text))
    with adopted(stack.env):
        result = play(rehearsal)
    assert not result.passed
    assert "line 8" in tell(result)
    assert "the clock does not go back" in tell(result)


def test_an_unknown_tenant_or_article_fails_the_rehearsal(tmp_path: Path, stack: Stack) -> None:
    for old, new in (
        ("tenant: elegance-paris", "tenant: nobody"),
        ("steps:", "world: {posts: [{date: 2025-01-13, sku: ZZ-1}]}\nsteps:"),
        ("steps:", "world: {stock: {ZZ-1: 3}}\nsteps:"),
    ):
        (rehearsal,) = read_file(written(tmp_path, WRONG.replace(old, new)))
        with adopted(stack.env):
            assert play(rehearsal).reasons, new


PARCEL = """\
name: A parcel that is late, and then there
tenant: elegance-paris
clock: 2025-01-13T10:15:00+01:00
world:
  orders:
    - {name: 3050, phone: "+33645789012", placed: 2025-01-10, lines: [{sku: BO-019}], state: shipped, tracking: 8R00055555555}
  tracking:
    8R00055555555: {status: delayed, expected: 2025-01-15T12:00:00+01:00}
steps:
  - customer: "Bonjour, où en est ma commande 3050 ?"
    via: sms
    from: "+33645789012"
    expect: {replies: [{has: ["3050"]}], label: false, crm: []}
  - track: 8R00055555555
    status: delivered
    expect: {replies: []}
"""


def test_orders_and_parcels_of_its_world_are_at_the_store_and_the_carrier(
    tmp_path: Path, house: House
) -> None:
    (rehearsal,) = read_file(written(tmp_path, PARCEL))
    result = play(rehearsal)
    assert result.passed, tell(result)
    state = house.sandbox.state()
    (order,) = [o for o in state["orders"] if o["name"] == "#3050"]
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("BO-019", 1)]
    (parcel,) = [p for p in state["parcels"] if p["number"] == "8R00055555555"]
    assert [s["status"] for s in parcel["history"]] == ["in_transit", "delayed", "delivered"]
    assert parcel["history"][-1]["at"].startswith("2025-01-13T09:1")


def test_the_vendors_clock_goes_with_ours(house: House) -> None:
    house.text(JULIE, "Bonjour")
    house.settle()
    house.move_clock("2025-01-14T18:00:00+01:00")
    dated = house.sandbox.state()["messages"][-1]["dated"]
    assert dated.startswith("2025-01-13T09:1")
    house.text(JULIE, "Bonsoir")
    assert house.sandbox.state()["messages"][-1]["dated"].startswith("2025-01-14T17:0")


def test_an_adviser_accepts_what_was_suggested_on_the_desk(house: House) -> None:
    house.say(JULIE, "Bonjour, je voudrais parler à quelqu'un s'il vous plaît")
    with house.db() as db:
        (escalation,) = open_escalations(house.tenant_id, db)
        escalation.suggestion = "Bonjour Julie, je t'appelle à midi. Sarah"
    desk.accept(house.tenant_id, Person(JULIE))
    house.settle()
    assert house.replies(JULIE)[-1] == "Bonjour Julie, je t'appelle à midi. Sarah"
    with house.db() as db:
        assert open_escalations(house.tenant_id, db) == []
    with pytest.raises(CannotPlay, match="no suggested reply waits"):
        desk.accept(house.tenant_id, Person(JULIE))


def test_each_rehearsal_begins_in_the_demo_data_whatever_was_before(house: House) -> None:
    house.text(JULIE, "Bonjour")
    house.settle()
    assert len(house.replies(JULIE)) == 1
    units = house.stock("RF-2847-38")
    assert units == {"available": 2, "reserved": 0, "committed": 0, "on_hand": 2}
