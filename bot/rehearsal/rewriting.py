"""Rehearsals with the customers' words as others would have typed them."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot.keywords import read_keyword
from bot.rehearsal.reading import Written
from bot.rehearsal.script import AnyStep, CustomerStep

# Whole words as people shorten them in text messages
SHORT: Mapping[str, str] = {
    "bonjour": "bjr", "bonsoir": "bsr", "salut": "slt", "merci": "mci", "vous": "vs",
    "nous": "ns", "pour": "pr", "avec": "avc", "quand": "qd", "toujours": "tjs",
    "beaucoup": "bcp", "tout": "tt", "tous": "ts", "c'est": "c", "j'ai": "g", "est-ce que": "esk",
    "s'il vous plaît": "svp", "s'il te plaît": "stp", "aujourd'hui": "ajd", "demain": "dmain",
    "rendez-vous": "rdv", "après-midi": "aprem", "commande": "cmd", "parce que": "pcq",
    "quelque chose": "qqch", "quelqu'un": "qqun", "please": "pls", "you": "u", "are": "r",
    "thanks": "thx", "tomorrow": "tmrw",
}  # fmt: skip
WORD = re.compile(r"[^\W\d_]{5,}")
ONE_IN = 6  # of so many longer words one is mistyped
BEFORE = ("Bonjour, j'espère que vous allez bien. ", "Bonjour ! Excusez-moi de vous déranger. ")
AFTER = (
    " Merci beaucoup par avance et très bonne journée !",
    " Je vous remercie pour votre aide. Bien à vous.",
)
BEFORE_EN = ("Hello, I hope you are well. ", "Hi there! Sorry to bother you. ")
AFTER_EN = (" Many thanks in advance and have a lovely day!", " Thank you so much for your help.")
ENGLISH = re.compile(r"\b(the|is|are|you|my|have|please|can|where|do|i'm|i)\b", re.IGNORECASE)

Rewrite = Callable[[str, random.Random], str]


def drop_accents(text: str, chance: random.Random) -> str:
    plain = text.replace("œ", "oe").replace("Œ", "Oe").replace("æ", "ae")
    apart = unicodedata.normalize("NFD", plain)
    return unicodedata.normalize("NFC", "".join(c for c in apart if not _mark(c)))


def _mark(letter: str) -> bool:
    return unicodedata.category(letter) == "Mn"


def mistype(text: str, chance: random.Random) -> str:
    """Letters left out, doubled or swapped within longer words; never figures or addresses."""

    def slip(found: re.Match[str]) -> str:
        word = found[0]
        beside = text[max(0, found.start() - 1) : found.end() + 1]
        if "@" in beside or "#" in beside or chance.randrange(ONE_IN):
            return word
        at = chance.randrange(1, len(word) - 2)
        kind = chance.randrange(3)
        if kind == 0:
            return word[:at] + word[at + 1 :]
        if kind == 1:
            return word[:at] + word[at] + word[at:]
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]

    return WORD.sub(slip, text)


def shorten(text: str, chance: random.Random) -> str:
    """As text messages are spelt: small letters, short forms, no full stops."""
    said = text.lower()
    for word, short in SHORT.items():
        said = re.sub(rf"(?<![\w'-]){re.escape(word)}(?![\w'-])", short, said)
    return re.sub(r"\s*\.(?=\s|$)", "", said)


def be_polite(text: str, chance: random.Random) -> str:
    """Words of politeness around a request; a short answer only gets a thank-you."""
    english = len(ENGLISH.findall(text)) > len(text.split()) / 6
    if len(text.split()) <= 4:
        return f"{text.rstrip(' .!')}{', thank you' if english else ', merci'} !"
    before, after = (BEFORE_EN, AFTER_EN) if english else (BEFORE, AFTER)
    return chance.choice(before) + text + chance.choice(after)


STYLES: Mapping[str, Rewrite] = {
    "accents": drop_accents,
    "typos": mistype,
    "sms": shorten,
    "polite": be_polite,
}


def rewrite(written: Sequence[Written], style: str, seed: int) -> list[Written]:
    """The same rehearsals with every customer's message rewritten in `style`; the same for the
    same seed. What consists of a keyword (STOP …) stays: carriers, too, read it to the letter."""
    how = STYLES[style]
    return [
        _rewrite_one(one, how, random.Random(f"{seed}:{n}"))  # noqa: S311  # nothing secret
        for n, one in enumerate(written)
    ]


def _rewrite_one(written: Written, how: Rewrite, chance: random.Random) -> Written:
    steps = tuple(_rewrite_step(step, how, chance) for step in written.rehearsal.steps)
    rehearsal = written.rehearsal.model_copy(update={"steps": steps})
    return replace(written, rehearsal=rehearsal)


def _rewrite_step(step: AnyStep, how: Rewrite, chance: random.Random) -> AnyStep:
    if not isinstance(step, CustomerStep):
        return step
    companions = tuple(_rewrite_step(c, how, chance) for c in step.companions)
    said = step.customer
    if said.strip() and read_keyword(said) is None:
        said = how(said, chance)
    return step.model_copy(update={"customer": said, "companions": companions})
