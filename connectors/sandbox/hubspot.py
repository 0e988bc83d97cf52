"""HubSpot's contacts, v3."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import phonenumbers
from flask import Blueprint, Response, request

from connectors.sandbox.documents import State, iso_now
from connectors.sandbox.failures import Failure, pause_if_slow, play
from connectors.sandbox.web import answer_json, open_world
from connectors.sandbox.worlds import World

bp = Blueprint("hubspot", __name__, url_prefix="/<name>/hubspot/crm/v3/objects/contacts")

REQUIRED = ("after", "filterGroups", "limit", "properties", "sorts")

# https://developers.hubspot.com/docs/api/crm/search
MOST_RESULTS, MOST_GROUPS, MOST_FILTERS = 200, 5, 6

NAMES = ("email", "firstname", "lastname")
DEFAULT_PROPERTIES = ("createdate", "hs_object_id", "lastmodifieddate", *NAMES)


@bp.post("/search")
def search_contacts(name: str) -> Response:
    return play_call(open_world(name), "contacts.search", _search)


@bp.post("")
def create_contact(name: str) -> Response:
    return play_call(open_world(name), "contacts.create", _create)


@bp.get("/<id>")
def read_contact(name: str, id: str) -> Response:
    return play_call(open_world(name), "contacts.get", lambda world: _get(world, id))


@bp.patch("/<id>")
def update_contact(name: str, id: str) -> Response:
    return play_call(open_world(name), "contacts.update", lambda world: _update(world, id))


def play_call(world: World, operation: str, act: Callable[[World], Response]) -> Response:
    def run(failure: Failure | None) -> Response:
        pause_if_slow(failure)
        return act(world) if _knows_token(world) else _unauthorized()

    refusals = {"down": _down, "throttled": _throttled, "unauthorized": _unauthorized}
    return play(world, "hubspot", operation, run, refusals)


def _knows_token(world: World) -> bool:
    expected = f"Bearer {world.settings['crm'].get('access_token') or ''}"
    given = request.headers.get("Authorization", "")
    return len(expected) > 7 and hmac.compare_digest(given.encode(), expected.encode())


# --- operations --------------------------------------------------------------------------


def _search(world: World) -> Response:
    asked = request.get_json(silent=True)
    if problem := _find_problem(asked):
        return refuse(400, "VALIDATION_ERROR", problem)
    assert isinstance(asked, dict)
    groups = asked["filterGroups"]
    with world.lock:
        found = [
            contact
            for contact in world.state["contacts"].values()
            if not groups or any(_fits(contact, group["filters"]) for group in groups)
        ]
    start = int(asked["after"] or 0)
    page = found[start : start + asked["limit"]]
    answer: State = {
        "total": len(found),
        "results": [_view(contact, asked["properties"]) for contact in page],
    }
    if start + len(page) < len(found):
        answer["paging"] = {"next": {"after": str(start + len(page))}}
    return answer_json(answer)


def _get(world: World, id: str) -> Response:
    with world.lock:
        contact = _find(world, id)
    names = request.args.getlist("properties")
    asked = [name for part in names for name in part.split(",")]
    return answer_json(_view(contact, asked)) if contact else not_found()


def _create(world: World) -> Response:
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict) or not is_text_map(asked.get("properties")):
        return refuse(400, "VALIDATION_ERROR", "Invalid input JSON: properties is required")
    if not isinstance(asked.get("associations"), list):
        return refuse(400, "VALIDATION_ERROR", "Invalid input JSON: associations is required")
    with world.lock:
        if other := _same_email(world, asked["properties"].get("email"), ""):
            return _conflict(other)
        contacts = world.state["contacts"]
        numbers = [int(known) for known in contacts if known.isdigit()]
        now = iso_now()
        contact = {
            "id": str(max(numbers, default=100) + 1),
            "properties": dict(asked["properties"]),
            "createdAt": now,
            "updatedAt": now,
        }
        contacts[contact["id"]] = contact
        world.touch()
    return answer_json(_view(contact, list(contact["properties"])), 201)


def _update(world: World, id: str) -> Response:
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict) or not is_text_map(asked.get("properties")):
        return refuse(400, "VALIDATION_ERROR", "Invalid input JSON: properties is required")
    with world.lock:
        contact = _find(world, id)
        if contact is None:
            return not_found()
        if other := _same_email(world, asked["properties"].get("email"), contact["id"]):
            return _conflict(other)
        contact["properties"].update(asked["properties"])
        contact["updatedAt"] = iso_now()
        told = "\n".join(f"{name}: {value}" for name, value in asked["properties"].items())
        log_call(world, "contact_update", contact["id"], contact["id"], told)
    return answer_json(_view(contact, list(contact["properties"])))


def log_call(world: World, kind: str, id: str, contact: str, text: str) -> None:
    """What was written, for `GET /<world>/crm`; the contact's name stands at its end.
    Called under the lock."""
    known = world.state["contacts"].get(contact)
    names = [_value(known, name) for name in ("firstname", "lastname")] if known else []
    told = f"{text}\n{' '.join(filter(None, names))}".strip()
    entry = {"at": iso_now(), "kind": kind, "id": id, "contact": contact, "text": told}
    world.log("crm_calls", entry)


# --- contacts ----------------------------------------------------------------------------


def _find(world: World, id: str) -> State | None:
    """By id, or by the property that `?idProperty=` names."""
    by = request.args.get("idProperty")
    contacts: dict[str, State] = world.state["contacts"]
    if not by:
        return contacts.get(id)
    return next((c for c in contacts.values() if _value(c, by).lower() == id.lower()), None)


def _same_email(world: World, email: str | None, but: str) -> str | None:
    for contact in world.state["contacts"].values():
        if email and contact["id"] != but and _value(contact, "email").lower() == email.lower():
            return str(contact["id"])
    return None


def _view(contact: State, names: list[str]) -> State:
    """What is not set is left out, as the published schema wants text."""
    shown = {name: _value(contact, name) for name in (*DEFAULT_PROPERTIES, *names)}
    return {
        "id": contact["id"],
        "properties": {name: value for name, value in shown.items() if value},
        "createdAt": contact["createdAt"],
        "updatedAt": contact["updatedAt"],
        "archived": False,
    }


def _value(contact: State, name: str) -> str:
    calculated: dict[str, Callable[[], str]] = {
        "hs_object_id": lambda: contact["id"],
        "createdate": lambda: contact["createdAt"],
        "lastmodifieddate": lambda: contact["updatedAt"],
        "hs_searchable_calculated_phone_number": lambda: _own_digits(contact, "phone"),
        "hs_searchable_calculated_mobile_number": lambda: _own_digits(contact, "mobilephone"),
    }
    if name in calculated:
        return calculated[name]()
    return str(contact["properties"].get(name) or "")


def _own_digits(contact: State, name: str) -> str:
    """HubSpot's normalized number: without the country's code."""
    try:
        number = phonenumbers.parse(_value(contact, name), "FR")
    except phonenumbers.NumberParseException:
        return ""
    return str(phonenumbers.national_significant_number(number))


# --- filters -----------------------------------------------------------------------------


def _find_problem(asked: Any) -> str | None:
    """What is wrong with a search. The published contract requires all of REQUIRED."""
    if not isinstance(asked, dict):
        return "Invalid input JSON"
    if missing := [name for name in REQUIRED if name not in asked]:
        return f"Invalid input JSON: {', '.join(missing)} is required"
    if not isinstance(asked["limit"], int) or not 0 <= asked["limit"] <= MOST_RESULTS:
        return f"limit must be between 0 and {MOST_RESULTS}"
    if not re.fullmatch(r"\d*", str(asked["after"])):
        return "after must be a number"
    if len(asked["filterGroups"]) > MOST_GROUPS:
        return f"at most {MOST_GROUPS} filterGroups"
    problems = (_find_group_problem(group) for group in asked["filterGroups"])
    return next(filter(None, problems), None)


def _find_group_problem(group: Any) -> str | None:
    filters = group.get("filters") if isinstance(group, dict) else None
    if not filters or len(filters) > MOST_FILTERS:
        return f"a group has 1 to {MOST_FILTERS} filters"
    unknown = [one.get("operator") for one in filters if one.get("operator") not in OPERATORS]
    return f"operator {unknown[0]} is not played here" if unknown else None


def _fits(contact: State, filters: list[Mapping[str, Any]]) -> bool:
    return all(OPERATORS[f["operator"]](_value(contact, f["propertyName"]), f) for f in filters)


def _has_token(value: str, one: Mapping[str, Any]) -> bool:
    """Whole words, where `*` stands for any letters."""
    pattern = re.escape(str(one.get("value", ""))).replace(r"\*", r"\w*")
    return re.search(rf"(?<!\w){pattern}(?!\w)", value, re.IGNORECASE) is not None


OPERATORS: Mapping[str, Callable[[str, Mapping[str, Any]], bool]] = {
    "EQ": lambda value, f: value.lower() == str(f.get("value")).lower(),
    "NEQ": lambda value, f: value.lower() != str(f.get("value")).lower(),
    "IN": lambda value, f: value.lower() in [str(v).lower() for v in f.get("values") or []],
    "NOT_IN": lambda value, f: value.lower() not in [str(v).lower() for v in f.get("values") or []],
    "HAS_PROPERTY": lambda value, f: bool(value),
    "NOT_HAS_PROPERTY": lambda value, f: not value,
    "CONTAINS_TOKEN": _has_token,
    "NOT_CONTAINS_TOKEN": lambda value, f: not _has_token(value, f),
}


def is_text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())


# --- refusals ----------------------------------------------------------------------------


def refuse(status: int, category: str, message: str) -> Response:
    body = {
        "status": "error",
        "message": message,
        "correlationId": str(uuid4()),
        "category": category,
    }
    return answer_json(body, status)


def not_found() -> Response:
    return refuse(404, "OBJECT_NOT_FOUND", "resource not found")


def _conflict(other: str) -> Response:
    return refuse(409, "CONFLICT", f"Contact already exists. Existing ID: {other}")


def _down() -> Response:
    return refuse(503, "SERVICE_UNAVAILABLE", "Service Unavailable")


def _unauthorized() -> Response:
    return refuse(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")


def _throttled() -> Response:
    body = {
        "status": "error",
        "message": "You have reached your secondly limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": str(uuid4()),
        "category": "RATE_LIMITS",
        "policyName": "SECONDLY",
    }
    return answer_json(body, 429)
