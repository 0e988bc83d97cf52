"""`flask train`: what it learns from, a tenant's own examples, what it reports."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from bot.understanding import commands
from bot.understanding.examples import EXAMPLES
from bot.understanding.features import features_of
from bot.understanding.model import load_model

INTENTS = ("opt_out", "greeting", "photo_request")
OWN_WORD = "grimoire"  # nobody but this tenant says so


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A few of the examples, and a place of its own for the model."""
    folder = tmp_path / "examples"
    folder.mkdir()
    for intent in INTENTS:
        texts = yaml.safe_load((EXAMPLES / f"{intent}.yaml").read_text(encoding="utf-8"))
        (folder / f"{intent}.yaml").write_text(yaml.safe_dump(texts[:30], allow_unicode=True))
    monkeypatch.setattr(commands, "EXAMPLES", folder)
    monkeypatch.setattr(commands, "ARTEFACT", tmp_path / "model.npz")
    return tmp_path


def test_a_tenant_adds_examples_of_its_own(small: Path) -> None:
    own = small / "own"
    own.mkdir()
    sayings = [f"un {OWN_WORD} {n}" for n in ("svp", "s'il vous plaît", "merci", "vite", "encore")]
    (own / "photo_request.yaml").write_text(yaml.safe_dump(sayings, allow_unicode=True))

    without = CliRunner().invoke(commands.train, [])
    assert without.exit_code == 0, without.output
    assert OWN_WORD not in load_model(small / "model.npz").vocabulary

    extended = CliRunner().invoke(commands.train, ["--examples", str(own)])
    assert extended.exit_code == 0, extended.output
    model = load_model(small / "model.npz")
    scores = dict(zip(model.intents, model.score(features_of(f"un {OWN_WORD}")), strict=True))
    assert max(scores, key=lambda intent: float(scores[intent])) == "photo_request"


def test_the_report_says_how_well_each_intent_is_read_and_what_is_confused(small: Path) -> None:
    report = CliRunner().invoke(commands.train, []).output
    for intent in INTENTS:
        assert f"{intent} " in report
    assert "precision" in report
    assert "most often confused (meant, read, times):" in report


def test_an_examples_file_that_cannot_be_read_stops_the_training(small: Path) -> None:
    own = small / "own"
    own.mkdir()
    (own / "greeting.yaml").write_text("a: b")
    ran = CliRunner().invoke(commands.train, ["--examples", str(own)])
    assert ran.exit_code == 1
    assert "greeting.yaml" in ran.output
    assert not (small / "model.npz").exists()
