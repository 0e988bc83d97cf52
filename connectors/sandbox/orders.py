"""A shop's customers and orders, as state.

A customer: `{first_name, last_name, email, phone, street, zip, city, country}`. An order:

```
{"name": "#3050", "email" or "phone": whose, "placed": when (now), "source": "web" or "pos",
 "state": paid | preparing | shipped | delivered | collected | cancelled | returned,
 "lines": [{"sku", "quantity", "returned": units refunded since}],
 "tracking": "8R…", "delivered": when, "expected": when,
 "guest": true (bought without an account), "address": {a customer's keys}}
```

Whoever ordered and is not known becomes a customer, as at the shop's checkout. A day stands
for nine in the morning. Orders told in a document have left the stock as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from connectors.sandbox.given import PARIS, BadDocument, State, check_keys, read_instant

CUSTOMER_KEYS = frozenset(
    {"first_name", "last_name", "email", "phone", "street", "zip", "city", "country"}
)
ORDER_KEYS = frozenset(
    {"name", "placed", "email", "phone", "guest", "source", "state", "lines"}
    | {"tracking", "delivered", "expected", "address"}
)
LINE_KEYS = frozenset({"sku", "quantity", "returned"})

# displayStatus of the parcel, by the order's state; orders not named here have none.
PARCELS = {
    "preparing": "LABEL_PURCHASED",
    "shipped": "IN_TRANSIT",
    "delivered": "DELIVERED",
    "collected": "FULFILLED",
    "returned": "DELIVERED",
}
STATES = frozenset({"paid", "cancelled", *PARCELS})

FIRST_ID = 6_000_000_000_000
FIRST_NUMBER = 1001
MORNING = time(9, tzinfo=PARIS)


def new_id(state: State, kind: str) -> str:
    state["last_id"] = state.get("last_id", FIRST_ID) + 1
    return f"gid://shopify/{kind}/{state['last_id']}"


def add_customer(state: State, document: Mapping[str, Any]) -> State:
    """Raises BadDocument."""
    check_keys("customer", document, CUSTOMER_KEYS)
    given = {key: str(document.get(key) or "") for key in CUSTOMER_KEYS}
    customer: State = {"id": new_id(state, "Customer"), **given}
    state["customers"][customer["id"]] = customer
    return customer


def find_customer(state: State, *, email: str = "", phone: str = "") -> State | None:
    for customer in state["customers"].values():
        if email and customer["email"].lower() == email.lower():
            return dict(customer)
        if phone and customer["phone"] == phone:
            return dict(customer)
    return None


def find_order(state: State, name: str) -> State | None:
    wanted = name.strip().removeprefix("#").lower()
    orders: list[State] = state["orders"]
    return next((o for o in orders if o["name"].removeprefix("#").lower() == wanted), None)


def add_order(state: State, document: Mapping[str, Any], now: str) -> State:
    """Raises BadDocument, and then changes nothing."""
    check_keys("order", document, ORDER_KEYS)
    status, lines = _check_order(state, document)
    customer = _find_buyer(state, document)
    placed = _read_time("placed", document.get("placed")) or now
    pos = document.get("source") == "pos" or status == "collected"
    place = {**(customer or {}), **(document.get("address") or {})}
    address = None if pos or not place.get("street") else _build_address(place)
    order: State = {
        "id": new_id(state, "Order"),
        "name": str(document.get("name") or _next_name(state)),
        "placed": placed,
        "updated": placed,
        "email": str(document.get("email") or (customer or {}).get("email") or ""),
        "phone": str(document.get("phone") or ""),
        "customer": customer["id"] if customer else None,
        "source": "pos" if pos else str(document.get("source") or "web"),
        "cancelled": placed if status == "cancelled" else None,
        "address": address,
        "billing": _build_address(place) if place.get("street") else None,
        "lines": [_build_line(state, line, status) for line in lines],
        "parcels": [],
        "returns": [],
    }
    if status in PARCELS:
        order["parcels"] = [_build_parcel(state, order, document, status)]
    state["orders"].append(order)
    return order


def find_variant(state: State, sku: str) -> tuple[State, State] | None:
    """The product and its variant of that SKU."""
    pairs = ((p, v) for p in state["products"] for v in p["variants"])
    return next((pair for pair in pairs if pair[1]["sku"] == sku), None)


def total(order: State, units: str = "quantity") -> Decimal:
    """What the order's units cost; of `current`, what is left of them."""
    return sum((Decimal(line["price"]) * line[units] for line in order["lines"]), Decimal(0))


