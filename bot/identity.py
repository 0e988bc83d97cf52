"""Who asks: what their channels and the CRM prove of them, and how flows see them."""

from __future__ import annotations

from collections.abc import Iterable

from bot import turn as words
from bot.models.customers import Customer, Identity
from connectors.ports import Proof


def proof_of(customer: Customer, identities: Iterable[Identity]) -> Proof:
    """What is proven: identities that somebody vouches for, and what the CRM has of the person
    found by one of them. A merely claimed e-mail address proves nothing, and its writer is a
    customer of their own."""
    proven = [i for i in identities if i.proven_by]
    if not proven:
        return Proof()
    phones = [i.value for i in proven if i.kind == "phone"]
    emails = [i.value for i in proven if i.kind == "email"]
    site_users = [i.value for i in proven if i.kind == "site_user"]
    profile = customer.profile
    return Proof(
        phones=_distinct([*phones, profile.get("phone", "")]),
        emails=_distinct([*emails, profile.get("email", "").lower()]),
        site_user=site_users[0] if site_users else "",
    )


def describe_customer(customer: Customer, identities: Iterable[Identity] = ()) -> words.Customer:
    """The row as flows and sentences see it."""
    profile = customer.profile
    proof = proof_of(customer, identities)
    return words.Customer(
        id=customer.id,
        first_name=customer.first_name,
        name=customer.name,
        segment=profile.get("segment", ""),
        usual_size=profile.get("usual_size", ""),
        language=customer.language,
        orders=profile.get("orders"),
        crm_id=profile.get("id", ""),
        email=proof.emails[0] if proof.emails else "",
        phone=proof.phones[0] if proof.phones else "",
    )


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v for v in values if v))
