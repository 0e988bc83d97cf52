"""The products that a message speaks of, resolved against the catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.turn import Context, ProductMention
from bot.understanding.catalogue_index import Entry, Index, index_of
from bot.understanding.clothes import Concept, clothes, lookup, split_words, stem

MOST_REFERENCES = 8
_MOST_MENTIONS = 10
# Between the words of one mention: "boucles en forme de fleur", "robe taille 38 fleurie".
_INSIDE = frozenset(
    """de d du des a au aux en l la in of with avec couleur coloris color colour motif motifs
    imprime imprimee taille t size petite petit jolie joli belle beau nouvelle nouveau super
    magnifique sublime superbe tres tissu forme style effet bien meme""".split()
)
# Words before a colour that make it stand for a piece, and the gender that they show
_THE = {
    **dict.fromkeys("la celle cette ma ta une".split(), "f"),
    **dict.fromkeys("le celui ce cet mon ton un".split(), "m"),
    **dict.fromkeys("les ces".split(), "p"),
    **dict.fromkeys("l votre the that this your my".split(), ""),
}
_ARTICLES = frozenset(
    """le la les un une ce cet ces des mon mes vos votre nos the a this that these my your of
    petit petits joli jolis beau beaux deux trois quel quels""".split()
)
_ONE = frozenset("one ones".split())
# "carte bleue", "noir de monde", "la nuit blanche", "chez Orange", "vote blanc"
_NO_COLOR = re.compile(
    r"\b(?:cartes? (?:bancaires? )?(?:bleue?s?|noire?s?|rose|grise|blanche|gold|verte"
    r"|orange|vermeil)"
    r"|noire? de monde|nuits? blanches?|mariage blanc|(?:chez|chez l'operateur) orange"
    r"|numero vert|en noir sur blanc"
    r"|noir sur blanc|il fait noir|black friday|white spirit|examen blanc|arme blanche"
    r"|au noir|peur bleue|feu vert"
    r"|feu rouge|fil rouge|liste (?:rouge|noire)|vin (?:rouge|blanc)|orange (?:mobile"
    r"|money|bank)|rue (?:\w+ )?(?:blanche|verte|rouge)"
    r"|place (?:\w+ )?(?:blanche|rouge|verte)|soeur|black out|out of the blue"
    r"|credit card|eau de rose|pink lady|code rouge)\b"
)
# "je passe la robe" …: a word of the trade that is none here
_NO_PIECE = re.compile(
    r"\b(?:dress ?code|mise? en boucle|en boucle|boucle (?:la|le|les|mon|ma)\b"
    r"|sac de noeuds|vide sac|sac (?:plastique|poubelle|kraft|papier)|gift bag"
    r"|la taille haute|plus haut|trop haut|en haut|vers le haut|de haut|haut de gamme"
    r"|le haut du panier|basket[- ]?ball"
    r"|chapeau bas|au top|trop top|c'est top|top top|tip top|retourner? (?:ma|sa"
    r"|ta) veste|prendre une veste|gant de|costume de bain"
    r"|les boucles?(?= de (?:cheveux|ceinture))|ensemble (?:de|des) (?:mon|ma|mes|vos"
    r"|votre|la|ma)|bagues? de serrage|hat[- ]?trick|coat hanger|comme un gant|like a glove"
    r"|suit (?:la|le)|long terme|court terme|a court de|pull the|pulled|pump the|bien a vous)\b"
)


# "la petite noire", "celle à fleurs", "celle en noir"
_BEFORE = re.compile(
    r"(?<!')\b(\w+)(?:'|\s+)(?:(?:petite?s?|jolie?s?|belles?|beau|nouvelle|nouveau|meme)\s+)?"
    r"(?:(?<=celle )(?:a|en|avec|de|aux)\s+(?:des |les )?|(?<=celui )(?:a|en|avec|de"
    r"|aux)\s+(?:des |les )?)?$"
)


_ELLIPSIS = re.compile(r"\s*(?:,|ou|et|or|and|,? pas)\s+(?:the |la |le |les |celle en |celui en )")


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    word: str
    concept: Concept | None = None


@dataclass(frozen=True)
class Mention:
    """Words of the text that stand for a product. `article` is the gender that they show
    when no kind is named ("la bleue": f)."""

    start: int
    end: int
    concepts: tuple[Concept, ...]
    references: tuple[str, ...] = ()
    exact: bool = False

    @property
    def kinds(self) -> list[str]:
        return [c.name for c in self.concepts if c.cls == "kind"]

    @property
    def bare(self) -> bool:
        return all(c.cls in {"kind", "soft"} for c in self.concepts)


def find_mentions(folded: str, context: Context) -> list[Mention]:
    """Every product spoken of in a folded text, in order, posts aside (bot.understanding.posts)."""
    index = index_of(context.products)
    quiet = quiet_spans(folded)
    named = _named_by_reference(folded, index)
    quiet += [(m.start, m.end) for m in named]
    tokens = [
        t for t in _tokens(folded, index)
        if not any(start < t.end and t.start < end for start, end in quiet)
    ]  # fmt: skip
    found = list(named)
    for run in _runs(folded, tokens):
        mention = _read_run(folded, run, index, found[-1] if found else None)
        if mention:
            found.append(mention)
    found.sort(key=lambda m: m.start)
    return _without_echoes(found)[:_MOST_MENTIONS]


def quiet_spans(folded: str) -> list[tuple[int, int]]:
    """Where words of the trade mean something else: "carte bleue"."""
    return [m.span() for p in (_NO_COLOR, _NO_PIECE) for m in p.finditer(folded)]


def as_written(text: str, mention: Mention) -> ProductMention:
    return ProductMention(" ".join(text[mention.start : mention.end].split()), mention.references)


def _named_by_reference(folded: str, index: Index) -> list[Mention]:
    """ "RF-2847", "rf2847", the SKU "RF-2847-38"."""
    found: list[Mention] = []
    for m in re.finditer(r"(?<![\w#])[a-z]{1,6}[ _-]?\d{2,8}(?:[ _-][\w.]{1,6})?(?!\w)", folded):
        for end in (m.end(), m.start() + len(re.split(r"(?<=\d)[ _-]", m[0])[0])):
            plain = "".join(c for c in folded[m.start() : end] if c.isalnum())
            reference = index.references.get(plain)
            if reference:
                found.append(Mention(m.start(), end, (), (reference,), exact=True))
                break
    return found


def _tokens(folded: str, index: Index) -> list[_Token]:
    """The words of a text with what they stand for; several words may be one token."""
    words = split_words(folded)
    stemmed = [stem(word) for _, _, word in words]
    raw = [word for _, _, word in words]
    tokens: list[_Token] = []
    at = 0
    while at < len(words):
        known = lookup(stemmed, at, index.words) or lookup(raw, at, index.words)
        length, concept = known if known else (1, None)
        if known and length > 1 and _across(folded, words, at, length):
            known = lookup(stemmed, at, index.words, 1)
            length, concept = known if known else (1, None)
        if (
            concept is None
            and raw[at] not in _THE
            and raw[at] not in _INSIDE
            and raw[at] not in _ONE
            and raw[at] not in clothes().no_clothes
        ):
            concept = index.guess(raw[at]) or index.guess(stemmed[at])
            if concept is None and at + 1 < len(words) and words[at][1] + 1 == words[at + 1][0]:
                concept, length = _guess_pair(raw[at], raw[at + 1], index)
        if length == 1 and stemmed[at] in clothes().nouns and not _is_noun(raw, stemmed, at, index):
            concept = None
        start, end = words[at][0], words[at + length - 1][1]
        tokens.append(_Token(start, end, raw[at] if length == 1 else "", concept))
        at += length
    return tokens


def _is_noun(raw: list[str], stemmed: list[str], at: int, index: Index) -> bool:
    """Whether "haut", "top", "jean" is a piece here: behind an article or before a colour."""
    before = raw[at - 1] if at else ""
    if before in _ARTICLES:
        return True
    behind = lookup(stemmed, at + 1, index.words) if at + 1 < len(raw) else None
    return bool(
        behind and behind[1].cls in {"color", "hard"} and before not in {"en", "au", "plus"}
    )


def _across(folded: str, words: Sequence[tuple[int, int, str]], at: int, length: int) -> bool:
    """Whether words that would be one expression stand in two sentences."""
    gaps = (folded[words[i][1] : words[i + 1][0]] for i in range(at, at + length - 1))
    return any(not re.fullmatch(r"[\s'-]*", gap) or "\n" in gap for gap in gaps)


def _guess_pair(first: str, second: str, index: Index) -> tuple[Concept | None, int]:
    """ "per fecto": one word written as two."""
    if len(first) < 3 or len(second) < 3 or first in clothes().no_clothes:
        return None, 1
    concept = index.words.get((stem(first + second),))
    return (concept, 2) if concept else (None, 1)


def _runs(folded: str, tokens: list[_Token]) -> list[list[_Token]]:
    """Neighbouring telling words, by two small words apart at most."""
    runs: list[list[_Token]] = []
    pending: list[_Token] = []
    current: list[_Token] = []
    for token in tokens:
        gap = (
            folded[(current or [token])[-1].end : token.start]
            if not pending
            else folded[pending[-1].end : token.start]
        )
        broken = bool(re.search(r"[.,;:!?()\n…/+&]|\s-\s", gap))
        if token.concept and token.concept.cls == "soft" and not current:
            continue
        if token.concept:
            joined = current and not broken and not _starts_anew(current, pending, token)
            if not joined:
                if current:
                    runs.append(current)
                current = []
            current = [*current, token] if joined else [token]
            pending = []
        elif (
            current
            and not broken
            and len(pending) < 3
            and (token.word in _INSIDE or token.word.isdecimal())
        ):
            pending.append(token)
        else:
            if current:
                runs.append(current)
            current, pending = [], []
    return [*runs, current] if current else runs


def _starts_anew(current: list[_Token], pending: list[_Token], token: _Token) -> bool:
    """Whether a telling word belongs to another mention than the one before it."""
    assert token.concept is not None
    between = {t.word for t in pending}
    kinds = [t.concept.name for t in current if t.concept and t.concept.cls == "kind"]
    if token.concept.cls != "kind":
        # "le blazer beige en noir": a second colour after "en" is only asked for
        tinted = any(t.concept and t.concept.cls == "color" for t in current)
        return token.concept.cls == "color" and tinted and "en" in between
    if not kinds:
        return bool(between)  # "blue dress" is one mention, "noir avec la robe" two
    wider = clothes().wider
    near = wider.get(Concept("kind", kinds[-1]), frozenset()) | wider.get(
        token.concept, frozenset()
    )
    related = token.concept.name in near or kinds[-1] in near or token.concept.name == kinds[-1]
    return not related or bool(between)


def _read_run(
    folded: str, run: list[_Token], index: Index, earlier: Mention | None
) -> Mention | None:
    """What a run of telling words stands for; None when they name no piece."""
    concepts = tuple(t.concept for t in run if t.concept)
    start, end = run[0].start, run[-1].end
    mention = Mention(start, end, concepts)
    if mention.kinds:
        references, exact = resolve(index, concepts)
        return Mention(start, end, concepts, references, exact)
    before = _BEFORE.search(folded[:start])
    article = _THE.get(before[1]) if before else None
    after = re.match(r"\s+(ones?)\b", folded[end:])
    if re.search(r"\b(?:que|than|sauf|except)\s+(?:le|la|les|the)\s+$", folded[:start]):
        return None  # "autre chose que le beige"
    own = [c for c in concepts if c.cls == "hard" and c.name in index.rare]
    if article is None and not own:
        return None
    if article is not None and not own:
        if before and before[1] in {"the", "that", "this", "your", "my"} and not after:
            return None
        if before and before[1] in {"un", "une", "mon", "ma", "ton", "ta", "votre"}:
            return None
        if all(c.cls == "color" for c in concepts) and _goes_on(folded, end):
            return None
    if earlier and earlier.kinds and _ELLIPSIS.fullmatch(folded[earlier.end : start]):
        concepts = (Concept("kind", earlier.kinds[0]), *concepts)  # "la robe bleue ou la noire"
    references, exact = resolve(index, concepts, article or "")
    if not references and article != "f":
        return None
    return Mention(start, end, concepts, references, exact)


def _goes_on(folded: str, end: int) -> bool:
    """ "le noir est ma couleur", "la rose de ma mère": a colour or a thing, no piece."""
    return bool(
        re.match(
            r"\s+(?:de (?:ma|mon|mes|la)|est (?:ma|une|mon)|me va|m'amincit|c'est ma)\b",
            folded[end:],
        )
    )


def resolve(
    index: Index, concepts: Sequence[Concept], article: str = ""
) -> tuple[tuple[str, ...], bool]:
    """The references that the words may mean, best first, and whether they decide.

    A colour or a telling detail that no such piece has leaves none.
    """
    found: list[Entry] = list(index.entries)
    for concept in concepts:
        match concept.cls:
            case "kind":
                found = [e for e in found if concept.name in e.kinds]
            case "color":
                found = [e for e in found if concept.name in e.colors]
            case "hard":
                found = [e for e in found if _has(e, concept.name)]
            case "soft":
                found = [e for e in found if concept.name in e.details] or found
    if article and not any(c.cls == "kind" for c in concepts):
        found = [e for e in found if _agrees(e.gender, article)]
    said = frozenset(concepts)
    whole = [e for e in found if e.told and e.told <= said]
    found.sort(key=lambda e: (len(e.told - said), -len(e.told & said)))
    if len(whole) == 1:
        return (whole[0].reference,), True
    return tuple(e.reference for e in found[:MOST_REFERENCES]), len(found) == 1


def _has(entry: Entry, detail: str) -> bool:
    return detail in entry.details


def _agrees(gender: str, article: str) -> bool:
    if not gender:
        return True
    return gender.endswith("p") if article == "p" else gender == article


def _without_echoes(mentions: list[Mention]) -> list[Mention]:
    """ "La robe bordeaux … pour cette robe": the second says the first again, and of "le
    beige en 38, le blazer" the second says which the first was."""
    kept: list[Mention] = []
    for mention in mentions:
        if any(_says_again(mention, earlier) for earlier in kept):
            continue
        kept = [m for m in kept if not _says_which(mention, m)]
        kept.append(mention)
    return kept


def _says_again(mention: Mention, earlier: Mention) -> bool:
    if mention.references == earlier.references:
        return bool(mention.references) or mention.concepts == earlier.concepts
    single = len(earlier.references) == 1 and earlier.references[0] in mention.references
    return mention.bare and single


def _says_which(mention: Mention, earlier: Mention) -> bool:
    vague = len(earlier.references) > 1 and (earlier.bare or not earlier.kinds)
    return vague and len(mention.references) == 1 and mention.references[0] in earlier.references