def fulfil(state: State, order: State, at: str, display: str = "FULFILLED") -> State:
    """Everything goes in one parcel, or is handed over the counter."""
    parcel: State = {
        "id": new_id(state, "Fulfillment"),
        "display": display,
        "at": at,
        "delivered": None,
        "expected": None,
        "tracking": "",
        "lines": [
            {
                "id": new_id(state, "FulfillmentLineItem"),
                "line": line["id"],
                "quantity": line["quantity"],
            }
            for line in order["lines"]
        ],
    }
    order["parcels"].append(parcel)
    return parcel


def _check_order(state: State, document: Mapping[str, Any]) -> tuple[str, list[State]]:
    status = str(document.get("state") or "paid")
    if status not in STATES:
        raise BadDocument(f"order: state is one of {', '.join(sorted(STATES))}")
    if not (document.get("email") or document.get("phone") or document.get("source") == "pos"):
        raise BadDocument("order: email or phone is missing")
    if find_order(state, str(document.get("name") or "")):
        raise BadDocument(f"order: {document['name']} is there twice")
    check_keys("address", document.get("address") or {}, CUSTOMER_KEYS)
    lines = [dict(line) for line in document.get("lines") or []]
    for line in lines:
        check_keys("line", line, LINE_KEYS)
        if find_variant(state, str(line.get("sku"))) is None:
            raise BadDocument(f"order: unknown SKU {line.get('sku')}")
    for name in ("placed", "delivered", "expected"):
        _read_time(name, document.get(name))
    return status, lines


def _find_buyer(state: State, document: Mapping[str, Any]) -> State | None:
    email, phone = str(document.get("email") or ""), str(document.get("phone") or "")
    if document.get("guest") or not (email or phone):
        return None
    known = find_customer(state, email=email, phone=phone)
    if known:
        return known
    address = {k: v for k, v in (document.get("address") or {}).items() if v}
    return add_customer(state, {**address, "email": email, "phone": phone})


def _next_name(state: State) -> str:
    numbers = [read_number(o["name"]) for o in state["orders"]]
    return f"#{max([FIRST_NUMBER - 1, *numbers]) + 1}"


def read_number(name: str) -> int:
    """The digits of an order's name."""
    return int("".join(filter(str.isdigit, name)) or 0)


def _build_line(state: State, document: Mapping[str, Any], status: str) -> State:
    found = find_variant(state, str(document["sku"]))
    assert found is not None
    product, variant = found
    quantity = int(document.get("quantity") or 1)
    gone = quantity if status in {"cancelled", "returned"} else int(document.get("returned") or 0)
    return {
        "id": new_id(state, "LineItem"),
        "sku": variant["sku"],
        "title": product["title"],
        "variant_title": " / ".join(o["value"] for o in variant["options"]),
        "price": variant["price"],
        "quantity": quantity,
        "current": max(quantity - gone, 0),
    }


def _build_parcel(state: State, order: State, document: Mapping[str, Any], status: str) -> State:
    parcel = fulfil(state, order, order["placed"], PARCELS[status])
    parcel["tracking"] = str(document.get("tracking") or "")
    parcel["delivered"] = _read_time("delivered", document.get("delivered"))
    parcel["expected"] = _read_time("expected", document.get("expected"))
    return parcel


def _build_address(place: Mapping[str, Any]) -> State:
    return {
        key: str(place.get(key) or ("FR" if key == "country" else ""))
        for key in CUSTOMER_KEYS - {"email"}
    }


def _read_time(name: str, value: Any) -> str | None:
    if not value:
        return None
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        return read_instant(name, value)
    return datetime.combine(day, MORNING).isoformat()
