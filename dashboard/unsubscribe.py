"""The way out that our e-mails carry: a page for people, one POST for their mail programs.

RFC 8058: a mail program posts to the link without a form, a cookie or a redirect. The
signature in the link is what lets anybody in.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import consent
from bot.db import transaction
from bot.mail import read_unsubscribe
from bot.models.consents import is_given, record_consent
from bot.models.conversations import Conversation
from bot.models.customers import Customer
from bot.models.tenants import Tenant
from dashboard import reader

unsubscribe = Blueprint("unsubscribe", __name__, template_folder="templates")

HOW = "unsubscribe_link"


@unsubscribe.get("/unsubscribe/<token>")
def page(token: str) -> Response:
    """Whose messages they are, and a button: looking at a link changes nothing."""
    with transaction() as db:
        found = _find(db, token)
        left = found is not None and consent.is_silenced(db, found[1], "email")
    return _show(found, left=left)


@unsubscribe.post("/unsubscribe/<token>")
def leave(token: str) -> Response:
    """No more e-mails but answers to theirs. The same again changes nothing."""
    with transaction() as db:
        found = _find(db, token, lock=True)
        if found is not None:
            _silence(db, found[1])
    return _show(found, left=True)


def _find(db: Session, token: str, *, lock: bool = False) -> tuple[Tenant, Customer] | None:
    named = read_unsubscribe(token)
    if named is None:
        return None
    query = (
        select(Tenant, Customer)
        .select_from(Conversation)
        .join(Customer, Customer.id == Conversation.customer_id)
        .join(Tenant, Tenant.id == Conversation.tenant_id)
        .where(Conversation.tenant_id == named[0], Conversation.id == named[1])
    )
    row = db.execute(query.with_for_update(of=Customer) if lock else query).first()
    return None if row is None else (row[0], row[1])


def _silence(db: Session, customer: Customer) -> None:
    now = reader.now()
    if not consent.is_silenced(db, customer, "email"):
        consent.silence(db, customer, "email", how=HOW, now=now)
    if is_given(customer.tenant_id, db, customer.id, "commercial", "email") is not False:
        record_consent(
            customer.tenant_id,
            db,
            customer.id,
            scope="commercial",
            channel="email",
            given=False,
            how=HOW,
            now=now,
        )


def _show(found: tuple[Tenant, Customer] | None, *, left: bool) -> Response:
    """In the shop's language; 404 for a link that we did not sign, or of somebody gone."""
    if found is not None:
        reader.read_in(found[0].language)
    shop = found[0].name if found else ""
    view = render_template("unsubscribe.html", shop=shop, left=left)
    return make_response(view, 200 if found else 404)
