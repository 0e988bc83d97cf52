"""PDF: the text of each page, its paragraphs put together again."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import PurePosixPath

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from bot.knowledge.blocks import Block, CannotRead, Heading, Paragraph, Read, tidy

MOST_PAGES = 500

_SHORT_LINE = 0.7  # of the page's longest: with a full stop, a paragraph ends there
_ENDS = re.compile(r"[.!?:;…»)]$")
_NUMBER = re.compile(r"\d+")

# What pypdf raises on files that are not what they say
_BROKEN = (
    PyPdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError,
    NotImplementedError, OSError,
)  # fmt: skip


def read_pdf(source: str, content: bytes) -> Read:
    """Raises CannotRead: encrypted, broken, too many pages, or pictures of text only."""
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise CannotRead(f"{source}: the PDF is encrypted; save it without a password")
        if len(reader.pages) > MOST_PAGES:
            raise CannotRead(f"{source}: more than {MOST_PAGES} pages; cut it into parts")
        pages = [page.extract_text() for page in reader.pages]
        named = reader.metadata.title if reader.metadata else None
    except CannotRead:
        raise
    except _BROKEN as error:
        raise CannotRead(f"{source}: not a readable PDF ({error})") from error
    if pages and not any(page.strip() for page in pages):
        raise CannotRead(f"{source}: the PDF holds no text (scanned pages?)")
    lines = _without_running_heads([page.splitlines() for page in pages])
    blocks = [block for page in lines for block in _paragraphs(page)]
    title = tidy(named or "") or PurePosixPath(source).stem
    return Read(source, "pdf", title, tuple(blocks))


def _without_running_heads(pages: list[list[str]]) -> list[list[str]]:
    """Lines that stand on most pages, but for their numbers, are no matter of theirs."""
    plain = [[_NUMBER.sub("#", tidy(line)) for line in page] for page in pages]
    often = Counter(line for page in plain for line in set(page) if line)
    running = {line for line, count in often.items() if len(pages) > 2 and count > len(pages) / 2}
    return [
        [line for line, kind in zip(page, kinds, strict=True) if kind not in running]
        for page, kinds in zip(pages, plain, strict=True)
    ]


def _paragraphs(lines: list[str]) -> list[Block]:
    longest = max((len(line.strip()) for line in lines), default=0)
    blocks: list[Block] = []
    gathered = ""
    for line in [*map(tidy, lines), ""]:
        if gathered.endswith("-") and line[:1].islower():
            gathered = gathered[:-1] + line
        else:
            gathered = f"{gathered} {line}".strip()
        ended = _ENDS.search(line) and len(line) < _SHORT_LINE * longest
        if gathered and (not line or ended or _is_heading(line, gathered, longest)):
            heading = _is_heading(line, gathered, longest)
            blocks.append(Heading(2, gathered) if heading else Paragraph(gathered))
            gathered = ""
    return blocks


def _is_heading(line: str, gathered: str, longest: int) -> bool:
    """A short line of its own that begins like a title and ends like no sentence."""
    return (
        line == gathered
        and 3 < len(line) < min(60, _SHORT_LINE * longest)
        and line[0].isupper()
        and not _ENDS.search(line)
        and not line.endswith(",")
    )
