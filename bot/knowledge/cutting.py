"""Documents cut into passages: one subject each, under the headings that name it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.knowledge.blocks import Entry, Heading, Paragraph, Read
from bot.knowledge.wording import LONGEST_WORD

LEAST_WORDS = 60  # a shorter remainder joins what stands before it under the same heading
MOST_WORDS = 180
PATH = " › "

_NEXT = r"[»\"”)]*\s+(?=[«\"“(]*[^\W_])"
_SENTENCE = re.compile(
    rf"(?<=[^\W\d_]{{2}}[.!?…]){_NEXT}|(?<=[\d%€)»][.!?…]){_NEXT}|(?<= [?!])\s+(?!»)"
)
_ABBREVIATION = re.compile(r"\b(?:M|Mme|Mlle|env|ex|cf|p|n|tél|av|bd|St|Mr|Mrs|Dr|No|vs|approx)\.$")


@dataclass(frozen=True)
class Piece:
    """A passage before it is indexed. `title`: the headings above, outermost first. `text`
    keeps paragraphs, items and rows on lines of their own."""

    title: str
    question: str
    text: str


def split_sentences(text: str) -> list[str]:
    """Whole sentences; an item of a list or a row of a table is one too."""
    found: list[str] = []
    for line in text.split("\n"):
        held = ""
        for part in _SENTENCE.split(line):
            held = f"{held} {part}".strip()
            if not _ABBREVIATION.search(held):
                found.append(held)
                held = ""
        found.append(held)
    return [sentence for sentence in found if sentence]


def cut_up(read: Read) -> list[Piece]:
    """In the document's order."""
    pieces: list[Piece] = []
    path: list[Heading] = []
    gathered: list[str] = []
    for block in (*read.blocks, Heading(1, "")):
        if isinstance(block, Paragraph):
            gathered += _bounded(block.text)
            continue
        pieces += [Piece(_title(read, path), "", text) for text in _packed(gathered)]
        gathered = []
        if isinstance(block, Heading):
            path = [*(h for h in path if h.level < block.level), block]
        else:
            pieces += _answers(_title(read, path), block)
    return pieces


def _answers(title: str, entry: Entry) -> Iterator[Piece]:
    for text in _packed(_bounded(entry.answer)):
        yield Piece(title, entry.question, text)


def _title(read: Read, path: list[Heading]) -> str:
    named = [h.text for h in path]
    return PATH.join(named if read.title in named[:1] else [*filter(None, [read.title]), *named])


def _bounded(text: str) -> list[str]:
    """A paragraph, or its sentences (or bare words) when it is longer than a passage may be."""
    if len(text.split()) <= MOST_WORDS:
        return [_shortened(text)]
    parts: list[str] = []
    for sentence in split_sentences(text):
        words = sentence.split()
        parts += [
            _shortened(" ".join(words[i : i + MOST_WORDS]))
            for i in range(0, len(words), MOST_WORDS)
        ]
    return [" ".join(group) for group in _grouped(parts)]


def _shortened(text: str) -> str:
    """Without the runs of letters that no reader can use, which an index would choke on."""
    return " ".join(word if len(word) <= 50 * LONGEST_WORD else "…" for word in text.split())


def _packed(paragraphs: list[str]) -> list[str]:
    return ["\n".join(group) for group in _grouped(paragraphs)]


def _grouped(parts: list[str]) -> list[list[str]]:
    """Gathered up to MOST_WORDS; the last joins the one before if it is short and fits."""
    groups: list[list[str]] = []
    words = 0
    for part in parts:
        length = len(part.split())
        if not groups or words + length > MOST_WORDS:
            groups.append([])
            words = 0
        groups[-1].append(part)
        words += length
    if len(groups) > 1 and words < LEAST_WORDS:
        last = groups.pop()
        groups[-1] += last
    return groups
