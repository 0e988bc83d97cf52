"""The evaluation file and `flask evaluate`."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from click.testing import CliRunner

from bot.turn import Entities, ProductMention, TimeSpan, Understanding
from bot.understanding import commands
from bot.understanding.evaluation import (
    BadLine,
    entity_values,
    found,
    measure,
    read_cases,
)

KEYS = {
    "messages", "right", "accuracy", "coverage", "accuracy_when_acting", "unknown_acted_on",
    "entity_recall", "urgency_accuracy", "ms_median", "ms_p95", "misses",
}  # fmt: skip


def at(text):
    return datetime.fromisoformat(text)


class Parrot:
    """An engine that always understands the same."""

    def __init__(self, *intents, confidence=0.9, **more):
        self.understood = Understanding(intents, confidence, **more)

    def understand(self, text, context):
        return self.understood


def written(tmp_path, *lines):
    path = tmp_path / "messages.jsonl"
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
    return path


def test_a_message_is_right_when_one_accepted_set_is_found(tmp_path):
    path = written(
        tmp_path,
        {"text": "a", "accept": [["greeting"], ["closing", "confirm"]]},
        {"text": "b", "accept": [["closing"]]},
        {"text": "c", "accept": [["greeting", "confirm"]]},
    )
    figures = measure(read_cases(path), Parrot("confirm", "closing"), 0.5)
    assert (figures.messages, figures.right) == (3, 1)
    assert [m.line for m in figures.misses] == [2, 3]


def test_without_accept_only_the_rest_is_checked(tmp_path):
    path = written(tmp_path, {"text": "a", "urgency": "high"}, {"text": "b", "urgency": "normal"})
    figures = measure(read_cases(path), Parrot("greeting"), 0.5)
    assert figures.right == 1
    assert figures.urgency_accuracy == 0.5


def test_below_the_threshold_and_on_unknown_nothing_is_done(tmp_path):
    path = written(
        tmp_path,
        {"text": "a", "accept": [["greeting"]]},
        {"text": "b", "accept": [["unknown"]]},
    )
    cases = read_cases(path)
    sure = measure(cases, Parrot("greeting", confidence=0.9), 0.5)
    unsure = measure(cases, Parrot("greeting", confidence=0.4), 0.5)
    strange = measure(cases, Parrot("unknown", confidence=0.9), 0.5)
    assert (sure.coverage, sure.unknown_acted_on, sure.accuracy_when_acting) == (1.0, 1.0, 0.5)
    assert (unsure.coverage, unsure.unknown_acted_on, unsure.accuracy) == (0.0, 0.0, 0.5)
    assert unsure.accuracy_when_acting is None
    assert strange.coverage == 0.0


def test_a_time_is_compared_as_an_instant_and_lies_within_a_range():
    span = TimeSpan(at("2025-01-17T10:00+01:00"), at("2025-01-17T12:00+01:00"))
    instant = TimeSpan(at("2025-01-17T17:00+01:00"))
    assert found("2025-01-17T16:00:00+00:00", [instant])
    assert not found("2025-01-17T10:00:00+01:00", [span])
    wide = {"from": "2025-01-17T10:00:00+01:00", "to": "2025-01-17T12:00:00+01:00"}
    assert found(wide, [span])
    assert not found(wide, [instant])
    assert not found({**wide, "to": "2025-01-17T11:00:00+01:00"}, [span])


def test_texts_are_compared_without_case_and_accents_and_lists_entirely():
    assert found("ELEGANTE", ["élégante"])
    assert found(["38", "40"], ["40", "38", "42"])
    assert not found(["38", "44"], ["40", "38"])
    assert found(None, [])
    assert not found(None, ["38"])


def test_a_product_goes_by_its_words_its_reference_and_its_title(read):
    from bot.demo.world import read_world

    products = read_world("elegance-paris").products
    named = Entities(products=(ProductMention("la bordeaux", ("RB-118",)),))
    values = entity_values(named, products)["product"]
    assert found("La Bordeaux", values)
    assert found("RB-118", values)
    assert found("robe bordeaux", values)
    assert not found("Robe Portefeuille Noire", values)


@pytest.mark.parametrize(
    "line",
    [
        "{not json",
        "[1]",
        {"text": 3},
        {"text": "a", "accept": ["greeting"]},
        {"text": "a", "accept": []},
        {"text": "a", "accept": [["gretting"]]},
        {"text": "a", "asked": "what"},
        {"text": "a", "tenant": "nowhere"},
        {"text": "a", "now": "2025-01-16T12:00:00"},
        {"text": "a", "urgency": "soon"},
        {"text": "a", "entities": ["38"]},
        {"text": "a", "entities": {"pickup_time": {"from": "2025-01-16T12:00:00+01:00"}}},
        {"text": "a", "entities": {"pickup_time": "17h"}},
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path, line):
    path = written(tmp_path, {"text": "fine", "accept": [["greeting"]]}, "", line)
    with pytest.raises(BadLine, match="line 3"):
        read_cases(path)
    result = CliRunner().invoke(commands.evaluate, [str(path)])
    assert result.exit_code == 2
    assert "line 3" in result.output


def test_the_command_prints_the_figures_and_every_miss(tmp_path):
    path = written(
        tmp_path,
        {"text": "Bonjour", "accept": [["greeting"]]},
        {"text": "Où en est ma commande 2901 ?", "accept": [["order_status"]],
         "entities": {"order_number": "2901"}},
        {"text": "je voudrais un humain", "accept": [["opt_in"]]},
    )  # fmt: skip
    shown = CliRunner().invoke(commands.evaluate, [str(path)])
    assert shown.exit_code == 0
    assert "3 messages, 2 right (66.7%)" in shown.output
    assert "je voudrais un humain" in shown.output
    assert "intents human_request, not opt_in" in shown.output
    as_json = json.loads(CliRunner().invoke(commands.evaluate, [str(path), "--json"]).output)
    assert set(as_json) == KEYS
    assert as_json["entity_recall"] == 1.0


def test_the_threshold_can_be_set(tmp_path):
    path = written(tmp_path, {"text": "Bonjour", "accept": [["greeting"]]})
    run = CliRunner().invoke(commands.evaluate, [str(path), "--json", "--threshold", "1"])
    assert json.loads(run.output)["coverage"] == 0.0
