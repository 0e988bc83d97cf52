"""Order and tracking numbers, also where they are oddly written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bot.understanding.spoken_numbers import find_spoken

_GAP = r"[\s\-_./–—]{0,3}"
_LABEL = (
    r"(?:#|\bn[°ºo]\s?\.?|\bn(?:um(?:ero)?)?\.?\s|\bnumber\b|\bref(?:erence)?\b\.?"
    r"|\bcommande\b|\bcde\b|\bcmd(?=\b|\d)|\bcmde?(?=\b|\d)"
    r"|\bcomande\b|\border\b|\bachat\b|\bdossier\b)"
)
_BETWEEN = (
    r"(?:\s|:|#|=|\(|est|is|le|la|n[°ºo]\.?|num(?:ero)?|number|no\b|de|commande|cde"
    r"|cmd|order|suivante?)*"
)
# After a bare figure: it counts or measures something
_COUNTS = re.compile(
    r"\s*(?:€|eur|euros?|balles|\$|£|%|pages?|p\b|exemplaires?|ex\b|copies|copy"
    r"|livres?|km|kg|g\b|cm|mm|ans\b|jours?|fois"
    r"|points?|personnes?|mots|signes|followers|h\b|h\d|:\d\d|/\d|[.,]\d|x\s?\d)"
)
_MONTH = re.compile(
    r"(?:janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre"
    r"|decembre|january|february|march|april"
    r"|june|july|august|september|october|november|december|\d/|en|in|depuis|since"
    r"|annee|year|collection|ete|hiver)\s*$"
)
_STREET = re.compile(
    r"\b(?:rue|avenue|av|boulevard|bd|place|chemin|allee|cours|impasse|quai|route"
    r"|code postal|cp|cedex)\b"
)
# Colissimo (8R00012345678) and the post unions' thirteen characters (RR123456789FR)
_TRACKING = re.compile(
    r"(?<![\w-])(?:\d[ ]?[a-z](?:[ .-]?\d){11}|[a-z]{2}(?:[ .-]?\d){9}[ ]?[a-z]{2})(?![\w-])"
)
_TRACKING_SAID = re.compile(
    r"\b(?:suivi|tracking|colissimo|chronopost|colis|parcel"
    r"|mondial relay)\b[^\d\n]{0,30}(?<!\d)(\d(?:[ ]?\d){9,19})(?!\d)"
)


@dataclass(frozen=True)
class Shape:
    """One of the tenant's order number shapes: `CL-\\d{6}-\\d{6}` in its segments."""

    segments: tuple[str, ...]

    @property
    def figures(self) -> bool:
        return (
            len(self.segments) == 1
            and re.fullmatch(r"[\\d{},0-9]+|\[0-9\][{}\d,+]*", self.segments[0]) is not None
        )


@lru_cache(maxsize=256)
def _shape(pattern: str) -> Shape:
    """Cut at its hyphens, where every segment is a pattern by itself."""
    segments = tuple(pattern.removeprefix("^").removesuffix("$").split("-"))
    try:
        for segment in segments:
            re.compile(segment)
    except re.error:
        return Shape((pattern,))
    return Shape(segments)


@lru_cache(maxsize=256)
def _written(shape: Shape, count: int) -> re.Pattern[str]:
    """Its first `count` segments, however joined; the letters before figures may be missing
    once the rest is whole."""
    groups = [f"({_spaced(segment)})" for segment in shape.segments[:count]]
    if count == len(shape.segments) and count > 2 and shape.segments[0].isalpha():
        groups[0] = f"(?:{groups[0]}{_GAP})?"
        return re.compile(rf"(?<![\w#]){groups[0]}{_GAP.join(groups[1:])}(?!\w)", re.IGNORECASE)
    return re.compile(rf"(?<!\w){_GAP.join(groups)}(?!\w)", re.IGNORECASE)


def _spaced(segment: str) -> str:
    """The segment as it is also written: "401 372", "c l"."""
    figures = re.fullmatch(r"\\d\{(\d+)\}", segment)
    if figures:
        return rf"\d(?:[ .]?\d){{{int(figures[1]) - 1}}}"
    return r"\s?".join(segment) if segment.isalpha() else segment


