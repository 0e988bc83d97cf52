"""A message cut into what may each carry a request of its own."""

from __future__ import annotations

import re

_EMOJI = "\u2600-\u27bf\U0001f300-\U0001faff"
_SENTENCE = re.compile(
    r"(?<=[?!…])\s+|(?<=[^\d\W]\w)\.\s+|(?<=\d)\.\s+(?=[^\d])|\.{2,}|\n+|;"
    rf"|(?<=[{_EMOJI}])\s+(?=[A-ZÀ-Þ])"
)
_JOINT = re.compile(
    r",?\s+(?:et(?: aussi| puis| sinon)?|ainsi que|sinon|aussi|par contre|mais|du coup|au fait|"
    r"d['’]ailleurs|par ailleurs|en plus|autre chose|autre question|puis|"
    r"and(?: also)?|also|but|by the way|otherwise|besides|\+|&)\s+|,\s+",
    re.IGNORECASE,
)
# "Non je veux juste le prix": the answer, and what comes with it
_ANSWER = re.compile(
    r"\W*(?:non?|nan|nope|oui|ouais|yes|yep|ok|okay|d['’]accord)(?:[\s,!.]+(?:merci|thanks|svp|stp"
    r"|please))?[\s,!.]+(?=\S+\s+\S+\s+\S)",
    re.IGNORECASE,
)
# "Objet : commande 2847", "Bonjour, commande n° 2901.": names what the rest is about
_LABEL = re.compile(
    r"\W*(?:(?:bonjour|bonsoir|hello|hi|objet|sujet|subject|re|tr|fwd?)\s*[:,]?\s*)*"
    r"(?:(?:ma |my |la )?(?:commande|cde|cmd|order)\s*)(?:(?:n°|no|nr|numéro|number)\.?)?\W*"
    r"[\w-]*\d{3,}[\d-]*\W*",
    re.IGNORECASE,
)
MAX_CLAUSES = 24
_ENOUGH = 3  # words without which a piece says little


def split_sentences(text: str) -> list[str]:
    """The sentences of a cleaned text."""
    parts = [part for part in map(str.strip, _SENTENCE.split(text)) if part]
    return ([p for p in parts if not _LABEL.fullmatch(p)] or parts)[:MAX_CLAUSES]


def split_clauses(text: str) -> list[str]:
    """The pieces between "et", "mais", commas …, those too short left with the one before."""
    clauses: list[str] = []
    answer = _ANSWER.match(text)
    if answer:
        clauses.append(answer[0].strip(" ,!."))
        text = text[answer.end() :]
    for sentence in split_sentences(text):
        start = 0
        for joint in _JOINT.finditer(sentence):
            before, after = sentence[start : joint.start()], sentence[joint.end() :]
            if len(before.split()) >= _ENOUGH and len(after.split()) >= _ENOUGH:
                clauses.append(before)
                start = joint.end()
        clauses.append(sentence[start:])
    return clauses[:MAX_CLAUSES]
