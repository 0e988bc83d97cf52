"""A Shopify shop as an InventorySystem."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connectors.errors import NeedsNewKey, OutcomeUnknown, Refused, Stale, Unavailable
from connectors.ports import Budget, Move, Product, Stock, Variant
from connectors.shopify.catalogue import (
    MORE_VARIANTS,
    PAGE,
    PRODUCTS,
    read_product,
    search_words,
)
from connectors.shopify.client import VENDOR_NAME, Config, ShopifyClient

LOCATIONS = "query Locations { locations(first: 1) { nodes { id } } }"

STOCK = """query Stock($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    ... on InventoryItem {
      id
      inventoryLevel(locationId: $location) {
        quantities(names: ["available", "reserved", "committed", "on_hand"]) { name quantity }
      }
    }
  }
}"""

MOVE = """mutation Move($input: InventoryMoveQuantitiesInput!, $key: String!) {
  inventoryMoveQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup {
      id
      reason
      referenceDocumentUri
      changes { name delta ledgerDocumentUri quantityAfterChange }
    }
    userErrors { code field message }
  }
}"""

# A `nodes` query may ask for 250; this many keeps its cost under the 1000 points of one.
STOCK_BATCH = 100

# Waits between tries when the first request with a key is still running, in seconds.
CONCURRENT_WAITS = (0.2, 0.5, 1.0)

REASONS = {"hold": "reservation_created", "release": "reservation_deleted"}


class ShopifyInventory:
    """One shop. Implements connectors.ports.InventorySystem."""

    def __init__(
        self,
        config: Config,
        *,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = ShopifyClient(config, budget=budget, sleep=sleep, now=now)
        self._sleep = sleep
        given = config.location_id
        self._location = f"gid://shopify/Location/{given}" if given.isdigit() else given
        self._location_lock = threading.Lock()

    def list_products(self) -> list[Product]:
        return list(self._each_product("status:active"))

    def search_products(self, words: str, limit: int = 10) -> list[Product]:
        """Every word must be in the title, type, tags, vendor or a SKU."""
        found = []
        for product in self._each_product(search_words(words), page=min(limit, PAGE)):
            found.append(product)
            if len(found) == limit:
                break
        return found

    def read_stock(self, variants: Sequence[Variant]) -> dict[str, Stock]:
        """An article that the shop does not stock at the location has 0; one that the shop
        has deleted is left out."""
        stock = {}
        for start in range(0, len(variants), STOCK_BATCH):
            batch = variants[start : start + STOCK_BATCH]
            stock.update(self._read_batch(batch))
        return stock

    def prepare_move(self, move: Move) -> dict[str, Any]:
        """Both sides name `changeFromQuantity` (null: do not compare), which Shopify wants;
        only the reserved side has a ledger document, which is ours."""
        document = f"gid://coccinelle/Reservation/{quote(move.reference, safe='')}"
        location = self._find_location()
        available = {
            "locationId": location,
            "name": "available",
            "changeFromQuantity": move.expected_available,
        }
        reserved = {
            "locationId": location,
            "name": "reserved",
            "changeFromQuantity": None,
            "ledgerDocumentUri": document,
        }
        holds = move.kind == "hold"
        change = {
            "inventoryItemId": move.ref,
            "quantity": move.quantity,
            "from": available if holds else reserved,
            "to": reserved if holds else available,
        }
        variables = {
            "input": {
                "reason": REASONS[move.kind],
                "referenceDocumentUri": document,
                "changes": [change],
            }
        }
        return {"query": MOVE, "operationName": "Move", "variables": variables}

    def send_move(self, request: Mapping[str, Any], key: str) -> dict[str, Any]:
        """The answer is Shopify's inventoryAdjustmentGroup."""
        keyed = {**request, "variables": {**request["variables"], "key": key}}
        for wait in (*CONCURRENT_WAITS, None):
            payload = self._client.ask(keyed, changes=True)["inventoryMoveQuantities"]
            codes = [str(e["code"]) for e in payload["userErrors"]]
            if "IDEMPOTENCY_CONCURRENT_REQUEST" not in codes:
                break
            if wait is None:
                raise OutcomeUnknown(
                    "shopify: the first request with this key is still running",
                    vendor=VENDOR_NAME,
                    code="IDEMPOTENCY_CONCURRENT_REQUEST",
                )
            self._sleep(wait)
        if codes:
            raise _refusal(codes[0])
        return dict(payload["inventoryAdjustmentGroup"])

    def _each_product(self, search: str, page: int = PAGE) -> Iterator[Product]:
        after = None
        while True:
            data = self._ask(PRODUCTS, "Products", first=page, after=after, search=search)
            currency = data["shop"]["currencyCode"]
            for node in data["products"]["nodes"]:
                self._fetch_variants(node)
                yield read_product(node, currency)
            if not data["products"]["pageInfo"]["hasNextPage"]:
                return
            after = data["products"]["pageInfo"]["endCursor"]

    def _fetch_variants(self, node: dict[str, Any]) -> None:
        """The variants beyond the first page of them are added to `node`."""
        info = node["variants"]["pageInfo"]
        while info["hasNextPage"]:
            data = self._ask(MORE_VARIANTS, "MoreVariants", id=node["id"], after=info["endCursor"])
            if data["product"] is None:  # deleted meanwhile
                return
            more = data["product"]["variants"]
            node["variants"]["nodes"].extend(more["nodes"])
            info = more["pageInfo"]

    def _read_batch(self, variants: Sequence[Variant]) -> dict[str, Stock]:
        location = self._find_location()
        data = self._ask(STOCK, "Stock", ids=[v.ref for v in variants], location=location)
        stock = {}
        for variant, node in zip(variants, data["nodes"], strict=True):
            if not node:
                continue
            level = node["inventoryLevel"] or {"quantities": []}
            quantities = {q["name"]: q["quantity"] for q in level["quantities"]}
            stock[variant.sku] = Stock(
                sku=variant.sku,
                available=quantities.get("available", 0),
                reserved=quantities.get("reserved", 0),
                committed=quantities.get("committed", 0),
                on_hand=quantities.get("on_hand", 0),
            )
        return stock

    def _find_location(self) -> str:
        """The connection's location, or the shop's first active one, asked once."""
        with self._location_lock:
            if not self._location:
                nodes = self._ask(LOCATIONS, "Locations")["locations"]["nodes"]
                if not nodes:
                    raise Refused("shopify: the shop has no active location", vendor=VENDOR_NAME)
                self._location = str(nodes[0]["id"])
            return self._location

    def _ask(self, query: str, operation: str, **variables: Any) -> dict[str, Any]:
        request = {"query": query, "operationName": operation, "variables": variables}
        return self._client.ask(request)


def _refusal(code: str) -> Exception:
    text = f"shopify: {code}"
    if code == "CHANGE_FROM_QUANTITY_STALE":
        return Stale(text, vendor=VENDOR_NAME, code=code)
    if code == "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED":
        return NeedsNewKey(text, vendor=VENDOR_NAME, code=code)
    if code == "SERVICE_UNAVAILABLE":
        # Nothing was done; if the key is spent on it, the next try with it says so.
        return Unavailable(text, vendor=VENDOR_NAME, code=code)
    return Refused(text, vendor=VENDOR_NAME, code=code)
