"""The shortest run of a passage's own sentences that answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from bot.knowledge.asking import Term
from bot.knowledge.cutting import split_sentences
from bot.knowledge.passages import Passage
from bot.knowledge.stems import Stems, stems
from bot.knowledge.wording import split_words

SMS_LENGTH = 300  # characters
_TELLING = 60  # characters below which a run is rather a heading than an answer


def quote(db: Session, passage: Passage, terms: Sequence[Term], longest: int = SMS_LENGTH) -> str:
    """Whole sentences that stand next to each other, as they are written, with most of what is
    asked beyond the heading; at most `longest` characters unless the first sentence alone is
    longer. An answer that a person wrote to a question begins at its beginning."""
    sentences = split_sentences(passage.text)
    if len(_joined(sentences)) <= longest or not sentences:
        return _joined(sentences)
    if passage.question:
        return _joined(sentences[: _fitting(sentences, 0, longest)])
    known = stems(db, {word for sentence in sentences for word in split_words(sentence)})
    said = [_said(sentence, terms, known) for sentence in sentences]
    runs = [
        (start, end)
        for start in range(len(sentences))
        for end in range(start + 1, _fitting(sentences, start, longest) + 1)
    ]
    start, end = max(runs, key=lambda run: _worth(sentences[slice(*run)], said[slice(*run)]))
    return _joined(sentences[start:end])


def _worth(sentences: Sequence[str], said: Sequence[Mapping[str, float]]) -> tuple[float, ...]:
    """More of what is asked first; then long enough to tell; then short."""
    best: dict[str, float] = {}
    for each in said:
        for word, worth in each.items():
            best[word] = max(best.get(word, 0.0), worth)
    length = len(_joined(sentences))
    return (round(sum(best.values()), 3), min(length, _TELLING), -length)


def _said(sentence: str, terms: Sequence[Term], known: Mapping[str, Stems]) -> dict[str, float]:
    """Word asked for -> how well the sentence says it, by its rarity."""
    there = {stem for word in split_words(sentence) for stem in known[word].both}
    said = {
        term.word: max((w for stem, w in term.stems.items() if stem in there), default=0.0)
        * term.rarity
        for term in terms
    }
    return {word: worth for word, worth in said.items() if worth}


def _fitting(sentences: Sequence[str], start: int, longest: int) -> int:
    """The end of the longest run from `start` that fits; one sentence at least."""
    end = start + 1
    while end < len(sentences) and len(_joined(sentences[start : end + 1])) <= longest:
        end += 1
    return end


def _joined(sentences: Sequence[str]) -> str:
    """Items and rows, which end as they like, are told apart."""
    text = ""
    for sentence in sentences:
        apart = " " if not text or text[-1] in ".!?…:;" else " ; "
        text += (apart if text else "") + sentence
    return text
