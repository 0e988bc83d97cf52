"""What a file is, by its bytes: never by what its sender calls it.

What is not listed here is not kept. Nothing is unpacked or decoded to find out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Literal, get_args
from zipfile import BadZipFile, ZipFile

import filetype
import imagesize

Kind = Literal["picture", "voice", "video", "document"]
Reason = Literal[
    "too_large", "too_many", "empty", "type", "damaged", "pixels", "bomb", "macros", "gone"
]
REASONS: tuple[Reason, ...] = get_args(Reason)

# Sniffed type -> the ending that its files have
ENDINGS: Mapping[str, str] = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/amr": ".amr",
    "audio/wav": ".wav",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/vcard": ".vcf",
}
_BY_ENDING = {ending: content_type for content_type, ending in ENDINGS.items()}
_ODT = _BY_ENDING[".odt"].encode()
_SYNONYMS = {"audio/x-wav": "audio/wav"}  # filetype's word: the registered one

MOST_PIXELS = 64_000_000  # of a phone's camera; decoded, 256 MB in the browser that shows it
HEADER = 4_000_000  # bytes of a picture that are looked at: some begin with large metadata
MOST_ENTRIES = 2000  # files in a document
MOST_UNPACKED = 200 * 1024 * 1024  # bytes of a document, by its own account

_ZIP = b"PK\x03\x04"
_ZIP_ENTRY = b"PK\x01\x02"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


class NotKept(Exception):
    """The file is not one that is kept; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def sniff(content: bytes, name: str = "") -> str:
    """The type of these bytes, one of ENDINGS. `name` only tells a table (.csv) from another
    text. Raises NotKept."""
    if not content:
        raise NotKept("empty")
    if content.startswith(_ZIP):
        return _sniff_document(content)
    found = _guess(content)
    if found in ENDINGS:
        if found.startswith("image/"):
            _check_pixels(content)
        return found
    if (text := _read_text(content)) is not None:
        if text[:20].upper().startswith("BEGIN:VCARD"):
            return "text/vcard"
        return "text/csv" if name.lower().endswith(".csv") else "text/plain"
    raise NotKept("type")


def kind_of(content_type: str) -> Kind:
    """How a file of that type is spoken of and shown."""
    kinds: dict[str, Kind] = {"image": "picture", "audio": "voice", "video": "video"}
    return kinds.get(content_type.partition("/")[0], "document")


def _guess(content: bytes) -> str:
    if content[4:10] == b"ftyp3g":  # filetype knows only some of them
        return "video/3gpp"
    mime = filetype.guess_mime(content) or ""
    return _SYNONYMS.get(mime, mime)


def _check_pixels(content: bytes) -> None:
    """By the header: a small file can be a picture that fills the memory. Raises NotKept."""
    try:
        width, height = imagesize.get(BytesIO(content[:HEADER]))
    except (ValueError, struct.error, OverflowError, IndexError, TypeError):
        width = height = -1
    if width <= 0 or height <= 0:
        raise NotKept("damaged")
    if width * height > MOST_PIXELS:
        raise NotKept("pixels")


def _sniff_document(content: bytes) -> str:
    """The type of an office document, by its table of contents. Raises NotKept."""
    if content.count(_ZIP_ENTRY) > MOST_ENTRIES:
        raise NotKept("bomb")
    try:
        with ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
    except (BadZipFile, ValueError, struct.error, OverflowError, NotImplementedError):
        raise NotKept("damaged") from None
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise NotKept("bomb")
    names = [entry.filename for entry in entries]
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise NotKept("macros")
    if "[Content_Types].xml" in names:
        for folder, ending in (("word/", ".docx"), ("xl/", ".xlsx")):
            if any(name.startswith(folder) for name in names):
                return _BY_ENDING[ending]
    # OpenDocument 1.3, part 2, 3.3: the type stands first, not compressed, from byte 38 on
    told, after = content[30 : 38 + len(_ODT)], content[38 + len(_ODT) :][:1]
    if told == b"mimetype" + _ODT and after != b"-":
        return _BY_ENDING[".odt"]
    raise NotKept("type")


def _read_text(content: bytes) -> str | None:
    """What it says, if it is a text and not a page: nothing that begins with a tag."""
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        plain = not _CONTROL.search(text) and not text.lstrip().startswith("<")
        return text if plain else None
    return None
