"""The shop's webhooks: who sent them, and under which id they are stored once.

https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from connectors.errors import BadConfig, BadSignature, UnknownEvent
from connectors.ports import Receipt, SignedRequest
from connectors.shopify.client import Config


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


def read_topic(headers: Mapping[str, str]) -> str:
    """What happened: `orders/create`."""
    return {name.lower(): value for name, value in headers.items()}.get("x-shopify-topic", "")
