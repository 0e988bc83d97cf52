"""Long numbers said in words, as dictation writes them: "deux mille neuf cent un"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_SMALL = {
    **{w: n for n, w in enumerate(
        "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze "
        "seize".split())},
    **{w: n for n, w in enumerate(
        "oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split())},
    "une": 1, "vingt": 20, "vingts": 20, "trente": 30, "quarante": 40, "cinquante": 50,
    "soixante": 60, "septante": 70, "huitante": 80, "octante": 80, "nonante": 90, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"cent": 100, "cents": 100, "hundred": 100, "mille": 1000, "thousand": 1000}
_WORD = "|".join(sorted([*_SMALL, *_SCALES], key=len, reverse=True))
_ROW = re.compile(rf"(?<![\w'])(?:{_WORD})(?:[\s-]+(?:(?:et|and)[\s-]+)?(?:{_WORD}))+(?!\w)")
_FEWEST_FIGURES = 4  # a shorter number is an hour, a size, a count


def find_spoken(text: str) -> Iterator[tuple[int, int, str]]:
    """Where a folded text says a number of four figures or more in words, and its figures.

    With hundreds or thousands it is one number; without, its parts are told one by one
    ("vingt-neuf zéro un", "two nine zero one").
    """
    for found in _ROW.finditer(text):
        words = [w for w in re.split(r"[\s-]+", found[0]) if w not in {"et", "and"}]
        scaled = any(w in _SCALES for w in words)
        figures = str(_whole(words)) if scaled else "".join(map(str, _parts(words)))
        if len(figures) >= _FEWEST_FIGURES:
            yield found.start(), found.end(), figures


def _whole(words: Sequence[str]) -> int:
    total = hundreds = 0
    below = 0
    for word in words:
        scale = _SCALES.get(word)
        if scale == 1000:
            total += max(1, hundreds + below) * 1000
            hundreds = below = 0
        elif scale == 100:
            hundreds, below = max(1, below) * 100, 0
        else:
            below = _next(below, _SMALL[word])
    return total + hundreds + below


def _next(below: int, value: int) -> int:
    """ "Quatre-vingt" is 80, every other pair a sum."""
    return 80 if (below, value) == (4, 20) else below + value


def _parts(words: Sequence[str]) -> list[int]:
    """The numbers below a hundred in a row: twenty and nine are one, two and nine are two."""
    parts: list[int] = []
    for word in words:
        value = _SMALL[word]
        last = parts[-1] if parts else 0
        ten = last >= 20 and last % 10 == 0
        eighty = (last, value) == (4, 20)
        if eighty or (ten and 0 < value < 10) or (last in {60, 80} and 9 < value < 20):
            parts[-1] = _next(last, value)
        else:
            parts.append(value)
    return parts
