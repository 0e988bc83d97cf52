"""A message cut into what may each carry a request of its own."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"(?<=[?!…])\s+|(?<=[^\d\W]\w)\.\s+|(?<=\d)\.\s+(?=[^\d])|\.{2,}|\n+|;")
_JOINT = re.compile(
    r",?\s+(?:et(?: aussi| puis| sinon)?|ainsi que|sinon|aussi|par contre|mais|du coup|au fait|"
    r"and(?: also)?|also|but|by the way|otherwise)\s+|,\s+",
    re.IGNORECASE,
)
MAX_CLAUSES = 24
_ENOUGH = 3  # words without which a piece says little


def split_sentences(text: str) -> list[str]:
    """The sentences of a cleaned text."""
    parts = (part.strip() for part in _SENTENCE.split(text))
    return [p for p in parts if p][:MAX_CLAUSES]


def split_clauses(text: str) -> list[str]:
    """The pieces between "et", "mais", commas …, those too short left with the one before."""
    clauses: list[str] = []
    for sentence in split_sentences(text):
        start = 0
        for joint in _JOINT.finditer(sentence):
            before, after = sentence[start : joint.start()], sentence[joint.end() :]
            if len(before.split()) >= _ENOUGH and len(after.split()) >= _ENOUGH:
                clauses.append(before)
                start = joint.end()
        clauses.append(sentence[start:])
    return clauses[:MAX_CLAUSES]
