"""inventoryMoveQuantities: Shopify's rules, applied to a world's stock."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from graphql import GraphQLError

from connectors.sandbox.documents import LOCATION_ID, State, iso_now, quantities
from connectors.sandbox.failures import Failure, pause_if_slow
from connectors.sandbox.worlds import World

# https://shopify.dev/docs/apps/build/orders-fulfillment/inventory-management-apps
REASONS = frozenset(
    {"correction", "cycle_count_available", "damaged", "movement_created", "movement_updated"}
    | {"movement_received", "movement_canceled", "other", "promotion", "quality_control"}
    | {"received", "reservation_created", "reservation_deleted", "reservation_updated"}
    | {"restock", "safety_stock", "shrinkage"}
)
# The quantities that the sandbox keeps and that may be moved.
NAMES = frozenset({"available", "reserved"})
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//)?[^\s/].*")
MOST = 2_000_000_000

# How many answers are remembered by their keys.
KEYS_LENGTH = 20_000

MESSAGES = {
    "CHANGE_FROM_QUANTITY_STALE": "The changeFromQuantity argument no longer matches the "
    "persisted quantity.",
    "DIFFERENT_LOCATIONS": "The quantities can't be moved between different locations.",
    "IDEMPOTENCY_CONCURRENT_REQUEST": "This request is currently in progress, please try again.",
    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH": "The same idempotency key cannot be used with "
    "different operation parameters.",
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED": "A previous request with this idempotency key failed. "
    "Retry with a new idempotency key.",
    "INTERNAL_LEDGER_DOCUMENT": "Internal (gid://shopify/) ledger documents are not allowed to "
    "be adjusted via API.",
    "INVALID_AVAILABLE_DOCUMENT": "A ledger document URI is not allowed when adjusting available.",
    "INVALID_INVENTORY_ITEM": "The specified inventory item could not be found.",
    "INVALID_LEDGER_DOCUMENT": "The specified ledger document is invalid.",
    "INVALID_LOCATION": "The specified location could not be found.",
    "INVALID_QUANTITY_DOCUMENT": "A ledger document URI is required except when adjusting "
    "available.",
    "INVALID_QUANTITY_NAME": "The specified quantity name is invalid.",
    "INVALID_QUANTITY_NEGATIVE": "The quantity can't be negative.",
    "INVALID_QUANTITY_TOO_HIGH": "The quantity can't be higher than 2,000,000,000.",
    "INVALID_REASON": "The specified reason is invalid.",
    "INVALID_REFERENCE_DOCUMENT": "The specified reference document is invalid.",
    "MAXIMUM_LEDGER_DOCUMENT_URIS": "Only a maximum of 2 ledger document URIs across all changes "
    "is allowed.",
    "SAME_QUANTITY_NAME": "The quantity names for each change can't be the same.",
}


class AttemptFailed(Exception):
    """The failure that was ordered: the attempt breaks off and its key is spent."""


class MoveError(Exception):
    """A userError. `path` is below `input`."""

    def __init__(self, code: str, *path: str) -> None:
        super().__init__(code)
        self.code = code
        self.path = path


def move_quantities(
    world: World, key: str | None, given: Mapping[str, Any], failure: Failure | None
) -> State:
    """The payload of the mutation, done at most once under its key.

    Raises GraphQLError for what Shopify refuses before the mutation runs, AttemptFailed
    when that was ordered.
    """
    if key is None or not key.strip():
        raise GraphQLError(
            "The @idempotent directive is required for this mutation but was not provided.",
            extensions={"code": "BAD_REQUEST"},
        )
    _check_arguments(given)
    fingerprint = json.dumps(given, sort_keys=True)
    with world.lock:
        if key in world.running_keys:
            return _failed("IDEMPOTENCY_CONCURRENT_REQUEST")
        if (known := world.state["idempotency"].get(key)) is not None:
            return _repeat(known, fingerprint)
        world.running_keys.add(key)
    try:
        pause_if_slow(failure)
        with world.lock:
            broken = failure is not None and failure.mode == "failed_attempt"
            answer = None if broken else _run(world, given, key)
            _remember(world, key, {"params": fingerprint, "answer": answer})
    finally:
        world.running_keys.discard(key)
    if answer is None:
        raise AttemptFailed
    return answer


def _check_arguments(given: Mapping[str, Any]) -> None:
    """`changeFromQuantity` may be null but must be there (since 2026-04)."""
    for change in given["changes"]:
        for side in ("from", "to"):
            if "changeFromQuantity" not in change[side]:
                raise GraphQLError(
                    "InventoryMoveQuantityTerminalInput must include the following argument: "
                    "changeFromQuantity",
                    extensions={"code": "INVALID_FIELD_ARGUMENTS"},
                )


def _repeat(known: State, fingerprint: str) -> State:
    if known["params"] != fingerprint:
        return _failed("IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
    if known["answer"] is None:
        return _failed("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED")
    answer: State = known["answer"]
    return answer


def _remember(world: World, key: str, entry: State) -> None:
    keys = world.state["idempotency"]
    keys[key] = entry
    while len(keys) > KEYS_LENGTH:
        del keys[next(iter(keys))]
    world.touch()


def _run(world: World, given: Mapping[str, Any], key: str) -> State:
    try:
        _check_documents(given)
        planned = [_check_change(world, n, c) for n, c in enumerate(given["changes"])]
    except MoveError as error:
        return _failed(error.code, *error.path)
    at = iso_now()
    changes = [entry for sku, c in planned for entry in _apply(world, sku, c, at)]
    group = {
        "id": f"gid://shopify/InventoryAdjustmentGroup/{uuid4().int % 10**12}",
        "createdAt": at,
        "reason": given["reason"],
        "referenceDocumentUri": given["referenceDocumentUri"],
        "changes": changes,
    }
    for change in changes:
        of_group = {k: group[k] for k in ("reason", "referenceDocumentUri")}
        world.log("inventory_changes", {"at": at, **of_group, "key": key, **change})
    return {"inventoryAdjustmentGroup": group, "userErrors": []}


def _check_documents(given: Mapping[str, Any]) -> None:
    if given["reason"] not in REASONS:
        raise MoveError("INVALID_REASON", "reason")
    if not URI.fullmatch(given["referenceDocumentUri"]):
        raise MoveError("INVALID_REFERENCE_DOCUMENT", "referenceDocumentUri")
    sides = [c[side] for c in given["changes"] for side in ("from", "to")]
    if len({side.get("ledgerDocumentUri") for side in sides} - {None}) > 2:
        raise MoveError("MAXIMUM_LEDGER_DOCUMENT_URIS", "changes")


def _check_change(world: World, n: int, change: Mapping[str, Any]) -> tuple[str, State]:
    """The SKU and the change. Raises MoveError."""
    at = ("changes", str(n))
    sku = next(
        (
            v["sku"]
            for p in world.state["products"]
            for v in p["variants"]
            if v["item"] == change["inventoryItemId"]
        ),
        None,
    )
    if sku is None:
        raise MoveError("INVALID_INVENTORY_ITEM", *at, "inventoryItemId")
    if change["quantity"] < 0:
        raise MoveError("INVALID_QUANTITY_NEGATIVE", *at, "quantity")
    if change["quantity"] > MOST:
        raise MoveError("INVALID_QUANTITY_TOO_HIGH", *at, "quantity")
    if change["from"]["locationId"] != change["to"]["locationId"]:
        raise MoveError("DIFFERENT_LOCATIONS", *at)
    if change["from"]["name"] == change["to"]["name"]:
        raise MoveError("SAME_QUANTITY_NAME", *at)
    stock = world.state["stock"][sku]
    for side in ("from", "to"):
        _check_side(stock, change[side], *at, side)
    ledger = change["from"].get("ledgerDocumentUri")
    if ledger and stock["reserved"].get(ledger, 0) < change["quantity"]:
        raise MoveError("INVALID_QUANTITY_NEGATIVE", *at, "quantity")
    return sku, dict(change)


def _check_side(stock: State, side: Mapping[str, Any], *at: str) -> None:
    name, ledger = side["name"], side.get("ledgerDocumentUri")
    if side["locationId"] != LOCATION_ID:
        raise MoveError("INVALID_LOCATION", *at, "locationId")
    if name not in NAMES:
        raise MoveError("INVALID_QUANTITY_NAME", *at, "name")
    if name == "available" and ledger is not None:
        raise MoveError("INVALID_AVAILABLE_DOCUMENT", *at, "ledgerDocumentUri")
    if name != "available":
        if ledger is None:
            raise MoveError("INVALID_QUANTITY_DOCUMENT", *at, "ledgerDocumentUri")
        if ledger.startswith("gid://shopify/"):
            raise MoveError("INTERNAL_LEDGER_DOCUMENT", *at, "ledgerDocumentUri")
        if not URI.fullmatch(ledger):
            raise MoveError("INVALID_LEDGER_DOCUMENT", *at, "ledgerDocumentUri")
    expected = side["changeFromQuantity"]
    if expected is not None and expected != quantities(stock)[name]:
        raise MoveError("CHANGE_FROM_QUANTITY_STALE", *at, "changeFromQuantity")


def _apply(world: World, sku: str, change: State, at: str) -> list[State]:
    stock = world.state["stock"][sku]
    entries = []
    for side, sign in (("from", -1), ("to", 1)):
        name, ledger = change[side]["name"], change[side].get("ledgerDocumentUri")
        delta = sign * change["quantity"]
        if name == "available":
            stock["available"] += delta
        else:
            left = stock["reserved"].get(ledger, 0) + delta
            stock["reserved"][ledger] = left
            if left == 0:
                del stock["reserved"][ledger]
        entries.append(
            {
                "sku": sku,
                "name": name,
                "delta": delta,
                "quantityAfterChange": quantities(stock)[name],
                "ledgerDocumentUri": ledger,
            }
        )
    stock["updated_at"] = at
    return entries


def _failed(code: str, *path: str) -> State:
    error = {"code": code, "field": ["input", *path] if path else None, "message": MESSAGES[code]}
    return {"inventoryAdjustmentGroup": None, "userErrors": [error]}
