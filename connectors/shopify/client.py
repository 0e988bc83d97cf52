"""The Admin GraphQL API over HTTP: tokens, throttling, errors.

ShopifyAPI gives the shop's host and the API's path. Its own `GraphQL.execute` is not
used: it waits for ever, and prints the bodies of errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from shopify import Session

from connectors.config import setting
from connectors.errors import BadConfig, ConnectorError, OutcomeUnknown, Refused, Unavailable
from connectors.ports import Budget
from connectors.shopify.tokens import GrantedToken, PermanentToken
from connectors.transport import never_left, parse_seconds, settle_environment

VENDOR_NAME = "shopify"
VERSION = "2026-10"

# How long one request may wait in all for the shop's quota to refill, in seconds.
LONGEST_THROTTLE = 5.0
FIRST_COST = 10.0  # points, of an operation that was never asked


@dataclass(frozen=True)
class Config:
    shop: str = setting("Nom de la boutique : elegance-paris, ou elegance-paris.myshopify.com")
    access_token: str = setting(
        "Jeton permanent (shpat_…) d'une application créée avant 2026", secret=True, default=""
    )
    client_id: str = setting("Identifiant de l'application (Dev Dashboard)", default="")
    client_secret: str = setting("Secret de l'application", secret=True, default="")
    location_id: str = setting(
        "Point de vente : gid://shopify/Location/… ; vide, le premier qui est actif", default=""
    )
    name_and_number: str = setting(
        "true : le nom de famille et le numéro suffisent à montrer une commande", default="false"
    )
    base_url: str = setting("Adresse de la boutique", default="https://{shop}.myshopify.com")
    timeout: str = setting("Attente maximale d'une réponse, en secondes", default="10")


class ShopifyClient:
    """Asks one shop. `budget` is what all who ask this shop share of its points; `sleep` and
    `now` (monotonic) are there for tests."""

    def __init__(
        self,
        config: Config,
        *,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = budget
        self._costs: dict[str, float] = {}  # of an operation, as the shop said last
        self._timeout = parse_seconds(config.timeout)
        session = Session(config.shop, VERSION)
        if not session.url:
            raise BadConfig("shop: expected the shop's name")
        name = session.url.removesuffix(".myshopify.com")
        site = config.base_url.rstrip("/").replace("{shop}", name)
        self._url = session.api_version.api_path(site) + "/graphql.json"
        self._token = _open_token(config, site, self._timeout, now)
        self._http = requests.Session()
        for scheme in ("http://", "https://"):
            self._http.mount(scheme, HTTPAdapter(pool_maxsize=16))
        settle_environment(self._http, self._url)
        self._sleep = sleep

    def ask(self, request: Mapping[str, Any], *, changes: bool = False) -> dict[str, Any]:
        """The `data` of the answer to a GraphQL request (query, operationName, variables).

        Waits up to LONGEST_THROTTLE when the shop says that its quota is used up. Raises
        Unavailable and Refused; OutcomeUnknown when `changes` (a mutation) and the
        request left without an answer that tells what became of it.
        """
        waited = 0.0
        while True:
            wait = self._wait_for_turn(request)
            if not wait:
                answer = self._post(request, changes)
                self._learn(request, answer)
                errors = answer.get("errors")
                if not errors:
                    return dict(answer["data"])
                if "THROTTLED" not in _codes(errors):
                    raise _refusal(_codes(errors), changes)
                wait = _refill_time(answer)
            if waited + wait > LONGEST_THROTTLE:
                raise _error(Unavailable, "THROTTLED", retry_after=wait)
            self._sleep(wait)
            waited += wait

    def _wait_for_turn(self, request: Mapping[str, Any]) -> float:
        """Seconds until the shop has the points left; 0 when they are taken now."""
        if self._budget is None:
            return 0.0
        return self._budget.take(self._costs.get(str(request.get("operationName")), FIRST_COST))

    def _learn(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """What the shop says of its points is the truth for all."""
        cost = (answer.get("extensions") or {}).get("cost") or {}
        status = cost.get("throttleStatus") or {}
        if cost.get("requestedQueryCost"):
            name = str(request.get("operationName"))
            self._costs[name] = float(cost["requestedQueryCost"])
        if self._budget is not None and status:
            self._budget.learn(
                most=float(status["maximumAvailable"]),
                left=float(status["currentlyAvailable"]),
                rate=float(status["restoreRate"]),
            )

    def _post(self, request: Mapping[str, Any], changes: bool) -> dict[str, Any]:
        token = self._token.current()
        response = self._send(request, token, changes)
        if response.status_code == 401 and (other := self._token.renew(token)):
            response = self._send(request, other, changes)
        return _read(response, changes)

    def _send(self, request: Mapping[str, Any], token: str, changes: bool) -> requests.Response:
        try:
            return self._http.post(
                self._url,
                json=request,
                headers={"X-Shopify-Access-Token": token, "Accept": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            lost = changes and not never_left(error)
            kind = OutcomeUnknown if lost else Unavailable
            raise _error(kind, type(error).__name__) from None


def _open_token(
    config: Config, site: str, timeout: float, now: Callable[[], float]
) -> PermanentToken | GrantedToken:
    if config.access_token:
        return PermanentToken(config.access_token)
    if not (config.client_id and config.client_secret):
        raise BadConfig("access_token: missing, and no client_id with client_secret either")
    url = f"{site}/admin/oauth/access_token"
    return GrantedToken(url, config.client_id, config.client_secret, timeout, now)


def _read(response: requests.Response, changes: bool) -> dict[str, Any]:
    status = response.status_code
    lost = OutcomeUnknown if changes else Unavailable
    if status == 429:
        raise _error(Unavailable, "429", retry_after=_retry_after(response))
    if status >= 500:
        raise _error(lost, str(status), retry_after=_retry_after(response))
    if status != 200:
        raise _error(Refused, str(status))
    try:
        answer = response.json()
    except ValueError:
        raise _error(lost, "not JSON") from None
    if not isinstance(answer, dict) or not (answer.get("errors") or answer.get("data")):
        raise _error(lost, "neither data nor errors")
    return answer


def _error(kind: type[ConnectorError], code: str, **more: Any) -> ConnectorError:
    return kind(f"shopify: {code}", vendor=VENDOR_NAME, code=code, **more)


def _codes(errors: Any) -> list[str]:
    """The `extensions.code` of GraphQL errors; "GRAPHQL" for one that has none."""
    if not isinstance(errors, list):
        return ["GRAPHQL"]
    return [str((e.get("extensions") or {}).get("code") or "GRAPHQL") for e in errors]


def _refusal(codes: list[str], changes: bool) -> ConnectorError:
    if "INTERNAL_SERVER_ERROR" in codes:
        return _error(OutcomeUnknown if changes else Unavailable, "INTERNAL_SERVER_ERROR")
    return _error(Refused, codes[0])


def _refill_time(answer: Mapping[str, Any]) -> float:
    """Seconds until the shop's bucket holds what the request costs."""
    cost = (answer.get("extensions") or {}).get("cost") or {}
    status = cost.get("throttleStatus") or {}
    missing = float(cost.get("requestedQueryCost", 0)) - float(status.get("currentlyAvailable", 0))
    return max(missing, 1.0) / max(float(status.get("restoreRate", 50.0)), 1.0)


def _retry_after(response: requests.Response) -> float | None:
    try:
        return float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
