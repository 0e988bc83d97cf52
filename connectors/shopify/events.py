"""The shop's webhooks: who sent them, under which id they are stored once, what they say.

https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.channels import Receipt, SignedRequest
from connectors.errors import BadConfig, BadSignature, UnknownEvent
from connectors.phones import as_e164
from connectors.ports import Money, Order, OrderLine, Sale, StoreEvent
from connectors.shopify.claims import EMAIL, read_number
from connectors.shopify.client import Config
from connectors.shopify.order_nodes import find_named_size

# Of an order's financial_status: something of it was given back
GIVEN_BACK = frozenset({"refunded", "partially_refunded", "voided"})


class ShopifyEvents:
    """Webhooks of one shop, signed with the application's secret. Asks nothing outside."""

    def __init__(self, config: Config) -> None:
        if not config.client_secret:
            raise BadConfig("client_secret: missing, webhooks are signed with it")
        self._secret = config.client_secret.encode()

    def verify(self, request: SignedRequest) -> Receipt:
        """Named by X-Shopify-Webhook-Id, which a delivery keeps when it is sent again.

        Raises BadSignature, and UnknownEvent when topic or id is missing.
        """
        headers = {name.lower(): value for name, value in request.headers.items()}
        given = headers.get("x-shopify-hmac-sha256", "")
        digest = hmac.new(self._secret, request.body, hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(digest), given.encode()):
            raise BadSignature("shopify: the signature is not that of the body")
        if not (read_topic(headers) and headers.get("x-shopify-webhook-id")):
            raise UnknownEvent("shopify: no topic or no id")
        return Receipt(provider_id=headers["x-shopify-webhook-id"], kind="event")

    def read(self, request: SignedRequest) -> list[StoreEvent]:
        """One event. Raises UnknownEvent for a body that is not what its topic has."""
        topic = read_topic(request.headers)
        try:
            return [_read_event(topic, json.loads(request.body))]
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise UnknownEvent(f"shopify: {topic}: {type(error).__name__}") from error


def read_topic(headers: Mapping[str, str]) -> str:
    """What happened: `orders/create`."""
    return {name.lower(): value for name, value in headers.items()}.get("x-shopify-topic", "")


def _read_event(topic: str, body: Mapping[str, Any]) -> StoreEvent:
    match topic:
        case "orders/create":
            sale = _read_sale(body)
            return StoreEvent("sale", topic, sale.order.id, sale)
        case "orders/cancelled":
            return StoreEvent("cancelled", topic, _order_id(body["id"]))
        case "refunds/create":
            return StoreEvent("returned", topic, _order_id(body["order_id"]))
        case "orders/updated" | "orders/edited" if body.get("cancelled_at"):
            return StoreEvent("cancelled", topic, _order_id(body["id"]))
        case "orders/updated" if body.get("financial_status") in GIVEN_BACK:
            return StoreEvent("returned", topic, _order_id(body["id"]))
        case "inventory_levels/update":
            return StoreEvent("stock", topic)
    return StoreEvent("other", topic)


def _order_id(number: int) -> str:
    return f"gid://shopify/Order/{int(number)}"


def _read_sale(body: Mapping[str, Any]) -> Sale:
    customer, bill = body.get("customer") or {}, body.get("billing_address") or {}
    # The shipping address may be that of whom it is a present for
    country = bill.get("country_code") or "FR"
    phones = [as_e164(who.get("phone") or "", country) for who in (body, customer, bill)]
    emails = [body.get("email"), body.get("contact_email"), customer.get("email")]
    lowered = [str(email or "").strip().lower() for email in emails]
    return Sale(
        order=_read_order(body),
        phones=tuple(dict.fromkeys(filter(None, phones))),
        emails=tuple(dict.fromkeys(e for e in lowered if EMAIL.fullmatch(e))),
        first_name=str(customer.get("first_name") or bill.get("first_name") or ""),
        last_name=str(customer.get("last_name") or bill.get("last_name") or ""),
        language=str(body.get("customer_locale") or "").partition("-")[0].lower(),
    )


def _read_order(body: Mapping[str, Any]) -> Order:
    currency = str(body["currency"])
    in_shop = body.get("source_name") == "pos" and not body.get("shipping_address")
    placed = body.get("processed_at") or body["created_at"]
    return Order(
        id=_order_id(body["id"]),
        number=read_number(str(body["name"])),
        placed_at=_aware(placed),
        state="bought_in_shop" if in_shop else "placed",
        lines=tuple(_read_lines(body.get("line_items") or [], currency)),
        total=Money(Decimal(str(body["total_price"])), currency),
    )


def _aware(text: str) -> datetime:
    """Raises ValueError for a time without a zone, which Shopify never sends."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at


def _read_lines(items: list[Mapping[str, Any]], currency: str) -> Iterator[OrderLine]:
    for item in items:
        units, unit = int(item["quantity"]), Decimal(str(item["price"]))
        taken_off = item.get("discount_allocations") or []
        off = sum((Decimal(str(d["amount"])) for d in taken_off), Decimal())
        if units < 1:
            continue
        yield OrderLine(
            sku=(item.get("sku") or "").strip(),
            title=str(item["title"]),
            quantity=units,
            size=find_named_size(item.get("variant_title"), item.get("sku")),
            price=Money(unit - off / units, currency),
        )
