"""Bars: how well the engine reads messages that it did not learn from, and how fast."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.understanding.engine import DEFAULT_THRESHOLD
from bot.understanding.evaluation import measure, read_cases
from bot.understanding.examples import EXAMPLES, BadExample, hash_of, read_examples
from bot.understanding.local import load_engine
from bot.understanding.model import ARTEFACT, BadModel, load_model, save_model
from bot.understanding.normalize import fold

HERE = Path(__file__).parent
# dev.jsonl was looked at while rules and examples were written (its second half, the harder one,
# was first read unseen), the misses of test.jsonl were read once, those of held_out.jsonl never.
# A fifteenth to a tenth of each is `unknown`, on which nobody acts: that much coverage is out of
# reach.
BARS = {
    "dev": {"accuracy": 0.95, "acting": 0.98, "coverage": 0.86, "unknown": 0.06, "urgency": 0.93},
    "test": {"accuracy": 0.94, "acting": 0.97, "coverage": 0.84, "unknown": 0.06, "urgency": 0.95},
    "held_out": {
        "accuracy": 0.92, "acting": 0.96, "coverage": 0.81, "unknown": 0.07, "urgency": 0.95,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BARS)
def test_unseen_messages_are_understood(engine, name):
    bars = BARS[name]
    figures = measure(read_cases(HERE / f"{name}.jsonl"), engine, DEFAULT_THRESHOLD)
    assert figures.accuracy >= bars["accuracy"]
    assert figures.accuracy_when_acting >= bars["acting"]
    assert figures.coverage >= bars["coverage"]
    assert figures.unknown_acted_on <= bars["unknown"]
    assert figures.urgency_accuracy >= bars["urgency"]
    assert figures.ms_median < 20


def evened(text):
    return " ".join(re.findall(r"\w+", fold(text)))


@pytest.mark.parametrize("name", BARS)
def test_nothing_but_everybodys_words_is_both_learnt_and_measured(name):
    """ "Bonjour" and "oui stp" are what everybody writes; longer messages are kept apart."""
    learnt = {evened(example.text) for example in read_examples([EXAMPLES])}
    cases = read_cases(HERE / f"{name}.jsonl")
    assert [c.line for c in cases if len(c.text.split()) > 3 and evened(c.text) in learnt] == []


def test_the_committed_model_is_current():
    assert load_model().trained_on == hash_of((EXAMPLES,)), "run `flask train`"


def test_the_model_is_small():
    assert ARTEFACT.stat().st_size < 3_500_000


def test_a_stale_model_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "model.npz"
    save_model(replace(load_model(), trained_on="long ago"), path)
    with pytest.raises(BadModel, match="flask train"):
        load_engine(path)


def test_a_missing_or_broken_model_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(BadModel, match="flask train"):
        load_engine(tmp_path / "none.npz")
    broken = tmp_path / "model.npz"
    broken.write_bytes(b"not a model")
    with pytest.raises(BadModel, match="flask train"):
        load_engine(broken)


def test_reading_needs_no_scikit_learn():
    code = (
        "import sys; from bot.understanding.local import load_engine; load_engine(); "
        "sys.exit(any(m.partition('.')[0] in ('sklearn', 'scipy') for m in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=HERE.parents[1], check=False)
    assert ran.returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("greeting.yaml", "- [", "greeting.yaml"),
        ("greeting.yaml", "a: b", "expected a list"),
        ("gretting.yaml", '- "bonjour"', "unknown intents"),
        ("asked.yaml", '- {text: "oui", asked: what, intents: [confirm]}', "unknown question"),
        ("several.yaml", "- {intents: [confirm]}", "item 1"),
    ],
)
def test_examples_that_cannot_be_used_are_named(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadExample, match=reason):
        read_examples([tmp_path])
