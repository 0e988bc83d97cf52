"""Tables of questions and answers, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import PurePosixPath

from bot.knowledge.blocks import CannotRead, Entry, Read, tidy
from bot.understanding.normalize import fold

_QUESTION = frozenset("question questions q demande intitule".split())
_ANSWER = frozenset("answer answers reponse reponses r a".split())


def read_csv(source: str, content: str) -> Read:
    """The first line names the columns: question and answer, in French or English; others are
    not read. Columns are parted by comma, semicolon or tab. Raises CannotRead with the line."""
    lines = io.StringIO(content, newline="")
    head, _, _ = content.partition("\n")
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        names = [fold(tidy(name)) for name in next(rows, [])]
        question, answer = _column(names, _QUESTION), _column(names, _ANSWER)
        if question is None or answer is None:
            raise CannotRead(f"{source}: the first line must name the columns question and answer")
        entries = [
            entry for row in rows if (entry := _entry(source, rows.line_num, row, question, answer))
        ]
    except csv.Error as error:
        raise CannotRead(f"{source}: line {rows.line_num}: {error}") from None
    return Read(source, "csv", PurePosixPath(source).stem, tuple(entries))


def _column(names: Sequence[str], wanted: frozenset[str]) -> int | None:
    return next((i for i, name in enumerate(names) if name in wanted), None)


def _entry(source: str, line: int, row: list[str], question: int, answer: int) -> Entry | None:
    if not any(cell.strip() for cell in row):
        return None
    if len(row) <= max(question, answer):
        raise CannotRead(f"{source}: line {line}: a column is missing")
    asked, told = tidy(row[question]), tidy(row[answer])
    if not asked or not told:
        raise CannotRead(f"{source}: line {line}: the question or the answer is empty")
    return Entry(asked, told)
