"""The sizes that a customer wants: "38", "M", "38 ou 40", not the one they send back."""

from __future__ import annotations

import re

from bot.understanding.size_wishes import Size, choose_wanted

LETTERS = r"(?:xxxl|xxl|xxs|xs|xl|[234]xl|s|m|l)"
_WORDS = {
    **dict.fromkeys(("small",), "S"),
    **dict.fromkeys(("medium",), "M"),
    **dict.fromkeys(("large",), "L"),
    **dict.fromkeys(("extra large", "x large"), "XL"),
    **dict.fromkeys(("extra small", "x small"), "XS"),
    "2xl": "XXL",
    "3xl": "XXXL",
    "4xl": "XXXXL",
}
_SAID = r"(?:tailles?|taile|tail|size|sizes|sz|pointures?|t\.?|uk|fr|eu)"
_ENOUGH = (
    r"(?:en|in|du|un|le|au|a|an|the|contre|pour|for|to|ou|or|et|and|from|de|plutot"
    r"|finalement|non|pas|not)"
)
# A number of two figures that counts, costs or measures something, or is an hour, an age …
_COUNTS = re.compile(
    r"\s*(?:€|eur|euros?\b|balles|\$|£|%|°|ans\b|an\b|years?|pages?\b|exemplaires?"
    r"|copies|jours?\b|j\b|days?|h\b|h\d|heures?|hours?|hrs?\b|min\w*\b|mn\b"
    r"|km|kg|kilos?|cm|mm|m2|metres?|g\b|personnes?|people|invite\w*|guests|pieces?"
    r"|articles?|items|points?|fois|times|semaines?|weeks?|mois\b|months?"
    r"|robes?\b|dresses|:\d|/\d|[.,]\d|(?:bis )?(?:,\s*)?(?:rue|avenue|av\b|bd\b"
    r"|boulevard|place|quai|cours|allee|chemin|impasse|route|street)\b"
    r"|janv|fevr|mars|avril|mai\b|juin|juil|aout|sept|oct|nov|dec|pounds|euro|cents?\b"
    r"|pourcent|percent|followers|messages?\b|minutes?)"
)
_NO_SIZE = re.compile(
    r"(?:€|\$|£|n°\s*|#\s*|\bn(?:o|um|umero)?\.?\s|[\d.,/:+]|\b(?:ligne|bus|metro|tram"
    r"|bureau|porte|code|dept|departement|article|lot|page|option|numero|rue|age"
    r"|aged)\s+)$"
)
_NUMBER = re.compile(rf"(?<!\w)(?<![^\d]-)(?P<said>{_SAID}\s*:?\s*)?(?P<size>[3-6]\d)(?![\w°])")
_TENS = {"trente": 30, "quarante": 40, "cinquante": 50, "thirty": 30, "forty": 40, "fifty": 50}
_ONES = {"deux": 2, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9, "two": 2,
         "four": 4, "five": 5, "seven": 7, "eight": 8, "nine": 9}  # fmt: skip
# "en trente-huit", dictated; an hour's quarter or minutes are read before, and blanked
_SPELLED = re.compile(
    rf"(?:\b(?:{_SAID}|{_ENOUGH}|mon|my)\s+)(?P<size>(?P<ten>{'|'.join(_TENS)})"
    rf"(?:[\s-](?P<one>{'|'.join(_ONES)}))?)(?!\w|[\s-](?:et|un|une|one|trois|three)\b)"
)
_SAID_NUMBER = re.compile(
    rf"\b(?:{_SAID})\s*:?\s*(?:de\s+|du\s+|en\s+)?(?P<size>\d{{1,2}})(?!\d)"
    rf"|\b[t](?P<size2>[3-5]\d)\b"
)
_LETTER = re.compile(
    rf"\b(?:(?:non|pardon|oups|sorry),|{_SAID}|{_ENOUGH}|deux|mon|my|this|that|votre|ton)\s+"
    rf"(?:a |un |une |the |taille |size )*(?P<size>{LETTERS})(?![\w'’]|\s?['’]|\.\s\w)"
    rf"|(?<![\w'])(?P<size2>xxxl|xxl|xxs|xs|xl|[234]xl)(?!\w)"
)
_LISTED_LETTER = re.compile(
    rf"\s*(?:ou|or|et|and|/|,|au|to|-)\s*(?:bien |en |du |un |le |a "
    rf"|the )*(?P<size>{LETTERS})(?![\w'’]|\s?['’])"
)
_WORD = re.compile(
    r"(?<![\w-])(?P<size>extra[- ]large|x[- ]large|extra[- ]small|x[- ]small|small"
    r"|medium|large)(?!\w)"
)
_WIDE = re.compile(
    r"(?:trop|un peu|peu|assez|plus|moins|tres|bien|si|coupe|too|bit|quite|so|very"
    r"|runs?|fits?|fit|how|as|little|rather|really|is|it's|c'est|est|taille|plutot"
    r"|is it)\s+$"
)
_SIZED = re.compile(
    r"(?:size|sizes|the|an?|in|en|taille|un|du|le|or|ou|and|et|my|to|for|contre)\s+$"
)
_ONE_SIZE = re.compile(r"\btaille (?:unique|tu)\b|\bone size\b")


