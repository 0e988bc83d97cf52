"""How many SMS a text takes: GSM 03.38 or UCS-2, as carriers count them."""

from __future__ import annotations

# 3GPP TS 23.038: the default alphabet, and what costs two because it needs an escape.
GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_ESCAPED = frozenset("\f^{}\\[~]|€")


def count_segments(text: str) -> int:
    """1 for an empty text. A character of two units is never cut between two segments."""
    if all(c in GSM_7 or c in GSM_7_ESCAPED for c in text):
        units, alone, chained = [2 if c in GSM_7_ESCAPED else 1 for c in text], 160, 153
    else:
        units, alone, chained = [2 if ord(c) > 0xFFFF else 1 for c in text], 70, 67
    if sum(units) <= alone:
        return 1
    segments, room = 1, chained
    for size in units:
        if size > room:
            segments, room = segments + 1, chained
        room -= size
    return segments
