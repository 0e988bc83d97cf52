"""returnCreate: Shopify's rules, applied to a world's orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.given import State, iso_now
from connectors.sandbox.orders import new_id
from connectors.sandbox.worlds import World

LONGEST_NOTE = 255
GONE = frozenset({"CANCELED", "DECLINED"})

MESSAGES = {
    "NOT_FOUND": "Order not found.",
    "BLANK": "Return line items can't be blank",
    "INVALID": "Return line item has an invalid fulfillment line item.",
    "GREATER_THAN": "Return line item has an invalid quantity.",
    "TOO_LONG": "Return reason note is too long (maximum is 255 characters)",
}


class ReturnError(Exception):
    """A userError. `path` is below `returnInput`."""

    def __init__(self, code: str, *path: str) -> None:
        super().__init__(code)
        self.code = code
        self.path = path


def create_return(world: World, given: Mapping[str, Any]) -> tuple[State, State | None]:
    """The payload, its `return` as state, and the order. Called under the lock."""
    order = next((o for o in world.state["orders"] if o["id"] == given["orderId"]), None)
    try:
        if order is None:
            raise ReturnError("NOT_FOUND", "orderId")
        lines = _check_lines(order, given["returnLineItems"])
    except ReturnError as error:
        field = ["returnInput", *error.path]
        told = {"code": error.code, "field": field, "message": MESSAGES[error.code]}
        return {"return": None, "userErrors": [told]}, order
    made = {
        "id": new_id(world.state, "Return"),
        "name": f"{order['name']}-R{len(order['returns']) + 1}",
        "status": "OPEN",
        "at": iso_now(),
        "lines": [{"id": new_id(world.state, "ReturnLineItem"), **line} for line in lines],
    }
    order["returns"].append(made)
    order["updated"] = made["at"]
    world.touch()
    return {"return": made, "userErrors": []}, order


def _check_lines(order: State, asked: list[Mapping[str, Any]]) -> list[State]:
    """Raises ReturnError."""
    if not asked:
        raise ReturnError("BLANK", "returnLineItems")
    lines: list[State] = []
    for n, line in enumerate(asked):
        at = ("returnLineItems", str(n))
        part, note = line["fulfillmentLineItemId"], line.get("returnReasonNote") or ""
        returnable = _count_returnable(order, part)
        if returnable is None:
            raise ReturnError("INVALID", *at, "fulfillmentLineItemId")
        if not 0 < line["quantity"] <= returnable:
            raise ReturnError("GREATER_THAN", *at, "quantity")
        reason = line.get("returnReason") or "UNKNOWN"
        if reason == "OTHER" and not note:
            raise ReturnError("BLANK", *at, "returnReasonNote")
        if len(note) > LONGEST_NOTE:
            raise ReturnError("TOO_LONG", *at, "returnReasonNote")
        lines.append({"part": part, "quantity": line["quantity"], "reason": reason, "note": note})
    return lines


def _count_returnable(order: State, part_id: str) -> int | None:
    """Units of a parcel's line that are neither refunded nor in a return; None when the
    order has no such line."""
    parts = (part for parcel in order["parcels"] for part in parcel["lines"])
    part = next((p for p in parts if p["id"] == part_id), None)
    if part is None:
        return None
    line = next(line for line in order["lines"] if line["id"] == part["line"])
    returns = (r for r in order["returns"] if r["status"] not in GONE)
    asked = sum(one["quantity"] for r in returns for one in r["lines"] if one["part"] == part_id)
    return int(min(part["quantity"], line["current"]) - asked)
