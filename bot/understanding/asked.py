"""Short answers, read in the light of the question that the assistant had just put.

Only what the model found no request of its own in is read so: a new request overrides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.turn import Context, Entities
from bot.understanding.normalize import fold, words_of
from bot.understanding.rules import Verdict

SHORT = 12  # words
_SURE = 0.95
# Readings of the model that are no request: a question that was put explains them better
_WEAK = frozenset(("unknown", "greeting", "closing", "confirm", "deny", "choose"))
_YES = frozenset(
    "oui ok yes sure accord volontiers carrement parfait okay :okay: bien plaisir grave deal top "
    "super vasy absolutely definitely entendu evidemment go exact exactement confirme please "
    "affirmatif nickel :love: :joy: :thanks: yup yep banco".split()
)
_NO = frozenset("non no nope nah jamais :refuse: aucune aucun neither none".split())
# What a yes or a no may carry besides, without being a request of its own
_FILLERS = frozenset(
    "s il te vous plait merci beaucoup mille fois thanks thank you d avec je veux bien c est bon "
    "ca va aller marche me convient j veut roule of course so much le la les l tout a fait super "
    "trop gentil gentille tu toi pas peine peut that be great would do it vas y allez for alors "
    "donc et ira sans facon pour instant moi not now need besoin necessaire :joy: :love: :thanks: "
    ":okay: bonne journee soiree very kind infiniment bah ben parfait nickel genial cool right "
    "confirme oh ah des deux i m good fine finalement".split()
)
# What naming an option looks like when nothing was asked
_ABOUT_OPTIONS = (
    "general_question", "exchange_request", "product_availability", "order_status",
    "order_change", "reservation_create", "delivery_problem", "return_request", "feedback",
)  # fmt: skip
_RATING = re.compile(
    r"\W*(?:(?:je (?:vous |te )?(?:mets?|donne)|note|i give|i'd give it an?|un|une)\W+)?"
    r"(?:10|[0-9])(?:[.,]\d)?\s*(?:(?:/|sur|out of)\s*(?:5|10|20))?\W*(?:etoiles?|stars?)?\W*"
    r"(?:merci|thanks|:\w+:|\W)*"
)


@dataclass(frozen=True)
class Answer:
    """A short text, what it names, and what the model made of it."""

    text: str
    words: list[str]
    entities: Entities
    intents: frozenset[str]

    @property
    def asks(self) -> bool:
        return "?" in self.words

    @property
    def agrees(self) -> bool:
        return bool({"oui", "yes", "ok", "accord", "volontiers"} & set(self.words[:4]))

    def may_be(self, *more: str) -> bool:
        """Whether the model found nothing but these and what is no request."""
        return self.intents <= _WEAK.union(more)

    def consents(self) -> str | None:
        """`confirm` or `deny` when that is all that is said."""
        rest = [w for w in self.words if w.isalnum() or w.startswith(":")]
        if not rest or any(w not in _YES | _NO | _FILLERS for w in rest):
            return None
        if _NO & set(rest) or "pas" in rest or "sans" in rest or "not" in rest:
            return "deny"
        return "confirm" if _YES & set(rest) else None


def answer(
    text: str, entities: Entities, context: Context, intents: tuple[str, ...]
) -> Verdict | None:
    """What a cleaned `text`, of which the model made `intents`, answers to `context.asked`;
    None when it is no plain answer."""
    words = words_of(text)
    if context.asked is None or len(words) > SHORT:
        return None
    return _READERS[context.asked](Answer(text, words, entities, frozenset(intents)))


def _sure(*intents: str) -> Verdict:
    return Verdict(intents, _SURE)


def _read_yes_no(said: Answer) -> Verdict | None:
    plain = said.consents()
    return _sure(plain) if plain else None


def _read_offer(said: Answer) -> Verdict | None:
    if plain := _read_yes_no(said):
        return plain
    time = said.entities.pickup_time and not said.asks
    if not time or not said.may_be("reservation_pickup", "reservation_create", "feedback"):
        return None
    return _sure("confirm", "reservation_pickup") if said.agrees else _sure("reservation_pickup")


def _read_time(said: Answer) -> Verdict | None:
    time = said.entities.pickup_time and said.may_be("reservation_pickup", "feedback")
    return _sure("reservation_pickup") if time else None


def _read_option(said: Answer) -> Verdict | None:
    chosen = said.entities.choice is not None and not said.asks
    if chosen and said.may_be(*_ABOUT_OPTIONS, "reservation_pickup"):
        comes = "reservation_pickup" in said.intents and said.entities.pickup_time
        return _sure("choose", "reservation_pickup") if comes else _sure("choose")
    return _read_yes_no(said)


def _read_identity(said: Answer) -> Verdict | None:
    known = said.entities.order_numbers or said.entities.last_name
    return _sure("order_status") if known and said.may_be("order_status") else None


def _read_rating(said: Answer) -> Verdict | None:
    return _sure("feedback") if _RATING.fullmatch(fold(said.text)) else None


def _read_size(said: Answer) -> Verdict | None:
    if said.entities.sizes and said.may_be("product_availability", "order_status"):
        return _sure("product_availability")
    return None


def _read_clarification(said: Answer) -> Verdict | None:
    named = said.entities.products or said.entities.colors or said.entities.choice is not None
    if "choose" in said.intents or (named and said.may_be("product_availability")):
        return _sure("product_availability")
    return None


_READERS: Mapping[str, Callable[[Answer], Verdict | None]] = {
    "reservation_offer": _read_offer,
    "photo_offer": _read_yes_no,
    "pickup_time": _read_time,
    "exchange_option": _read_option,
    "backup_option": _read_option,
    "order_identity": _read_identity,
    "order_number": _read_identity,
    "feedback": _read_rating,
    "size": _read_size,
    "clarification": _read_clarification,
}
