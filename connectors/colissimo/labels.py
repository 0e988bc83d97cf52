"""Colissimo's SLS (Service de livraison, REST 2.0) as a LabelSystem: return labels.

The shape of requests and answers is that of La Poste's own plugin (github.com/ColissimoPlugin);
doc.md tells what of it could not be tried.
"""

from __future__ import annotations

import email.policy
import json
import re
import textwrap
from collections.abc import Mapping
from email.parser import BytesParser
from typing import Any

import phonenumbers
import requests

from connectors.colissimo.client import VENDOR_NAME, Config, session
from connectors.errors import (
    BadConfig,
    ConnectorError,
    NotOffered,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from connectors.ports import Label, LabelRequest, PostalAddress
from connectors.transport import never_left, parse_seconds

PATH = "/sls-ws/SlsServiceWSRest/2.0/generateLabel"

# Product codes of returns: https://github.com/ColissimoPlugin/Magento_2
FROM_FRANCE, FROM_ABROAD = "CORE", "CORI"
NO_RETURN_OF_RETURN = 3  # returnTypeChoice

PRINTING = "PDF_A4_300dpi"
LINE = 35  # characters in a line of an address

# Answers after which nothing was done: the request was turned away.
TURNED_AWAY = frozenset({429, 503})


class ColissimoLabels:
    """One Colissimo contract. Implements connectors.ports.LabelSystem."""

    def __init__(self, config: Config) -> None:
        """Raises BadConfig without an API key, or a contract's number and password; NotOffered
        with nothing of these: the connection only follows parcels."""
        if not (config.api_key or config.contract_number or config.password):
            raise NotOffered("colissimo labels: no contract")
        if not config.api_key and not (config.contract_number and config.password):
            raise BadConfig("colissimo labels: api_key, or contract_number and password")
        self._config = config
        self._timeout = parse_seconds(config.labels_timeout)

    def prepare_label(self, request: LabelRequest) -> dict[str, Any]:
        """Raises Refused when a street is longer than a label has room for."""
        countries = {request.sender.country, request.addressee.country}
        shop = write_address(request.addressee)
        service = {
            "productCode": FROM_FRANCE if countries == {"FR"} else FROM_ABROAD,
            "depositDate": request.deposit_on.isoformat(),
            "orderNumber": request.order_number,
            "commercialName": self._config.commercial_name or request.addressee.name,
            "returnTypeChoice": NO_RETURN_OF_RETURN,
        }
        return {
            "outputFormat": {"x": 0, "y": 0, "outputPrintingType": PRINTING},
            "letter": {
                "service": service,
                "parcel": {"weight": float(request.weight_kg)},
                "sender": {
                    "senderParcelRef": request.reference,
                    "address": write_address(request.sender) | split_name(request.sender.name),
                },
                "addressee": {
                    "addresseeParcelRef": request.reference,
                    "codeBarForReference": "true",
                    "address": shop | {"companyName": request.addressee.name[:LINE]},
                },
            },
        }

    def make_label(self, request: Mapping[str, Any]) -> Label:
        config, headers, body = self._config, {}, dict(request)
        if config.api_key:
            headers["apiKey"] = config.api_key
        else:
            body |= {"contractNumber": config.contract_number, "password": config.password}
        try:
            answer = session().post(
                config.labels_url.rstrip("/") + PATH,
                json=body,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            kind = Unavailable if never_left(error) else OutcomeUnknown
            raise kind(f"colissimo: {type(error).__name__}", vendor=VENDOR_NAME) from None
        parts = read_parts(answer.content)
        infos = read_infos(parts, answer.content)
        made = infos.get("labelV2Response")
        number = str(made.get("parcelNumber") or "") if isinstance(made, dict) else ""
        if answer.status_code != 200 or "<label>" not in parts or not number:
            raise find_refusal(answer.status_code, infos)
        content = parts["<label>"]
        is_pdf = content.startswith(b"%PDF-")
        return Label(number, content, "application/pdf" if is_pdf else "application/octet-stream")


def write_address(address: PostalAddress) -> dict[str, str]:
    """All but the name. Raises Refused."""
    street = textwrap.wrap(address.street, LINE)
    if len(street) > 2:
        raise Refused("colissimo: the street is too long", vendor=VENDOR_NAME, code="address")
    line2, line3 = (*street, "", "")[:2]
    written = {
        "line2": line2,
        "line3": line3,
        "countryCode": address.country,
        "city": address.city[:LINE],
        "zipCode": address.postal_code,
        "email": address.email,
        **write_phone(address.phone),
    }
    return {name: text for name, text in written.items() if text}


def split_name(name: str) -> dict[str, str]:
    """A person's, written in the French order: the first word is the first name."""
    first, _, last = " ".join(name.split()).partition(" ")
    if not last:
        return {"lastName": first[:LINE]}
    return {"firstName": first[:LINE], "lastName": last[:LINE]}


def write_phone(phone: str) -> dict[str, str]:
    """`phone` in E.164; nothing when it is no number."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return {}
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    return {"mobileNumber" if mobile else "phoneNumber": phone}


def read_parts(body: bytes) -> dict[str, bytes]:
    """Content-ID -> content of each part of a multipart/related answer.

    The boundary is the body's own first line: La Poste's header does not always have it.
    """
    found = re.search(rb"^--([^\r\n]{1,200}?)[ \t]*\r?$", body, re.MULTILINE)
    if found is None:
        return {}
    header = b'Content-Type: multipart/related; boundary="' + found[1] + b'"\r\n\r\n'
    message = BytesParser(policy=email.policy.HTTP).parsebytes(header + body)
    return {
        str(part["Content-ID"]).strip(): content
        for part in message.walk()
        if part["Content-ID"] and isinstance(content := part.get_payload(decode=True), bytes)
    }


def read_infos(parts: Mapping[str, bytes], body: bytes) -> dict[str, Any]:
    """What La Poste says of its answer; a gateway's refusal is JSON alone. Empty when it says
    nothing that can be read."""
    try:
        infos = json.loads(parts.get("<jsonInfos>", body))
    except ValueError:
        return {}
    return infos if isinstance(infos, dict) else {}


def find_refusal(status: int, infos: Mapping[str, Any]) -> ConnectorError:
    """Why there is no label. The texts of messages quote what was sent: only their ids go on.

    A 5xx without a word, or a 200 without a label, may have franked one.
    """
    messages = infos.get("messages")
    messages = [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
    errors = [str(m.get("id")) for m in messages if m.get("type") == "ERROR"]
    code = errors[0] if errors else str(status)
    text = f"colissimo: HTTP {status}, {code}"
    if status in TURNED_AWAY:
        return Unavailable(text, vendor=VENDOR_NAME, code=code)
    if errors or 300 <= status < 500:
        return Refused(text, vendor=VENDOR_NAME, code=code)
    return OutcomeUnknown(text, vendor=VENDOR_NAME, code=code)
