"""Misspelt words, found again among those that a tenant's passages have.

Two spellings share a key when taking one letter (or none) from each leaves the same, or when
they sound alike in French. Keys are numbers that carry the tenant, so that one index serves
all tenants and none meets another's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from zlib import crc32

from rapidfuzz.distance import OSA

SHORTEST = 4  # letters; below, a letter more or less makes another word

_SOUNDS = [
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"[^a-z]", ""),
        (r"(.)\1+", r"\1"),
        (r"eaux?|aux?", "o"),
        (r"tion", "sion"),
        (r"ph", "f"),
        (r"qu|ck|q|c(?![eiyh])", "k"),
        (r"c(?=[eiy])|ss|z", "s"),
        (r"ge(?=[ao])|g(?=[eiy])", "j"),
        (r"ai|ei", "e"),
        (r"[ae][nm](?![aeiouy])", "an"),
        (r"[iy]|ain|ein", "i"),
        (r"h", ""),
        (r"(?:e[rzt]s?|ee?s?|[stxdp]+)$", ""),
        (r"(.)\1+", r"\1"),
    )
]


@lru_cache(maxsize=65536)
def sound_of(word: str) -> str:
    """How a French reader says a folded word, roughly: "livrezon" and "livraison" alike."""
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word


@lru_cache(maxsize=65536)
def forms_of(word: str) -> tuple[int, ...]:
    """What a folded word and its misspellings have in common, as numbers."""
    forms = {word}
    if len(word) >= SHORTEST and word.isalpha():
        forms.update(word[:i] + word[i + 1 :] for i in range(len(word)))
        if len(sound := sound_of(word)) > 2:
            forms.add("~" + sound)
    return tuple(sorted({crc32(form.encode()) for form in forms}))


def keys_of(tenant_id: int, forms: Iterable[int]) -> list[int]:
    """The same as keys of the tenant's own."""
    return [tenant_id << 32 | form for form in sorted(forms)]


def likeness(word: str, other: str) -> float:
    """How surely `word` is a misspelling of `other`: 1 the same, 0 not one."""
    if word == other:
        return 1.0
    if min(len(word), len(other)) < SHORTEST or not (word.isalpha() and other.isalpha()):
        return 0.0
    most = 1 if len(word) < 7 else 2 if len(word) < 10 else 3
    slips = OSA.distance(word, other)
    alike = sound_of(word) == sound_of(other)
    if slips > most + alike:
        return 0.0
    # In a short word another letter makes another word ("météo", "métro")
    if len(word) == len(other) < 6 and sorted(word) != sorted(other) and not alike:
        return 0.0
    if word[0] != other[0] and len(word) < 7:
        return 0.0
    return 1.0 - 0.12 * slips


def nearest(word: str, others: Iterable[str]) -> tuple[str, float] | None:
    """The word meant, and how surely; None when none of `others` is near."""
    best = max(others, key=lambda other: (likeness(word, other), other), default=None)
    if best is None or (sureness := likeness(word, best)) == 0:
        return None
    return best, sureness
