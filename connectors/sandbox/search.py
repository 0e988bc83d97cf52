"""Shopify's search syntax: `field:value` filters and words, AND, OR, NOT, brackets, quotes.

https://shopify.dev/docs/api/usage/search-syntax
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

TOKEN = re.compile(r"""[()]|-?(?:\w+:)?(?:"[^"]*"|'[^']*'|[^\s()"']+)""")


@dataclass(frozen=True)
class Term:
    """One thing asked. `field` is empty for a word; `quoted` asks for exactly that."""

    field: str
    value: str
    quoted: bool


Test = Callable[[Term], bool]


def holds(query: str | None, test: Test) -> bool:
    """Whether the query is true where `test` tells each of its terms. No query is true."""
    tokens = TOKEN.findall(query or "")
    return _Reader(tokens, test).read_any() if tokens else True


def words(text: str) -> list[str]:
    """Its words, small, without accents."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return re.findall(r"\w+", "".join(c for c in plain if not unicodedata.combining(c)))


class _Reader:
    """Terms that stand side by side are joined by AND. Every part is read, true or not."""

    def __init__(self, tokens: list[str], test: Test) -> None:
        self._tokens = list(reversed(tokens))
        self._test = test

    def read_any(self) -> bool:
        found = self._read_all()
        while self._take("OR"):
            other = self._read_all()
            found = found or other
        return found

    def _read_all(self) -> bool:
        found = self._read_one()
        while self._tokens and self._tokens[-1] not in {"OR", ")"}:
            self._take("AND")
            other = self._read_one()
            found = found and other
        return found

    def _read_one(self) -> bool:
        if self._take("NOT"):
            return not self._read_one()
        if self._take("("):
            found = self.read_any()
            self._take(")")
            return found
        if not self._tokens:
            return True
        token = self._tokens.pop()
        told = self._test(_read_term(token.removeprefix("-")))
        return not told if token.startswith("-") else told

    def _take(self, token: str) -> bool:
        taken = bool(self._tokens) and self._tokens[-1] == token
        if taken:
            self._tokens.pop()
        return taken


def _read_term(token: str) -> Term:
    field, colon, value = token.partition(":")
    if not colon or token[0] in "\"'":
        field, value = "", token
    return Term(field, value.strip("\"'"), value[:1] in {'"', "'"})
