"""A catalogue made searchable by what its words stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.understanding.clothes import Concept, clothes, lookup, stems
from bot.understanding.folding import fold
from connectors.ports import Product

_SMALL = frozenset(
    "de du des d la le les l a au aux en et the of with and in un une sans avec pour".split()
)
# A title word in so many products or fewer can stand for its product alone ("l'Olympe").
_RARE = 3


@dataclass(frozen=True)
class Entry:
    """A product by its concepts; `told` are those of its title, by which it is called."""

    reference: str
    kinds: frozenset[str]
    colors: frozenset[str]
    details: frozenset[str]
    told: frozenset[Concept]
    gender: str = ""


@dataclass(frozen=True)
class Index:
    """`words` is the vocabulary: the trade's and the catalogue's; `rare` the catalogue's own
    words that name a piece by themselves; `sizes` those that the shop has."""

    entries: tuple[Entry, ...]
    words: Mapping[tuple[str, ...], Concept]
    rare: frozenset[str]
    references: Mapping[str, str]
    spellings: tuple[str, ...]
    sizes: frozenset[str]
    guesses: dict[str, Concept | None] = field(default_factory=dict, compare=False)

    def guess(self, word: str) -> Concept | None:
        """What a misspelt word may stand for. Words of the language are no misspellings."""
        if word not in self.guesses:
            if len(self.guesses) > 5000:
                self.guesses.clear()
            self.guesses[word] = self._guess(word)
        return self.guesses[word]

    def _guess(self, word: str) -> Concept | None:
        if len(word) < 5 or not word.isalpha() or word in clothes().no_clothes:
            return None
        errors = 1 if len(word) < 8 else 2
        found = process.extract(
            word, self.spellings, scorer=OSA.distance, score_cutoff=errors, limit=5
        )
        near = [
            s
            for s, _, _ in found
            if s[0] == word[0] or (s[0] + word[0]) in {"ck", "kc", "sz", "zs"}
        ]
        near = [s for s in near if len(s) >= 4 and s != word]
        return self.words[tuple(near[0].split())] if near else None


def index_of(products: Sequence[Product]) -> Index:
    """The index of a catalogue: built once for the same tuple, and for one that is equal in
    what it says (a catalogue read again from the database)."""
    kept = _SAME.get(id(products))
    if kept is not None and kept[0] is products:
        return kept[1]
    key = tuple(_key(p) for p in products)
    index = _EQUAL.get(key) or _build(products)
    for cache in (_SAME, _EQUAL):
        if len(cache) >= _MOST_KEPT:
            cache.clear()
    _SAME[id(products)] = (products, index)
    _EQUAL[key] = index
    return index


_Key = tuple[str, str, str, tuple[str, ...], str, tuple[str | None, ...]]
_MOST_KEPT = 16
_SAME: dict[int, tuple[Sequence[Product], Index]] = {}
_EQUAL: dict[tuple[_Key, ...], Index] = {}


def _key(p: Product) -> _Key:
    ends = (p.variants[0].sku, p.variants[-1].sku, p.variants[-1].size) if p.variants else ()
    return (p.reference, p.title, p.category, p.colors, p.material, ends)


def _colors(product: Product) -> tuple[str, ...]:
    colors = (*product.colors, *(v.color for v in product.variants if v.color))
    return tuple(dict.fromkeys(colors))


def _build(products: Sequence[Product]) -> Index:
    trade = dict(clothes().words)
    own: Counter[str] = Counter()
    for product in products:
        for color in _colors(product):
            if stems(color):
                trade.setdefault(stems(color), Concept("color", fold(color)))
        own.update(set(_own_words(product.title, trade)))
    words = trade | {(w,): Concept("hard", w) for w in own if (w,) not in trade}
    references: dict[str, str] = {}
    for product in products:
        for name in (product.reference, *(v.sku for v in product.variants)):
            references.setdefault(_plain(name), product.reference)
    return Index(
        entries=tuple(_entry(p, words) for p in products),
        words=words,
        rare=frozenset(w for w, n in own.items() if n <= _RARE and len(w) >= 4),
        references=references,
        spellings=tuple(" ".join(w) for w in words if len(w) == 1 and len(w[0]) >= 4),
        sizes=frozenset(size for p in products for size in p.sizes),
    )


def _own_words(title: str, trade: Mapping[tuple[str, ...], Concept]) -> list[str]:
    """The words of a title that the trade does not know: names, most of them."""
    tokens = list(stems(title))
    found, at = [], 0
    while at < len(tokens):
        known = lookup(tokens, at, trade)
        if not known and tokens[at] not in _SMALL and not tokens[at].isdecimal():
            found.append(tokens[at])
        at += known[0] if known else 1
    return found


def _plain(reference: str) -> str:
    return "".join(c for c in fold(reference) if c.isalnum())


def _concepts(text: str, words: Mapping[tuple[str, ...], Concept]) -> list[Concept]:
    tokens, found, at = list(stems(text)), [], 0
    while at < len(tokens):
        known = lookup(tokens, at, words)
        if known:
            found.append(known[1])
        at += known[0] if known else 1
    return found


def _entry(product: Product, words: Mapping[tuple[str, ...], Concept]) -> Entry:
    category, material = product.category, product.material
    told = _concepts(product.title, words)
    wider = clothes().wider
    named = [c for c in told if c.cls == "kind"]
    if not named:  # the category tells, or the title's first word is a kind of its own
        named = [c for c in _concepts(category, words) if c.cls == "kind"]
    filed = [c.name for c in _concepts(category, words) if c.cls == "kind"]
    kinds = {k.name for k in named[:1]} | {w for k in named[:1] for w in wider[k]} | set(filed)
    tints = [c for c in told if c.cls == "color"]
    tints += [c for color in _colors(product) for c in _concepts(color, words) if c.cls == "color"]
    made = [c for c in _concepts(material, words) if c.cls == "hard"]
    gender = clothes().gender.get(named[0].name, "") if named else ""
    return Entry(
        product.reference,
        frozenset(kinds),
        frozenset({c.name for c in tints} | {w for c in tints for w in wider.get(c, ())}),
        frozenset(c.name for c in (*told, *made) if c.cls in {"hard", "soft"}),
        frozenset(told),
        gender,
    )
