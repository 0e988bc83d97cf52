"""How English says things: articles, and all the words that its sentences call for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies import french
from bot.replies.english_moments import (
    all_of,
    any_of,
    coming,
    date_words,
    day,
    deadline,
    euros,
    exact,
    hour,
    meeting,
    moment,
    on,
    on_day,
    price,
    stamp,
    week_runs,
    week_words,
)
from bot.replies.english_orders import (
    articles,
    leaves,
    line_words,
    of_line,
    order_list,
    parcel_state,
    parcel_words,
    receipt_line,
)


@dataclass(frozen=True)
class Article:
    """A product's title, which is in the shop's language: French titles tell the number."""

    title: str
    reference: str = ""

    def __str__(self) -> str:
        return self.title

    @property
    def plural(self) -> bool:
        return french.Article(self.title).plural

    @property
    def the(self) -> str:
        return f"the {self.title}"

    @property
    def The(self) -> str:  # noqa: N802  # the same words, with a capital
        return f"The {self.title}"

    @property
    def it(self) -> str:
        return "them" if self.plural else "it"

    @property
    def they(self) -> str:
        return "they" if self.plural else "it"

    @property
    def They(self) -> str:  # noqa: N802  # the same word, with a capital
        return self.they.capitalize()

    @property
    def be(self) -> str:
        return "are" if self.plural else "is"


def of(name: str) -> str:
    """ "of CoolLibri\""""
    return f"of {name}"


def idea_words(ideas: Sequence[Any]) -> str:
    """ "the Blazer Beige Élégant (in 38) or the Perfecto Noir (in 38)\""""
    said = [f"the {i.product.title}{f' (in {i.size})' if i.size else ''}" for i in ideas]
    return any_of(said)


# An occasion as the engine names it -> how one speaks of it; what is not listed goes as it is
OCCASIONS = {
    "christmas": "Christmas",
    "valentine": "Valentine's Day",
    "engagement": "an engagement party",
    "interview": "an interview",
    "defense": "a thesis defence",
}


def occasion_words(occasion: str) -> str:
    """ "a wedding", behind "for" """
    return OCCASIONS.get(occasion, f"a {occasion}")


def the_all(titles: Sequence[str]) -> str:
    """ "the Perfecto Noir and the Robe Bordeaux" """
    return all_of([Article(title).the for title in titles])


FILTERS = {
    "occasion_words": occasion_words,
    "article": Article,
    "deadline": deadline,
    "de": of,
    "date_words": date_words,
    "on": on,
    "on_day": on_day,
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
    "the_all": the_all,
}
