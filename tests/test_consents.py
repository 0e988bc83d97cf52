"""What customers let us do: the last word holds, and a dead mailbox stays dead."""

from __future__ import annotations

import pytest
from house import JULIE, House
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import consent
from bot.clock import wall
from bot.models.consents import given, record_consent
from bot.models.customers import Customer
from bot.models.messages import Message


@pytest.fixture
def julie(house: House) -> Customer:
    house.say(JULIE, "Bonjour")
    with house.db() as db:
        return db.scalars(select(Customer).where(Customer.first_name == "Julie")).one()


def start(db: Session, julie: Customer, channel: str) -> None:
    """STOP, then START in a message on that channel."""
    message = db.scalars(select(Message).where(Message.direction == "in")).one()
    message.channel = channel
    db.flush()
    consent.stop(db, julie, how=f"{channel}: STOP", now=wall(), message_id=message.id)
    consent.restart(db, julie, how=f"{channel}: START", now=wall(), message_id=message.id)


def silenced(db: Session, julie: Customer) -> dict[str, bool]:
    return {by: consent.is_silenced(db, julie, by) for by in ("sms", "email")}


def test_start_by_text_does_not_mend_a_mailbox_that_bounced(house: House, julie: Customer) -> None:
    with house.db() as db:
        consent.silence(db, julie, "email", how="bounced", now=wall())
        start(db, julie, "sms")
        assert silenced(db, julie) == {"sms": False, "email": True}
        assert given(julie.tenant_id, db, julie.id, "sms") == {"all": True, "commercial": False}


def test_start_by_mail_does(house: House, julie: Customer) -> None:
    with house.db() as db:
        consent.silence(db, julie, "email", how="unsubscribe_link", now=wall())
        start(db, julie, "email")
        assert silenced(db, julie) == {"sms": False, "email": False}


def test_stop_takes_what_one_channel_was_given_before(house: House, julie: Customer) -> None:
    with house.db() as db:
        record_consent(
            julie.tenant_id, db, julie.id,
            scope="commercial", channel="sms", given=True, how="crm", now=wall(),
        )  # fmt: skip
        assert given(julie.tenant_id, db, julie.id, "sms")["commercial"]
        consent.stop(db, julie, how="sms: STOP", now=wall())
        assert given(julie.tenant_id, db, julie.id, "sms") == {"all": False, "commercial": False}
