"""How a text travels by SMS: its encoding and segments, and how to keep it plain.

Own code: of the packages that count segments, none is kept up. The rules are 3GPP TS 23.038
(alphabets) and 23.040 (chained segments); tests compare with the sandbox's own count.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

# 3GPP TS 23.038, 6.2.1: one septet each; 6.2.1.1: two, for they need an escape.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")

# What typography adds, and what a telephone's keyboard has instead.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f", " "),
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", None),
        **dict.fromkeys("’‘‚ʼ′", "'"),
        **dict.fromkeys("«»“”„″", '"'),
        **dict.fromkeys("–—‐‑−", "-"),
        "…": "...",
    }
)
_INSIDE_QUOTES = re.compile(r"(?<=«)\s+|\s+(?=»)")


@dataclass(frozen=True)
class Segments:
    """`per_segment` is the room in each: septets of GSM-7, 16-bit units of UCS-2."""

    encoding: Literal["GSM-7", "UCS-2"]
    count: int
    per_segment: int


def count_segments(text: str) -> Segments:
    """How a carrier cuts the text. An empty one takes a segment. What takes two units (an
    escaped character, a surrogate pair) is never cut in two."""
    encoding: Literal["GSM-7", "UCS-2"]
    if set(text) <= BASIC | EXTENDED:
        encoding, alone, chained = "GSM-7", 160, 153
        sizes = [1 if c in BASIC else 2 for c in text]
    else:
        encoding, alone, chained = "UCS-2", 70, 67
        sizes = [len(c.encode("utf-16-be", "surrogatepass")) // 2 for c in text]
    if sum(sizes) <= alone:
        return Segments(encoding, 1, alone)
    count, used = 1, 0
    for size in sizes:
        if used + size > chained:
            count, used = count + 1, 0
        used += size
    return Segments(encoding, count, chained)


def plain_text(text: str) -> str:
    """The text without typographic spaces, quotes, dashes and ellipses.

    Any of them would put a text message into UCS-2, which takes more than twice the
    segments; ê, ç or œ do as well, but they are spelling and stay.
    """
    composed = unicodedata.normalize("NFC", text)
    return _INSIDE_QUOTES.sub("", composed).translate(_PLAIN)
