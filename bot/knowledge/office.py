"""DOCX: headings by their styles, paragraphs, rows of tables."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import PurePosixPath

import docx
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph as DocxParagraph
from lxml import etree

from bot.knowledge.blocks import Block, CannotRead, Heading, Paragraph, Read, tidy

# What python-docx and zipfile raise on files that are not what they say
_BROKEN = (
    OpcError, etree.LxmlError, zipfile.BadZipFile, zlib.error, AttributeError, EOFError, KeyError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip

MOST_UNPACKED = 100 * 1024 * 1024  # bytes: a small file can be packed to burst


def read_docx(source: str, content: bytes) -> Read:
    """Raises CannotRead: not a DOCX, with a password, or unpacking to too much."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise CannotRead(f"{source}: an encrypted or old Word file; save it as .docx, no password")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED:
                raise CannotRead(f"{source}: too large when unpacked")
        document = docx.Document(io.BytesIO(content))
        blocks = [b for item in document.iter_inner_content() for b in _blocks(item)]
        named = document.core_properties.title
    except _BROKEN as error:
        raise CannotRead(f"{source}: not a readable DOCX ({error})") from None
    first = next((b.text for b in blocks if isinstance(b, Heading)), "")
    title = first or tidy(named) or PurePosixPath(source).stem
    return Read(source, "docx", title, tuple(blocks))


def _blocks(item: DocxParagraph | Table) -> list[Block]:
    if isinstance(item, Table):
        return _rows(item)
    text = tidy(item.text)
    if not text:
        return []
    style = item.style.name if item.style is not None and item.style.name else ""
    kind, _, level = style.rpartition(" ")
    if style == "Title":
        return [Heading(1, text)]
    if kind in {"Heading", "Titre"} and level.isdigit():
        return [Heading(int(level) + 1, text)]
    return [Paragraph(text)]


def _rows(table: Table) -> list[Block]:
    """Each row a sentence; the first row names the columns."""
    heads, *rows = ([tidy(cell.text) for cell in row.cells] for row in table.rows)
    named = (
        [
            f"{head} : {cell}" if i else cell
            for i, (head, cell) in enumerate(zip(heads, row, strict=False))
        ]
        for row in rows
    )
    return [Paragraph(" ; ".join(filter(None, row))) for row in named]
