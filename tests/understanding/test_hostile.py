"""Whatever is sent is read without an error, and nothing hostile is acted on (hostile.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.understanding.engine import DEFAULT_THRESHOLD
from bot.understanding.normalize import MAX_LENGTH, clean

FILE = Path(__file__).with_name("hostile.yaml")


def _written_out(text: str | dict[str, Any]) -> str:
    if isinstance(text, str):
        return text
    return text.get("before", "") + text["repeat"] * text["times"] + text.get("after", "")


CORPUS = [
    (group["group"], frozenset(group.get("may", ())), _written_out(text))
    for group in yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for text in group["texts"]
]


def test_the_corpus_is_large_and_says_nothing_twice():
    texts = [text for _, _, text in CORPUS]
    assert len(texts) >= 200
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", dict.fromkeys(group for group, _, _ in CORPUS))
@pytest.mark.timeout(60)  # whoever takes time without bound hangs
def test_nothing_hostile_is_acted_on(read, name):
    acted_on = []
    for group, may, text in CORPUS:
        if group != name:
            continue
        understood = read(text)
        assert 0 <= understood.confidence <= 1
        acts = understood.confidence >= DEFAULT_THRESHOLD and "unknown" not in understood.intents
        if acts and not may.issuperset(understood.intents):
            acted_on.append((text[:80], understood.intents, understood.confidence))
    assert acted_on == []


@pytest.mark.parametrize("asked", ["pickup_time", "order_identity", "exchange_option", "feedback"])
@pytest.mark.timeout(60)
def test_a_question_put_before_makes_nothing_fail(read, asked):
    for _, _, text in CORPUS:
        understood = read(text, asked)
        assert understood.intents
        assert 0 <= understood.confidence <= 1


@pytest.mark.parametrize("text", ["", "   ", "....", "?!", "()"])
def test_what_says_nothing_is_unknown(read, text):
    assert read(text).intents == ("unknown",)


def test_a_lone_surrogate_is_read(read):
    assert read("bonjour \ud83d vous avez du 38 ?").intents


def test_hidden_marks_do_not_hide_a_command(read):
    assert read("S\u200bT\u200bO\u200bP").intents == ("opt_out",)


def test_controls_are_taken_out_of_a_request(read):
    text = "bonjour\x00\x01\x1b[31m vous avez\x7f la robe en 38 ?"
    assert read(text).intents == ("product_availability",)


def test_a_text_is_cut_where_reading_ends():
    assert len(clean("mot " * 50_000)) <= MAX_LENGTH
