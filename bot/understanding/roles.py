"""What is said of a time: that the customer comes then, cannot, ordered then … (roles.yaml)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast, get_args

import yaml

from bot.understanding.dayparts import Bound
from bot.understanding.spans import When

Role = Literal["coming", "hold", "refused", "past", "other", "event", "none"]

# Joining words. An expression is never cut by them: positions inside one do not count.
_SENTENCE = re.compile(r"[!?;\n…]|\.(?![\d\w])|:\)|\s/\s")
_CLAUSE = re.compile(
    r"[,:()]|\s-\s|\b(?:et|mais|donc|car|alors|puis|sinon|parce que|du coup|comme"
    r"|quand|and|but|so|because|then"
    r"|otherwise|que je|qui|where|which|si|if)\b"
)
# Directly before a time.
_FILL = (
    r"(?:(?:a|au|le|la|ce|cet|cette|de|du|d'|l'|en|pour|vers|for|on|the|this|at|in"
    r"|pour le|dans)\s*)*"
)
_NOT = re.compile(
    rf"(?:(?<!pourquoi )(?<!why )\b(?:pas|non pas|et non|not|sauf|excepte|except|hormis|ni"
    rf"|nor)|plutot que|au lieu de?|instead of|rather than"
    rf"|\bautre que|\bjamais|\bnever|\bplutot\s+[\w\s'-]{{2,30}}\s+qu[e'])\s*{_FILL}$"
)
_SINCE = re.compile(
    rf"\b(?:c'est (?=le\b)|on est|nous sommes|it's (?=the\b)|depuis|since|ago|ca fait"
    rf"|il y a|y a|suite a)\s*{_FILL}$"
)
_FOR = re.compile(
    r"(?<!ok )(?<!va )(?<!accord )(?<!bon )(?<!bonne )(?<!parfait )(?<!partante "
    r")(?<!partant )(?<!note )(?<!plutot )\b(?:pour"
    r"|for)\s+(?:(?:le|ce|cet|cette|this|on|next)\s+)?$"
)
# "la vendeuse de samedi", "commande du 13": whose day it is, not when one comes
_OF = re.compile(
    r"(?<!partir )(?<!autour )(?<!alentours )(?<!compter )(?<!cours )(?<!creneau "
    r")(?<!celui )(?<!environ )(?<!journee )(?<!matinee )(?<!midi )(?<!soiree "
    r")(?<!aprem )(?<!fin )(?<!coup )(?<!coups )\b(?:de"
    r"|du|d'|from)\s*(?:la |l')?$"
)


_CORRECTION = re.compile(
    r"\b(?:plutot|finalement|donc|alors|du coup|disons|rather|instead|so|more like)\b"
)
_GIVEN_UP = re.compile(r"annul|cancel|renonc|laisse")
# Said of one's being free or there: for a call or a parcel when such is spoken of
_FREE = re.compile(r".*\b(?:dispo|libre|free|available|serai|suis la|be there|jserai)")
_CALL = re.compile(r"rappel|appel|phone|call|ring|joindre|joignable|telephon")
_PARCEL = re.compile(r"\b(?:colis|livreur|livraison|parcel|delivery|courier|facteur)\b")


@dataclass(frozen=True)
class Trigger:
    start: int
    end: int
    role: Role
    occasion: str | None = None


@lru_cache(maxsize=1)
def _data() -> dict[str, str]:
    data: dict[str, str] = yaml.safe_load(
        Path(__file__).with_name("roles.yaml").read_text(encoding="utf-8")
    )
    return data


@lru_cache(maxsize=1)
def agreeing_words() -> frozenset[str]:
    """Words by which a time is agreed on: "ok", "ça vous va", "works for me" …"""
    return frozenset(_data()["agreeing"].split())


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[Role, re.Pattern[str]], ...]:
    return tuple(
        (cast(Role, role), re.compile(rf"(?<!\w)(?:{'|'.join(lines.split(chr(10))[:-1])})(?!\w)"))
        for role, lines in _data().items()
        if role in get_args(Role)
    )


def find_triggers(text: str, taken: Sequence[tuple[int, int]]) -> list[Trigger]:
    """The telling words of a text (folded by fold_verbs), those within others left out;
    `taken` are spans where words mean something else already."""
    found = [
        Trigger(m.start(), m.end(), role)
        for role, pattern in _patterns()
        for m in pattern.finditer(text)
    ]
    found.sort(key=lambda t: (t.start - t.end, t.start))
    kept: list[Trigger] = []
    for trigger in found:
        spans = [*taken, *((t.start, t.end) for t in kept)]
        if all(trigger.end <= start or end <= trigger.start for start, end in spans):
            kept.append(trigger)
    kept.sort(key=lambda t: t.start)
    for n, trigger in enumerate(kept[1:], 1):
        # "can't make it", "ne peux pas venir la chercher": the verb is refused with the other
        between = text[kept[n - 1].end : trigger.start]
        refused = kept[n - 1].role == "refused" and trigger.role in {"coming", "hold"}
        if refused and len(between) <= 12 and not _CLAUSE.search(between):
            kept[n] = replace(trigger, role="refused")
    called = any(t.role == "other" and _CALL.match(text, t.start) for t in kept)
    if called or _PARCEL.search(text):
        kept = [
            replace(t, role="other")
            if t.role == "coming" and _FREE.match(text[t.start : t.end])
            else t
            for t in kept
        ]
    return kept


@dataclass(frozen=True)
class Said:
    """A time, and what is said of it. `wanted_for`: only "pour" stands before it.
    `opening`: the shop's hours then are asked for. `near`: the telling word stands in the
    same clause. `idle` counts words of its sentence that speak of something else;
    `occasion` names the event that is then."""

    when: When
    role: Role
    wanted_for: bool = False
    opening: bool = False
    near: bool = False
    idle: int = 0
    occasion: str | None = None


_OPENING = re.compile(r"ouver|ouvr|ferm|open|clos|.*\bla$|horaire|accueil")
_REMAINS = re.compile(r"(?:\W+\w+){0,3}\W*$")
_LISTED = re.compile(r"\s*,?\s*(?:ou|ni|et|or|nor|and)\s*(?:(?:ni|pas|a|le|ce|on|at) )*")


def say_roles(
    text: str, whens: Sequence[When], events: Sequence[tuple[int, int, str]]
) -> list[Said]:
    """What a folded text says of each of its times."""
    if not whens:
        return []
    spans = [(w.start, w.end) for w in whens]
    occasions = [Trigger(start, end, "event", name) for start, end, name in events]
    occasions = [t for t in occasions if all(t.end <= s or e <= t.start for s, e in spans)]
    triggers = find_triggers(text, [*spans, *((t.start, t.end) for t in occasions)])
    scene = _Scene(text, whens, sorted([*triggers, *occasions], key=lambda t: t.start))
    return [scene.say(when) for when in whens]


def _not_before(when: When) -> bool:
    """Whether it is all of a day, or a bare hour, before which one cannot come."""
    bounded = when.bound is not None and when.bound.name in {"before", "until"}
    return bounded and not (when.days and when.clock) and when.moment is None


class _Scene:
    """A text with its times and telling words, cut into sentences and clauses."""

    def __init__(self, text: str, whens: Sequence[When], triggers: list[Trigger]) -> None:
        self.text, self.whens, self.triggers = text, whens, triggers
        self.sentences = self._cuts(_SENTENCE)
        self.clauses = sorted({*self.sentences, *self._cuts(_CLAUSE)})

    def _cuts(self, pattern: re.Pattern[str]) -> list[int]:
        """Where pieces begin and the text ends; nothing is cut inside a time or a trigger."""
        inside = [
            *((w.start, w.end) for w in self.whens),
            *((t.start, t.end) for t in self.triggers),
        ]
        starts = [
            m.end() for m in pattern.finditer(self.text)
            if not any(start < m.end() and m.start() < end for start, end in inside)
        ]  # fmt: skip
        return [0, *starts, len(self.text) + 1]

    @staticmethod
    def _piece(cuts: list[int], at: int) -> tuple[int, int]:
        start = max(cut for cut in cuts if cut <= at)
        return start, min(cut for cut in cuts if cut > at)

    def say(self, when: When) -> Said:
        sentence = self._piece(self.sentences, when.start)
        before = self.text[sentence[0] : when.start]
        if _NOT.search(before):
            return Said(when, "refused")
        if _SINCE.search(before) or (_OF.search(before) and not when.until):
            return Said(when, "past")
        trigger = self._nearest(when, sentence)
        role = trigger.role if trigger else "none"
        if role in {"coming", "hold", "none"} and self._taken_back(when, sentence):
            role = "refused"
        if role == "refused" and _not_before(when):
            # "je ne peux pas passer avant samedi" is from Saturday on
            return Said(replace(when, bound=Bound("from")), "coming")
        words = self.text[trigger.start : trigger.end] if trigger else ""
        clause = self._piece(self.clauses, when.start)
        return Said(
            when,
            role,
            wanted_for=bool(_FOR.search(before)),
            opening=bool(_OPENING.match(words)),
            near=trigger is not None and clause[0] <= trigger.start < clause[1],
            idle=self._idle_words(clause if when.clock else sentence) if role == "none" else 0,
            occasion=trigger.occasion if trigger else None,
        )

    def _idle_words(self, piece: tuple[int, int]) -> int:
        """How many words of a piece belong neither to a time nor to agreeing on one."""
        words = (
            m for m in re.finditer(r"[^\W\d_]+", self.text[: piece[1]])
            if m.start() >= piece[0] and m[0] not in agreeing_words()
        )  # fmt: skip
        known = [(w.start, w.end) for w in self.whens]
        known += [(t.start, t.end) for t in self.triggers if t.role in {"coming", "refused"}]
        return sum(not any(s <= m.start() and m.end() <= e for s, e in known) for m in words)

    def _between(self, start: int, end: int) -> list[When]:
        return [w for w in self.whens if start <= w.start and w.end <= end]

    def _nearest(self, when: When, sentence: tuple[int, int]) -> Trigger | None:
        """The telling word for a time: before it in its clause, else behind it there, else
        in a clause before, else in one behind."""
        clause = self._piece(self.clauses, when.start)
        near = [t for t in self.triggers if sentence[0] <= t.start < sentence[1]]
        left = [t for t in near if t.end <= when.start]
        here = [t for t in left if t.start >= clause[0] and not self._spent(t, when)]
        if here:
            return here[-1]
        behind = [t for t in near if when.end <= t.start]
        for trigger in behind:
            if trigger.start < clause[1] and not self._between(when.end, trigger.start):
                return trigger
        corrected = _CORRECTION.search(self.text[clause[0] : when.start])
        inherited = [t for t in left if t.role != "refused" and not self._spent(t, when)]
        if corrected:
            inherited = [t for t in inherited if t.role in {"coming", "hold"}]
        coming = [t for t in inherited if t.role in {"coming", "hold"}]
        if coming or inherited:
            return (coming or inherited)[-1]
        ahead = [t for t in behind[:1] if t.role in {"coming", "hold", "event", "refused"}]
        if not ahead or self._between(when.end, ahead[0].start):
            return None
        end = self._piece(self.clauses, ahead[0].start)[1]
        own = ahead[0].role == "refused" and self._between(ahead[0].end, end)
        return None if own else ahead[0]

    def _spent(self, trigger: Trigger, when: When) -> bool:
        """A refusal or a past holds for the first time behind it, and those listed with it."""
        if trigger.role not in {"refused", "past", "event"}:
            return False
        between = self._between(trigger.end, when.start)
        if not between:
            return False
        last = between[-1]
        return not _LISTED.fullmatch(self.text[last.end : when.start])

    def _taken_back(self, when: When, sentence: tuple[int, int]) -> bool:
        """ "Je voulais passer demain mais je peux pas": a refusal with no time of its own."""
        for trigger in self.triggers:
            if trigger.start < when.end or trigger.role == "past":
                continue
            if trigger.start >= sentence[1] or self._between(when.end, trigger.start):
                return False
            if trigger.role == "refused":
                end = self._piece(self.clauses, trigger.start)[1]
                if _GIVEN_UP.match(self.text, trigger.start) and self.text[trigger.end : end].strip(
                    " .,!"
                ):
                    return False  # "mais annulez les escarpins"
                return not self._between(trigger.end, end) and bool(
                    _REMAINS.match(self.text[trigger.end : end])
                )
            return False
        return False
