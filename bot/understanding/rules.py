"""Where a word or a form decides, whatever the model would say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from bot.keywords import read_keyword
from bot.turn import Context, Entities
from bot.understanding.normalize import fold, words_of
from bot.understanding.phrases import read_phrases

_COMMANDS = {"stop": "opt_out", "start": "opt_in"}
# What may stand around an order number without making a request of its own
_FILLERS = frozenset(
    "commande numero n no order number la le les ma mon my c est it is s the de du voici here are "
    "je suis m appelle moi i am name nom au pour nom de famille et and oui ok bonjour bonsoir "
    "hello hi merci thanks svp s il vous te plait alors euh suivi colis mme mr m monsieur madame # "
    "for ref reference correspond re slt salut famille a".split()
)
_THANKS = frozenset(
    "merci thanks thank you :thanks: :joy: :love: :okay: ok okay d accord super parfait top cool "
    "nickel genial great perfect lovely beaucoup mille fois bcp infiniment so much very a vous toi "
    "tous toutes c est gentil sympa note bien bonne bon journee soiree week end weekend nuit belle "
    "bientot bye au revoir pour l info infos information reponse aide votre ta tout have nice good "
    "day evening for the help your et tres".split()
)
# What a program would say: objects, calls, templates, patterns
_MACHINE = re.compile(
    r"\s*[\[{]+\s*[\"'{].*[\]}]\s*|\s*\{[{%].*[%}]\}\s*|[\w:. ]*\b\w+[_.]?\w*\([^()?]*=[^()]*\)\s*"
    r"|[\w: ]*\b\w+_\w+\(\)\s*|\(\?.*",
    re.DOTALL,
)
_HEADER = re.compile(r"\s*(?:from|x-[\w-]+|role|system|assistant|user)\s*:", re.IGNORECASE)
# Where another person lives, or how to reach them
_OF_ANOTHER = re.compile(
    r"\b(?:adresse|numéro|numero|téléphone|telephone|tél|mail|e-mail|email|coordonnées|portable)"
    r"(?: \w+)?\s+(?:de |d['’])(?P<who>[A-ZÀ-Þ]\w+[ -][A-ZÀ-Þ]\w+)"
    r"|(?P<whose>[A-Z]\w+ [A-Z]\w+)['’]s (?:\w+ )?(?:address|phone|number|e-?mail)"
)
# Deeds on everybody's things: "refund all orders", "supprime toutes les données"
_WHOLESALE = re.compile(
    r"\b(?:refund|cancel|delete|mark|approve|export|list|rembours\w+|annul\w+|supprim\w+|efface\w*"
    r"|pass\w+|livre|expedie\w*)\s+(?:all|every|each|toutes|tous)\s+(?:the\s+|les\s+)?"
    r"(?:orders?|customers?|products?|data|commandes|clients|clientes|produits|donnees|stocks?)\b"
    r"|\b(?:prices?|prix|tarifs?)\b[^.!?]{0,30}\b(?:to|a)\s+(?:0|zero)\b"
)
_REPEATED = 60  # words; more of them, of which few differ, say nothing
_LONG_WORD = 150  # letters
# Intents of somebody who has not got the piece yet
_NOT_BOUGHT = frozenset(
    ("reservation_pickup", "reservation_create", "photo_request", "product_availability")
)
_MINE = frozenset(("ma", "mon", "mes", "my"))
_NO_PIECE = frozenset(("taille", "size", "pointure", "fille", "mere", "soeur", "mari", "fils"))
_NAME_WORDS = 3  # of a name beside a number
_NUMBER = re.compile(r"\d")


@dataclass(frozen=True)
class Verdict:
    """Intents that a rule is sure of."""

    intents: tuple[str, ...]
    confidence: float


def decide(text: str, entities: Entities, own_names: frozenset[str]) -> Verdict | None:
    """What the form of a cleaned `text` decides; None leaves it to the model."""
    words = words_of(text)
    if not any(c.isalnum() for c in text) and not any(w.startswith(":") for w in words):
        return Verdict(("unknown",), 0.9)
    if _is_for_no_reader(text, words, own_names):
        return Verdict(("unknown",), 0.9)
    if intent := _COMMANDS.get(read_keyword(text) or ""):
        return Verdict((intent,), 0.99)
    if (entities.order_numbers or entities.tracking_numbers) and _is_identity(words, entities):
        return Verdict(("order_status",), 0.95)
    return None


def _is_for_no_reader(text: str, words: list[str], own_names: frozenset[str]) -> bool:
    """Whether it is written for a machine, asks for what belongs to others, or only fills."""
    if _MACHINE.fullmatch(text) or _HEADER.match(text) or _WHOLESALE.search(fold(text)):
        return True
    asked = _OF_ANOTHER.search(text)
    if asked and not own_names & set(words_of(asked["who"] or asked["whose"])):
        return True
    if len(words) > _REPEATED and len(set(words)) * 10 < len(words):
        return True
    return any(len(w) > _LONG_WORD and "/" not in w for w in text.split())


def is_named(entities: Entities) -> bool:
    """Whether a text names what only a customer would: a piece, a number, a name, a time."""
    return bool(
        entities.products or entities.order_numbers or entities.tracking_numbers
        or entities.last_name or entities.email or entities.phone
        or entities.pickup_time or entities.choice
    )  # fmt: skip


# Two that a message of one clause may carry all the same: "gardez-la-moi, je passe à 18h",
# "qu'on m'appelle pour mon colis perdu"
_IN_ONE_CLAUSE = frozenset(("reservation_create", "reservation_extend", "human_request"))
# Two readings of one wish, never two wishes
_EITHER = (
    {"order_status", "delivery_problem"},
    {"order_change", "delivery_problem"},
    {"complaint", "feedback"},
)


# "Plus de 38 ? ça revient quand ?": no question whether there is one
_SOLD_OUT = re.compile(
    r"\bplus (?:de |du |d')(?:\d\d|[sml]\b|taille)|\bsold out|\bepuise|\brupture"
)
_ANSWERS = frozenset(("confirm", "deny", "choose"))
_ANSWER_WORDS = 4


def settle(found: Verdict, text: str, context: Context, clauses: int) -> Verdict:
    """What the model found in a text of so many clauses, where the page of definitions knows
    better. The likelier intent stands first."""
    words = words_of(text)
    if context.asked is None and _is_thanks(words, context.own_names):
        return Verdict(("closing",), 0.95)
    intents = set(found.intents)
    if "feedback" in intents and intents & _NOT_BOUGHT and not _has_it(words, context):
        intents.discard("feedback")  # a polite word about what is still to be bought
    for pair in _EITHER:
        if pair <= intents:
            intents.discard(next(i for i in reversed(found.intents) if i in pair))
    if {"back_in_stock", "product_availability"} <= intents and _SOLD_OUT.search(fold(text)):
        intents.discard("product_availability")
    if intents == {"confirm", "reservation_create"}:  # one wish; another size is a new one
        plain = context.asked == "reservation_offer" and not _NUMBER.search(text)
        intents.discard("reservation_create" if plain else "confirm")
    if clauses == 1 and context.asked is None and not intents & _IN_ONE_CLAUSE:
        intents &= {next(i for i in found.intents if i in intents)}
    sure = found.confidence
    if context.asked is None and intents <= _ANSWERS and len(words) > _ANSWER_WORDS:
        sure /= 2  # an answer to nothing, at length: rather talk meant for somebody else
    return Verdict(tuple(i for i in found.intents if i in intents), sure)


_COMES = re.compile(
    r"\b(?:je|j'?|on|nous)\s?(?:re)?(?:pass(?:e|er|erai|erais|erons)|viens|viendrai|viendrais|vient"
    r"|arrive)\b(?! (?:pas|plus|jamais))|\b(?:i'll|i will|i'm|i) (?:come|coming|pop|be (?:in|round"
    r"|there)|collect|pick|swing|drop)|^coming\b|, coming\b"
)


def complete(found: Verdict, text: str, entities: Entities, asked: str | None) -> Verdict:
    """Who has a piece put aside and says when they come for it says both; of who says neither
    that they come nor when it is doubtful that they come at all."""
    comes = entities.pickup_time is not None and _COMES.search(fold(text))
    if found.intents == ("reservation_pickup",) and not (entities.pickup_time or asked):
        doubtful = _COMES.search(fold(text)) is None
        return Verdict(found.intents, found.confidence / (2 if doubtful else 1))
    if "reservation_create" not in found.intents or not comes:
        return found
    if {"reservation_pickup", "reservation_extend"} & set(found.intents):
        return found
    return Verdict((*found.intents, "reservation_pickup"), found.confidence)


_WISHES = frozenset(("product_availability", "reservation_create"))
_OF_A_SIZE = _WISHES | {"confirm", "exchange_request", "order_change"}
_OF_A_TIME = frozenset(("reservation_pickup", "confirm"))
# Below it the model's guess is too weak for what was named to bear it out
_SOME_IDEA = 0.2


def support(found: Verdict, entities: Entities, context: Context) -> Verdict:
    """What was named bears the reading out: one article of the catalogue with its size for
    a wish, the size or time that was asked for in an answer; how they like what they bought,
    when that was asked, beside a wish for one article. Halves the doubt."""
    intents = set(found.intents)
    named = [m.references for m in entities.products]
    one = len(named) == 1 and len(named[0]) == 1
    article = one and bool(entities.sizes)
    sized = bool(entities.sizes) and context.asked in {"reservation_offer", "size", "pickup_time"}
    timed = entities.pickup_time is not None and context.asked == "pickup_time"
    liked = context.asked == "feedback" and "feedback" in intents
    borne_out = (
        (liked and (one or not named) and intents - {"feedback"} <= (_WISHES if one else set()))
        or (article and intents <= _WISHES)
        or (sized and intents <= _OF_A_SIZE)
        or (timed and intents <= _OF_A_TIME)
    )
    if not borne_out or found.confidence < _SOME_IDEA:
        return found
    return Verdict(found.intents, 1 - (1 - found.confidence) / 2)


def _has_it(words: list[str], context: Context) -> bool:
    """Whether the one who praises speaks of something bought, or of how they were served."""
    mine = any(a in _MINE and b not in _NO_PIECE for a, b in pairwise(words))
    told = "owned" in read_phrases("concepts.yaml").find(words)
    return mine or told or context.asked == "feedback"


def _is_thanks(words: list[str], own_names: frozenset[str]) -> bool:
    said = [w for w in words if w.isalnum() or w.startswith(":")]
    thanked = {"merci", "thanks", "thank", ":thanks:"} & set(said)
    return bool(thanked) and "oui" not in said and all(w in _THANKS or w in own_names for w in said)


def _is_identity(words: list[str], entities: Entities) -> bool:
    """Whether nothing but an order number, and perhaps a name, is said."""
    if "?" in words and len(words) > 6:
        return False
    numbers = (*entities.order_numbers, *entities.tracking_numbers)
    known = {w for number in numbers for w in words_of(number)}
    known |= {fold(w) for w in (entities.last_name or "").split()}
    rest = [w for w in words if w.isalnum() and w not in _FILLERS and w not in known]
    letters = [w for w in rest if not _NUMBER.search(w)]
    if len(letters) < len(rest):
        return False
    return len(rest) <= (_NAME_WORDS - 1 if entities.last_name else 0)
