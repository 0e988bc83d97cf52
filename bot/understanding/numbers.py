"""Numbers in figures and in words, French and English."""

from __future__ import annotations

_WORDS = {
    "un": 1, "une": 1, "a": 1, "an": 1, "one": 1, "deux": 2, "two": 2, "trois": 3, "three": 3,
    "quatre": 4, "four": 4, "cinq": 5, "five": 5, "six": 6, "sept": 7, "seven": 7, "huit": 8,
    "eight": 8, "neuf": 9, "nine": 9, "dix": 10, "ten": 10, "onze": 11, "eleven": 11,
    "douze": 12, "twelve": 12, "treize": 13, "quatorze": 14, "quinze": 15, "fifteen": 15,
    "seize": 16, "dix-sept": 17, "dix sept": 17, "dix-huit": 18, "dix huit": 18,
    "dix-neuf": 19, "dix neuf": 19, "vingt": 20, "twenty": 20, "trente": 30, "thirty": 30,
    "quarante": 40, "forty": 40, "cinquante": 50, "fifty": 50,
}  # fmt: skip

_FRENCH_ONES = frozenset("deux trois quatre cinq six sept huit neuf".split())
_TENS = {"vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "twenty": 20, "thirty": 30,
         "forty": 40, "fifty": 50}  # fmt: skip
_WORDS |= {
    f"{ten}{joint}{one}": _TENS[ten] + _WORDS[one]
    for ten in _TENS
    for one in (*"deux trois quatre cinq six sept huit neuf".split(),
                *"one two three four five six seven eight nine".split())
    for joint in ("-", " ")
    if (ten in {"vingt", "trente", "quarante", "cinquante"}) == (one in _FRENCH_ONES)
}  # fmt: skip
_WORDS |= {
    f"{ten}{joint}{one}": _TENS[ten] + 1
    for ten in ("vingt", "trente", "quarante", "cinquante")
    for one in ("un", "une")
    for joint in (" et ", "-et-", "-", " ")
}

# Longest first, so that "dix-sept" is not read as "dix".
NUMBER = r"(?:\d+|" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")"


def number(word: str) -> int | None:
    """The value of a figure or a (folded) number word; None for anything else."""
    return int(word) if word.isdecimal() else _WORDS.get(word)
