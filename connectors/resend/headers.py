"""The headers of a received mail, in order and with repeats.

The API gives a mapping with one value a name, so that of two Authentication-Results one is
lost, perhaps the receiving server's own. The mail as it came (`raw`) has them all, the
newest first; the mapping serves where there is no `raw`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.errors import HeaderParseError, MessageDefect
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses
from typing import Any

# What may be read of a mail to find the end of its headers.
MOST_HEADERS = 256 * 1024


@dataclass(frozen=True)
class Headers:
    """(name in small letters, value on one line), the newest first."""

    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for found, value in self.fields if found == name]

    def get(self, name: str) -> str:
        """The topmost, or ""."""
        return next(iter(self.all(name)), "")

    def without(self, name: str) -> Headers:
        return Headers(tuple(field for field in self.fields if field[0] != name))

    def has(self, name: str) -> bool:
        return any(found == name for found, _ in self.fields)


def parse_raw(head: bytes) -> Headers:
    """Of a mail's first bytes, those up to the empty line."""
    message = BytesHeaderParser(policy=compat32).parsebytes(head)
    return Headers(tuple((name.lower(), _one_line(value)) for name, value in message.items()))


def parse_mapping(headers: Mapping[str, Any] | None) -> Headers:
    """Of the API's mapping; a value that is a list stands for repeats."""
    fields: list[tuple[str, str]] = []
    for name, value in (headers or {}).items():
        values = value if isinstance(value, list) else [value]
        fields += [(name.lower(), _one_line(one)) for one in values]
    return Headers(tuple(fields))


def addresses_in(*values: str) -> list[str]:
    """The mail addresses in header values, in small letters, each once."""
    found = [address.lower() for _, address in getaddresses(list(values)) if "@" in address]
    return list(dict.fromkeys(found))


def _one_line(value: object) -> str:
    text = str(value)
    if "=?" in text:
        # What cannot be decoded stays as it is written.
        with suppress(HeaderParseError, MessageDefect, LookupError, ValueError):
            text = str(make_header(decode_header(text)))
    return " ".join(text.split())
