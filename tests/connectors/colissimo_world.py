"""La Poste played by the sandbox behind a real port; what its tracking answers is compared
with the contract after each test, where the contract is at hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import vendor_contracts
import yaml
from flask import Flask, Response, request
from openapi_core import Config as CoreConfig
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from vendor_contracts import Exchange

from connectors.colissimo import ColissimoLabels, ColissimoTracking
from connectors.colissimo.client import Config
from connectors.sandbox.client import SandboxWorld

OKAPI_KEY = "okapi-key-of-elegance"
CONTRACT, PASSWORD, API_KEY = "819364", "box-password", "sls-api-key"
SECRETS = (OKAPI_KEY, PASSWORD, API_KEY)

PARCEL = "8R00012345678"
MONDAY = datetime(2025, 1, 13, 9, 15, tzinfo=UTC)

CONTRACT_FILE = vendor_contracts.SPECS / "laposte" / "suivi-v2.derived.yaml"
PREFIX = "/suivi/v2"


def make_document() -> dict[str, Any]:
    parcel = {"number": PARCEL, "status": "in_transit", "at": "2025-01-13T09:00:00+01:00"}
    return {
        "colissimo": {
            "okapi_key": OKAPI_KEY,
            "contract_number": CONTRACT,
            "password": PASSWORD,
            "api_key": API_KEY,
            "parcels": [parcel | {"expected": "2025-01-17T12:00:00+01:00"}],
        }
    }


class LaPoste(SandboxWorld):
    """A world with one parcel in it, and the connections of a shop."""

    now = MONDAY

    def tracking(self, **settings: str) -> ColissimoTracking:
        return ColissimoTracking(self.config(**settings), now=lambda: self.now)

    def labelling(self, **settings: str) -> ColissimoLabels:
        return ColissimoLabels(self.config(**settings))

    def config(self, **settings: str) -> Config:
        url = self.vendor_url("colissimo")
        values = {"okapi_key": OKAPI_KEY, "contract_number": CONTRACT, "password": PASSWORD}
        return Config(**{**values, "base_url": url, "labels_url": url, **settings})


class Tape:
    """What was said to La Poste's tracking, in order."""

    def __init__(self, app: Flask) -> None:
        self.exchanges: list[Exchange] = []
        app.after_request(self.record)

    def record(self, response: Response) -> Response:
        _, found, path = request.path.partition("/colissimo")
        if found and path.startswith(PREFIX):
            self.exchanges.append(
                Exchange(
                    vendor="laposte",
                    method=request.method,
                    url=f"{path}?{request.query_string.decode()}",
                    headers=dict(request.headers),
                    body=b"",
                    content_type="",
                    status=response.status_code,
                    answer=response.get_data(),
                    by_hand="X-By-Hand" in request.headers,
                )
            )
        return response


@cache
def load_contract() -> OpenAPI:
    spec = yaml.safe_load(CONTRACT_FILE.read_text("utf-8"))
    return OpenAPI.from_dict(spec, config=CoreConfig(spec_validator_cls=None))


def check(exchange: Exchange) -> None:
    """Raises AssertionError, or the contract's own error, where either side is outside."""
    spec, parts = load_contract(), urlsplit(exchange.url)
    if not exchange.by_hand:
        assert exchange.headers["Accept"] == "application/json"
        asked = MockRequest(
            "https://api.laposte.fr",
            exchange.method.lower(),
            parts.path,
            args=parse_qs(parts.query),
            headers=exchange.headers,
        )
        spec.validate_request(asked)
    contract = spec.spec.read_value()
    if exchange.status >= 500:
        return  # the contract has none of these
    answers = contract["paths"]["/idships/{idship}"]["get"]["responses"]
    assert str(exchange.status) in answers
    value = json.loads(exchange.answer)
    assert isinstance(value, list) == (exchange.status == 207)
    for each in value if isinstance(value, list) else [value]:
        # By name, for an Ok is a Ko too: the contract's oneOf would take neither
        name = "Ok" if "shipment" in each else "Ko" if "returnCode" in each else "Gateway"
        schema = {"$ref": f"#/components/schemas/{name}", "components": contract["components"]}
        OAS30Validator(schema, format_checker=oas30_format_checker).validate(each)
        vendor_contracts.check_known_fields(each, schema, spec)


class Stranger:
    """Answers whatever it is told, as La Poste may and the sandbox does not."""

    def __init__(self) -> None:
        self.app = Flask("stranger")
        self.app.add_url_rule("/<path:path>", view_func=self.answer, methods=["GET", "POST"])
        self.asked: list[str] = []
        self.url = ""
        self.told = Response(status=204)

    def tell(self, body: Any, status: int = 200, content_type: str = "application/json") -> None:
        """`body`: bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.told = Response(content, status, content_type=content_type)

    def answer(self, path: str) -> Response:
        self.asked.append(path)
        return Response(
            self.told.get_data(), self.told.status_code, content_type=self.told.content_type
        )
