"""How French says things: agreement with the article, moments, prices, lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import format_date
from babel.numbers import format_currency

from bot.turn import TimeSpan
from connectors.ports import Money

# First words of titles that are not feminine singular or masculine singular by their look
FEMININE = frozenset(
    "robe veste jupe chemise blouse tunique combinaison ceinture écharpe chaussure botte "
    "bottine sandale basket bague montre pochette besace casquette salopette culotte "
    "doudoune parka cape marinière liquette nuisette étole toque barrette broche housse "
    "trousse bougie carte affiche boîte tasse".split()
)
FEMININE_ENDINGS = ("ette", "elle", "ine", "ure", "ise", "otte", "ade", "tion")
PLURAL_FEMININE = frozenset(
    "boucles bottes bottines sandales baskets chaussures lunettes ballerines créoles "
    "mitaines chaussettes espadrilles sneakers".split()
)


@dataclass(frozen=True)
class Article:
    """A product's title and the small words that agree with it."""

    title: str

    def __str__(self) -> str:
        return self.title

    @property
    def _noun(self) -> str:
        return self.title.split()[0].lower() if self.title else ""

    @property
    def plural(self) -> bool:
        return self._noun in PLURAL_FEMININE or (
            self._noun.endswith(("s", "x")) and self._noun not in {"gants"} and len(self._noun) > 4
        )

    @property
    def feminine(self) -> bool:
        noun = self._noun
        return noun in FEMININE or noun in PLURAL_FEMININE or noun.endswith(FEMININE_ENDINGS)

    @property
    def _elides(self) -> bool:
        return self._noun[:1] in "aeiouyéèêàâîôûh"

    @property
    def the(self) -> str:
        """« la Robe Fleurie Bleue »"""
        if self.plural:
            return f"les {self.title}"
        if self._elides:
            return f"l'{self.title}"
        return f"{'la' if self.feminine else 'le'} {self.title}"

    @property
    def The(self) -> str:  # noqa: N802  # the same words, with a capital
        return self.the[0].upper() + self.the[1:]

    @property
    def of(self) -> str:
        """« de la Robe Fleurie Bleue »"""
        if self.plural:
            return f"des {self.title}"
        if self._elides:
            return f"de l'{self.title}"
        return f"de la {self.title}" if self.feminine else f"du {self.title}"

    @property
    def it(self) -> str:
        """The pronoun before a verb: la, le, les."""
        return "les" if self.plural else "la" if self.feminine else "le"

    @property
    def it_(self) -> str:
        """The pronoun before a vowel, with its space: « l' » or « les »."""
        return "les " if self.plural else "l'"

    @property
    def they(self) -> str:
        """The subject pronoun."""
        return ("elle" if self.feminine else "il") + ("s" if self.plural else "")

    @property
    def your(self) -> str:
        """« ta », « ton », « tes »"""
        if self.plural:
            return "tes"
        return "ta" if self.feminine and not self._elides else "ton"

    @property
    def mis(self) -> str:
        """« mis », « mise », « mises »"""
        return (
            "mis" + ("e" if self.feminine else "") + ("s" if self.plural and self.feminine else "")
        )

    @property
    def nt(self) -> str:
        """The third person's plural: attend, attendent."""
        return "ent" if self.plural else ""


def hour(at: datetime) -> str:
    """« 18h », « 17h30 »"""
    return f"{at.hour}h{at.minute:02}" if at.minute else f"{at.hour}h"


def day(at: datetime, now: datetime) -> str:
    """« aujourd'hui », « demain », « samedi », « samedi 25 janvier »"""
    away = (at.date() - now.date()).days
    if away == 0:
        return "aujourd'hui"
    if away == 1:
        return "demain"
    if 1 < away < 7:
        return format_date(at, "EEEE", locale="fr")
    return format_date(at, "EEEE d MMMM", locale="fr").replace(" 1 ", " 1er ")


def moment(at: datetime, now: datetime) -> str:
    """« ce soir 18h », « demain 18h », « samedi 25 janvier à 18h »"""
    if at.date() == now.date():
        return f"{'ce soir' if at.hour >= 18 else 'aujourd' + chr(39) + 'hui'} {hour(at)}"
    far = (at.date() - now.date()).days >= 7
    return f"{day(at, now)}{' à' if far else ''} {hour(at)}"


def part(span: TimeSpan) -> str:
    """The part of a day that a range is: « matin », « après-midi », « soir » or ""."""
    assert span.end is not None
    if span.end - span.start > timedelta(hours=7):
        return ""
    if span.end.hour <= 13:
        return "matin" if span.start.hour < 12 else "midi"
    return "après-midi" if span.start.hour < 17 else "soir"


def meeting(span: TimeSpan, now: datetime) -> str:
    """When someone comes: « ce soir », « demain 11h », « samedi », « jeudi matin »"""
    if span.start.date() == now.date():
        if span.start.hour >= 17:
            return "ce soir"
        return "tout à l'heure"
    if span.end is None:
        return moment(span.start, now)
    if span.end.date() != span.start.date():
        return f"{day(span.start, now)} ou {day(span.end, now)}"
    return f"{day(span.start, now)} {part(span)}".strip()


def coming(span: TimeSpan, now: datetime) -> str:
    """When someone comes, for the desk: « Aujourd'hui 17h », « samedi matin »"""
    if span.end is None:
        return f"{day(span.start, now)} {hour(span.start)}"
    if span.end.date() != span.start.date():
        return f"{day(span.start, now)}-{day(span.end, now)}"
    return f"{day(span.start, now)} {part(span)}".strip()


def stamp(at: datetime) -> str:
    """« 14/01 18h »"""
    return f"{at:%d/%m} {hour(at)}"


def price(money: Money) -> str:
    """« 89 € », « 4,90 € »; a plain space, for text messages"""
    text = format_currency(
        money.amount, money.currency, locale="fr", format="#,##0.00 ¤", currency_digits=True
    )
    return text.replace("\u202f", " ").replace("\xa0", " ").replace(",00", "")


def any_of(words: Sequence[str]) -> str:
    """« 36, 38 ou 40 »"""
    return _join(words, "ou")


def all_of(words: Sequence[str]) -> str:
    """« 36, 38 et 40 »"""
    return _join(words, "et")


def _join(words: Sequence[str], last: str) -> str:
    words = [str(word) for word in words]
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


FILTERS = {
    "hour": hour,
    "day": day,
    "moment": moment,
    "meeting": meeting,
    "coming": coming,
    "stamp": stamp,
    "price": price,
    "any_of": any_of,
    "all_of": all_of,
}
