"""How French says things: articles, and all the words that its sentences call for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies.french_moments import (
    all_of,
    any_of,
    coming,
    date_words,
    day,
    de,
    deadline,
    euros,
    exact,
    hour,
    meeting,
    moment,
    on,
    price,
    some_of,
    stamp,
    week_runs,
    week_words,
)
from bot.replies.french_orders import (
    articles,
    leaves,
    line_words,
    of_line,
    order_list,
    parcel_state,
    parcel_words,
    receipt_line,
)

FEMININE = frozenset(
    "robe veste jupe chemise blouse tunique combinaison ceinture écharpe chaussure botte "
    "bottine sandale basket bague montre pochette besace casquette salopette culotte "
    "doudoune parka cape marinière liquette nuisette étole toque barrette broche housse "
    "trousse bougie carte affiche boîte tasse maille mini-jupe thèse revue photo bd reliure "
    "couverture impression".split()
)

FEMININE_ENDINGS = ("ette", "elle", "ine", "ure", "ise", "otte", "ade", "tion")

PLURAL_FEMININE = frozenset(
    "boucles bottes bottines sandales baskets chaussures lunettes ballerines créoles "
    "mitaines chaussettes espadrilles sneakers".split()
)


VOWELS = tuple("aeiouéèêàâîôû")  # of the clothes that begin with h none elides: le haut

# Singular, though they end as plurals do
SINGULAR = frozenset("cabas tapis pardessus trois-quarts dos gros-grain".split())


@dataclass(frozen=True)
class Article:
    """A product's title and the small words that agree with it."""

    title: str
    reference: str = ""

    def __str__(self) -> str:
        return self.title

    @property
    def _noun(self) -> str:
        return self.title.split()[0].lower() if self.title else ""

    @property
    def plural(self) -> bool:
        return self._noun in PLURAL_FEMININE or (
            self._noun.endswith(("s", "x"))
            and not self._noun.endswith("ss")
            and self._noun not in SINGULAR
            and len(self._noun) > 3
        )

    @property
    def feminine(self) -> bool:
        noun = self._noun
        return noun in FEMININE or noun in PLURAL_FEMININE or noun.endswith(FEMININE_ENDINGS)

    @property
    def _elides(self) -> bool:
        return self._noun.startswith(VOWELS)

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
    def They(self) -> str:  # noqa: N802  # the same word, with a capital
        return self.they.capitalize()

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
    def be(self) -> str:
        """« est », « sont »"""
        return "sont" if self.plural else "est"

    @property
    def nt(self) -> str:
        """The third person's plural: attend, attendent."""
        return "ent" if self.plural else ""


def idea_words(ideas: Sequence[Any]) -> str:
    """« le Blazer Beige Élégant (en 38) ou le Perfecto Noir (en 38) »"""
    said = [f"{Article(i.product.title).the}{f' (en {i.size})' if i.size else ''}" for i in ideas]
    return any_of(said)


def of_any(titles: Sequence[str]) -> str:
    """« du Perfecto Noir ou de la Robe Bordeaux »"""
    return any_of([Article(title).of for title in titles])


def the_all(titles: Sequence[str]) -> str:
    """« le Perfecto Noir et la Robe Bordeaux »"""
    return all_of([Article(title).the for title in titles])


# An occasion as the engine names it -> how one speaks of it; what is not listed goes as it is
OCCASIONS = {
    "wedding": "un mariage",
    "engagement": "des fiançailles",
    "birthday": "un anniversaire",
    "christening": "un baptême",
    "communion": "une communion",
    "funeral": "des obsèques",
    "graduation": "une remise de diplôme",
    "interview": "un entretien",
    "dinner": "un dîner",
    "gala": "un gala",
    "ceremony": "une cérémonie",
    "party": "une fête",
    "trip": "un voyage",
    "meeting": "une conférence",
    "defense": "une soutenance",
    "fair": "un salon",
    "show": "un spectacle",
    "christmas": "Noël",
    "valentine": "la Saint-Valentin",
}


def occasion_words(occasion: str) -> str:
    """« un mariage », behind « pour »"""
    return OCCASIONS.get(occasion, occasion)


FILTERS = {
    "occasion_words": occasion_words,
    "article": Article,
    "deadline": deadline,
    "de": de,
    "date_words": date_words,
    "on": on,
    "euros": euros,
    "exact": exact,
    "receipt_line": receipt_line,
    "line_words": line_words,
    "articles": articles,
    "of_line": of_line,
    "order_list": order_list,
    "leaves": leaves,
    "parcel_words": parcel_words,
    "parcel_state": parcel_state,
    "week_runs": week_runs,
    "week_words": week_words,
    "idea_words": idea_words,
    "hour": hour,
    "day": day,
    "moment": moment,
    "meeting": meeting,
    "coming": coming,
    "stamp": stamp,
    "price": price,
    "any_of": any_of,
    "all_of": all_of,
    "some_of": some_of,
    "of_any": of_any,
    "the_all": the_all,
}
