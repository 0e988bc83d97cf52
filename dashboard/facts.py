"""What a draft or a suggestion rests on, in a few lines that an adviser can check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from dashboard.formats import Formats
from dashboard.texts import Texts

MOST = 6  # articles or purchases in a line
WEB = ("https://", "http://")


@dataclass(frozen=True)
class Line:
    """`label` and what stands behind it; `url` where it may be opened."""

    label: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class Reader:
    """Facts as JSON has them (what `bot.events.plain` makes), in a reader's words."""

    t: Texts
    f: Formats

    def order(self, value: Any) -> str:
        """« #2901 · livrée mar. 14 janv. · passée lun. 13 janv. »"""
        if not isinstance(value, Mapping):
            return f"#{value}"
        state = value.get("state_words") or self.t.word("order_states", value.get("state"))
        placed, came = self._day(value.get("placed_at")), self._day(value.get("delivered_at"))
        said = [f"#{value.get('number')}", f"{state} {came}".strip()]
        if placed:
            said.append(self.t("facts.placed_on", day=placed))
        return " · ".join(said)

    def articles(self, value: Any) -> str:
        lines = [self.article(it) for it in _items(value)]
        more = [self.t("facts.more", count=len(lines) - MOST)] if len(lines) > MOST else []
        return ", ".join([*lines[:MOST], *more])

    def article(self, value: Any) -> str:
        """« Pantalon Noir, taille 40, 79,00 € »"""
        if not isinstance(value, Mapping):
            return str(value)
        said = [str(value.get("title", ""))]
        if value.get("reference"):
            said[0] += f" ({value['reference']})"
        if value.get("size"):
            said.append(self.t("held.size", size=value["size"]))
        if (value.get("quantity") or 1) > 1:
            said.append(f"× {value['quantity']}")
        if value.get("price"):
            said.append(self.f.fact(value["price"]))
        return ", ".join(filter(None, said))

    def parcel(self, value: Any) -> str:
        """« 8R00012345678 · en transit · prévu demain à 12 h »"""
        if not isinstance(value, Mapping):
            return str(value)
        state = self.t.word("parcel_states", value.get("status"))
        came = self._day(value.get("delivered_at"))
        said = [str(value.get("number", "")), f"{state} {came}".strip()]
        if value.get("status") != "delivered" and (expected := self._expected(value)):
            said.append(self.t("facts.expected", moment=expected))
        said.append(str(value.get("pickup_point") or ""))
        if value.get("said"):
            said.append(f"« {value['said']} »")
        return " · ".join(filter(None, said))

    def purchases(self, value: Any) -> str:
        """« Robe Bordeaux, taille 38 (ven. 10 janv.), … »"""
        said = [
            f"{self.article(it.get('line'))} ({self._day(it.get('on'))})" for it in _items(value)
        ]
        more = [self.t("facts.more", count=len(said) - MOST)] if len(said) > MOST else []
        return ", ".join([*said[:MOST], *more])

    def ideas(self, value: Any) -> str:
        """« Blazer Beige Élégant (BL-445), taille 38 : 4 en stock »"""
        said = []
        for it in _items(value):
            product = it.get("product")
            named = product if isinstance(product, Mapping) else {"title": product}
            article = self.article(
                {
                    "title": named.get("title"),
                    "reference": named.get("reference"),
                    "size": it.get("size"),
                }
            )
            stock = self.t("facts.in_stock", number=it.get("count", 0))
            said.append(f"{article}{self.t('facts.colon')}{stock}")
        return ", ".join(said)

    def carrier(self, value: Any) -> str:
        """« Le téléphone est éteint ou hors de portée. (30003) »"""
        told = f"carrier.{value}"
        return f"{self.t(told)} ({value})" if self.t.has(told) else str(value)

    def orders(self, value: Any) -> str:
        return ", ".join(self.order(it) for it in _items(value))

    def stock(self, value: Any) -> str:
        """Sizes with how many there are: « 38 (2), 40 (5) »"""
        return ", ".join(f"{it.get('size')} ({it.get('count')})" for it in _items(value))

    def money(self, value: Any) -> str:
        return self.f.money(str(value), "EUR") if isinstance(value, str) else self.f.fact(value)

    def days(self, value: Any) -> str:
        return self.t("facts.days_of", count=int(value))

    def plain(self, value: Any) -> str:
        """Times and days as a person writes them; what else there is as it is."""
        return self.f.fact(value)

    def _expected(self, parcel: Mapping[str, Any]) -> str:
        if not parcel.get("expected"):
            return ""
        if parcel.get("expected_day"):
            return self._day(parcel["expected"])
        return self.f.fact(parcel["expected"])

    def _day(self, value: Any) -> str:
        """« mar. 14 janv. » of a time or a day in ISO 8601; "" of none."""
        if not value:
            return ""
        if len(str(value)) == len("2025-01-14"):
            noon = datetime.combine(date.fromisoformat(value), datetime.min.time(), self.f.zone)
            return self.f.day(noon)
        return self.f.day(datetime.fromisoformat(value))


