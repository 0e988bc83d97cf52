"""How a Shopify order is one of ours.

| ours | Shopify's |
| --- | --- |
| cancelled | cancelledAt |
| returned | nothing of it is left: every unit was refunded or removed |
| bought_in_shop | sourceName "pos", and nothing to send |
| delivered | all of it was sent, and every parcel is there (or was collected) |
| shipped | at least one parcel left |
| preparing | a parcel is being made, or displayFulfillmentStatus says so |
| placed | else |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.phones import as_e164
from connectors.ports import Money, Order, OrderLine, OrderState, PostalAddress
from connectors.shopify.catalogue import find_size
from connectors.shopify.claims import read_number

# The last part of a SKU or of a deleted variant's title, when it is a size: 38, M, XXL.
SIZE = re.compile(r"\d{2}|X{0,4}[SL]|[2-9]XL|M", re.IGNORECASE)

PREPARING = frozenset({"IN_PROGRESS", "PENDING_FULFILLMENT", "PARTIALLY_FULFILLED", "SCHEDULED"})
VOID = frozenset({"CANCELLED", "ERROR", "FAILURE"})
NOT_SENT = frozenset({"CONFIRMED", "LABEL_PRINTED", "LABEL_PURCHASED", "LABEL_VOIDED", "SUBMITTED"})
ARRIVED = frozenset({"DELIVERED", "PICKED_UP"})

READ = """query ReadOrders($ids: [ID!]!, $lines: Int!, $parcels: Int!) {
  nodes(ids: $ids) { ... on Order { ...OrderFields } }
}
fragment OrderFields on Order {
  id
  name
  processedAt
  email
  sourceName
  cancelledAt
  displayFulfillmentStatus
  currentTotalPriceSet { shopMoney { amount currencyCode } }
  shippingAddress { name address1 address2 zip city countryCodeV2 phone }
  lineItems(first: $lines) {
    nodes {
      id
      sku
      title
      variantTitle
      currentQuantity
      discountedUnitPriceAfterAllDiscountsSet { shopMoney { amount currencyCode } }
      variant { selectedOptions { name value } }
    }
  }
  fulfillments(first: $parcels) {
    status
    displayStatus
    deliveredAt
    trackingInfo(first: 3) { number }
    fulfillmentLineItems(first: $lines) { nodes { id quantity lineItem { id } } }
  }
}"""


def read_order(node: Mapping[str, Any]) -> Order:
    """An order from `READ`."""
    parcels = [f for f in node["fulfillments"] if f["status"] not in VOID]
    state = _read_state(node, parcels)
    numbers = (info["number"] for f in parcels for info in f["trackingInfo"] if info["number"])
    return Order(
        id=node["id"],
        number=read_number(node["name"]),
        placed_at=datetime.fromisoformat(node["processedAt"]),
        state=state,
        lines=tuple(_read_lines(node["lineItems"]["nodes"], parcels)),
        total=_read_money(node["currentTotalPriceSet"]),
        tracking_numbers=tuple(dict.fromkeys(numbers)),
        delivered_at=_last_delivery(parcels) if state == "delivered" else None,
        address=_read_address(node["shippingAddress"], node["email"] or ""),
    )


def _read_state(node: Mapping[str, Any], parcels: Sequence[Mapping[str, Any]]) -> OrderState:
    lines = node["lineItems"]["nodes"]
    if node["cancelledAt"]:
        return "cancelled"
    if lines and not any(line["currentQuantity"] for line in lines):
        return "returned"
    if node["sourceName"] == "pos" and node["shippingAddress"] is None:
        return "bought_in_shop"
    sent = [f for f in parcels if f["displayStatus"] not in NOT_SENT]
    whole = node["displayFulfillmentStatus"] == "FULFILLED" and len(sent) == len(parcels)
    if sent and whole and all(_arrived(f) for f in sent):
        return "delivered"
    if sent:
        return "shipped"
    busy = parcels or node["displayFulfillmentStatus"] in PREPARING
    return "preparing" if busy else "placed"


def _arrived(parcel: Mapping[str, Any]) -> bool:
    return bool(parcel["deliveredAt"]) or parcel["displayStatus"] in ARRIVED


def _last_delivery(parcels: Sequence[Mapping[str, Any]]) -> datetime | None:
    """None when the carrier did not tell Shopify the time of every parcel."""
    told = [datetime.fromisoformat(f["deliveredAt"]) for f in parcels if f["deliveredAt"]]
    return max(told) if told and len(told) == len(parcels) else None


def _read_lines(
    items: Sequence[Mapping[str, Any]], parcels: Sequence[Mapping[str, Any]]
) -> Iterator[OrderLine]:
    """Units sent in two parcels are two lines: each is returned under an id of its own.
    Articles of which nothing is left are told only when nothing is left of any."""
    left = any(item["currentQuantity"] for item in items)
    for item in items:
        parts = list(_divide(item, parcels))
        for part, quantity in parts if left else [("", 0)]:
            yield OrderLine(
                sku=(item["sku"] or "").strip(),
                title=item["title"],
                quantity=quantity,
                size=_find_size(item),
                price=_read_money(item["discountedUnitPriceAfterAllDiscountsSet"]),
                id=part,
            )


def _divide(
    item: Mapping[str, Any], parcels: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, int]]:
    """The units that are left, by the parcel's line in which they went; "" for the others."""
    left = int(item["currentQuantity"])
    for parcel in parcels:
        for part in parcel["fulfillmentLineItems"]["nodes"]:
            if part["lineItem"]["id"] == item["id"] and left:
                units = min(left, int(part["quantity"] or 0))
                left -= units
                yield part["id"], units
    if left:
        yield "", left


def _find_size(item: Mapping[str, Any]) -> str | None:
    """From the article's options; from its names when it is deleted."""
    if item["variant"]:
        return find_size(item["variant"]["selectedOptions"])
    return find_named_size(item["variantTitle"], item["sku"])


def find_named_size(variant_title: str | None, sku: str | None) -> str | None:
    """« 38 / Bleu » or RF-2847-38: the part that is a size."""
    parts = [p.strip() for p in (variant_title or "").split("/")]
    parts.append((sku or "").strip().rpartition("-")[2])
    return next((p for p in parts if SIZE.fullmatch(p)), None)


def _read_money(bag: Mapping[str, Any]) -> Money:
    money = bag["shopMoney"]
    return Money(Decimal(money["amount"]), money["currencyCode"])


def _read_address(place: Mapping[str, Any] | None, email: str) -> PostalAddress | None:
    if place is None:
        return None
    country = place["countryCodeV2"] or "FR"
    return PostalAddress(
        name=place["name"] or "",
        street=", ".join(line for line in (place["address1"], place["address2"]) if line),
        postal_code=place["zip"] or "",
        city=place["city"] or "",
        country=country,
        phone=as_e164(place["phone"] or "", country),
        email=email,
    )
