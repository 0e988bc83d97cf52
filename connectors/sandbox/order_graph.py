"""Customers, orders and returns in Shopify's Admin schema, over a world's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from connectors.sandbox.connections import connect
from connectors.sandbox.given import State
from connectors.sandbox.orders import find_variant, read_number, total
from connectors.sandbox.returns import create_return
from connectors.sandbox.search import Term, holds, words
from connectors.sandbox.worlds import World

Info = GraphQLResolveInfo[Any]

# How old an order is that only `read_all_orders` shows.
RECENT = timedelta(days=60)

VOID = frozenset({"CANCELED", "DECLINED"})


@dataclass(frozen=True)
class Views:
    """What graph.py lends: a variant by product and variant, the location."""

    variant: Callable[[State, State], State]
    location: Callable[[], State]


def build_fields(world: World, views: Views) -> State:
    """The fields at the top that are about orders."""
    shown = Shown(world, views)

    def by_identifier(info: Info, identifier: Mapping[str, Any]) -> State | None:
        shown.require("read_customers", "customerByIdentifier")
        return shown.customer(shown.find_customer(identifier))

    def orders(info: Info, query: str | None = None, **page: Any) -> State:
        shown.require("read_orders", "orders")
        return shown.list_orders(world.state["orders"], query, page)

    def create(info: Info, returnInput: Mapping[str, Any]) -> State:  # noqa: N803  # the schema's name
        shown.require("write_returns", "returnCreate")
        with world.lock:
            answer, order = create_return(world, returnInput)
        made = answer["return"]
        return {**answer, "return": shown.entry(order, made) if order and made else None}

    def by_id(info: Info, id: str) -> State | None:
        shown.require("read_customers", "customer")
        return shown.customer(world.state["customers"].get(id))

    def order(info: Info, id: str) -> State | None:
        return shown.find_order(id)

    return {
        "customer": by_id,
        "customerByIdentifier": by_identifier,
        "order": order,
        "orders": orders,
        "returnCreate": create,
        "find": shown.find_order,
    }


class Shown:
    """Orders as the app of one request may see them."""

    def __init__(self, world: World, views: Views) -> None:
        self._world = world
        self._views = views
        self._scopes: list[str] | None = world.settings["shop"].get("scopes")

    def require(self, scope: str, field: str) -> None:
        """Without `shop.scopes` in the world document the app may do everything."""
        if self._scopes is not None and scope not in self._scopes:
            raise GraphQLError(
                f"Access denied for {field} field. Required access: `{scope}` access scope.",
                extensions={"code": "ACCESS_DENIED", "requiredAccess": f"`{scope}` access scope."},
            )

    def find_customer(self, identifier: Mapping[str, Any]) -> State | None:
        email = str(identifier.get("emailAddress") or "").lower()
        given = {"email": email, "phone": identifier.get("phoneNumber"), "id": identifier.get("id")}
        if sum(bool(value) for value in given.values()) != 1:
            raise GraphQLError("Exactly one identifier is required.")
        for customer in list(self._world.state["customers"].values()):
            known = {**customer, "email": customer["email"].lower()}
            if any(value and known[name] == value for name, value in given.items()):
                return dict(customer)
        return None

    def find_order(self, id: str) -> State | None:
        order = next((o for o in self._world.state["orders"] if o["id"] == id), None)
        if order is None:
            return None
        self.require("read_orders", "order")
        return self.order(order) if self._is_visible(order) else None

    def list_orders(self, orders: list[State], query: str | None, page: Mapping[str, Any]) -> State:
        found = [o for o in orders if self._is_visible(o) and holds(query, self._test(o))]
        found.sort(
            key=lambda o: datetime.fromisoformat(o["placed"]), reverse=bool(page.get("reverse"))
        )
        return connect(found, page, self.order)

    def customer(self, customer: State | None) -> State | None:
        if customer is None:
            return None
        email, phone = customer["email"], customer["phone"]
        name = f"{customer['first_name']} {customer['last_name']}".strip()
        theirs = [o for o in self._world.state["orders"] if o["customer"] == customer["id"]]

        def orders(info: Info, query: str | None = None, **page: Any) -> State:
            self.require("read_orders", "orders")
            return self.list_orders(theirs, query, page)

        return {
            "__typename": "Customer",
            "id": customer["id"],
            "firstName": customer["first_name"] or None,
            "lastName": customer["last_name"] or None,
            "displayName": name or email or phone,
            "numberOfOrders": str(len(theirs)),
            "defaultEmailAddress": {"emailAddress": email} if email else None,
            "defaultPhoneNumber": {"phoneNumber": phone} if phone else None,
            "orders": orders,
        }

    def order(self, order: State) -> State:
        customers, pos = self._world.state["customers"], order["source"] == "pos"
        return {
            "__typename": "Order",
            "id": order["id"],
            "legacyResourceId": order["id"].rpartition("/")[2],
            "name": order["name"],
            "number": read_number(order["name"]),
            "email": order["email"] or None,
            "phone": order["phone"] or None,
            "createdAt": order["placed"],
            "processedAt": order["placed"],
            "updatedAt": order["updated"],
            "cancelledAt": order["cancelled"],
            "sourceName": order["source"],
            "retailLocation": lambda info: self._views.location() if pos else None,
            "displayFinancialStatus": _financial_status(order),
            "displayFulfillmentStatus": _fulfilment_status(order),
            "returnStatus": _return_status(order),
            "totalPriceSet": self._money(str(total(order))),
            "currentTotalPriceSet": self._money(str(total(order, "current"))),
            "customer": lambda info: self.customer(customers.get(order["customer"])),
            "shippingAddress": _address(order, "address"),
            "billingAddress": _address(order, "billing"),
            "lineItems": lambda info, **page: connect(order["lines"], page, self._line),
            "fulfillments": lambda info, first=None: [
                self._parcel(order, n, p) for n, p in enumerate(order["parcels"])
            ][:first],
            "returns": lambda info, reverse=False, query=None, **page: connect(
                order["returns"][:: -1 if reverse else 1], page, lambda r: self.entry(order, r)
            ),
        }

    def entry(self, order: State, made: State) -> State:
        """A return of an order."""
        return {
            "__typename": "Return",
            "id": made["id"],
            "name": made["name"],
            "status": made["status"],
            "createdAt": made["at"],
            "totalQuantity": sum(line["quantity"] for line in made["lines"]),
            "order": lambda info: self.order(order),
            "returnLineItems": lambda info, **page: connect(
                made["lines"], page, lambda line: self._return_line(order, line)
            ),
        }

    def _is_visible(self, order: State) -> bool:
        if self._scopes is None or "read_all_orders" in self._scopes:
            return True
        return self._world.now() - datetime.fromisoformat(order["placed"]) <= RECENT

    def _test(self, order: State) -> Callable[[Term], bool]:
        """A filter of a name that the sandbox does not know is left aside, as Shopify does."""
        customer = self._world.state["customers"].get(order["customer"]) or {}
        filters: dict[str, Callable[[Term], bool]] = {
            "name": lambda t: t.value.lstrip("#").lower() == order["name"].lstrip("#").lower(),
            "email": lambda t: _holds_email(order["email"], t),
            "customer_id": lambda t: (order["customer"] or "").endswith(f"/{t.value}"),
            "id": lambda t: order["id"].endswith(f"/{t.value}"),
            "source_name": lambda t: t.value == order["source"],
            "sku": lambda t: t.value.lower() in {n["sku"].lower() for n in order["lines"]},
            "": lambda t: _holds_word(order, customer, t.value),
        }
        return lambda term: term.field not in filters or filters[term.field](term)

    def _line(self, line: State) -> State:
        found = find_variant(self._world.state, line["sku"])
        price = self._money(line["price"])
        return {
            "__typename": "LineItem",
            "id": line["id"],
            "name": f"{line['title']} - {line['variant_title']}",
            "title": line["title"],
            "variantTitle": line["variant_title"],
            "sku": line["sku"],
            "quantity": line["quantity"],
            "currentQuantity": line["current"],
            "variant": lambda info: self._views.variant(*found) if found else None,
            "originalUnitPriceSet": price,
            "discountedUnitPriceAfterAllDiscountsSet": price,
        }

    def _parcel(self, order: State, n: int, parcel: State) -> State:
        number = parcel["tracking"]
        url = f"https://www.laposte.fr/outils/suivre-vos-envois?code={number}"
        tracking = [{"company": "Colissimo", "number": number, "url": url}] if number else []
        return {
            "__typename": "Fulfillment",
            "id": parcel["id"],
            "name": f"{order['name']}-F{n + 1}",
            "status": "SUCCESS",
            "displayStatus": parcel["display"],
            "createdAt": parcel["at"],
            "deliveredAt": parcel["delivered"],
            "estimatedDeliveryAt": parcel["expected"],
            "trackingInfo": lambda info, first=None: tracking[:first],
            "fulfillmentLineItems": lambda info, **page: connect(
                parcel["lines"], page, lambda part: self._part(order, part)
            ),
        }

    def _part(self, order: State, part: State) -> State:
        line = next(line for line in order["lines"] if line["id"] == part["line"])
        return {"id": part["id"], "quantity": part["quantity"], "lineItem": self._line(line)}

    def _return_line(self, order: State, line: State) -> State:
        parts = (part for parcel in order["parcels"] for part in parcel["lines"])
        part = next(part for part in parts if part["id"] == line["part"])
        return {
            "__typename": "ReturnLineItem",
            "id": line["id"],
            "quantity": line["quantity"],
            "returnReason": line["reason"],
            "returnReasonNote": line["note"],
            "fulfillmentLineItem": self._part(order, part),
        }

    def _money(self, amount: str) -> State:
        currency = self._world.settings["shop"].get("currency", "EUR")
        money = {"amount": amount, "currencyCode": currency}
        return {"shopMoney": money, "presentmentMoney": money}


def _address(order: State, which: str) -> State | None:
    place = order[which]
    if place is None:
        return None
    return {
        "id": f"gid://shopify/MailingAddress/{order['id'].rpartition('/')[2]}?{which}",
        "name": f"{place['first_name']} {place['last_name']}".strip(),
        "firstName": place["first_name"] or None,
        "lastName": place["last_name"] or None,
        "address1": place["street"],
        "address2": None,
        "zip": place["zip"],
        "city": place["city"],
        "countryCodeV2": place["country"],
        "phone": place["phone"] or None,
    }


def _financial_status(order: State) -> str:
    if order["cancelled"]:
        return "REFUNDED"
    left, whole = total(order, "current"), total(order)
    if left == whole:
        return "PAID"
    return "PARTIALLY_REFUNDED" if left else "REFUNDED"


def _fulfilment_status(order: State) -> str:
    if not order["parcels"]:
        return "UNFULFILLED"
    return "FULFILLED"


def _return_status(order: State) -> str:
    statuses = {r["status"] for r in order["returns"]} - VOID
    if statuses & {"OPEN", "REQUESTED"}:
        return "IN_PROGRESS"
    back = not any(line["current"] for line in order["lines"]) and not order["cancelled"]
    return "RETURNED" if back or "CLOSED" in statuses else "NO_RETURN"


def _holds_email(email: str, term: Term) -> bool:
    """A tokenized field: all of it when it is asked in quotes, else any of its words."""
    if term.quoted:
        return email.lower() == term.value.lower()
    return set(words(term.value)) <= set(words(email))


def _holds_word(order: State, customer: Mapping[str, Any], value: str) -> bool:
    """What a word without a field is searched in."""
    places = [p for p in (order["address"], order["billing"], customer) if p]
    whole = {order["email"].lower(), order["phone"], *(p["phone"] for p in places)}
    if value.lower() in whole - {""}:
        return True
    names = " ".join([order["name"], *(f"{p['first_name']} {p['last_name']}" for p in places)])
    asked = words(value)
    return bool(asked) and set(asked) <= set(words(names))
