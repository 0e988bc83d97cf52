"""Spelling made even: controls out, accents folded, SMS words written out, emoji named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from bot.understanding.folding import MAX_LENGTH, fold
from bot.understanding.lexicon import read_yaml

# One folding for all, known under this name too
__all__ = ["MAX_LENGTH", "clean", "fold", "name_emoji", "sms_words", "words_of"]

_HIDDEN = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe0f\ufeff\U0001f3fb-\U0001f3ff]"
)
# What an e-mail program puts above the message answered to.
_REPLY_TO = re.compile(
    r"^[ \t]*(?:(?:le|on)\b[^\n]{5,150}\n?[^\n]{0,80}(?:a écrit|a ecrit|wrote)\s?:[ \t]*$"
    r"|-{2,}\s?(?:original message|message d'origine|forwarded message|message transféré)\s?-{2,}"
    r"|_{10,}[ \t]*$"
    r"|(?:de|from)[ \t]?:[^\n]+\n(?:[ \t]*(?:envoyé|sent|date|à|to|cc|objet|subject)[^\n:]{0,12}:"
    r"[^\n]*(?:\n|\Z)){2,})",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_SIGNATURE = re.compile(
    r"^(?:-- ?$|(?:envoyé|sent) (?:de|depuis|from) (?:mon|ma|my|outlook|yahoo|gmail)\b.*$)",
    re.IGNORECASE | re.MULTILINE,
)
_RUN = re.compile(r"([^\W\d_])\1{2,}")
_WORD = re.compile(r"[^\W_]+|:[a-z]+:|[?!€%#+]")


def clean(text: str) -> str:
    """`text` composed (NFC), without controls, hidden marks or quoted mail, cut to MAX_LENGTH."""
    text = unicodedata.normalize("NFC", text[: 2 * MAX_LENGTH])
    text = _HIDDEN.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c if c == "\n" or unicodedata.category(c)[0] not in "CZ" else " " for c in text)
    return _without_quotes(text)[:MAX_LENGTH].strip()


def _without_quotes(text: str) -> str:
    """What the customer wrote themselves, above, below or between what their program quotes."""
    above = _REPLY_TO.search(text)
    if above and _QUOTED_LINE.sub("", text[: above.start()]).strip():
        text = text[: above.start()]
    own = _QUOTED_LINE.sub("", _REPLY_TO.sub("", text))
    signature = _SIGNATURE.search(own)
    if signature and own[: signature.start()].strip():
        own = own[: signature.start()]
    return own


@lru_cache(maxsize=1)
def sms_words() -> Mapping[str, str]:
    """SMS spelling -> the words meant, from sms.yaml."""
    return {
        fold(str(spelling)): str(meant)
        for meant, spellings in read_yaml("sms.yaml").items()
        for spelling in spellings
    }


@lru_cache(maxsize=1)
def _emoji() -> Mapping[str, str]:
    groups = read_yaml("emoji.yaml")
    return {char: f" :{name}: " for name, chars in groups.items() for char in chars}


def name_emoji(text: str) -> str:
    """Each emoji that says something becomes its group, " :love: "."""
    if text.isascii():
        return text
    names = _emoji()
    return "".join(names.get(c, c) for c in text)


def words_of(text: str) -> list[str]:
    """The words of a text (folded inside), SMS spelling written out, runs shortened."""
    sms = sms_words()
    found: list[str] = []
    for token in _WORD.findall(_RUN.sub(r"\1", fold(name_emoji(text)))):
        found.extend(sms.get(token, token).split())
    return found
