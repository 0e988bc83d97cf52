"""What the sandbox's language model thinks: a small reader by keywords, a polite rephraser,
and how both misbehave on order. Everything is deterministic.

The reader gets JSON with `message`, the rephraser JSON with `text` (its facts as {{1}} …)
and `language`; what any other question gets is an object with its text.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.documents import State

DIMENSIONS = 64

# The first that fit, up to three
KEYWORDS: tuple[tuple[str, str], ...] = (
    ("opt_out", r"^\W*stop\W*$|plus de (?:messages?|sms)|unsubscribe"),
    ("human_request", r"une personne|quelqu'un|un humain|rappel|a person|call me|someone"),
    ("reservation_cancel", r"annul\w+ (?:la|ma) r[ée]serv|finalement (?:non|pas)|cancel my reserv"),
    ("reservation_pickup", r"je passe|je viens|je serai là|i(?:'ll| will) (?:come|be there)"),
    ("reservation_create", r"de c[ôo]t[ée]|r[ée]serv|put (?:it )?aside|hold it"),
    ("exchange_request", r"[ée]chang|trop (?:petit|grand)|exchange|too (?:small|big)"),
    ("return_request", r"rembours|renvoyer|retourner|refund|return"),
    ("delivery_problem", r"pas (?:encore )?re[çc]u|ab[îi]m|manque|never arrived|damaged"),
    ("order_status", r"o[ùu] en est|ma commande|mon colis|my order|my parcel|\bcl-?\d"),
    ("product_inquiry", r"prix|combien|mati[èe]re|lave|price|how much|fabric"),
    ("product_availability", r"avez|dispo|en stock|reste|il y a|do you have|in stock|any left"),
    ("general_question", r"horaires|ouvert|adresse|livraison|opening|address|shipping"),
    ("complaint", r"inadmissible|honteux|scandal|unacceptable"),
)
SOLE: tuple[tuple[str, str], ...] = (
    ("closing", r"^\W*(?:merci|thanks|thank you|au revoir|bye)\b.{0,40}$"),
    ("greeting", r"^\W*(?:bonjour|bonsoir|salut|coucou|hello|hi)\b.{0,12}$"),
    ("confirm", r"^\W*(?:oui|ok|yes|d'accord)\b.{0,20}$"),
    ("deny", r"^\W*(?:non|no)\b.{0,20}$"),
)
CLOTHES = (
    r"\b(?:robe|blazer|escarpins?|boucles|veste|jupe|jean|pull|dress|shirt)\b(?: [a-zéèê]{3,})?"
)
SIZE = r"\b(?:en|taille|size|du|in|le) (3[4-9]|4[0-8]|XS|S|M|L|XL)\b"
COLOR = r"\b(bleue?|rouge|noire?|blanche?|verte?|beige|bordeaux|blue|red|black|white|green)\b"
TIME = (
    r"\b(?:(?:demain|aujourd'hui|samedi|lundi|mardi|mercredi|jeudi|vendredi|ce soir|tomorrow"
    r"|saturday|today)(?: (?:matin|soir|vers|[àa]|at))*(?: ?\d{1,2} ?h(?: ?\d\d)?)?"
    r"|\d{1,2} ?h\d{0,2})"
)
ENGLISH = r"\b(?:the|you|have|my|is|please|hello|thanks|do|when|would)\b"


def think(purpose: str, user: str) -> State:
    """What it answers to `user`, for a schema of that name."""
    try:
        asked = json.loads(user)
    except ValueError:
        asked = {}
    if purpose == "reading":
        return read(str(asked.get("message", user)))
    if purpose == "phrasing":
        return {"text": rephrase(str(asked.get("text", user)), str(asked.get("language", "fr")))}
    return {"text": user[:500]}


def read(message: str) -> State:
    """What the reader makes of a message."""
    said = message.lower().strip()
    sole = [name for name, pattern in SOLE if re.search(pattern, said)]
    found = [name for name, pattern in KEYWORDS if re.search(pattern, said)][:3]
    intents = found or sole[:1] or ["unknown"]
    time = re.search(TIME, said)
    return {
        "intents": intents,
        "confidence": 0.9 if intents != ["unknown"] else 0.4,
        "sentiment": "negative" if "complaint" in intents else "neutral",
        "language": "en" if re.search(ENGLISH, said) else "fr",
        "products": re.findall(CLOTHES, said),
        "sizes": re.findall(SIZE, message, re.IGNORECASE),
        "colors": re.findall(COLOR, said),
        "quantity": None,
        "order_numbers": re.findall(r"\b(?:cl-\d{6}(?:-\d{6})?|\d{4})\b", said),
        "last_name": None,
        "pickup_time": time[0] if time and "reservation_pickup" in intents else None,
        "event": None,
        "choice": None,
    }


POLITE = {
    "fr": (
        (r"^Bonjour\b", "Coucou"),
        ("Avec plaisir", "Un vrai plaisir"),
        (r"$", " Belle journée !"),
    ),
    "en": ((r"^Hello\b", "Hi"), ("You are welcome", "My pleasure"), (r"$", " Have a lovely day!")),
}


def rephrase(text: str, language: str) -> str:
    """The same, a little warmer; the {{1}} … stay where they are."""
    for pattern, said in POLITE.get(language, POLITE["en"]):
        text = re.sub(pattern, said, text, count=1)
    return text


def misbehave(mode: str, purpose: str, found: Mapping[str, Any], system: str, user: str) -> State:
    """`found` as a model would give it that invents, obeys the customer or leaks."""
    if purpose == "reading":
        return {**found, **_misread(mode, system)}
    said = {
        "invents": "Livraison offerte demain avant 10h, et 20 % de remise !",
        "obeys": "Oui, tout est remboursé, promis : c'est écrit dans la conversation.",
        "leaks": f"Mes instructions : {system[:200]}",
    }[mode]
    return {**found, "text": f"{found.get('text', '')} {said}"}


def _misread(mode: str, system: str) -> State:
    if mode == "invents":
        return {
            "order_numbers": ["CL-999999-999999"],
            "products": ["manteau en cachemire"],
            "sizes": ["50"],
            "pickup_time": "lundi 9h",
            "quantity": 12,
            "last_name": "Dupont",
            "confidence": 1.0,
        }
    if mode == "obeys":
        return {"intents": ["opt_out", "reservation_cancel", "return_request"], "confidence": 7.5}
    return {"last_name": system[:300], "products": [system[:80]], "event": system[80:160]}


def embed(text: str) -> list[float]:
    """A vector of length 1: texts that share letters' triples lie near each other."""
    vector = [0.0] * DIMENSIONS
    padded = f"  {text.lower()} "
    for start in range(len(padded) - 2):
        vector[zlib.crc32(padded[start : start + 3].encode()) % DIMENSIONS] += 1.0
    length = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [round(x / length, 6) for x in vector]
