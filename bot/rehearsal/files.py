"""Files that people send along: as much of each as says what it is."""

from __future__ import annotations

import base64
import mimetypes
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from bot.rehearsal.script import File
from connectors.sandbox.media import SAMPLE_TYPES, SAMPLES

# A picture of fewer bytes in an e-mail is taken for a tracking pixel
SMALLEST = 2048


def _boxed(brand: bytes) -> bytes:
    """The beginning of an ISO media file: a film, a voice note of a telephone."""
    return struct.pack(">I", 16) + b"ftyp" + brand + b"\0\0\0\0" + struct.pack(">I", 2032) + b"mdat"


# A frame of 640 × 480: JFIF, then SOF0 (ITU-T T.81, B.2.2)
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc0\x00\x11\x08\x01\xe0\x02\x80\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
)
MP3 = b"ID3\x03\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00"
# By content type, the first bytes; nothing follows that matters to whoever keeps it
BEGINNINGS: Mapping[str, bytes] = {
    "image/jpeg": JPEG,
    "image/gif": b"GIF89a\x80\x02\xe0\x01\x00\x00\x00;",
    "image/webp": b"RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"
    b"\x7f\x02\x00\xdf\x01\x00",
    "audio/amr": b"#!AMR\n\x3c\x91\x17",
    "audio/mpeg": MP3,
    "audio/mp4": _boxed(b"M4A "),
    "video/mp4": _boxed(b"isom"),
    "video/3gpp": _boxed(b"3gp4"),
    # By names that are not registered, and often seen
    "image/jpg": JPEG,
    "audio/mp3": MP3,
    **{kind: (SAMPLES / name).read_bytes() for name, kind in SAMPLE_TYPES.items()},
}
TEXT = b"Julie Mercier, 8 Rue Oberkampf, 75011 Paris\n"


def pack(files: Iterable[File]) -> list[dict[str, Any]]:
    """The files as the sandbox takes them, by WhatsApp or with an e-mail."""
    return [_pack(file) for file in files]


def _pack(file: File) -> dict[str, Any]:
    kind = file.type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    plain = kind.partition(";")[0].strip().lower()
    if plain.startswith("text/"):
        content = TEXT
    else:  # of a type we cannot make, bytes that are none
        content = BEGINNINGS.get(plain, b"\x00\x01\x02\x03").ljust(SMALLEST, b"\0")
    name = file.name or f"{plain.partition('/')[0]}{mimetypes.guess_extension(plain) or ''}"
    encoded = base64.b64encode(content).decode()
    return {"name": name, "type": kind, "content_base64": encoded}
