"""Connections: pages of what was found, as Shopify gives them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from connectors.sandbox.given import State


def connect(
    found: Sequence[Any],
    page: Mapping[str, Any],
    view: Callable[[Any], State] = lambda entry: entry,
) -> State:
    """A connection: `first` is required and at most 250, `after` is a cursor of ours."""
    first = page.get("first")
    if first is None:
        raise GraphQLError("you must provide one of first or last")
    if not 0 <= first <= 250:
        raise GraphQLError("first must be between 0 and 250")
    start = _read_cursor(page.get("after"))
    shown = list(enumerate(found))[start : start + first]
    edges = [{"cursor": _cursor(n), "node": view(entry)} for n, entry in shown]
    return {
        "nodes": [edge["node"] for edge in edges],
        "edges": edges,
        "pageInfo": {
            "hasNextPage": start + first < len(found),
            "hasPreviousPage": start > 0,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }


def _cursor(n: int) -> str:
    return base64.b64encode(f"entry:{n}".encode()).decode()


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(base64.b64decode(cursor).removeprefix(b"entry:")) + 1
    except (binascii.Error, ValueError):
        raise GraphQLError("Invalid cursor for current pagination sort.") from None
