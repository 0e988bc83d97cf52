"""Tickets and notes: made once under a key of ours, which is a unique property of theirs.

A record is looked for by that property itself (`idProperty`), not by search, whose index
is seconds late; and of two that are made at once HubSpot refuses the second.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from hubspot.crm import objects, properties

from connectors.errors import Refused
from connectors.hubspot.client import MISSING_PROPERTY, Config, call, configure
from connectors.ports import Note, Ticket
from connectors.transport import parse_seconds

# HubSpot's own kinds of association, from the record to a contact.
TICKET_TO_CONTACT, NOTE_TO_CONTACT = 16, 202

# A property that every account has, whose group takes ours.
NEIGHBOURS = {"tickets": "subject", "notes": "hs_note_body"}

LONGEST_BODY = 65_536  # characters of a note
ABSENT = frozenset({"404", "OBJECT_NOT_FOUND"})


class Records:
    """One account's tickets and notes. Raises as `client.call`."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._timeout = parse_seconds(config.timeout)
        client = configure(objects, config)
        self._made_with: dict[str, Any] = {"local_vars_configuration": client.configuration}
        self._objects = objects.BasicApi(client)
        self._properties = properties.CoreApi(configure(properties, config))

    def open_ticket(self, ticket: Ticket) -> str:
        written = {
            "subject": ticket.subject,
            "content": ticket.content,
            "hs_pipeline": self._config.ticket_pipeline,
            "hs_pipeline_stage": self._config.ticket_stage,
            "hs_ticket_priority": ticket.priority,
        }
        contact = ticket.profile_id
        return self._make_once("tickets", ticket.key, written, contact, TICKET_TO_CONTACT)

    def add_note(self, note: Note) -> str:
        text = html.escape(note.text, quote=False).replace("\n", "<br>")[:LONGEST_BODY]
        at = note.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        written = {"hs_timestamp": at, "hs_note_body": text}
        return self._make_once("notes", note.key, written, note.profile_id, NOTE_TO_CONTACT)

    def _make_once(
        self, kind: str, key: str, written: Mapping[str, str], contact: str, association: int
    ) -> str:
        if found := self._find(kind, key):
            return found
        body = objects.SimplePublicObjectInputForCreate(
            properties={**written, self._config.key: key},
            associations=[self._link(contact, association)] if contact else [],
            **self._made_with,
        )
        try:
            made = call(lambda: self._objects.create(kind, body, _request_timeout=self._timeout))
        except Refused:
            # Another of us may have made it since we looked: its key is taken.
            if found := self._find(kind, key):
                return found
            raise
        return str(made.id)

    def _link(self, contact: str, association: int) -> Any:
        kind = objects.AssociationSpec(
            association_category="HUBSPOT_DEFINED",
            association_type_id=association,
            **self._made_with,
        )
        to = objects.PublicObjectId(id=contact, **self._made_with)
        return objects.PublicAssociationsForObject(to=to, types=[kind], **self._made_with)

    def _find(self, kind: str, key: str) -> str | None:
        """The id of the record with our key; None when there is none, or no such property
        yet, which is made then."""
        try:
            found = call(
                lambda: self._objects.get_by_id(
                    kind, key, id_property=self._config.key, _request_timeout=self._timeout
                )
            )
        except Refused as error:
            if error.code in ABSENT:
                return None
            if error.code == MISSING_PROPERTY:
                self._make_property(kind)
                return None
            raise
        return str(found.id)

    def _make_property(self, kind: str) -> None:
        """Beside a property of HubSpot's own. One that is there already is as good."""
        neighbour = call(
            lambda: self._properties.get_by_name(
                kind, NEIGHBOURS[kind], _request_timeout=self._timeout
            ),
            has="group_name",
        )
        body = properties.PropertyCreate(
            name=self._config.key,
            label="Référence Coccinelle",
            description="Empêche que la même demande soit notée deux fois",
            group_name=neighbour.group_name,
            type="string",
            field_type="text",
            has_unique_value=True,
        )
        try:
            call(
                lambda: self._properties.create(kind, body, _request_timeout=self._timeout),
                has="name",
            )
        except Refused as error:
            if error.code not in {"CONFLICT", "OBJECT_ALREADY_EXISTS", "409"}:
                raise
