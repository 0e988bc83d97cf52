"""How many, in which colour, which of the options."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.understanding.clothes import clothes, lookup, split_words, stem
from bot.understanding.numbers import NUMBER, number

_OFFERED = {"exchange_option", "backup_option", "clarification"}
_ORDINALS = {
    **dict.fromkeys("premier premiere 1er 1ere 1re first 1st".split(), 1),
    **dict.fromkeys("deuxieme second seconde 2eme 2e 2nd 2nde".split(), 2),
    **dict.fromkeys("troisieme third 3eme 3e 3rd".split(), 3),
    **dict.fromkeys("quatrieme fourth 4eme 4e 4th".split(), 4),
}
_ANY_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True))
_OPTION = re.compile(
    rf"\b(?:options?|opt|solutions?|choix|choice|proposition|possibilite"
    rf"|formule)\s*(?:n°|n|no|numero|number|#)?\s*(?P<n>\d|un|une|one|deux|two|trois"
    rf"|three|quatre|four)\b"
    rf"|\b(?P<o>{_ANY_ORDINAL})\s+(?:option|solution|choix|choice|proposition|possibilite)\b"
)
_CHOICE = re.compile(
    rf"\b(?:la|le|l'|the|pour la|pour le)\s*(?P<o>{_ANY_ORDINAL})\b|^\W*(?P<o2>{_ANY_ORDINAL})\b"
    r"|\b(?:la|le|the|numero|number|n°|no)\s*(?P<n>\d|un|une|one|deux|two|trois|three"
    r"|quatre|four)\b(?!\s*(?:\d|h\b|h\d|:|€|janv|fevr|mars|/|robes?|ans))"
    r"|^\W*(?:(?:je prends|je choisis|va pour|plutot|i take|i'll take|i choose|oui|ok"
    r"|donc|alors|yes)\W+(?:la |le |the |l'option )?)?(?P<n2>[1-9]|one|two|three|deux"
    r"|trois|une?)\s*(?:svp|stp|please|merci|thanks)?\W*$"
    r"|(?P<emoji>[1-9])\ufe0f?\u20e3"
)
# The two options by what they are: coming to the shop is the first of either question
_BY_WORD = {
    "exchange_option": (
        r"boutique|magasin|sur place|shop|store|in person|me deplace\w*|la gratuite|the free one"
        r"|gratuite?ment|vous voir|(?:je|j')\s*(?:viens|viendrai|passe|passerai)\b",
        r"la poste|postal\w*|poste\b|courriers?|colis|colissimo|envois?|l'envoyer|me l'envoyez"
        r"|envoyez|by post|by mail|the post|post\b|mail\b|shipping|ship it|etiquette|label"
        r"|la payante"
        r"|a domicile|chez moi|livraison",
    ),
    "backup_option": (
        r"boutique|magasin|sur place|shop|store|pret\b|preter|pretez|emprunt\w*|loan|borrow\w*"
        r"|lend|14 ?h|2 ?pm|me deplace\w*|(?:je|j')\s*(?:viens|viendrai|passe|passerai)\b",
        r"express|livraison|livrer|livrez\w*|livree?|deliver\w*|courier|coursier|a domicile"
        r"|chez moi|at home|la gratuite|envoyez|envoi",
    ),
}
_LAST_OF_TWO = re.compile(r"\b(?:la|the) (?:derniere|last|latter)\b")
_FIRST_OF_TWO = re.compile(r"\b(?:the former)\b")
_PASSED_OVER = re.compile(
    r"\b(?:pas|not|ni|sans|plutot qu[e']|rather than|instead of|au lieu d[e']|et non(?: pas)?"
    r"|jamais|can't|cannot|(?:peux|veux|pourrai|viens|viendrai) pas)\s*"
    r"(?:(?:le|la|l'|les|a|au|en|par|the"
    r"|de|d'|du|by|to|un|une|me|venir|passer|come|aller|go|vers)\s*)*[\w']+"
)
_COUNTED = re.compile(
    rf"(?<![\w.,/:€#'-])(?P<n>{NUMBER})\s+(?:(?:autres?|belles?|petites?|grandes?|beaux"
    rf"|paires? de|more|pairs? of|of the|of these|of those)\s+)?"
    r"(?:exemplaires?|ex\b|copies|copy|pieces|pcs|articles|items|pairs|paires|unites?|units?"
    r"|livres?|books?|tirages?|of (?:them|these|those)|d'entre)(?!\w)"
)
_SOME = re.compile(
    rf"\b(?:j'en|je vous en|m'en|mettez m'en|mets m'en|en)\s+(?:voudrais|veux|prends"
    rf"|prendrai[st]?|prendre|aimerais|faudrait|faut|voudrait|souhaite|souhaiterais"
    rf"|reserver|reserve|commande|commander|mettre|mettez|garder|gardez)\s+(?:bien |en "
    rf"|aussi )?(?P<n>{NUMBER})(?!\w|\s*(?:€|eur|h\b|h\d|%))"
    rf"|\b(?:i'll take|i want|i'd like|i need|give me|can i (?:have|get))\s+(?P<n3>two"
    rf"|three|four|five|six|\d{{1,3}})\b(?!\s*(?:€|in\b|h\b|\d))"
    r"|(?<![\w])(?<!\d )x\s?(?P<n4>\d{1,3})\b(?![.,]\d)"
    r"|(?<![\w.,/:#-])(?P<n5>\d{1,3})\s?x(?!\w|\s*\d)"
    r"|\b(?:quantite|quantity|qte|qty)\s*:?\s*(?P<n6>\d{1,5})\b"
)
# Of a piece of work anything may be counted: "chiffrer 12 nappes brodées"
_PRICED = re.compile(
    r"\b(?:devis|combien|chiffr\w*|tarif\w*|prix|estimation|quotes?|quotation|price|cost\w*"
    r"|charge|how much|couterai\w*|prendriez|reviendrait)\b"
)
_PIECES = re.compile(
    rf"(?<![\w.,/:€#'-])(?P<n>an? dozen|(?:une )?(?:douzaine|dizaine|vingtaine"
    rf"|trentaine|cinquantaine|centaine) (?=d)|{NUMBER})\s*(?:de |d'|of )?"
    r"(?:[^\W\d_]+ ){0,2}?(?!pages|ans\b|jours|mois|fois|heures|minutes|euros|cm|km|days|weeks"
    r"|months|hours|years|percent|pounds|dollars|semaines|couleurs|colou?rs|mots|words|photos"
    r"|personnes|people|invites|guests|lignes|lettres|centimes)[^\W\d_]{3,}[sx]\b"
)
_DOZENS = {
    "a dozen": 12, "dozen": 12, "douzaine": 12, "dizaine": 10, "vingtaine": 20, "trentaine": 30,
    "cinquantaine": 50, "centaine": 100,
}  # fmt: skip
_ONLY_ONE = re.compile(r"\b(?:un seul|une seule|only one|just one)\b")
_UNCOUNTED = {"un", "une", "a", "an"}


def read_quantity(text: str, pieces: Sequence[tuple[int, int]], sizes: Sequence[str]) -> int | None:
    """How many are wanted, when they are counted: "2 robes", "j'en voudrais trois".

    `pieces` is where the folded text names products.
    """
    for pattern in (_COUNTED, _SOME):
        for m in pattern.finditer(text):
            said = next((v for v in m.groupdict().values() if v), "")
            count = number(said)
            if count and count <= 100_000 and said not in sizes:
                return count
    if _ONLY_ONE.search(text):
        return 1
    counted = _count_pieces(text, sizes)
    if counted:
        return counted
    for start, _ in pieces:
        m2 = re.search(
            rf"(?<![\w.,/:€#-])(?P<n>{NUMBER})\s+(?:(?:autres?|belles?|petites?|jolies?|memes?"
            rf"|paires? d[e']|more|pairs? of(?: the| those| these)?|of the|x)\s+)*$",
            text[:start],
        )
        if m2 and m2["n"] not in _UNCOUNTED and m2["n"] != "one":
            count = number(m2["n"])
            earlier = text[: m2.start()]
            if (
                count
                and count <= 500
                and not re.search(r"(?:\bles|\bmes|\bces|\bthe|\bmy|\bvos|\bof)\s+$", earlier)
            ):
                return count
    return None


def _count_pieces(text: str, sizes: Sequence[str]) -> int | None:
    if not _PRICED.search(text):
        return None
    for m in _PIECES.finditer(text):
        said = m["n"].strip().removeprefix("une ")
        count = _DOZENS.get(said) or number(said)
        if count and count > 1 and said not in sizes:
            return count
    return None


def read_choice(text: str, asked: str | None) -> int | None:
    """The number of the option chosen, from 1: where options were offered, or "option N"."""
    m = _OPTION.search(text)
    if m is None and asked in _OFFERED:
        m = _CHOICE.search(text)
    if m is None:
        return _choice_by_word(text, asked)
    said = {name: value for name, value in m.groupdict().items() if value}
    name, value = next(iter(said.items()))
    if re.search(r"\b(?:pas|not|ni)\s+(?:la |le |l'|the )?$", text[: m.start()]):
        return None
    return _ORDINALS[value] if name.startswith("o") else number(value)


def _choice_by_word(text: str, asked: str | None) -> int | None:
    """ "Plutôt par courrier", "the loan": None when both options are spoken of, or neither."""
    if asked not in _BY_WORD or "?" in text:
        return None
    said = _PASSED_OVER.sub("·", text)
    spoken = [bool(re.search(rf"\b(?:{words})", said)) for words in _BY_WORD[asked]]
    spoken[0] |= bool(_FIRST_OF_TWO.search(said))
    spoken[1] |= bool(_LAST_OF_TWO.search(said))
    return spoken.index(True) + 1 if sum(spoken) == 1 else None


def find_colors(text: str, quiet: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where a folded text names colours, but for `quiet` expressions ("carte bleue")."""
    words = split_words(text)
    stemmed = [stem(word) for _, _, word in words]
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(words):
        known = lookup(stemmed, at, clothes().words)
        length = known[0] if known else 1
        start, end = words[at][0], words[at + length - 1][1]
        if known and known[1].cls == "color" and not any(s < end and start < e for s, e in quiet):
            found.append((start, end))
        at += length
    return found