def _canonical(shape: Shape, parts: tuple[str | None, ...]) -> str:
    filled = [
        re.sub(r"[ .]", "", part) if part else segment
        for part, segment in zip(parts, shape.segments, strict=False)
    ]
    return "-".join(filled).upper()


@dataclass(frozen=True)
class Number:
    start: int
    end: int
    value: str
    labelled: bool = False


def find_tracking(text: str) -> Iterator[Number]:
    """Tracking numbers of a folded text, spaces taken out, letters large."""
    for pattern in (_TRACKING, _TRACKING_SAID):
        for m in pattern.finditer(text):
            group = pattern.groups
            yield Number(m.start(group), m.end(group), re.sub(r"[ .-]", "", m[group]).upper())


def find_orders(text: str, shapes: tuple[str, ...], asked: str | None) -> list[Number]:
    """Order numbers of a folded text in the tenant's own writing, in order."""
    found: list[Number] = []
    for shape in sorted(map(_shape, shapes), key=lambda s: -len(s.segments)):
        reader = _find_figures if shape.figures else _find_composed
        for number in reader(text, shape, asked):
            if all(number.end <= n.start or n.end <= number.start for n in found):
                found.append(number)
    found.sort(key=lambda n: n.start)
    if any(n.labelled for n in found):  # a bare figure beside one that is named is none
        found = [n for n in found if n.labelled]
    return found


def _find_composed(text: str, shape: Shape, asked: str | None) -> Iterator[Number]:
    taken: list[tuple[int, int]] = []
    for count in range(len(shape.segments), min(1, len(shape.segments) - 1), -1):
        for m in _written(shape, count).finditer(text):
            if all(m.end() <= start or end <= m.start() for start, end in taken):
                taken.append(m.span())
                yield Number(m.start(), m.end(), _canonical(shape, m.groups()), labelled=True)


def _find_figures(text: str, shape: Shape, asked: str | None) -> Iterator[Number]:
    """Bare figures: named as a number, or standing alone and counting nothing."""
    whole = re.compile(shape.segments[0])
    figures = r"(\d(?:[ .]?\d){2,9}|\d(?:-\d){2,9})"  # "2 901", told one by one "2-9-0-1"
    for m in re.finditer(rf"{_LABEL}{_BETWEEN}{figures}(?![\w%€]|-\d)", text):
        value = re.sub(r"[ .-]", "", m[1])
        if whole.fullmatch(value):
            yield Number(m.start(1), m.end(1), value, labelled=True)
        elif whole.fullmatch(first := m[1].split()[0]):
            yield Number(m.start(1), m.start(1) + len(first), first, labelled=True)
    spoken_for = asked in {"order_number", "order_identity"}
    for start, end, value in find_spoken(text):
        told = spoken_for or re.search(rf"{_LABEL}(?:{_BETWEEN}|[^.?!\n]{{0,20}})$", text[:start])
        if told and whole.fullmatch(value) and not _COUNTS.match(text, end):
            yield Number(start, end, value, labelled=True)
    for m in re.finditer(r"(?<![\w.,/:€$£+-])\d{3,10}(?![\w/-])", text):
        if whole.fullmatch(m[0]) and _stands_alone(text, m, asked):
            yield Number(m.start(), m.end(), m[0])


def _stands_alone(text: str, found: re.Match[str], asked: str | None) -> bool:
    before, after = text[max(0, found.start() - 60) : found.start()], text[found.end() :]
    if _COUNTS.match(after):
        return False
    if asked in {"order_number", "order_identity"}:
        return not _STREET.search(before)
    year = len(found[0]) == 4 and found[0].startswith(("19", "20"))
    if year and (_MONTH.search(before) or len(text) > 12):
        return False
    return not _STREET.search(before) and not re.match(
        r"\s+(?:paris|lyon|marseille|bordeaux|orleans|france)\b", after
    )
