"""HubSpot's tickets, notes and properties, v3."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from connectors.sandbox.documents import State, iso_now
from connectors.sandbox.hubspot import is_text_map, log_call, not_found, play_call, refuse
from connectors.sandbox.web import answer_json, open_world
from connectors.sandbox.worlds import World

bp = Blueprint("hubspot_records", __name__, url_prefix="/<name>/hubspot/crm/v3")

# HubSpot's own properties, by the group they are in; those a record cannot be without.
OWN: dict[str, dict[str, tuple[str, ...]]] = {
    "tickets": {
        "ticketinformation": (
            *("subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority"),
            *("hs_ticket_category", "hubspot_owner_id"),
        )
    },
    "notes": {"note": ("hs_timestamp", "hs_note_body", "hubspot_owner_id", "hs_attachment_ids")},
}
REQUIRED = {"tickets": ("subject", "hs_pipeline_stage"), "notes": ("hs_timestamp",)}
PRIORITIES = frozenset({"LOW", "MEDIUM", "HIGH", "URGENT"})

# From the record to a contact: HubSpot's own kinds of association.
TO_CONTACT = {"tickets": 16, "notes": 202}

KINDS = {"tickets": "ticket", "notes": "note"}


@bp.post("/objects/<any(tickets, notes):kind>")
def create_record(name: str, kind: str) -> Response:
    return play_call(open_world(name), f"{kind}.create", lambda world: _create(world, kind))


@bp.get("/objects/<any(tickets, notes):kind>/<id>")
def read_record(name: str, kind: str, id: str) -> Response:
    return play_call(open_world(name), f"{kind}.get", lambda world: _get(world, kind, id))


@bp.post("/properties/<any(tickets, notes):kind>")
def create_property(name: str, kind: str) -> Response:
    return play_call(
        open_world(name), "properties.create", lambda world: _add_property(world, kind)
    )


@bp.get("/properties/<any(tickets, notes):kind>/<property>")
def read_property(name: str, kind: str, property: str) -> Response:
    return play_call(
        open_world(name), "properties.get", lambda world: _get_property(world, kind, property)
    )


# --- records -----------------------------------------------------------------------------


def _get(world: World, kind: str, id: str) -> Response:
    by = request.args.get("idProperty")
    with world.lock:
        records = world.state["crm_objects"][kind]
        if not by:
            found = records.get(id)
        elif not _made_properties(world, kind).get(by, {}).get("hasUniqueValue"):
            return _unknown_property(by)
        else:
            found = _find_unique(world, kind, {by: id})
    return answer_json(_view(found)) if found else not_found()


def _create(world: World, kind: str) -> Response:
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict) or not is_text_map(asked.get("properties")):
        return refuse(400, "VALIDATION_ERROR", "Invalid input JSON: properties is required")
    given, links = asked["properties"], asked.get("associations")
    if not isinstance(links, list):
        return refuse(400, "VALIDATION_ERROR", "Invalid input JSON: associations is required")
    with world.lock:
        known = {n for names in OWN[kind].values() for n in names} | set(
            _made_properties(world, kind)
        )
        if unknown := sorted(set(given) - known):
            return _unknown_property(unknown[0])
        if problem := _find_problem(world, kind, given, links):
            return refuse(400, "VALIDATION_ERROR", problem)
        if other := _find_unique(world, kind, given):
            return refuse(409, "CONFLICT", f"Object already exists. Existing ID: {other['id']}")
        record = _add(world, kind, given, [str(link["to"]["id"]) for link in links])
    return answer_json(_view(record), 201)


def _add(world: World, kind: str, given: Mapping[str, str], contacts: list[str]) -> State:
    records, now = world.state["crm_objects"][kind], iso_now()
    record: State = {
        "id": str(9000 + len(records) + 1),
        "properties": dict(given),
        "contacts": contacts,
        "createdAt": now,
        "updatedAt": now,
    }
    records[record["id"]] = record
    contact = next(iter(contacts), "")
    log_call(world, KINDS[kind], record["id"], contact, _read_text(kind, given))
    return record


def _read_text(kind: str, given: Mapping[str, str]) -> str:
    """What a person reads of the record."""
    if kind == "notes":
        lines = re.sub(r"<br\s*/?>", "\n", given.get("hs_note_body", ""))
        return html.unescape(re.sub(r"<[^>]+>", "", lines))
    shown = ("subject", "content", "hs_ticket_priority")
    return "\n".join(given[name] for name in shown if given.get(name))


def _find_problem(
    world: World, kind: str, given: Mapping[str, str], links: list[Any]
) -> str | None:
    if missing := [name for name in REQUIRED[kind] if not given.get(name)]:
        return f"Error creating {KINDS[kind]}. Required properties missing: {missing}"
    if given.get("hs_ticket_priority", "LOW") not in PRIORITIES:
        return f"{given['hs_ticket_priority']} was not one of the allowed options"
    for link in links:
        types = {one["associationTypeId"] for one in link["types"]}
        if types != {TO_CONTACT[kind]}:
            return f"One or more association types is not valid for {kind} to contacts: {types}"
        if str(link["to"]["id"]) not in world.state["contacts"]:
            return f"One or more associations are invalid: no contact {link['to']['id']}"
    return None


def _find_unique(world: World, kind: str, given: Mapping[str, str]) -> State | None:
    """The record that has one of the unique values already."""
    made = _made_properties(world, kind)
    unique = {n: v for n, v in given.items() if made.get(n, {}).get("hasUniqueValue") and v}
    records: dict[str, State] = world.state["crm_objects"][kind]
    for record in records.values():
        if any(record["properties"].get(n) == v for n, v in unique.items()):
            return record
    return None


def _view(record: State) -> State:
    shown = {k: record[k] for k in ("id", "properties", "createdAt", "updatedAt")}
    return {**shown, "archived": False}


# --- properties --------------------------------------------------------------------------


def _made_properties(world: World, kind: str) -> dict[str, State]:
    """The account's own, by name."""
    made: dict[str, State] = world.state["crm_properties"].setdefault(kind, {})
    return made


