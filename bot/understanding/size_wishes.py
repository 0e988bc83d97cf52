"""Which of the sizes named is wanted: not the one sent back, not one taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Size:
    """A size named between two positions. `sure` when words say that it is wanted or not."""

    start: int
    end: int
    value: str
    wanted: bool = True
    sure: bool = False


_A = (
    r"(?:(?:le|la|du|de la|un|une|en|au|a|an|the|my|mon|ma|taille|size|t|in|it in"
    r"|them in|that in|pointure|robe|mien)\s+)*"
)
_EXCHANGE = re.compile(
    r"\b(?:echang\w*|chang\w*|exchang\w*|swap\w*|trop (?:grande?s?|petite?s?|large"
    r"|serree?s?|juste|court\w*|long\w*)|too (?:big|small|tight|large|loose|short"
    r"|long)"
    r"|a la place|au lieu|instead|autre taille|another size|different size"
    r"|taille (?:au )?(?:dessus|dessous)|size (?:up|down)|replace|remplac\w*)\b"
)
# Before a size: it is the one that goes back, or is not meant
_NOT_WANTED = re.compile(
    rf"(?:\b(?:pas|non pas|et non|not|sauf|jamais)\s+{_A}"
    rf"|\b(?:au lieu d[ue]?|a la place d[ue]?|instead of|rather than|plutot qu[e']?"
    rf"|in place of|from|passer d[ue]|depuis le)\s+{_A}"
    rf"|\b(?:echang\w*|chang\w*|exchang\w*|swap\w*|renvoy\w*|renvoie|retourn\w*"
    rf"|return\w*|rend\w*|rapport\w*|remplac\w*|replac\w*|rendre|send back"
    rf"|give back)\s+(?:(?:la|le|les|ma|mon|mes|the|my|this|cette|ce"
    rf"|votre)\s+)?(?:\w+\s+){{0,3}}?{_A}"
    rf"|\b(?:pris|prise|prises|achete\w*|command\w*|recue?s?|essaye\w*|porte\w*|eu"
    rf"|ordered|bought|got|received|tried|have|took|purchased|livree?|envoye\w*"
    rf"|sent(?: me)?|trompee? (?:de taille|en prenant)|mon|my)\s+(?:(?:la|le|les|ma|mon"
    rf"|une?|the|my|a)\s+)?(?:\w+\s+){{0,4}}?{_A})$"
)
# After a size: why it goes back
_FAULT = re.compile(
    r"\s*,?\s*(?:(?:mais|et|but|and|qui|que j'ai\s+\w+|elle|il|c'|ca|it|it's|which"
    r"|they|est|c'est|etait|is|was|are|me|m'|fait|taille|n'est|ne|sont|parait|semble"
    r"|j'ai|reçue?|recu|commande|achetee?|prise?|'s)\s*'?\s*){0,5}"
    r"(?:(?:beaucoup |vraiment |un peu |a bit |way |far |bien |legerement |much |much "
    r"|un poil |tres )*(?:trop|too)\b|un peu (?:grand|petit|juste|large|serre|court"
    r"|long)|a bit (?:big|small|tight|large|loose)|serre|boudine|flotte|me serre"
    r"|ne (?:me )?va pas|me va pas|va pas|pas la bonne|doesn'?t fit|don'?t fit"
    r"|does not fit|rentre pas|ne ferme pas|ferme pas|convient pas)"
)
_WANTED = re.compile(
    rf"(?:\b(?:contre|faut|faudrait|fallait|voudrais|voudrait|aimerais|souhaite"
    rf"|souhaiterais|veux|prefere|prefererais|besoin d[ue']|plutot|finalement|en fait"
    rf"|actually|instead|rather|need|want|would like|i'd like|i'll take|prendrai[st]?"
    rf"|prends|prendre|exchange it for|pour|for|into|to|vers|avoir|obtenir|recevoir)\s+"
    rf"(?:(?:l'|la|le|les|it|them|avoir|prendre|echanger|changer|have|take|get|passer"
    rf"|bien|plutot|finalement|one|that|size|mettre|reserver|aussi"
    rf"|either)\s*)*(?:\w+\s+){{0,2}}?{_A})$"
)
_INSTEAD = re.compile(
    r"\s*(?:,)?\s*(?:plutot|au lieu|a la place|instead|rather|svp a la place"
    r"|at the place)"
)
_CORRECTS = re.compile(
    r"\b(?:finalement|plutot|en fait|pardon|non|oups|je voulais dire|actually|sorry"
    r"|rather|i mean|enfin|euh|erreur|desolee?|correction|ou plutot|make it|no"
    r"|should have been|aurait du etre|devait etre|donc|alors que j'(?:ai|avais) command\w*)\b"
)
# The same behind a question: "en 38 ? enfin non, en 40"
_TAKEN_BACK = re.compile(r"\b(?:non|pardon|oups|je voulais dire|sorry|i mean|erreur)\b")
# "trop grand en 40", "pas le 38", "au lieu du 40"
_REFUSED = re.compile(
    rf"\b(?:trop (?:grande?s?|petite?s?|large|juste|serree?s?|courte?s?|longue?s?) en\s+{_A}"
    rf"|too (?:big|small|tight|large|loose) in\s+{_A}|(?:pas|not|et non)\s+{_A})$"
    r"|\b(?:au lieu|a la place|instead of|rather than|plutot qu)"
)
# "j'ai pris un 40 au lieu d'un 38": the 40 is the mistake
_TAKEN_FOR = re.compile(
    r"\b(?:pris|prise|(?<!ma )(?<!la )(?<!une )(?<!cette )commande\w*|achete\w*|recue?"
    r"|envoye\w*|livree?|ordered|bought|took|got|sent)\b"
)
_INSTEAD_OF = re.compile(
    r"\b(?:au lieu|a la place|instead of|(?:alors que|mais) j'(?:ai|avais) command|but i ordered"
    r"|(?:it )?should have been|(?:ca )?devait etre)"
)
_OR = re.compile(rf"\s*(?:ou bien|ou|or|/|-|voire|to)\s*{_A}(?:du |en )?")
# "From 37 to 38", "passer du 38 au 40"
_FROM = re.compile(r"\b(?:from|passer d[ue]|changer d[ue])\s+(?:a |the |le |la |size |taille )*$")
_TO = re.compile(rf"\s*(?:to|au|a|vers)\s+{_A}")
_SENDING_BACK = re.compile(rf".*\b(?:echanger|exchange|changer|swap|renvoyer)\s+{_A}$")


def choose_wanted(text: str, found: Sequence[Size]) -> list[Size]:
    """The sizes wanted among those that a folded text names, in order.

    In an exchange the one sent back is left out; after a correction the last one holds.
    """
    kept = _corrected(text, _judge(text, found))
    wanted = [s for s in kept if s.wanted]
    if not wanted and not _EXCHANGE.search(text):
        wanted = [s for s in kept if not s.sure]
    return [s for s in wanted if s.sure] or wanted


def _judge(text: str, found: Sequence[Size]) -> list[Size]:
    judged: list[Size] = []
    floor = 0
    for size in found:
        gap = text[floor : size.start]
        if judged and _TO.fullmatch(gap) and _FROM.search(text[: judged[-1].start]):
            judged[-1] = replace(judged[-1], wanted=False, sure=True)
            judged.append(replace(size, sure=True))
        elif judged and _OR.fullmatch(gap):  # "38 ou 40" share one fate
            judged.append(replace(size, wanted=judged[-1].wanted, sure=judged[-1].sure))
        else:
            judged.append(_judge_one(text, size, max(floor, size.start - 70)))
        floor = size.end
    if len(judged) == 2 and _mistaken(text, judged):
        return [replace(judged[0], wanted=False), replace(judged[1], wanted=True, sure=True)]
    return judged


def _mistaken(text: str, sizes: Sequence[Size]) -> bool:
    if _WANTED.search(text[: sizes[0].start]):
        return False  # "le chemisier reçu me serre, il me faudrait un 42 au lieu du 40"
    between = text[sizes[0].end : sizes[1].start]
    instead = _INSTEAD_OF.search(between)
    return bool(instead and _TAKEN_FOR.search(text[: sizes[0].start]))


def _judge_one(text: str, size: Size, floor: int) -> Size:
    before = re.split(r"[.!?;\n]|\bmais\b|\bbut\b", text[floor : size.start])[-1]
    if _REFUSED.search(before) or _FAULT.match(text, size.end):
        return replace(size, wanted=False, sure=True)
    if _WANTED.search(before) and not _SENDING_BACK.match(before):
        return replace(size, sure=bool(_EXCHANGE.search(text)))
    if _INSTEAD.match(text, size.end):
        return replace(size, sure=True)
    return replace(size, wanted=not _NOT_WANTED.search(before))


_PREFERS = re.compile(r"\b(?:prefer\w*|aime mieux|rather have)\b[^.!?]{0,20}$")
_OVER = re.compile(rf"\s*(?:au|a la|to|over)\s*{_A}")


def _corrected(text: str, sizes: list[Size]) -> list[Size]:
    """ "38, non pardon 40": what stands before a correction is taken back."""
    for n in range(len(sizes) - 1, 0, -1):
        between = text[sizes[n - 1].end : sizes[n].start]
        if _OVER.fullmatch(between) and _PREFERS.search(text[: sizes[n - 1].start]):
            return sizes[:n]  # "je préfère le 38 au 40"
        asks, said = "?" in between, between.rpartition("?")[2]
        known = _TAKEN_BACK if asks else _CORRECTS
        corrects = known.search(said) and len(between) < 60
        if sizes[n].wanted and corrects:
            return sizes[n:]
    return sizes
