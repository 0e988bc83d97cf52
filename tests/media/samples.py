"""Small files of every kind, and some that pretend."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

SANDBOX = Path(__file__).parents[2] / "connectors" / "sandbox" / "samples"
PNG, OGG, PDF = (
    (SANDBOX / name).read_bytes() for name in ("picture.png", "voice.ogg", "document.pdf")
)
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def png(width: int, height: int) -> bytes:
    """A picture of these dimensions, by its header; its pixels are missing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    app0 = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width)
    return b"\xff\xd8" + app0 + frame + b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00;"


def webp(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + b"\x00\x00\x00\x00" + size
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def box(kind: bytes, *content: bytes) -> bytes:
    """Of an ISO media file."""
    data = b"".join(content)
    return struct.pack(">I", 8 + len(data)) + kind + data


def heic(width: int, height: int) -> bytes:
    extent = box(b"ispe", b"\0\0\0\0", struct.pack(">II", width, height))
    properties = box(
        b"iprp",
        box(b"ipco", extent),
        box(b"ipma", b"\0\0\0\0", struct.pack(">IHBB", 1, 1, 1, 0x81)),
    )
    primary = box(b"pitm", b"\0\0\0\0", struct.pack(">H", 1))
    return movie(b"heic", b"mif1") + box(b"meta", b"\0\0\0\0", primary, properties)


def movie(brand: bytes, *others: bytes) -> bytes:
    """The beginning of an ISO media file: audio, video or a HEIC."""
    return box(b"ftyp", brand, b"\0\0\0\0", *others)


def archive(**files: bytes) -> bytes:
    """A zip that is no document."""
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return made.getvalue()


def office(folder: str, **more: bytes) -> bytes:
    """A document of Office: `word`, `xl` …"""
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as zipped:
        zipped.writestr("[Content_Types].xml", "<Types/>")
        zipped.writestr("_rels/.rels", "<Relationships/>")
        zipped.writestr(f"{folder}/document.xml", "<document/>")
        for name, content in more.items():
            zipped.writestr(f"{folder}/{name}", content)
    return made.getvalue()


def opendocument(kind: str) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w") as zipped:
        zipped.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        zipped.writestr("content.xml", "<office/>", ZIP_DEFLATED)
    return made.getvalue()
