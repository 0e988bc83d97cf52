"""`flask conversations export`: all that was said, as JSON lines."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from click.testing import CliRunner

from bot import consent
from bot.db import transaction
from bot.export import conversations, export_lines
from bot.models.customers import Customer
from tests.dashboard.cast import NOW, Cast, Talk
from tests.dashboard.conftest import Begin
from tests.dashboard.test_person import agree


def run(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(conversations, ["export", *arguments])
    lines = result.output.splitlines() if not result.exit_code else []
    return result.exit_code, [json.loads(line) for line in lines], result.output


def test_a_conversation_is_one_line_with_all_that_was_said_and_decided(
    begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    turn = talk.turn()
    asked = talk.says("Vous l'avez en 38 ?\nMerci 😊", turn_id=turn.id)
    plan = {"how": "text", "why": "answer"}
    answer = talk.answers("Oui !", turn_id=turn.id, plan=plan, sent_at=None)
    agree(talk)
    with transaction() as db:
        customer = db.get_one(Customer, talk.customer.id)
        consent.stop(db, customer, how="sms: STOP", now=NOW, message_id=asked.id)
    code, (told,), _ = run()
    assert code == 0
    assert (told["id"], told["tenant"]) == (talk.conversation.id, "elegance-paris")
    assert [m["body"] for m in told["messages"]] == ["Vous l'avez en 38 ?\nMerci 😊", "Oui !"]
    assert [m["id"] for m in told["messages"]] == [asked.id, answer.id]
    assert told["messages"][1]["plan"] == plan
    assert told["turns"][0]["understanding"]["entities"]["sizes"] == ["38"]
    assert [(c["state"], c["how"], c["message"]) for c in told["customer"]["consents"]] == [
        ("given", "crm", None),
        ("withdrawn", "sms: STOP", asked.id),
        ("withdrawn", "sms: STOP", asked.id),
    ]
    assert told["customer"]["identities"][0]["value"] == "+33645789012"


def test_that_an_assistant_answers_is_on_record_where_it_was_said(begin: Begin) -> None:
    talk = begin()
    talk.says("Bonjour")
    talk.answers("Bonjour ! Je suis l'assistante IA de la boutique.", extra={"disclosed": "fr"})
    talk.answers("Dites-moi tout.")
    _, (told,), _ = run()
    assert [m["disclosed"] for m in told["messages"]] == [None, "fr", None]


def test_times_have_the_offset_of_the_shops_zone(begin: Begin) -> None:
    talk = begin()
    talk.says("Bonjour")
    _, (told,), _ = run()
    assert told["messages"][0]["created_at"] == "2025-01-13T11:20:00+01:00"
    assert told["opened_at"] == "2025-01-13T11:20:00+01:00"
    assert told["closed_at"] is None


def test_one_tenant_or_one_conversation_can_be_chosen(begin: Begin, cast: Cast) -> None:
    ours = [begin("Julie"), begin("Emma", phone="+33612457896")]
    theirs = begin("Mina", shop=cast.coollibri, phone="+33600000001")
    _, all_of_them, _ = run()
    assert [c["id"] for c in all_of_them] == [t.conversation.id for t in (*ours, theirs)]
    _, chosen, _ = run("--tenant", "elegance-paris")
    assert [c["id"] for c in chosen] == [t.conversation.id for t in ours]
    _, one, _ = run("--conversation", str(ours[1].conversation.id))
    assert [c["id"] for c in one] == [ours[1].conversation.id]


def test_what_is_not_there_is_an_error(begin: Begin, cast: Cast) -> None:
    theirs = begin("Mina", shop=cast.coollibri, phone="+33600000001")
    other = ("--tenant", "elegance-paris", "--conversation", str(theirs.conversation.id))
    for arguments in (("--tenant", "nobody"), ("--conversation", "999"), other):
        code, _, said = run(*arguments)
        assert code == 1
        assert "no such conversation" in said


def test_an_empty_house_exports_nothing(cast: Cast) -> None:
    assert run() == (0, [], "")


def test_it_goes_on_where_a_batch_ends(begin: Begin, monkeypatch: Any) -> None:
    monkeypatch.setattr("bot.export.BATCH", 2)
    talks: list[Talk] = [begin(f"N {n}", phone=f"+3363998000{n}") for n in range(5)]
    found = [json.loads(line)["id"] for line in export_lines()]
    assert found == [t.conversation.id for t in talks]