def read_sizes(text: str, known: frozenset[str], asked: str | None) -> tuple[str, ...]:
    """The sizes wanted in a folded text, in order. `known` are the catalogue's."""
    wanted = choose_wanted(text, _find(text, known, asked))
    return tuple(dict.fromkeys(size.value for size in wanted))


def _find(text: str, known: frozenset[str], asked: str | None) -> list[Size]:
    found: dict[int, Size] = {}
    for m in _NUMBER.finditer(text):
        if _is_size(text, m, known):
            found[m.start("size")] = Size(m.start("size"), m.end(), m["size"])
    for m in _SAID_NUMBER.finditer(text):
        group = "size" if m["size"] else "size2"
        value = int(m[group])
        if (32 <= value <= 60 or m[group] in known) and not _COUNTS.match(text, m.end()):
            found.setdefault(m.start(group), Size(m.start(group), m.end(group), m[group]))
    for m in _SPELLED.finditer(text):
        spelled = str(_TENS[m["ten"]] + (_ONES[m["one"]] if m["one"] else 0))
        if spelled in known and not _COUNTS.match(text, m.end()):
            found.setdefault(m.start("size"), Size(m.start("size"), m.end(), spelled))
    for letter in _letters(text, asked):
        found.setdefault(letter.start, letter)
    for m in _WORD.finditer(text):
        if _says_size(text, m, asked):
            word = _WORDS[m["size"].replace("-", " ")]
            found.setdefault(m.start(), Size(m.start(), m.end(), word))
    if one := _ONE_SIZE.search(text):
        found.setdefault(one.start(), Size(one.start(), one.end(), "taille unique"))
    return [found[at] for at in sorted(found)]


def _says_size(text: str, found: re.Match[str], asked: str | None) -> bool:
    """Whether "small", "medium", "large" is a size here: "too large", "a small shop" are none."""
    before = text[: found.start()]
    if _WIDE.search(before) and not re.search(r"taille\s+$", before):
        return False
    if re.search(r"\ban? $", before) and not _SIZE_ENDS.match(text, found.end()):
        return False
    alone = asked == "size" or len(text.split()) <= 3 or found["size"] == "medium"
    return alone or _SIZED.search(before) is not None


_SIZE_ENDS = re.compile(r"\s*(?:$|[^\w\s]|or\b|and\b|in\b|please\b|if\b|instead\b|for\b|is\b)")


def _is_size(text: str, found: re.Match[str], known: frozenset[str]) -> bool:
    value = int(found["size"])
    if _COUNTS.match(text, found.end()) and not (
        known and re.match(r"\s*/\s*[345]\d\b", text[found.end() :])
    ):
        return False
    if found["said"]:
        return 32 <= value <= 60
    before = text[: found.start()]
    if _NO_SIZE.search(before) and not re.search(r"[345]\d\s*/\s*$", before):
        return False
    if not known:
        return False
    odd = value % 2 == 1
    if not (32 <= value <= 56) or (odd and str(value) not in known):
        return False
    after = re.match(r"\s+([a-z]{5,}s)\b", text[found.end() :])
    return after is None or after[1] in _FOLLOWS


# Plurals that may follow a size; any other says that it counted something
_FOLLOWS = frozenset(
    """toujours alors jamais merci dispos disponibles restes malgre apres vraiment avez
    seulement cependant please parfois depuis ailleurs chaussures escarpins""".split()
)


def _letters(text: str, asked: str | None) -> list[Size]:
    found: list[Size] = []
    for m in _LETTER.finditer(text):
        group = "size" if m["size"] else "size2"
        end = m.end(group)
        found.append(Size(m.start(group), end, _upper(m[group])))
        while more := _LISTED_LETTER.match(text, end):
            end = more.end()
            found.append(Size(more.start("size"), end, _upper(more["size"])))
    first = re.match(rf"\W*(?P<size>{LETTERS})(?=\s+(?:ou|or|et|and|/)\s)", text)
    alone = re.fullmatch(
        rf"\W*(?:(?:plutot|alors|oui|donc|un|une|le|la"
        rf"|a)\s+)*(?P<size>{LETTERS})(?:\s+(?:svp|stp|please|merci|alors|plutot|pls))*\W*",
        text,
    )
    lone = alone or first
    if lone and (asked == "size" or lone["size"] not in {"m", "l", "s"} or len(text) > 2):
        found.append(Size(lone.start("size"), lone.end("size"), _upper(lone["size"])))
        end = lone.end("size")
        while more := _LISTED_LETTER.match(text, end):
            end = more.end()
            found.append(Size(more.start("size"), end, _upper(more["size"])))
    return found


def _upper(letters: str) -> str:
    return _WORDS.get(letters, letters.upper())
