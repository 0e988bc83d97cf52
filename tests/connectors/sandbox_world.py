"""The sandbox behind a real port, a small Élégance Paris in it, and a door for webhooks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from vendor_contracts import Exchange
from werkzeug.serving import make_server

from connectors.config import build_config
from connectors.registry import load_vendor
from connectors.sandbox.client import SandboxWorld

ACCOUNT = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "julie-knows-nothing"
SHOP_NUMBER = "+33939035761"
JULIE = "+33645789012"

SHOP_MAIL = "bonjour@elegance-paris.fr"
JULIE_MAIL = "julie.mercier@gmail.com"
RESEND_KEY = "re_elegance_1"
WEBHOOK_SECRET = "whsec_" + "anVsaWUta25vd3Mtbm90aGluZy1hdC1hbGw="

OPENAI_KEY = "sk-elegance-1"

VENDORS = ("twilio", "shopify", "hubspot", "resend", "openai")


def make_document() -> dict[str, Any]:
    """A small Élégance Paris."""
    dress = [("36", 1), ("38", 2), ("40", 3), ("42", 1)]
    return {
        "shop": {
            "location": "24 Rue de Rivoli",
            "access_token": "shpat_permanent",
            "client_id": "app-1",
            "client_secret": "app-secret",
            "products": [
                {
                    "reference": "RF-2847",
                    "title": "Robe Fleurie Bleue",
                    "category": "robes",
                    "color": "bleu",
                    "material": "viscose",
                    "care": "30 °C",
                    "goes_with": ["BL-445", "BO-019"],
                    "price": "89.00",
                    "image": "https://cdn.example/rf-2847.jpg",
                    "variants": [
                        {"sku": f"RF-2847-{size}", "size": size, "available": n}
                        for size, n in dress
                    ],
                },
                {
                    "reference": "RB-118",
                    "title": "Robe Bordeaux",
                    "category": "robes",
                    "color": "bordeaux",
                    "price": "95.00",
                    "variants": [
                        {"sku": "RB-118-38", "size": "38", "available": 1},
                        {"sku": "RB-118-40", "size": "40", "available": 1, "committed": 2},
                    ],
                },
                {
                    "reference": "BO-019",
                    "title": "Boucles d'Oreilles Dorées",
                    "category": "accessoires",
                    "color": "doré",
                    "price": "19.00",
                    "variants": [{"sku": "BO-019", "available": 12}],
                },
            ],
        },
        "crm": {
            "access_token": "pat-eu1-key",
            "contacts": [
                {
                    "firstname": "Julie",
                    "lastname": "Mercier",
                    "phone": "06 45 78 90 12",
                    "email": "julie.mercier@gmail.com",
                    "customer_segment": "VIP",
                    "total_orders": "8",
                    "total_spent": "720.00",
                    "usual_size": "38",
                    "preferred_channel": "sms",
                    "hs_language": "fr",
                    "marketing_consents": "sms;email",
                },
                {"firstname": "Emma", "lastname": "Rousseau", "mobilephone": "+33612457896"},
                {"firstname": "Léa", "phone": "+33 6 45 78 11 22", "email": "lea.martin@gmail.com"},
            ],
        },
        "twilio": {"account_sid": ACCOUNT, "auth_token": AUTH_TOKEN},
        "mail": {"api_key": RESEND_KEY, "webhook_secret": WEBHOOK_SECRET, "retries": []},
        "ai": {"api_key": OPENAI_KEY, "models": ["gpt-sandbox", "gpt-spare", "embed-sandbox"]},
    }


SETTINGS: dict[str, dict[str, str]] = {
    "twilio": {"account_sid": ACCOUNT, "auth_token": AUTH_TOKEN},
    "shopify": {"shop": "elegance-paris", "access_token": "shpat_permanent"},
    "hubspot": {"access_token": "pat-eu1-key"},
    "resend": {"api_key": RESEND_KEY, "webhook_secret": WEBHOOK_SECRET},
    "openai": {"api_key": OPENAI_KEY, "embedding_model": "embed-sandbox"},
}
PORTS = {
    "twilio": "channel",
    "shopify": "inventory",
    "hubspot": "customers",
    "resend": "channel",
    "openai": "model",
}


class Server:
    """An app behind a real port, in threads."""

    def __init__(self, app: Flask) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Tape:
    """What was said to the vendors, in order."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def attach(self, app: Flask) -> None:
        app.before_request(self.read_body)
        app.after_request(self.record)

    def read_body(self) -> None:
        request.get_data()

    def record(self, response: Response) -> Response:
        _, _, path = request.path.lstrip("/").partition("/")
        vendor, _, rest = path.partition("/")
        control = vendor == "twilio" and not rest.startswith(("2010-04-01", "v1/"))
        control |= vendor == "resend" and not rest.startswith("emails")
        if vendor in VENDORS and not control:
            query = request.query_string.decode()
            exchange = Exchange(
                vendor=vendor,
                method=request.method,
                url=f"/{rest}?{query}",
                headers=dict(request.headers),
                body=request.get_data(),
                content_type=request.content_type or "",
                status=response.status_code,
                answer=response.get_data(),
                by_hand="X-By-Hand" in request.headers,
            )
            self.exchanges.append(exchange)
        return response


class World(SandboxWorld):
    """A world of its own, and its connections."""

    def connect(self, vendor: str, port: str = "", **settings: str) -> Any:
        """Its adapter for `port`; without one, that of PORTS."""
        found = load_vendor(vendor)
        url = self.vendor_url(vendor) + ("/v1" if vendor == "openai" else "")
        values = {**SETTINGS[vendor], "base_url": url, **settings}
        return found.ports[port or PORTS[vendor]](build_config(found.config, values))

    def change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Replace the world by one whose document was edited."""
        document = make_document()
        edit(document)
        self.replace(document)

    def stock(self, sku: str) -> dict[str, int]:
        found: dict[str, int] = self.state()["stock"][sku]
        return found


class Door:
    """A webhook door that keeps what it was sent and answers what it is told."""

    def __init__(self) -> None:
        self.app = Flask("door")
        self.app.add_url_rule("/<path:path>", view_func=self.answer, methods=["POST"])
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        self.url = ""

    def answer(self, path: str) -> Response:
        self.received.append((request.url, dict(request.headers), request.get_data()))
        return Response(status=self.status)


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
