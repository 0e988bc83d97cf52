"""The way out of our e-mails: for people, and for their mail programs."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, select

from bot.db import transaction
from bot.mail import compose, read_unsubscribe
from bot.models.consents import Consent, given, record_consent
from bot.models.conversations import Conversation
from bot.models.customers import Customer
from bot.models.tenants import Tenant
from bot.tenants import describe_tenant
from tests.dashboard.cast import NOW, Person, Talk
from tests.dashboard.conftest import Begin

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def link_of(talk: Talk) -> str:
    """The path of the link in a reminder that is sent to them."""
    message = talk.answers("Votre robe vous attend.", kind="reservation_reminder", channel="email")
    with transaction() as db:
        mail = compose(message, None, describe_tenant(message.tenant_id, db), "fr")
    path = re.search(r"/unsubscribe/\S+", mail.text)
    assert path
    return path[0]


def ledger(talk: Talk) -> list[tuple[str, str, str, str]]:
    with transaction() as db:
        rows = db.scalars(
            select(Consent).where(Consent.customer_id == talk.customer.id).order_by(Consent.id)
        )
        return [(c.scope, c.channel, c.state, c.how) for c in rows]


OUT = [
    ("all", "email", "withdrawn", "unsubscribe_link"),
    ("commercial", "email", "withdrawn", "unsubscribe_link"),
]


def test_looking_at_the_link_changes_nothing_and_says_whose_messages_they_are(
    stranger: Person, begin: Begin
) -> None:
    talk = begin()
    answer = stranger.get(link_of(talk))
    assert answer.status_code == 200
    assert "Élégance Paris vous écrit à cette adresse" in answer.text
    assert "Me désabonner" in answer.text
    assert ledger(talk) == []
    for private in ("Julie", "julie.mercier", "Messages"):
        assert private not in answer.text


def test_the_button_silences_e_mail_and_nothing_else(
    stranger: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    with transaction() as db:
        for channel in ("email", "sms"):
            record_consent(
                talk.customer.tenant_id,
                db,
                talk.customer.id,
                scope="commercial",
                channel=channel,
                given=True,
                how="crm",
                now=NOW,
            )
    answer = stranger.client.post(link_of(talk))
    assert "ne vous écrira plus à cette adresse" in answer.text
    assert ledger(talk)[2:] == OUT
    with transaction() as db:
        customer = db.get_one(Customer, talk.customer.id)
        said = {by: given(customer.tenant_id, db, customer.id, by) for by in ("email", "sms")}
        assert said == {"email": {"all": False, "commercial": False}, "sms": {"commercial": True}}
        assert customer.opted_out_at is None


def test_a_mail_program_unsubscribes_by_one_post_and_again_changes_nothing(
    stranger: Person, begin: Begin
) -> None:
    talk = begin()
    link = link_of(talk)
    for _ in range(3):
        answer = stranger.client.post(link, data=ONE_CLICK)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    assert ledger(talk) == OUT
    assert "C’est fait" in stranger.get(link).text


def test_the_page_speaks_the_shops_language(stranger: Person, begin: Begin) -> None:
    talk = begin()
    with transaction() as db:
        db.get_one(Tenant, talk.customer.tenant_id).language = "en"
    html = stranger.get(link_of(talk), headers={"Accept-Language": "fr"}).text
    assert '<html lang="en">' in html
    assert "Do you want to receive nothing more?" in html


@pytest.mark.parametrize("forge", ["x", "WzEsMV0.forged", "a" * 3000, "%00", "WzEsMV0"])
def test_a_forged_link_is_not_found(stranger: Person, begin: Begin, forge: str) -> None:
    talk = begin()
    for answer in (stranger.get(f"/unsubscribe/{forge}"), _post(stranger, f"/unsubscribe/{forge}")):
        assert answer.status_code == 404
        assert "Lien inconnu" in answer.text
    assert ledger(talk) == []


def test_a_link_changed_by_one_letter_is_not_found(stranger: Person, begin: Begin) -> None:
    talk = begin()
    link = link_of(talk)
    middle = len(link) - 12
    changed = link[:middle] + ("A" if link[middle] != "A" else "B") + link[middle + 1 :]
    assert _post(stranger, changed).status_code == 404
    assert ledger(talk) == []


def test_the_link_of_a_conversation_that_is_gone_is_not_found(
    stranger: Person, begin: Begin
) -> None:
    talk = begin()
    link = link_of(talk)
    with transaction() as db:
        db.execute(delete(Conversation))
    assert _post(stranger, link).status_code == 404
    assert read_unsubscribe(link.rpartition("/")[2]) is not None


def _post(person: Person, path: str) -> Any:
    return person.client.post(path, data=ONE_CLICK)
