"""A Shopify shop as an OrderSystem and a ReturnSystem."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.errors import BadConfig
from connectors.ports import Budget, Order, Proof, ReturnRequest
from connectors.shopify import returns
from connectors.shopify.claims import (
    is_theirs,
    list_identities,
    read_number,
    usable,
    write_query,
    write_variables,
)
from connectors.shopify.client import Config, ShopifyClient
from connectors.shopify.order_nodes import READ, read_order

# How many orders one search gives: names are not unique for ever, and words find more.
FOUND = 5

# Of an order that is asked for, this many articles and parcels are read (about 400 of the
# 1000 points that one query may cost); of each one in a list fewer.
WHOLE = {"lines": 30, "parcels": 4}
SHORT = {"lines": 8, "parcels": 3}

# How many orders of a list are read in one request.
BATCH = 5
MOST_LISTED = 20

YES = frozenset({"true", "yes", "oui", "1"})
NO = frozenset({"false", "no", "non", "0", ""})


class ShopifyOrders:
    """One shop. Implements connectors.ports.OrderSystem and ReturnSystem.

    Every look-up is two requests, whoever asks and whatever is found: who they are and the
    number stand in the first one's query, the second reads what was found to be theirs,
    which may be nothing. An empty proof asks nothing.
    """

    def __init__(
        self,
        config: Config,
        *,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = ShopifyClient(config, budget=budget, sleep=sleep, now=now)
        self._name_and_number = _read_switch(config.name_and_number)

    def find_order(self, number: str, proof: Proof) -> Order | None:
        """Of orders of one name the newest. Without `read_all_orders` those older than 60
        days are not there."""
        asked = read_number(number)
        theirs = usable(proof, name_and_number=self._name_and_number)
        if not asked or theirs == Proof():
            return None
        claims = self._search(asked, theirs, FOUND)
        named = [c for c in claims if read_number(c["name"]).casefold() == asked.casefold()]
        orders = self._read([c["id"] for c in named[:1]], WHOLE)
        return orders[0] if orders else None

    def list_orders(self, proof: Proof, limit: int = 5) -> list[Order]:
        """A family name lists nothing. Of each order the first eight articles."""
        theirs = usable(proof, name_and_number=False)
        if theirs == Proof() or limit < 1:
            return []
        claims = self._search("", theirs, min(limit, MOST_LISTED))
        ids = [c["id"] for c in claims[: min(limit, MOST_LISTED)]]
        batches = [ids[n : n + BATCH] for n in range(0, len(ids), BATCH)] or [[]]
        return [order for batch in batches for order in self._read(batch, SHORT)]

    def open_return(self, request: ReturnRequest) -> str:
        """Its name in the shop ("#2901-R1"). See connectors.shopify.returns."""
        return returns.open_return(self._client, request)

    def _search(self, number: str, proof: Proof, first: int) -> list[Mapping[str, Any]]:
        """What is theirs of what the search gives, each once, the newest first."""
        query = write_query(len(list_identities(proof)))
        data = self._ask(query, "FindOrders", write_variables(number, proof, first))
        found = list(data.pop("guests")["nodes"])
        for customer in data.values():
            found += customer["orders"]["nodes"] if customer else []
        theirs = {c["id"]: c for c in found if is_theirs(c, proof, by_name=bool(number))}
        return sorted(theirs.values(), key=lambda c: str(c["processedAt"]), reverse=True)

    def _read(self, ids: Sequence[str], size: Mapping[str, int]) -> list[Order]:
        """Asked also when there is nothing to read: an order that is another's must not be
        answered faster or slower than one that does not exist."""
        data = self._ask(READ, "ReadOrders", {"ids": list(ids), **size})
        return [read_order(node) for node in data["nodes"] if node]

    def _ask(self, query: str, operation: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        request = {"query": query, "operationName": operation, "variables": variables}
        return self._client.ask(request)


def _read_switch(text: str) -> bool:
    known = text.strip().lower()
    if known not in YES | NO:
        raise BadConfig(f"name_and_number: {text!r} is neither true nor false")
    return known in YES
