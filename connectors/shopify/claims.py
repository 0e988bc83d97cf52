"""Whose an order is: what is searched for, and what is checked again on what was found.

Shopify's search is by words and may find more than was meant, so that nothing it gives is
shown before `is_theirs` says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.phones import as_e164
from connectors.ports import Proof

# How many phones and e-mails of one person are searched for.
MOST_IDENTITIES = 6

E164 = re.compile(r"\+[1-9]\d{6,14}")
EMAIL = re.compile(r"[^\s\"'\\@]+@[^\s\"'\\@]+")

CLAIM = """
fragment Claim on Order {
  id
  name
  processedAt
  email
  phone
  customer { defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } }
  billingAddress { lastName phone countryCodeV2 }
  shippingAddress { lastName }
}
"""


def usable(proof: Proof, *, name_and_number: bool) -> Proof:
    """What of `proof` can be asked for here: well-formed phones and e-mails, and the family
    name where the shop's policy takes it with a number."""
    phones = [p for p in proof.phones if E164.fullmatch(p)]
    emails = [e.lower() for e in proof.emails if EMAIL.fullmatch(e)]
    kept = emails[: max(MOST_IDENTITIES - len(phones), 0)]
    name = fold(proof.last_name) if name_and_number else ""
    return Proof(tuple(phones[:MOST_IDENTITIES]), tuple(kept), last_name=name)


def write_query(identities: int) -> str:
    """The orders of so many identities and those bought without an account, in one request."""
    who = [f"who{n}" for n in range(identities)]
    variables = "".join(f"${name}: CustomerIdentifierInput!, " for name in who)
    variables += "$search: String, " if who else ""
    customers = "".join(
        f"  {name}: customerByIdentifier(identifier: ${name}) {{\n"
        "    orders(first: $first, query: $search, sortKey: PROCESSED_AT, reverse: true) {\n"
        "      nodes { ...Claim }\n    }\n  }\n"
        for name in who
    )
    return (
        f"query FindOrders({variables}$first: Int!, $guests: String!) {{\n"
        f"{customers}"
        "  guests: orders(first: $first, query: $guests, sortKey: PROCESSED_AT, reverse: true) {\n"
        "    nodes { ...Claim }\n  }\n}" + CLAIM
    )


def write_variables(number: str, proof: Proof, first: int) -> dict[str, Any]:
    """Of `write_query`. `number` empty: any order of theirs. `proof` as `usable` gives it."""
    named = f'(name:"{number}" OR name:"#{number}")' if number else ""
    words = [f'email:"{e}"' for e in proof.emails]
    # There is no filter by phone on orders: a word searches all of an order's fields.
    words += [f'"{p}"' for p in proof.phones]
    words += [f'"{proof.last_name}"'] if proof.last_name and number else []
    theirs = f"({' OR '.join(words)})"
    guests = f"{named} AND {theirs}" if named else theirs
    who: dict[str, Any] = {f"who{n}": one for n, one in enumerate(list_identities(proof))}
    if who:
        who["search"] = named or None
    return {**who, "first": first, "guests": guests}


def list_identities(proof: Proof) -> list[dict[str, str]]:
    phones = [{"phoneNumber": p} for p in proof.phones]
    return phones + [{"emailAddress": e} for e in proof.emails]


def read_number(text: str) -> str:
    """An order's name without #: "#2901" and " 2901" give "2901"."""
    return re.sub(r"[^\w-]", "", text)


def is_theirs(claim: Mapping[str, Any], proof: Proof, *, by_name: bool) -> bool:
    """Whether what the order itself says fits the proof. `by_name`: its number was given, so
    that a family name is enough where there is one in `proof`.

    The phone of the delivery's address alone does not count: it may be another's, as with
    a present.
    """
    if set(proof.emails) & set(_emails(claim)) or set(proof.phones) & set(_phones(claim)):
        return True
    places = (claim["billingAddress"], claim["shippingAddress"])
    names = {fold(place["lastName"] or "") for place in places if place}
    return by_name and proof.last_name != "" and proof.last_name in names


def fold(name: str) -> str:
    """A family name by its letters: "Le Goff", "LE-GOFF" and "Le Góff" are one."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in plain if c.isalpha())


def _emails(claim: Mapping[str, Any]) -> Iterator[str]:
    account = ((claim["customer"] or {}).get("defaultEmailAddress") or {}).get("emailAddress")
    for text in (claim["email"], account):
        if text:
            yield text.strip().lower()


def _phones(claim: Mapping[str, Any]) -> Iterator[str]:
    account = ((claim["customer"] or {}).get("defaultPhoneNumber") or {}).get("phoneNumber")
    billing = claim["billingAddress"] or {}
    country = str(billing.get("countryCodeV2") or "")
    for text in (claim["phone"], account, billing.get("phone")):
        if text:
            yield as_e164(text, country)
