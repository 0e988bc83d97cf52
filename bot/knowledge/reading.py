"""Documents from a file or an address, by what they are."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from bot.knowledge.blocks import CannotRead, Heading, Paragraph, Read, tidy
from bot.knowledge.fetching import fetch_page
from bot.knowledge.markup import read_html, read_markdown
from bot.knowledge.office import read_docx
from bot.knowledge.pdf import read_pdf
from bot.knowledge.tables import read_csv

MOST_BYTES = 20 * 1024 * 1024

KINDS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".csv": "csv",
    ".txt": "text",
}
_TYPES = {
    "text/markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/csv": "csv",
    "text/plain": "text",
}


def is_address(source: str) -> bool:
    return bool(re.match(r"[a-z][a-z0-9+.-]*://", source, re.IGNORECASE))


def find_files(path: Path) -> list[Path]:
    """The file, or every readable one below a folder. Raises CannotRead."""
    if not path.exists():
        raise CannotRead(f"{path}: there is no such file")
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in KINDS)
    if not found:
        raise CannotRead(f"{path}: nothing to read in this folder ({', '.join(KINDS)})")
    return found


def read_file(path: Path, source: str) -> Read:
    """Raises CannotRead."""
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise CannotRead(f"{source}: unknown format; known are {', '.join(KINDS)}")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CannotRead(f"{source}: larger than {MOST_BYTES // 1024**2} MB")
        content = path.read_bytes()
    except OSError as error:
        raise CannotRead(f"{source}: {error.strerror}") from None
    return read(source, kind, content)


def read_address(address: str) -> Read:
    """The page there, whatever format it has. Raises CannotRead."""
    page = fetch_page(address, MOST_BYTES)
    ending = PurePosixPath(urlsplit(address).path).suffix.lower()
    kind = _TYPES.get(page.content_type)
    if kind in {None, "text"} and ending in KINDS:
        kind = KINDS[ending]  # servers send Markdown and CSV as plain text
    if kind is None:
        raise CannotRead(f"{address}: unknown format ({page.content_type or 'no content type'})")
    return read(address, kind, page.content, page.charset)


def read(source: str, kind: str, content: bytes, charset: str = "") -> Read:
    """Raises CannotRead, also for a document that says nothing."""
    found = _read(source, kind, content, charset)
    if not any(not isinstance(block, Heading) for block in found.blocks):
        raise CannotRead(f"{source}: the document is empty")
    return found


def _read(source: str, kind: str, content: bytes, charset: str) -> Read:
    if kind == "pdf":
        return read_pdf(source, content)
    if kind == "docx":
        return read_docx(source, content)
    if kind == "html" and not charset:
        return read_html(source, content)  # the page says itself how it is encoded
    text = _decode(source, content, charset)
    if kind == "html":
        return read_html(source, text)
    if kind == "markdown":
        return read_markdown(source, text)
    if kind == "csv":
        return read_csv(source, text)
    parts = re.split(r"\n\s*\n", text)
    paragraphs = tuple(Paragraph(plain) for part in parts if (plain := tidy(part)))
    return Read(source, "text", PurePosixPath(source).stem, paragraphs)


def _decode(source: str, content: bytes, charset: str) -> str:
    if b"\0" in content[:4096]:
        raise CannotRead(f"{source}: not a text file")
    for encoding in (charset, "utf-8-sig", "cp1252"):  # spreadsheets still write the last
        try:
            return content.decode(encoding or "utf-8-sig").replace("\r\n", "\n")
        except (UnicodeDecodeError, LookupError):
            continue
    raise CannotRead(f"{source}: neither UTF-8 nor Windows text")
