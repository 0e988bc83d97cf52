"""Text made comparable without moving a character: positions in both stay the same."""

from __future__ import annotations

import re
import unicodedata

# What follows is read no more: nobody asks the shop something on the third page, and the
# time a message takes stays bounded.
MAX_LENGTH = 4000

_RUNS = re.compile(r"([\s\0])\1{2,}")

# Participles whose accent tells the past from the present: "je passe" and "passé".
_PARTICIPLE = re.compile(
    r"\b(?:pass|command|gard|réserv|arriv|récupér|livr|post|publi|annul|décal)é(?=e?s?\b)"
    r"|\b(?:ai|as|a|avons|avez|ont|avais|avait|suis|est|êtes|sommes|sont|étais|était|été)"
    r"(?: (?:déjà|bien|pas|jamais|toujours|tout|juste|enfin|donc|aussi|encore|vraiment|été))*"
    r" (?!côté|été\b|noté|confirmé|validé|réglé|calé)\w{3,}é(?=e?s?\b)"
)


class _Folding(dict[int, str]):
    def __missing__(self, code: int) -> str:
        char = chr(code)
        base = unicodedata.normalize("NFKD", char)[0].lower()
        if base.isspace() and char != "\n":
            base = " "
        self[code] = base if len(base) == 1 and unicodedata.category(base) != "Mn" else char
        return self[code]


_PLAIN = zip("’‘ʼ`´′“”«»–—‑−œŒæÆøØ", "''''''\"\"\"\"----ooaaoo", strict=True)
_FOLDING = _Folding({ord(mark): plain for mark, plain in _PLAIN})


def cut(text: str) -> str:
    """`text` composed (NFC), long runs of space shortened, cut to MAX_LENGTH characters."""
    text = _RUNS.sub(r"\1\1", unicodedata.normalize("NFC", text[: 4 * MAX_LENGTH]))
    return text[:MAX_LENGTH]


def fold(text: str) -> str:
    """Lower case without accents, apostrophes and dashes plain, as long as `text`."""
    return text.translate(_FOLDING)


def fold_verbs(text: str) -> str:
    """Folded, but "passé", "commandé" … keep the accent that makes them past."""
    folded = list(fold(text))
    for found in _PARTICIPLE.finditer(text.lower() if len(text.lower()) == len(text) else text):
        folded[found.end() - 1] = "é"
    return "".join(folded)


def blank(text: str, spans: list[tuple[int, int]]) -> str:
    """`text` with those spans overwritten by "·", which no pattern takes for anything."""
    for start, end in spans:
        text = text[:start] + "·" * (end - start) + text[end:]
    return text
