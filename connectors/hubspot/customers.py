"""A HubSpot account as a CustomerSystem."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import phonenumbers
import urllib3.exceptions

# The package as a whole imports every API of HubSpot; contacts alone are a tenth of that.
from hubspot.crm.contacts import (
    ApiClient,
    ApiException,
    BasicApi,
    Configuration,
    Filter,
    FilterGroup,
    PublicObjectSearchRequest,
    SearchApi,
)

from connectors.config import setting
from connectors.errors import ConnectorError, Refused, Unavailable
from connectors.ports import Money, Profile
from connectors.transport import parse_seconds

T = TypeVar("T")

VENDOR_NAME = "hubspot"
PHONE_PROPERTIES = ("phone", "mobilephone")

# HubSpot's own normalized number, without the country's code.
SEARCHABLE_PHONE = "hs_searchable_calculated_phone_number"

# Seconds until a quota opens again, by the policyName of a 429: HubSpot sends no
# Retry-After that could be relied on. Search has 5 requests a second per account.
BACKOFF = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3600.0}


@dataclass(frozen=True)
class Config:
    access_token: str = setting("Clé de service ou jeton d'application privée", secret=True)
    base_url: str = setting("Adresse de l'API", default="https://api.hubapi.com")
    timeout: str = setting("Attente maximale d'une réponse, en secondes", default="5")
    country: str = setting("Pays des numéros écrits sans indicatif", default="FR")
    currency: str = setting("Monnaie du total dépensé", default="EUR")
    segment: str = setting("Propriété : segment", default="customer_segment")
    orders: str = setting("Propriété : nombre de commandes", default="total_orders")
    spent: str = setting("Propriété : total dépensé", default="total_spent")
    usual_size: str = setting("Propriété : taille habituelle", default="usual_size")
    preferred_channel: str = setting("Propriété : canal préféré", default="preferred_channel")
    language: str = setting("Propriété : langue", default="hs_language")
    consents: str = setting(
        "Propriété : canaux acceptés pour la prospection, séparés par « ; »",
        default="marketing_consents",
    )


class HubSpotCustomers:
    """One HubSpot account. Implements connectors.ports.CustomerSystem.

    Every method raises Unavailable (5xx, 429, timeouts) or Refused (any other 4xx).
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._timeout = parse_seconds(config.timeout)
        configuration = Configuration(host=config.base_url.rstrip("/"))
        configuration.access_token = config.access_token
        # Left unset, urllib3 would try three times more, each with the whole timeout.
        configuration.retries = urllib3.Retry(0, redirect=False)
        client = ApiClient(configuration)
        self._search, self._basic = SearchApi(client), BasicApi(client)
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
        groups = [_any_of(name, writings) for name in PHONE_PROPERTIES]
        found = self._find([*groups, _any_of(SEARCHABLE_PHONE, own_digits)])
        # The calculated property has no country: what it found may be another's number.
        return next((self._profile(c) for c in found if phone in self._phones(c)), None)

    def find_by_email(self, email: str) -> Profile | None:
        found = self._find([_any_of("email", [email.strip().lower()])])
        return self._profile(found[0]) if found else None

    def read_profile(self, id: str) -> Profile | None:
        try:
            contact = self._call(
                lambda: self._basic.get_by_id(
                    id, properties=self._properties, _request_timeout=self._timeout
                )
            )
        except Refused as error:
            if error.code in {"404", "OBJECT_NOT_FOUND"}:
                return None
            raise
        return self._profile(contact)

    def _find(self, groups: Sequence[FilterGroup]) -> list[Any]:
        """Contacts in any of the groups, the oldest first: the same one every time."""
        request = PublicObjectSearchRequest(  # all of these but `query` are required
            filter_groups=list(groups), properties=self._properties, limit=10, after="0", sorts=[]
        )
        answer = self._call(lambda: self._search.do_search(request, _request_timeout=self._timeout))
        return sorted(answer.results, key=lambda c: c.created_at)

    def _phones(self, contact: Any) -> list[str]:
        """The contact's numbers that are numbers, as E.164."""
        typed = (contact.properties.get(name) or "" for name in PHONE_PROPERTIES)
        return [e164 for text in typed if (e164 := _as_e164(text, self._config.country))]

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

    def _call(self, ask: Callable[[], T]) -> T:
        """HubSpot's errors quote e-mails and numbers: neither texts nor causes go further."""
        try:
            return ask()
        except ApiException as error:
            raise _refusal(error) from None
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"hubspot: {type(error).__name__}", vendor=VENDOR_NAME) from None
        except ValueError:
            raise Unavailable("hubspot: the answer is not JSON", vendor=VENDOR_NAME) from None


def _refusal(error: ApiException) -> ConnectorError:
    status = int(error.status or 0)
    try:
        body = json.loads(error.body or "{}")
    except ValueError:
        body = {}
    code = str(body.get("category") or body.get("errorType") or status)
    text = f"hubspot: HTTP {status}, {code}"
    if status == 429:
        wait = BACKOFF.get(str(body.get("policyName")), BACKOFF["SECONDLY"])
        return Unavailable(text, vendor=VENDOR_NAME, code=code, retry_after=wait)
    if status == 0 or status >= 500:  # 0: the TLS handshake failed
        return Unavailable(text, vendor=VENDOR_NAME, code=code)
    return Refused(text, vendor=VENDOR_NAME, code=code)


def _any_of(name: str, values: Sequence[str]) -> FilterGroup:
    one = Filter(property_name=name, operator="IN", values=list(dict.fromkeys(values)))
    return FilterGroup(filters=[one])


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


def _as_e164(text: str, country: str) -> str:
    """Empty when `text` is no number."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
