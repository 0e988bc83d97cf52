"""Shopify over HTTP: the token endpoint, the GraphQL endpoint, the quota."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, request

from connectors.sandbox.cost import actual_cost, requested_cost
from connectors.sandbox.failures import Failure, pause_if_slow, play
from connectors.sandbox.graph import Asked, read_request, run_request
from connectors.sandbox.moves import AttemptFailed
from connectors.sandbox.web import answer_json, open_world
from connectors.sandbox.worlds import World

bp = Blueprint("shopify", __name__, url_prefix="/<name>/shopify/admin")

VERSIONS = frozenset({"2026-04", "2026-07", "2026-10"})

# What one query may cost; what a Standard plan's bucket holds and gets back each second.
LARGEST_COST = 1000
MAXIMUM, RESTORE = 2000.0, 100.0

TOKEN_SECONDS = 86_399

# What the app of a world may do that has no `shop.scopes`: everything that is played here.
SCOPES = (
    *("read_products", "read_inventory", "write_inventory", "read_locations"),
    *("read_customers", "read_orders", "read_all_orders", "read_returns", "write_returns"),
)


@bp.post("/oauth/access_token")
def grant_token(name: str) -> Response:
    world = open_world(name)
    refusals = {
        "down": lambda: answer_json({"errors": "Service Unavailable"}, 503),
        "throttled": _too_many,
        "unauthorized": _unknown_client,
    }
    return play(world, "shopify", "token", lambda failure: _grant(world, failure), refusals)


@bp.post("/api/<version>/graphql.json")
def answer_query(name: str, version: str) -> Response:
    world = open_world(name)
    if version not in VERSIONS:
        return answer_json({"errors": "Not Found"}, 404)
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return answer_json({"errors": {"query": "Required parameter missing or invalid"}}, 400)
    asked = read_request(body["query"], body.get("operationName"))
    variables = body.get("variables") or {}
    field = asked.field if isinstance(asked, Asked) else "invalid"
    refusals = {
        "down": lambda: answer_json({"errors": "Service Unavailable"}, 503),
        "unauthorized": _unauthorized,
        "throttled": lambda: _throttle(asked, variables),
    }
    return play(world, "shopify", field, lambda f: _answer(world, asked, variables, f), refusals)


def _grant(world: World, failure: Failure | None) -> Response:
    pause_if_slow(failure)
    shop = world.settings["shop"]
    given = request.get_json(silent=True) or request.form
    known = shop.get("client_id") and shop.get("client_secret")
    if (
        not known
        or given.get("grant_type") != "client_credentials"
        or given.get("client_id") != shop["client_id"]
        or not hmac.compare_digest(str(given.get("client_secret")), shop["client_secret"])
    ):
        return _unknown_client()
    seconds = int(shop.get("token_seconds", TOKEN_SECONDS))
    token = f"shpat_{uuid4().hex}"
    with world.lock:
        world.state["tokens"][token] = time.time() + seconds
        world.touch()
    scope = ",".join(shop.get("scopes", SCOPES))
    return answer_json({"access_token": token, "scope": scope, "expires_in": seconds})


def _answer(
    world: World,
    asked: Asked | tuple[Any, ...],
    variables: Mapping[str, Any],
    failure: Failure | None,
) -> Response:
    if not _knows_token(world, request.headers.get("X-Shopify-Access-Token", "")):
        return _unauthorized()
    if not isinstance(asked, Asked):
        return answer_json({"errors": [e.formatted for e in asked]})
    if not asked.changes:
        pause_if_slow(failure)
    cost = requested_cost(asked, variables)
    if cost > LARGEST_COST:
        return _refuse_cost(cost)
    left = _take_points(world, cost)
    if left is None:
        return _throttle(asked, variables, world)
    result = run_request(world, asked, variables, failure)
    for error in result.errors or []:
        if isinstance(error.original_error, AttemptFailed):
            return answer_json({"errors": "Internal Server Error"}, 500)
    spent = actual_cost(asked, result.data) if result.data else 0
    _give_back(world, cost - spent)
    return answer_json({**result.formatted, **_extensions(world, cost, spent, left + cost - spent)})


def _knows_token(world: World, token: str) -> bool:
    permanent = world.settings["shop"].get("access_token") or ""
    if permanent and hmac.compare_digest(token.encode(), permanent.encode()):
        return True
    return bool(world.state["tokens"].get(token, 0) > time.time())


# --- the quota ---------------------------------------------------------------------------


def _rate(world: World | None) -> tuple[float, float]:
    """What the bucket holds and what flows in each second."""
    rate = (world.settings["shop"].get("rate") if world else None) or {}
    return float(rate.get("maximum", MAXIMUM)), float(rate.get("restore", RESTORE))


def _take_points(world: World, cost: int) -> float | None:
    """What is left after taking `cost`; None when there is less. Without `shop.rate` in
    the world document the bucket is always full."""
    maximum, restore = _rate(world)
    if not world.settings["shop"].get("rate"):
        return maximum - cost
    with world.lock:
        level, at = world.bucket or (maximum, time.monotonic())
        now = time.monotonic()
        level = min(maximum, level + (now - at) * restore)
        enough = level >= cost
        world.bucket = (level - cost if enough else level, now)
        return world.bucket[0] if enough else None


def _give_back(world: World, points: int) -> None:
    with world.lock:
        if world.bucket:
            level, at = world.bucket
            world.bucket = (level + points, at)


def _extensions(world: World | None, cost: int, spent: int | None, left: float) -> dict[str, Any]:
    maximum, restore = _rate(world)
    status = {
        "maximumAvailable": maximum,
        "currentlyAvailable": max(int(min(left, maximum)), 0),
        "restoreRate": restore,
    }
    return {
        "extensions": {
            "cost": {
                "requestedQueryCost": cost,
                "actualQueryCost": spent,
                "throttleStatus": status,
            }
        }
    }


# --- refusals ----------------------------------------------------------------------------


def _throttle(
    asked: Asked | tuple[Any, ...], variables: Mapping[str, Any], world: World | None = None
) -> Response:
    """Without `world` it was ordered: half a second's points are missing."""
    cost = requested_cost(asked, variables) if isinstance(asked, Asked) else 1
    left = world.bucket[0] if world and world.bucket else cost - RESTORE / 2
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    return answer_json({"errors": [error], **_extensions(world, cost, None, left)})


def _too_many() -> Response:
    return answer_json({"errors": "Too Many Requests"}, 429, {"Retry-After": "2"})


def _refuse_cost(cost: int) -> Response:
    message = f"Query cost is {cost}, which exceeds the single query max cost limit {LARGEST_COST}."
    extensions = {"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": LARGEST_COST}
    return answer_json({"errors": [{"message": message, "extensions": extensions}]})


def _unauthorized() -> Response:
    text = "[API] Invalid API key or access token (unrecognized login or wrong password)"
    return answer_json({"errors": text}, 401)


def _unknown_client() -> Response:
    return answer_json({"error": "invalid_client", "error_description": "unknown client"}, 401)
