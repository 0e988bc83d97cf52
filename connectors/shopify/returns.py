"""Returns, as Shopify has them: opened, and found again. `returnCreate` has no idempotency
key, so that what is open for a line is looked for before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.ports import ReturnRequest
from connectors.shopify.client import VENDOR_NAME, ShopifyClient

OPEN = frozenset({"REQUESTED", "OPEN"})

# Shopify's limit of a reason's note, in characters.
LONGEST_NOTE = 255

RETURNS = """query Returns($order: ID!) {
  order(id: $order) {
    returns(first: 20, reverse: true) {
      nodes {
        name
        status
        returnLineItems(first: 20) {
          nodes { ... on ReturnLineItem { fulfillmentLineItem { id } } }
        }
      }
    }
  }
}"""

CREATE = """mutation OpenReturn($input: ReturnInput!) {
  returnCreate(returnInput: $input) {
    return { id name status }
    userErrors { code field message }
  }
}"""


def open_return(client: ShopifyClient, request: ReturnRequest) -> str:
    """The return's name in the shop ("#2901-R1").

    Raises OutcomeUnknown when it may have been opened: asking again finds it then.
    """
    if found := find_return(client, request):
        return found
    line = {
        "fulfillmentLineItemId": request.line_id,
        "quantity": request.quantity,
        # The list of a shop's own reasons is not known; OTHER, which wants a note, and
        # UNKNOWN stand in every one.
        "returnReason": "OTHER" if request.note else "UNKNOWN",
        "returnReasonNote": request.note[:LONGEST_NOTE],
    }
    variables = {"input": {"orderId": request.order_id, "returnLineItems": [line]}}
    asked = {"query": CREATE, "operationName": "OpenReturn", "variables": variables}
    payload = client.ask(asked, changes=True)["returnCreate"]
    if payload is None:
        raise OutcomeUnknown("shopify: no answer to returnCreate", vendor=VENDOR_NAME)
    if payload["return"]:
        return str(payload["return"]["name"])
    codes = [str(e["code"]) for e in payload["userErrors"]]
    # Another of us may have opened it since we looked: its units are no longer returnable.
    if found := find_return(client, request):
        return found
    raise _refusal(codes[0] if codes else "neither a return nor errors")


def find_return(client: ShopifyClient, request: ReturnRequest) -> str | None:
    """The name of the newest return that is open for the line. Raises Refused when there is
    no such order."""
    variables = {"order": request.order_id}
    asked = {"query": RETURNS, "operationName": "Returns", "variables": variables}
    order = client.ask(asked)["order"]
    if order is None:
        raise _refusal("NOT_FOUND")
    for entry in order["returns"]["nodes"]:
        if entry["status"] in OPEN and request.line_id in _lines(entry):
            return str(entry["name"])
    return None


def _lines(entry: Mapping[str, Any]) -> set[str]:
    """A line that Shopify could not verify has no fulfilment's line."""
    nodes = entry["returnLineItems"]["nodes"]
    return {node["fulfillmentLineItem"]["id"] for node in nodes if node}


def _refusal(code: str) -> Exception:
    kind = Unavailable if code in {"INTERNAL_ERROR", "CREATION_FAILED"} else Refused
    return kind(f"shopify: {code}", vendor=VENDOR_NAME, code=code)
