"""A HubSpot account as a CustomerSystem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import phonenumbers
from hubspot.crm import contacts
from hubspot.crm.contacts import Filter, FilterGroup, PublicObjectSearchRequest

from connectors.errors import Refused
from connectors.hubspot.client import Config, call, configure
from connectors.hubspot.records import Records
from connectors.phones import as_e164
from connectors.ports import Money, Note, Profile, Ticket
from connectors.transport import parse_seconds

PHONE_PROPERTIES = ("phone", "mobilephone")

# HubSpot's own normalized number, without the country's code.
SEARCHABLE_PHONE = "hs_searchable_calculated_phone_number"


class HubSpotCustomers:
    """One HubSpot account. Implements connectors.ports.CustomerSystem.

    Every method raises Unavailable (5xx, 429, timeouts) or Refused (any other 4xx).
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._timeout = parse_seconds(config.timeout)
        client = configure(contacts, config)
        # Without it every model of the SDK makes a whole Configuration of its own.
        self._made_with: dict[str, Any] = {"local_vars_configuration": client.configuration}
        self._search, self._basic = contacts.SearchApi(client), contacts.BasicApi(client)
        self._records = Records(config)
        self._properties = [
            *("firstname", "lastname", "email", *PHONE_PROPERTIES, SEARCHABLE_PHONE),
            *(config.segment, config.orders, config.spent, config.usual_size),
            *(config.preferred_channel, config.language, config.consents),
        ]

    def find_by_phone(self, phone: str) -> Profile | None:
        """Contacts keep numbers as they were typed, so every usual writing is searched."""
        try:
            writings, own_digits = _phone_writings(phone)
        except phonenumbers.NumberParseException:
            return None  # a short code or a name: nobody's number
        groups = [self._any_of(name, writings) for name in PHONE_PROPERTIES]
        found = self._find([*groups, self._any_of(SEARCHABLE_PHONE, own_digits)])
        # The calculated property has no country: what it found may be another's number.
        return next((self._profile(c) for c in found if phone in self._phones(c)), None)

    def find_by_email(self, email: str) -> Profile | None:
        found = self._find([self._any_of("email", [email.strip().lower()])])
        return self._profile(found[0]) if found else None

    def read_profile(self, id: str) -> Profile | None:
        try:
            contact = call(
                lambda: self._basic.get_by_id(
                    id, properties=self._properties, _request_timeout=self._timeout
                )
            )
        except Refused as error:
            if error.code in {"404", "OBJECT_NOT_FOUND"}:
                return None
            raise
        return self._profile(contact)

    def open_ticket(self, ticket: Ticket) -> str:
        """Made in the pipeline and stage of the settings. Repeating it is safe."""
        return self._records.open_ticket(ticket)

    def add_note(self, note: Note) -> str:
        """Its text is shown as it is written. Repeating it is safe."""
        return self._records.add_note(note)

    def update_profile(self, id: str, changes: Mapping[str, str]) -> None:
        """A property whose name in the settings is empty is not written. Raises ValueError
        for a key that the port does not have."""
        names = {
            "usual_size": self._config.usual_size,
            "preferred_channel": self._config.preferred_channel,
            "language": self._config.language,
            "orders": self._config.orders,
            "spent": self._config.spent,
            "last_order_at": self._config.last_order,
            "consents": self._config.consents,
        }
        if unknown := sorted(set(changes) - set(names)):
            raise ValueError(f"unknown change {', '.join(unknown)}")
        written = {names[key]: value for key, value in changes.items() if names[key]}
        if not written:
            return
        body = contacts.SimplePublicObjectInput(properties=written, **self._made_with)
        call(lambda: self._basic.update(id, body, _request_timeout=self._timeout))

    def _find(self, groups: Sequence[FilterGroup]) -> list[Any]:
        """Contacts in any of the groups, the oldest first: the same one every time."""
        request = PublicObjectSearchRequest(  # all of these but `query` are required
            filter_groups=list(groups),
            properties=self._properties,
            limit=10,
            after="0",
            sorts=[],
            **self._made_with,
        )
        answer = call(
            lambda: self._search.do_search(request, _request_timeout=self._timeout), has="results"
        )
        return sorted(answer.results, key=lambda c: c.created_at)

    def _any_of(self, name: str, values: Sequence[str]) -> FilterGroup:
        wanted = list(dict.fromkeys(values))
        one = Filter(property_name=name, operator="IN", values=wanted, **self._made_with)
        return FilterGroup(filters=[one], **self._made_with)

    def _phones(self, contact: Any) -> list[str]:
        """The contact's numbers that are numbers, as E.164."""
        typed = (contact.properties.get(name) or "" for name in PHONE_PROPERTIES)
        return [e164 for text in typed if (e164 := as_e164(text, self._config.country))]

    def _profile(self, contact: Any) -> Profile:
        properties: Mapping[str, str | None] = contact.properties

        def text(name: str) -> str:
            return (properties.get(name) or "").strip()

        spent = _number(text(self._config.spent))
        orders = _number(text(self._config.orders))
        consents = text(self._config.consents).split(";")
        return Profile(
            id=contact.id,
            first_name=text("firstname"),
            last_name=text("lastname"),
            phone=next(iter(self._phones(contact)), ""),
            email=text("email"),
            segment=text(self._config.segment),
            orders=None if orders is None else int(orders),
            spent=None if spent is None else Money(spent, self._config.currency),
            usual_size=text(self._config.usual_size),
            preferred_channel=text(self._config.preferred_channel),
            language=text(self._config.language),
            consents=tuple(c.strip() for c in consents if c.strip()),
        )


def _phone_writings(phone: str) -> tuple[list[str], list[str]]:
    """How people type the E.164 `phone`, and its digits without the country's code."""
    number = phonenumbers.parse(phone)
    international = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    plain = "".join(filter(str.isdigit, national))
    digits = phone.removeprefix("+")
    dotted = [national.replace(" ", mark) for mark in ".-"]
    own = phonenumbers.national_significant_number(number)
    return [phone, digits, f"00{digits}", international, national, plain, *dotted], [own, plain]


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