Facts = Mapping[str, Any] | Iterable[tuple[str, Any]]
Tell = Callable[[Reader, Any], str]

# Which facts are shown, in this order: the rest is the sentence's own business (how it greets,
# by when somebody answers) or stands beside it anyhow (the customer, their words)
SHOWN: Mapping[str, Tell] = {
    "order": Reader.order,
    "number": Reader.plain,
    "orders": Reader.orders,
    "lines": Reader.articles,
    "line": Reader.article,
    "parcel": Reader.parcel,
    "label": Reader.plain,
    "fee": Reader.money,
    "days": Reader.days,
    "since": Reader.plain,
    "product": Reader.article,
    "article": Reader.article,
    "title": Reader.plain,
    "wanted": Reader.plain,
    "size": Reader.plain,
    "quantity": Reader.plain,
    "count": Reader.plain,
    "there": Reader.stock,
    "gone": Reader.plain,
    "sizes": Reader.plain,
    "others": Reader.plain,
    "usual": Reader.plain,
    "price": Reader.money,
    "until": Reader.plain,
    "pickup": Reader.plain,
    "asked": Reader.plain,
    "by": Reader.plain,
    "lend": Reader.plain,
    "express_on": Reader.plain,
    "event": Reader.plain,
    "event_date": Reader.plain,
    "occasion": Reader.plain,
    "bought": Reader.article,
    "purchases": Reader.purchases,
    "ideas": Reader.ideas,
    "score": Reader.plain,
    "code": Reader.carrier,
}
# Said once: an order names its articles, an answer to a question when it comes
ONLY_WITH: Mapping[str, tuple[str, ...]] = {
    "by": ("spare",),
    "lend": ("spare",),
    "express_on": ("spare", "express"),
}


def read_facts(facts: Facts, t: Texts, f: Formats) -> list[Line]:
    """A few lines out of JSON; nothing of what is empty or not known here."""
    found = dict(facts)
    reader = Reader(t, f)
    lines = []
    for name, tell in SHOWN.items():
        value = found.get(name)
        if value in (None, "", [], {}, False) or isinstance(value, bool):
            continue
        if name in ONLY_WITH and not any(found.get(other) for other in ONLY_WITH[name]):
            continue
        if text := tell(reader, value):
            lines.append(_line(t, name, text, value))
    return lines


def _line(t: Texts, name: str, text: str, value: Any) -> Line:
    url = value if isinstance(value, str) and value.startswith(WEB) else ""
    if isinstance(value, Mapping) and str(value.get("url", "")).startswith(WEB):
        url = str(value["url"])
    return Line(t(f"facts.{name}"), t("facts.open_label") if name == "label" and url else text, url)


def _items(value: Any) -> Sequence[Any]:
    """The entries of a list: of what a flow of another day wrote, those that can be read."""
    return (
        [it for it in value if isinstance(it, Mapping)] if isinstance(value, list | tuple) else []
    )
