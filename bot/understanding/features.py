"""What the model sees of a text: its words, pieces of words, and concepts (concepts.yaml).

Numbers, times, garments and colours are masked first, so that what was learnt of one dress
in 38 holds for any piece in any size. Training and reading use this one way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.understanding.lexicon import any_of, lexicon
from bot.understanding.normalize import fold, sms_words, words_of
from bot.understanding.phrases import read_phrases, words_in
from connectors.ports import Product

# Words that are a garment or a colour and something commoner besides: not masked.
_AMBIGUOUS = {"haut", "hauts", "top", "tops", "suit", "suits", "short", "body", "orange", "heels"}
_MASKS: tuple[tuple[str, str], ...] = (
    (r"https?://\S+|www\.\S+", " xurl "),
    (r"[\w.+-]+@[\w-]+\.[\w.]+", " xmail "),
    (r"\b\d[a-z][\d ]{11,13}\d\b|\b[a-z]{2}\d{9}[a-z]{2}\b", " xtracking "),
    (r"(?:\+|00)\d[\d .-]{8,16}\d|\b0\d(?:[ .-]?\d\d){4}\b", " xphone "),
    (r"\bcl[ -]?\d{6}(?:[ -]?\d{6})?\b|#\s?\d[\d ]*|\bn[°o]\s?\d[\d ]*", " xorder "),
    (r"\d+(?:[.,]\d+)?\s?(?:€|euros?\b|eur\b|balles\b)|[€$£]\s?\d+(?:[.,]\d+)?", " xprice "),
    (r"\b\d+\s?%", " xpercent "),
    (r"\b\d{1,2}\s?/\s?(?:5|10|20)\b(?!/)", " xrating "),
    (r"\b\d{1,2}[/.]\d{1,2}(?:[/.]\d{2,4})?\b", " xdate "),
    (r"\b\d{1,2}\s?(?:h|heures?|hrs?)\s?\d{0,2}\b|\b\d{1,2}:\d\d\b|\b\d{1,2}(?:[:.]\d\d)?\s?[ap]\.?m\b"
     r"|\b\d o'?clock\b", " xhour "),
    (r"\b(?:3[2-9]|4\d|5[02])\b(?!\s?(?:ans|pages|exemplaires|jours|minutes|min|km))", " xsize "),
    (r"\b(?<=taille )(?:xs|s|m|l|xl|xxl)\b|\b(?<=size )(?:xs|s|m|l|xl|xxl)\b"
     r"|\b(?<=en )(?:xs|s|m|l|xl|xxl)\b|\b(?<=du )(?:xs|s|m|l|xl|xxl)\b"
     r"|\b(?<=un )(?:xs|s|m|l|xl|xxl)\b|\b(?<=in )(?:xs|s|m|l|xl|xxl)\b"
     r"|\b(?<=a )(?:xs|s|m|l|xl|xxl)\b|\bxs|xl|xxl\b|\b(?:small|medium|large)\b", " xsize "),
    (r"\b20[12]\d\b", " xyear "),
    (r"\b\d{1,2}[05]00\b", " xnum "),
    (r"\b\d{4,}\b|\b\d \d{3}\b", " xorder "),
    (r"\b\d+(?:[.,]\d+)?\b", " xnum "),
)  # fmt: skip
_LONGEST = 40  # letters of a word that are looked at in pieces
_MANY = 22  # concepts; a text with more is about everything
SHORT = 8  # words; a longer text is read as if nothing had been asked
_TITLE_WORD = re.compile(r"\w+-[\w-]+|[^\W\d_]{4,}")
_TOKEN = re.compile(r"[\w-]{4,}")


@lru_cache(maxsize=1)
def _masks() -> tuple[tuple[re.Pattern[str], str], ...]:
    words = lexicon()
    garments = [w for w in words.garments if w not in _AMBIGUOUS]
    colors = [w for w in words.colors if w not in _AMBIGUOUS]
    return (
        *((re.compile(pattern), token) for pattern, token in _MASKS),
        (re.compile(any_of(garments)), " xitem "),
        (re.compile(any_of(colors)), " xcolor "),
    )


@lru_cache(maxsize=8)
def _sold_words(titles: tuple[str, ...]) -> frozenset[str]:
    """The words by which a shop's pieces go, without those that mean something else too."""
    words = {w for title in titles for w in _TITLE_WORD.findall(fold(title))}
    meaningful = (
        words_in("concepts.yaml") | _AMBIGUOUS | sms_words().keys() | lexicon().colors.keys()
    )
    return frozenset(words - meaningful)


def mask(text: str, products: tuple[Product, ...] = ()) -> str:
    """`text` folded, with what varies between two messages of one meaning masked."""
    folded = fold(text)
    if products:
        sold = _sold_words(tuple(t for p in products for t in (p.title, p.reference)))
        folded = _TOKEN.sub(lambda m: " xitem " if m[0] in sold else m[0], folded)
    for pattern, token in _masks():
        folded = pattern.sub(token, folded)
    return folded


def _collapse(words: Sequence[str]) -> list[str]:
    """A row of one mask ("xitem xitem") is one."""
    return [w for i, w in enumerate(words) if w != (words[i - 1] if i else "") or w[0] != "x"]


def _pieces(word: str) -> list[str]:
    padded = f" {word[:_LONGEST]} "
    return [padded[i : i + n] for n in (3, 4, 5) for i in range(len(padded) - n + 1)]


def _in_order(concepts: Mapping[str, Sequence[int]]) -> set[str]:
    """Each two concepts, the one that is met first before the other."""
    return {f"&{a}+{b}" for a in concepts for b in concepts if concepts[a][0] < concepts[b][0]}


def _length(words: Sequence[str]) -> str:
    steps = (1, 2, 3, 5, 8, 13, 25)
    return next((str(s) for s in steps if len(words) <= s), "more")


@dataclass(frozen=True)
class Features:
    """The features of a text in three blocks, each weighed on its own."""

    words: frozenset[str]
    pieces: frozenset[str]
    concepts: frozenset[str]


def features_of(
    text: str, products: tuple[Product, ...] = (), asked: str | None = None
) -> Features:
    """`products` is the shop's catalogue: what it sells is masked. `asked` is the question
    that the text may answer."""
    words = _collapse(words_of(mask(text, products)))
    plain = [w for w in words if w != "?"]
    pairs = {f"{a} {b}" for a, b in zip(["^", *words], [*words, "$"], strict=True)}
    pieces = {p for w in plain if not w.startswith("x") for p in _pieces(w)}
    concepts = read_phrases("concepts.yaml").find(words)
    joined = _in_order(concepts) if len(concepts) <= _MANY else set()
    marks = {f"#len{_length(plain)}", "#question" if "?" in words else "#statement"}
    if asked and len(plain) <= SHORT:
        marks |= {f"@{asked}", *(f"@{asked} &{c}" for c in concepts)}
    return Features(
        frozenset(words) | pairs,
        frozenset(f"~{p}" for p in pieces),
        frozenset(f"&{c}" for c in concepts) | joined | marks,
    )
