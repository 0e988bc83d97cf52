"""Whatever is sent is read without an error."""

from __future__ import annotations

import pytest

from bot.understanding.normalize import MAX_LENGTH, clean

SENT = {
    "nothing": "",
    "spaces": " \n\t ",
    "dots": "....",
    "controls": "bonjour\x00\x01\x1b[31m vous avez\x7f la robe en 38 ?",
    "right to left": "\u202eبكم هذا الفستان\u202c ?",
    "zero width": "s\u200bt\u200bo\u200bp",
    "emoji only": "🍆" * 400,
    "combining marks": "e" + "\u0301" * 5000,
    "lone surrogate": "bonjour \ud83d vous avez du 38 ?",
    "one long word": "a" * 100_000,
    "100 kB of words": "robe bleue 38 " * 7000,
    "100 kB of digits": "2901 " * 20_000,
    "100 kB of quotes": "> robe\n" * 14_000,
    "100 kB of question marks": "?" * 100_000,
    "a wall of brackets": "(" * 50_000 + ")" * 50_000,
    "markup": "<script>alert(1)</script>",
    "a query": "'; DROP TABLE orders; --",
}


@pytest.mark.parametrize("text", SENT.values(), ids=SENT.keys())
@pytest.mark.parametrize("asked", [None, "pickup_time", "order_identity"])
@pytest.mark.timeout(30)  # whoever takes time without bound hangs
def test_it_is_read_without_an_error(read, text, asked):
    understood = read(text, asked)
    assert understood.intents
    assert 0 <= understood.confidence <= 1


@pytest.mark.parametrize("text", ["", "   ", "....", "?!", "()"])
def test_what_says_nothing_is_unknown(read, text):
    assert read(text).intents == ("unknown",)


def test_hidden_marks_do_not_hide_a_command(read):
    assert read("S\u200bT\u200bO\u200bP").intents == ("opt_out",)


def test_controls_are_taken_out_of_a_request(read):
    assert read(SENT["controls"]).intents == ("product_availability",)


def test_a_text_is_cut_where_reading_ends():
    assert len(clean("mot " * 50_000)) <= MAX_LENGTH
