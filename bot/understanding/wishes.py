"""How many, in which colour, which of the options."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.understanding.clothes import clothes, lookup, split_words, stem
from bot.understanding.numbers import NUMBER, number

_OFFERED = {"exchange_option", "backup_option", "clarification"}
_ORDINALS = {
    **dict.fromkeys("premier premiere 1er 1ere 1re first 1st".split(), 1),
    **dict.fromkeys("deuxieme second seconde 2eme 2e 2nd 2nde".split(), 2),
    **dict.fromkeys("troisieme third 3eme 3e 3rd".split(), 3),
    **dict.fromkeys("quatrieme fourth 4eme 4e 4th".split(), 4),
}
_ANY_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True))
_OPTION = re.compile(
    rf"\b(?:options?|opt|solutions?|choix|choice|proposition|possibilite"
    rf"|formule)\s*(?:n°|n|no|numero|number|#)?\s*(?P<n>\d|un|une|one|deux|two|trois"
    rf"|three|quatre|four)\b"
    rf"|\b(?P<o>{_ANY_ORDINAL})\s+(?:option|solution|choix|choice|proposition|possibilite)\b"
)
_CHOICE = re.compile(
    rf"\b(?:la|le|l'|the|pour la|pour le)\s*(?P<o>{_ANY_ORDINAL})\b|^\W*(?P<o2>{_ANY_ORDINAL})\b"
    r"|\b(?:la|le|the|numero|number|n°|no)\s*(?P<n>\d|un|une|one|deux|two|trois|three"
    r"|quatre|four)\b(?!\s*(?:\d|h\b|h\d|:|€|janv|fevr|mars|/|robes?|ans))"
    r"|^\W*(?:(?:je prends|je choisis|va pour|plutot|i take|i'll take|i choose|oui|ok"
    r"|donc|alors|yes)\W+(?:la |le |the |l'option )?)?(?P<n2>[1-9]|one|two|three|deux"
    r"|trois|une?)\s*(?:svp|stp|please|merci|thanks)?\W*$"
    r"|(?P<emoji>[1-9])\ufe0f?\u20e3"
)
_COUNTED = re.compile(
    rf"(?<![\w.,/:€#'-])(?P<n>{NUMBER})\s+(?:(?:autres?|belles?|petites?|grandes?|beaux"
    rf"|paires? de|more|pairs? of|of the|of these|of those)\s+)?"
    r"(?:exemplaires?|ex\b|copies|copy|pieces?|pcs|articles?|items?|unites?|units?"
    r"|livres?|books?|tirages?|of (?:them|these|those)|d'entre)(?!\w)"
)
_SOME = re.compile(
    rf"\b(?:j'en|je vous en|m'en|mettez m'en|mets m'en|en)\s+(?:voudrais|veux|prends"
    rf"|prendrai[st]?|prendre|aimerais|faudrait|faut|voudrait|souhaite|souhaiterais"
    rf"|reserver|reserve|commande|commander|mettre|mettez|garder|gardez)\s+(?:bien |en "
    rf"|aussi )?(?P<n>{NUMBER})(?!\w|\s*(?:€|eur|h\b|h\d|%))"
    rf"|\b(?:i'll take|i want|i'd like|i need|give me|can i (?:have|get))\s+(?P<n3>two"
    rf"|three|four|five|six|\d{{1,3}})\b(?!\s*(?:€|in\b|h\b|\d))"
    r"|(?<![\w])x\s?(?P<n4>\d{1,3})\b|(?<![\w.,/:#-])(?P<n5>\d{1,3})\s?x(?!\w)"
    r"|\b(?:quantite|quantity|qte|qty)\s*:?\s*(?P<n6>\d{1,5})\b"
)
_ONLY_ONE = re.compile(r"\b(?:un seul|une seule|only one|just one)\b")
_UNCOUNTED = {"un", "une", "a", "an"}


def read_quantity(text: str, pieces: Sequence[tuple[int, int]], sizes: Sequence[str]) -> int | None:
    """How many are wanted, when they are counted: "2 robes", "j'en voudrais trois".

    `pieces` is where the folded text names products.
    """
    for pattern in (_COUNTED, _SOME):
        for m in pattern.finditer(text):
            said = next((v for v in m.groupdict().values() if v), "")
            count = number(said)
            if count and count <= 100_000 and said not in sizes:
                return count
    if _ONLY_ONE.search(text):
        return 1
    for start, _ in pieces:
        m2 = re.search(
            rf"(?<![\w.,/:€#-])(?P<n>{NUMBER})\s+(?:(?:autres?|belles?|petites?|jolies?|memes?"
            rf"|paires? de|more|pairs? of|of the|x)\s+)*$",
            text[:start],
        )
        if m2 and m2["n"] not in _UNCOUNTED and m2["n"] != "one":
            count = number(m2["n"])
            earlier = text[: m2.start()]
            if (
                count
                and count <= 500
                and not re.search(r"(?:\bles|\bmes|\bces|\bthe|\bmy|\bvos|\bof)\s+$", earlier)
            ):
                return count
    return None


def read_choice(text: str, asked: str | None) -> int | None:
    """The number of the option chosen, from 1: where options were offered, or "option N"."""
    m = _OPTION.search(text)
    if m is None and asked in _OFFERED:
        m = _CHOICE.search(text)
    if m is None:
        return None
    said = {name: value for name, value in m.groupdict().items() if value}
    name, value = next(iter(said.items()))
    if re.search(r"\b(?:pas|not|ni)\s+(?:la |le |l'|the )?$", text[: m.start()]):
        return None
    return _ORDINALS[value] if name.startswith("o") else number(value)


def find_colors(text: str, quiet: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where a folded text names colours, but for `quiet` expressions ("carte bleue")."""
    words = split_words(text)
    stemmed = [stem(word) for _, _, word in words]
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(words):
        known = lookup(stemmed, at, clothes().words)
        length = known[0] if known else 1
        start, end = words[at][0], words[at + length - 1][1]
        if known and known[1].cls == "color" and not any(s < end and start < e for s, e in quiet):
            found.append((start, end))
        at += length
    return found
