"""Who is meant by « this customer », and where they are reached."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.models.customers import Customer, Identity, customer_known_as
from bot.rehearsal.script import CustomerStep, Via


@dataclass(frozen=True)
class Person:
    """A sender, by the channel they wrote on. `contact` is a number in E.164, an e-mail
    address in small letters, or WhatsApp's own id of somebody without a number; `proven`
    when the channel vouches for it."""

    contact: str
    via: Via = "sms"
    proven: bool = True

    @property
    def kinds(self) -> tuple[str, ...]:
        """The identities that this may be, as the product keeps them."""
        if self.via == "email":
            return ("email",) if self.proven else ("claimed_email",)
        return ("phone",) if self.contact.startswith("+") else ("whatsapp",)


def sender_of(step: CustomerStep) -> Person:
    if step.via == "email":
        contact = parseaddr(step.sender)[1].lower() or step.sender.lower()
        return Person(contact, "email", step.authenticated is True)
    return Person(step.sender, step.via)


def customer_of(tenant_id: int, db: Session, person: Person) -> Customer | None:
    known = (customer_known_as(tenant_id, db, kind, person.contact) for kind in person.kinds)
    return next((customer for customer in known if customer is not None), None)


def contacts_of(db: Session, person: Person, customer: Customer | None) -> set[str]:
    """Every number and address at which this person may be written to."""
    known = db.scalars(
        select(Identity.value).where(Identity.customer_id == (customer.id if customer else None))
    )
    return {person.contact, *known}
