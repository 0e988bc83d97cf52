"""Who writes what: small ordered conversations, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

Kind = Literal["ask", "pickup", "change", "cancel", "greet", "thank"]

# Articles as customers call them, with sizes there are (bot/demo/elegance-paris.yaml)
ARTICLES: Sequence[tuple[str, str, Sequence[str]]] = (
    ("RF-2847", "la robe fleurie bleue", ("36", "38", "40", "42")),
    ("BL-445", "le blazer beige", ("38", "40")),
    ("PN-310", "le pantalon noir taille haute", ("36", "38", "40")),
    ("RB-118", "la robe bordeaux", ("38", "40")),
    ("CB-215", "le chemisier blanc", ("38", "40", "42")),
    ("EN-207", "les escarpins nude", ("37", "38", "39")),
)
# So many at the store that they last: of all others, some customers get none
PLENTY = {"RF-2847-38": 4000, "BL-445-40": 4000, "PN-310-38": 4000, "EN-207-38": 4000}

ASKS = (
    "Bonjour, {article}, vous l'avez en {size} ?",
    "Bonjour ! Avez-vous {article} en {size} ?",
    "Bonsoir, il vous reste {article} en {size} ?",
)
WORDS: dict[Kind, Sequence[str]] = {
    "greet": ("Bonjour", "Bonjour !", "Bonsoir"),
    "pickup": ("Je passe ce soir vers 17h", "Je viendrai demain à 15h", "Je passe demain vers 11h"),
    "change": ("Finalement je viendrai plutôt vers 18h", "Finalement plutôt demain vers 16h"),
    "cancel": ("Finalement annulez ma réservation svp", "Je préfère annuler ma réservation"),
    "thank": ("Merci beaucoup, bonne journée !", "Merci !", "Super, merci beaucoup"),
}


@dataclass(frozen=True)
class Line:
    kind: Kind
    text: str


@dataclass
class Customer:
    """`lines` in the order in which they are written; `sent` how many have been."""

    number: int
    channel: str
    lines: Sequence[Line]
    sent: int = field(default=0)

    @property
    def phone(self) -> str:
        return f"+3369{self.number:07}"

    @property
    def email(self) -> str:
        return f"cliente.{self.number}@courrier.example"


def invent(messages: int, channels: Sequence[str], dice: Random) -> list[Customer]:
    """As many customers as it takes to write so many messages."""
    customers: list[Customer] = []
    left = messages
    while left > 0:
        lines = list(_converse(dice))[:left]
        customers.append(Customer(len(customers) + 1, dice.choice(channels), lines))
        left -= len(lines)
    return customers


def _converse(dice: Random) -> Iterator[Line]:
    if dice.random() < 0.2:
        yield _say("greet", dice)
    for _ in range(1 if dice.random() < 0.8 else 2):
        yield _ask(dice)
    if dice.random() < 0.7:
        yield _say("pickup", dice)
        if dice.random() < 0.4:
            yield _say("change", dice)
    if dice.random() < 0.35:
        yield _say("cancel", dice)
    if dice.random() < 0.7:
        yield _say("thank", dice)


def _ask(dice: Random) -> Line:
    if dice.random() < 0.6:
        reference, size = dice.choice(sorted(PLENTY)).rsplit("-", 1)
        article = next(name for known, name, _ in ARTICLES if known == reference)
    else:
        _, article, sizes = dice.choice(ARTICLES)
        size = dice.choice(sizes)
    return Line("ask", dice.choice(ASKS).format(article=article, size=size))


def _say(kind: Kind, dice: Random) -> Line:
    return Line(kind, dice.choice(WORDS[kind]))
