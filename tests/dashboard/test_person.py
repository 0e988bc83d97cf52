"""Whom one writes with: what proves who they are, what they agreed to, how long one may write."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot import clock, consent
from bot.db import transaction
from bot.models.consents import record_consent
from bot.models.customers import Customer, Identity
from bot.models.tenants import Address
from tests.dashboard.cast import NOW, Cast, Person, Talk
from tests.dashboard.conftest import Begin
from tests.dashboard.test_desk import page_of, words


@pytest.fixture
def on_all_channels(cast: Cast) -> None:
    """The shop also has WhatsApp and a mailbox."""
    shop = cast.elegance.id
    where = {"tenant_id": shop, "deployment_id": cast.deployments[shop].id, "created_at": NOW}
    with transaction() as db:
        db.add(Address(channel="whatsapp", value="+33939035761", **where))
        db.add(Address(channel="email", value="hello@elegance-paris.com", **where))


def known_as(talk: Talk, kind: str, value: str, proven_by: str) -> None:
    talk.add(
        Identity(
            tenant_id=talk.customer.tenant_id,
            customer_id=talk.customer.id,
            kind=kind,
            value=value,
            proven_by=proven_by,
            created_at=NOW,
        )
    )


def panel(person: Person, talk: Talk) -> str:
    html = person.get(page_of(talk)).text
    return words(html[html.index('<aside class="person"') : html.index("</aside>")])


def agree(talk: Talk, **more: Any) -> None:
    values = {"scope": "commercial", "channel": "sms", "given": True, "how": "crm", "now": NOW}
    with transaction() as db:
        record_consent(talk.customer.tenant_id, db, talk.customer.id, **(values | more))


# --- who they are ------------------------------------------------------------------------


def test_each_identity_says_which_channels_it_serves_and_who_proves_it(
    sarah: Person, begin: Begin, on_all_channels: None
) -> None:
    talk = begin()
    known_as(talk, "email", "julie.mercier@gmail.com", "crm")
    shown = panel(sarah, talk)
    assert "Téléphone · SMS, WhatsApp 06 45 78 90 12" in shown
    assert "E-mail julie.mercier@gmail.com prouvé par la fiche client" in shown
    assert "E-mail · E-mail" not in shown


def test_an_unproven_sender_is_told_apart(
    sarah: Person, begin: Begin, on_all_channels: None
) -> None:
    talk = begin(profile={})
    known_as(talk, "claimed_email", "emma.rousseau@orange.fr", "")
    shown = panel(sarah, talk)
    assert "E-mail non vérifié emma.rousseau@orange.fr Expéditeur non prouvé" in shown


# --- what they agreed to -----------------------------------------------------------------


def test_the_ledger_says_what_when_and_how_the_latest_first(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    assert "Aucun accord ni refus enregistré." in panel(sarah, talk)
    agree(talk, now=NOW - timedelta(days=1))
    agree(talk, channel="email", given=False, how="unsubscribe_link")
    agree(talk, scope="all", channel="whatsapp", given=False, how="carrier: 21610")
    shown = panel(sarah, talk)
    told = (
        "Tous messages · WhatsApp : accord retiré aujourd’hui à 11 h 20 · opérateur (21610)",
        "Messages commerciaux · E-mail : accord retiré aujourd’hui à 11 h 20 · lien de désabonnement",
        "Messages commerciaux · SMS : accord donné hier à 11 h 20 · fiche client",
    )
    places = [shown.index(line) for line in told]
    assert places == sorted(places)


def test_stop_is_told_with_its_time_and_the_words_that_prove_it(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    with transaction() as db:
        consent.stop(db, db.get_one(Customer, talk.customer.id), how="sms: Stop <b>", now=NOW)
    shown = panel(sarah, talk)
    assert "STOP aujourd’hui à 11 h 20." in shown
    assert "Tous messages · tous canaux : accord retiré" in shown
    assert "par SMS : « Stop &lt;b&gt; »" in shown


def test_before_writing_to_who_said_stop_it_is_said_that_nothing_will_go_out(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    talk.says("STOP", NOW)
    with transaction() as db:
        consent.stop(db, db.get_one(Customer, talk.customer.id), how="sms: STOP", now=NOW)
    assert window(sarah, talk).endswith("STOP : rien ne partira avant que la personne ne réécrive.")
    talk.says("Vous fermez à quelle heure ?", NOW + timedelta(minutes=1))
    assert window(sarah, talk) == ""


# --- how long one may write --------------------------------------------------------------


def window(person: Person, talk: Talk) -> str:
    html = person.get(page_of(talk)).text
    part = html[html.index('id="window"') :]
    return words(part[part.index(">") + 1 : part.index("</p>")]).strip()


def test_the_window_of_whatsapp_is_told_and_shuts_after_24_hours(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    talk.says("Coucou", NOW - timedelta(hours=1), channel="whatsapp")
    talk.answers("Bonjour !", NOW, channel="whatsapp")
    opened = "WhatsApp : vous pouvez écrire librement jusqu’à demain à 10 h 20."
    assert window(sarah, talk) == opened
    clock.set_clock(NOW + timedelta(hours=23, minutes=1))
    assert "fenêtre fermée : seul un modèle approuvé" in window(sarah, talk)
    assert 'href="/desk/templates"' in sarah.get(page_of(talk)).text


def test_their_next_message_opens_the_window_anew(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    talk.says("Coucou", NOW - timedelta(hours=30), channel="whatsapp")
    assert "fenêtre fermée" in window(sarah, talk)
    talk.says("Vous êtes là ?", NOW - timedelta(minutes=20), channel="whatsapp")
    assert window(sarah, talk).endswith("jusqu’à demain à 11 h.")


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_where_whatsapp_does_not_carry_the_answer_there_is_no_window(
    sarah: Person, begin: Begin, at_noon: datetime, channel: str
) -> None:
    talk = begin()
    talk.says("Coucou", NOW - timedelta(hours=2), channel="whatsapp")
    talk.says("Et par ici ?", NOW - timedelta(hours=1), channel=channel)
    assert window(sarah, talk) == ""


@pytest.mark.parametrize("page", ["/desk/", "/desk/alerts", "/desk/reservations"])
def test_who_has_no_name_is_called_by_number(
    sarah: Person, begin: Begin, at_noon: datetime, page: str
) -> None:
    talk = begin("", phone="+33611223344", profile={})
    talk.says("Vous avez ce modèle ?")
    talk.escalates()
    talk.reserves()
    html = words(sarah.get(page).text)
    assert "06 11 22 33 44" in html
    assert "Contact sans nom" not in html
