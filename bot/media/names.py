"""What a file is called: its sender's words, made fit to be read and to be saved under."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from bot.media.types import ENDINGS

LONGEST = 100  # characters


def clean_name(name: str) -> str:
    """The last part of a name as sent, in one line: no folders, no characters that are
    invisible or turn the reading direction (category C), at most LONGEST characters."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(" " if c.isspace() else c for c in last)
    seen = "".join(c for c in seen if unicodedata.category(c)[0] != "C")
    seen = " ".join(seen.split()).strip(". ")
    ending = PurePosixPath(seen).suffix[:10]
    return seen if len(seen) <= LONGEST else seen[: LONGEST - len(ending)] + ending


def saved_name(name: str, content_type: str, id: int) -> str:
    """Under what name a browser saves it: with the ending of what it is, so that nothing
    saved opens as something else."""
    ending = ENDINGS[content_type]
    stem = name or f"media-{id}"
    alike = {".jpeg": ".jpg", ".oga": ".ogg", ".opus": ".ogg"}
    given = PurePosixPath(stem.lower()).suffix
    return stem if alike.get(given, given) == ending else stem + ending