def _get_property(world: World, kind: str, name: str) -> Response:
    with world.lock:
        if name in _made_properties(world, kind):
            return answer_json(_made_properties(world, kind)[name])
    for group, names in OWN[kind].items():
        if name in names:
            return answer_json(_build_property({"name": name, "groupName": group}))
    return not_found()


def _add_property(world: World, kind: str) -> Response:
    asked = request.get_json(silent=True)
    needed = ("name", "label", "type", "fieldType", "groupName")
    if not isinstance(asked, dict) or not all(asked.get(name) for name in needed):
        return refuse(400, "VALIDATION_ERROR", f"Invalid input JSON: {', '.join(needed)}")
    if asked["groupName"] not in OWN[kind]:
        return refuse(400, "VALIDATION_ERROR", f"group {asked['groupName']} does not exist")
    with world.lock:
        made = _made_properties(world, kind)
        if asked["name"] in made:
            text = f"A property named '{asked['name']}' already exists."
            return refuse(409, "OBJECT_ALREADY_EXISTS", text)
        made[asked["name"]] = _build_property(asked)
        world.touch()
        return answer_json(made[asked["name"]], 201)


def _build_property(given: Mapping[str, Any]) -> State:
    defaults = {"label": given["name"], "type": "string", "fieldType": "text", "description": ""}
    kept = ("name", "label", "type", "fieldType", "groupName", "description", "hasUniqueValue")
    told = {name: given[name] for name in kept if name in given}
    return {**defaults, "hasUniqueValue": False, "options": [], **told}


def _unknown_property(name: str) -> Response:
    problem = (
        f'[{{"isValid":false,"message":"Property \\"{name}\\" does not exist",'
        f'"error":"PROPERTY_DOESNT_EXIST","name":"{name}"}}]'
    )
    return refuse(400, "VALIDATION_ERROR", f"Property values were not valid: {problem}")
