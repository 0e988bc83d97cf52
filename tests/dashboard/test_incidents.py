"""Dead letters: what failed is seen at the desk and tried again there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot import clock, consent, incidents
from bot.db import transaction
from bot.inbox import GIVE_UP_AFTER
from bot.models.customers import Customer
from bot.models.deliveries import Delivery
from bot.models.media import Media, media_of
from bot.models.messages import Message
from bot.models.tenants import Connection
from tests.dashboard.cast import NOW, Cast, Person, Talk
from tests.dashboard.conftest import Begin
from tests.dashboard.test_desk import words

PAGE = "/desk/incidents"


@pytest.fixture
def failed(cast: Cast) -> Delivery:
    """Something came in by Twilio and could not be read."""
    return deliver(cast, "KeyError")


def deliver(
    cast: Cast, error: str, attempts: int = GIVE_UP_AFTER, state: str = "failed"
) -> Delivery:
    with transaction() as db:
        connection = db.scalar(select(Connection)) or Connection(
            tenant_id=cast.elegance.id, vendor="twilio", key="k", updated_at=NOW
        )
        db.add(connection)
        db.flush()
        delivery = Delivery(
            tenant_id=cast.elegance.id,
            connection_id=connection.id,
            provider_id=f"SM{error}{attempts}",
            kind="message",
            url="https://example.com/webhooks/twilio/k",
            headers={"X-Secret": "hidden"},
            body=b"Body=Mon+num%C3%A9ro+de+carte&From=%2B33645789012",
            state=state,
            attempts=attempts,
            error=error,
            next_try_at=NOW,
            received_at=NOW - timedelta(hours=2),
        )
        db.add(delivery)
        db.flush()
        return delivery


def undelivered(talk: Talk, code: str = "30003", **more: Any) -> Message:
    """A message of ours that failed, and the escalation that came of it."""
    asked = talk.says("Vous l'avez en 38 ?", NOW - timedelta(minutes=9))
    told = {"state": "failed", "code": code, "attempts": 6, "provider_id": f"SM{code}", **more}
    sent = talk.answers("Oui, il en reste deux.", NOW - timedelta(minutes=8), **told)
    talk.escalates("delivery_failed", summary="Message non remis")
    assert asked.id < sent.id
    return sent


def read(kind: Any, id: int) -> Any:
    with transaction() as db:
        return db.get_one(kind, id)


def retry(person: Person, what: str, id: int, **options: Any) -> Any:
    return person.post(f"/desk/{what}/{id}/retry", **options)


# --- what is seen ------------------------------------------------------------------------


def test_without_incidents_the_page_is_calm(sarah: Person, cast: Cast) -> None:
    html = sarah.get(PAGE).text
    assert "Aucun incident" in html
    assert "incidents</span></b>" not in html


@pytest.mark.parametrize(
    ("error", "attempts", "said"),
    [
        ("twilio: HTTP 503, code 503", GIVE_UP_AFTER, "malgré plusieurs essais"),
        ("twilio: message status 'odd'", 1, "ne sait pas lire cet envoi"),
        ("BadConfig", GIVE_UP_AFTER, "fermée ou mal réglée"),
        ("KeyError", GIVE_UP_AFTER, "erreur interne"),
    ],
)
def test_a_delivery_given_up_is_told_in_plain_words(
    sarah: Person, cast: Cast, at_noon: datetime, error: str, attempts: int, said: str
) -> None:
    deliver(cast, error, attempts)
    html = words(sarah.get(PAGE).text)
    assert "Message reçu · Twilio" in html
    assert said in html
    assert "Reçu aujourd’hui à 9 h 20" in html
    assert "1 envoi reçu et jamais lu" in html
    assert error not in html


def test_what_its_vendor_has_kept_back_for_long_is_seen_before_it_is_given_up(
    sarah: Person, cast: Cast, at_noon: datetime
) -> None:
    deliver(cast, "", GIVE_UP_AFTER - 1, "new")
    assert "Aucun incident" in sarah.get(PAGE).text
    waiting = deliver(cast, "", state="new")
    html = words(sarah.get(PAGE).text)
    assert "malgré plusieurs essais" in html
    assert "continue de le demander" in html
    assert retry(sarah, "deliveries", waiting.id).status_code == 302
    again = read(Delivery, waiting.id)
    assert (again.state, again.attempts) == ("new", 0)
    assert again.next_try_at <= clock.now()
    assert "Aucun incident" in sarah.get(PAGE).text


def test_what_is_in_a_delivery_stays_in_the_database(sarah: Person, failed: Delivery) -> None:
    html = sarah.get(PAGE).text
    for hidden in ("de+carte", "de carte", "X-Secret", "33645789012", failed.provider_id):
        assert hidden not in html


def test_an_undelivered_message_says_to_whom_how_and_why(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    undelivered(begin())
    html = words(sarah.get(PAGE).text)
    assert "Julie Mercier · SMS" in html
    assert "Oui, il en reste deux." in html
    assert "Le téléphone est éteint ou hors de portée. Code 30003." in html
    assert "1 incident" in html


def test_a_failed_message_is_sent_again_from_its_conversation_unless_that_is_useless(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    once = undelivered(talk)
    never = talk.answers("Encore moi", state="failed", code="21610")
    html = sarah.get(f"/desk/conversations/{talk.conversation.id}").text
    assert f"/desk/messages/{once.id}/retry" in html
    assert f"/desk/messages/{never.id}/retry" not in html
    retry(sarah, "messages", once.id)
    html = sarah.get(f"/desk/conversations/{talk.conversation.id}").text
    assert f"/desk/messages/{once.id}/retry" not in html


@pytest.mark.parametrize("code", sorted(incidents.FINAL))
def test_what_is_final_by_nature_has_no_button(
    sarah: Person, begin: Begin, at_noon: datetime, code: str
) -> None:
    message = undelivered(begin(), code)
    html = sarah.get(PAGE).text
    assert "Inutile de réessayer" in html
    assert f"/desk/messages/{message.id}/retry" not in html
    answer = retry(sarah, "messages", message.id)
    assert "ne peut pas repartir" in sarah.get(answer.location).text
    assert retry(sarah, "messages", message.id, headers={"X-Live": "1"}).status_code == 409
    assert out_of(message) == [message.id]


def out_of(message: Message) -> list[int]:
    with transaction() as db:
        return list(
            db.scalars(
                select(Message.id)
                .where(
                    Message.conversation_id == message.conversation_id, Message.direction == "out"
                )
                .order_by(Message.id)
            )
        )


def test_what_an_adviser_dealt_with_is_no_incident_any_more(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    undelivered(talk)
    sarah.post(f"/desk/conversations/{talk.conversation.id}/settle")
    assert "Aucun incident" in sarah.get(PAGE).text


# --- trying again ------------------------------------------------------------------------


def test_a_delivery_is_read_again_from_the_beginning(
    sarah: Person, failed: Delivery, at_noon: datetime
) -> None:
    answer = retry(sarah, "deliveries", failed.id)
    assert "relu depuis le début" in sarah.get(answer.location).text
    kept = read(Delivery, failed.id)
    assert (kept.state, kept.attempts, kept.error, kept.body) == ("new", 0, "", failed.body)
    assert kept.next_try_at <= clock.now()
    assert kept.claimed_until is None


def test_a_second_click_on_a_delivery_changes_nothing(
    sarah: Person, failed: Delivery, at_noon: datetime
) -> None:
    retry(sarah, "deliveries", failed.id)
    with transaction() as db:
        db.get_one(Delivery, failed.id).attempts = 3
    answer = retry(sarah, "deliveries", failed.id)
    assert "quelqu’un a été plus rapide" in sarah.get(answer.location).text
    assert read(Delivery, failed.id).attempts == 3


def test_a_delivery_that_nobody_will_ever_read_is_discarded_and_kept(
    sarah: Person, failed: Delivery, at_noon: datetime
) -> None:
    discard = f"/desk/deliveries/{failed.id}/discard"
    assert f'action="{discard}"' in sarah.get(PAGE).text
    html = sarah.get(sarah.post(discard).location).text
    assert "L’envoi est écarté" in html
    assert "Aucun incident" in html
    kept = read(Delivery, failed.id)
    assert (kept.state, kept.body, kept.headers) == ("ignored", failed.body, failed.headers)
    assert kept.error.startswith("discarded by user ")
    assert kept.error.endswith(": KeyError")
    again = sarah.post(discard)
    assert "quelqu’un a été plus rapide" in sarah.get(again.location).text
    assert retry(sarah, "deliveries", failed.id, headers={"X-Live": "1"}).status_code == 409


def test_a_failed_message_is_written_anew_once_and_the_first_stays_as_it_was(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    message = undelivered(talk)
    answer = retry(sarah, "messages", message.id)
    assert "repart" in sarah.get(answer.location).text
    retry(sarah, "messages", message.id)
    first, second = out_of(message)
    assert first == message.id
    old, new = read(Message, first), read(Message, second)
    assert (old.state, old.code, old.provider_id) == ("failed", "30003", "SM30003")
    assert (new.state, new.attempts, new.code, new.provider_id) == ("queued", 0, "", None)
    assert (new.body, new.kind, new.author) == (old.body, old.kind, old.author)
    assert (new.channel, new.contact, new.address) == (old.channel, old.contact, old.address)
    assert new.plan == {"how": "text", "why": "answer"}
    assert "Aucun incident" in sarah.get(PAGE).text
    assert (
        "il a été récrit plus bas" in sarah.get(f"/desk/conversations/{talk.conversation.id}").text
    )


def test_after_stop_a_retried_message_is_withheld(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    message = undelivered(talk)
    with transaction() as db:
        customer = db.get_one(Customer, talk.customer.id)
        consent.stop(db, customer, how="sms: STOP", now=NOW)
    retry(sarah, "messages", message.id)
    again = read(Message, out_of(message)[-1])
    assert (again.state, again.plan["why"]) == ("withheld", "stopped")


def test_a_reminder_tried_again_at_night_waits_for_the_morning(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    message = undelivered(begin(), kind="reservation_reminder")
    address_of_the_shop_is_served(message)
    clock.set_clock(datetime.fromisoformat("2025-01-13T23:00:00+01:00"))
    retry(sarah, "messages", message.id)
    again = read(Message, out_of(message)[-1])
    assert (again.state, again.plan["why"]) == ("queued", "service_hours")
    assert again.send_after == datetime.fromisoformat("2025-01-14T08:00:00+01:00")


def address_of_the_shop_is_served(message: Message) -> None:
    with transaction() as db:
        connection = Connection(
            tenant_id=message.tenant_id, vendor="twilio", key="k2", updated_at=NOW
        )
        db.add(connection)
        db.flush()
        for row in db.scalars(select(Message).where(Message.direction == "in")):
            row.connection_id = connection.id


def test_of_an_uncertain_message_the_carrier_is_asked_now_and_nothing_is_sent_twice(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    message = talk.answers(
        "Oui !", state="unknown", send_after=NOW + timedelta(hours=1), tried_at=NOW, sent_at=None
    )
    assert "Demander à l’opérateur" in sarah.get(PAGE).text
    answer = retry(sarah, "messages", message.id)
    assert "La question est posée" in sarah.get(answer.location).text
    kept = read(Message, message.id)
    assert kept.state == "unknown"
    assert kept.send_after <= clock.now()
    assert out_of(message) == [message.id]


def test_a_worker_that_is_asking_keeps_its_claim(begin: Begin, at_noon: datetime) -> None:
    talk = begin()
    claimed = clock.wall() + timedelta(seconds=30)
    message = talk.answers("Oui !", state="unknown", send_after=NOW, claimed_until=claimed)
    with transaction() as db:
        incidents.retry_message(talk.customer.tenant_id, db, message.id, NOW)
    assert read(Message, message.id).claimed_until == claimed


@pytest.mark.parametrize("state", ["sent", "delivered", "queued", "draft", "withheld"])
def test_what_has_not_failed_is_not_sent_again(begin: Begin, at_noon: datetime, state: str) -> None:
    message = begin().answers("Oui !", state=state)
    with transaction() as db, pytest.raises(incidents.NothingToRetry):
        incidents.retry_message(message.tenant_id, db, message.id, NOW)


def test_another_shop_neither_sees_nor_retries_nor_discards(
    charlie: Person, begin: Begin, failed: Delivery, at_noon: datetime
) -> None:
    message = undelivered(begin())
    assert "Aucun incident" in charlie.get(PAGE).text
    assert retry(charlie, "deliveries", failed.id).status_code == 404
    assert charlie.post(f"/desk/deliveries/{failed.id}/discard").status_code == 404
    assert retry(charlie, "messages", message.id).status_code == 404
    with transaction() as db:
        other = charlie_shop(db)
        with pytest.raises(incidents.NothingToRetry):
            incidents.retry_delivery(other, db, failed.id, NOW)
        with pytest.raises(incidents.NothingToRetry):
            incidents.retry_message(other, db, message.id, NOW)
    assert read(Delivery, failed.id).state == "failed"
    assert out_of(message) == [message.id]


def charlie_shop(db: Any) -> int:
    from bot.models.tenants import tenant_by_slug

    shop = tenant_by_slug(db, "coollibri")
    assert shop
    return shop.id


# --- what goes along ---------------------------------------------------------------------


def test_a_letter_tried_again_is_a_letter_with_its_own_subject_or_nothing(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    kept = {"subject": "Merci pour votre achat"}
    message = undelivered(begin(), kind="thank_you", extra=kept)
    address_of_the_shop_is_served(message)
    retry(sarah, "messages", message.id)
    again = read(Message, out_of(message)[-1])
    assert again.extra == kept
    assert (again.state, again.plan["why"]) == ("withheld", "unreachable")  # by SMS never


def test_the_pictures_of_a_message_go_along_when_it_is_tried_again(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    told = {"pictures": ["https://example.com/robe.jpg"], "disclosed": "fr"}
    message = undelivered(begin(), extra={**told, "facts": {}})
    retry(sarah, "messages", message.id)
    assert read(Message, out_of(message)[-1]).extra == told


@pytest.mark.parametrize("channel", ["whatsapp", "sms"])
def test_an_advisers_picture_goes_along_or_a_link_to_it_where_none_can_travel(
    sarah: Person, begin: Begin, at_noon: datetime, channel: str
) -> None:
    message = undelivered(begin(), kind="adviser", author="adviser", extra={"enclosed": True})
    with transaction() as db:
        for row in db.scalars(select(Message)):
            row.channel = channel
        db.add(
            Media(
                tenant_id=message.tenant_id,
                message_id=message.id,
                position=0,
                key="1/abc",
                content_type="image/png",
                bytes=3,
                name="robe.png",
                source={},
                state="kept",
                attempts=0,
                next_try_at=NOW,
                created_at=NOW,
            )
        )
    retry(sarah, "messages", message.id)
    again = read(Message, out_of(message)[-1])
    with transaction() as db:
        (file,) = media_of(again.tenant_id, db, [again.id])
    assert (file.key, file.state) == ("1/abc", "kept")
    assert again.extra.get("enclosed", False) == (channel == "whatsapp")
    assert ("/media/" in again.body) == (channel == "sms")
