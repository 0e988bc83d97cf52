"""The words that carriers and regulators ask every sender to obey: STOP, AIDE, START.

A message counts only when it is nothing but the word. STOP and its kin: af2m's rules for
French text messages ("STOP" must always work) and Twilio's default keywords.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Keyword = Literal["stop", "help", "start"]

WORDS: dict[str, Keyword] = {
    **dict.fromkeys(
        "stop stopsms stopall stopmms arret arreter arretez desabonner desabonnement "
        "desinscription desinscrire unsubscribe optout quit".split(),
        "stop",
    ),
    **dict.fromkeys("aide help info".split(), "help"),
    **dict.fromkeys(
        "start unstop reprendre reabonner reabonnement resubscribe optin".split(), "start"
    ),
}
PHRASES: dict[str, Keyword] = {
    "stop sms": "stop",
    "stop all": "stop",
    "stop mms": "stop",
    "stop tout": "stop",
    "opt out": "stop",
    "opt in": "start",
    "stop pub": "stop",
    "stop message": "stop",
    "stop messages": "stop",
    "start sms": "start",
    "stop svp": "stop",
    "stop merci": "stop",
    "stop please": "stop",
}


# « STOP au 36180 », as advertisements ask for it
TO_A_NUMBER = re.compile(r"\s*(?:au|to)?\s*\d{5}\s*$")


def read_keyword(text: str) -> Keyword | None:
    """The keyword that the message is, if it is one. Case, accents, quotes and punctuation
    do not matter; "stop !" is one, "stop au prochain arrêt" is not."""
    if len(text) > 40:
        return None
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", TO_A_NUMBER.sub("", folded))
    phrase = " ".join(words)
    return WORDS.get(phrase) or PHRASES.get(phrase)
