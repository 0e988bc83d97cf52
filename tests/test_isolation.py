"""What is broken for one costs no other, and nobody is left without an answer."""

from __future__ import annotations

from flask import Flask
from house import JULIE, House
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import clock, tenants, vault, webhooks
from bot.models.effects import Effect
from bot.models.escalations import Escalation
from bot.models.reminders import Reminder
from bot.models.reservations import Reservation
from bot.models.tenants import Agent, Connection, Deployment, Tenant
from bot.reservations import expire

ASK = "Bonjour, la robe fleurie bleue est-elle disponible en 38 ?"


def shut(house: House, vendor: str) -> None:
    """The connection's secrets can no longer be opened, as after a lost ENCRYPTION_KEYS."""
    with house.db() as db:
        found = connection(house, db, vendor)
        found.secrets, found.updated_at = "opened by no key of ours", clock.wall()


def connection(house: House, db: Session, vendor: str) -> Connection:
    of_it = (Connection.tenant_id == house.tenant_id, Connection.vendor == vendor)
    return db.scalars(select(Connection).where(*of_it)).one()


def test_who_asks_a_shop_whose_connection_cannot_be_opened_is_answered_and_handed_over(
    house: House,
) -> None:
    shut(house, "shopify")
    assert house.say(JULIE, ASK)
    with house.db() as db:
        assert db.scalars(select(Escalation.reason)).all() == ["system_down"]


def test_a_reminder_that_breaks_costs_no_other(house: House) -> None:
    house.say(JULIE, ASK)
    with house.db() as db:
        kept = db.scalars(select(Reservation)).one()
        for kind in ("of_no_sentence", "reservation_reminder"):
            db.add(
                Reminder(
                    tenant_id=house.tenant_id,
                    customer_id=kept.customer_id,
                    conversation_id=kept.conversation_id,
                    reservation_id=kept.id,
                    kind=kind,
                    channel="sms",
                    due_at=clock.now(),
                    facts={},
                    state="planned",
                    created_at=clock.now(),
                )
            )
    house.settle()
    with house.db() as db:
        states = {row.kind: row.state for row in db.scalars(select(Reminder))}
    assert states == {"of_no_sentence": "planned", "reservation_reminder": "sent"}


def test_reservations_end_though_a_tenants_hours_cannot_be_read(house: House) -> None:
    house.say(JULIE, ASK)
    with house.held():
        with house.db() as db:
            kept = db.scalars(select(Reservation)).one()
            kept.until = clock.now()
            db.get_one(Tenant, house.tenant_id).hours = {"lundi": ["10:00", "19:00"]}
        assert expire() == 1
        with house.db() as db:
            assert db.scalars(select(Reservation.state)).one() == "expired"
            assert db.scalars(select(Effect.kind).where(Effect.state == "planned")).all() == [
                "release"
            ]


def test_the_door_of_a_connection_that_cannot_be_opened_asks_for_another_try(house: House) -> None:
    with house.db() as db:
        doors = {row.vendor: row.key for row in db.scalars(select(Connection))}
    shut(house, "twilio")
    tenants.channel_at_door.cache_clear()
    app = Flask(__name__)
    app.register_blueprint(webhooks.doors)
    answer = app.test_client().post(f"/webhooks/twilio/{doors['twilio']}", data={"Body": "Bonjour"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_shop_that_only_follows_parcels_has_no_labels_and_answers_all_the_same(
    house: House,
) -> None:
    with house.db() as db:
        parcels = connection(house, db, "colissimo")
        parcels.settings = {}
        parcels.secrets = vault.encrypt({"okapi_key": "okapi-sandbox"})
        parcels.updated_at = clock.wall()
    assert "38" in house.say(JULIE, ASK)[0]
    tenants.forget_systems(house.tenant_id)
    assert tenants.find_system(house.tenant_id, "labels") is None
    assert tenants.find_system(house.tenant_id, "tracking") is not None
    tenants.forget_systems(house.tenant_id)


def test_what_is_misspelt_in_an_agents_levels_is_never_done_alone(house: House) -> None:
    with house.db() as db:
        agent = db.scalars(
            select(Agent)
            .join(Deployment, Deployment.agent_id == Agent.id)
            .where(Deployment.tenant_id == house.tenant_id)
        ).one()
        misspelt = dict.fromkeys(("product_availability", "reservation_create"), "automatic")
        agent.levels = {**agent.levels, **misspelt}
        agent.policies = {**agent.policies, "hold_dayz": 9}
    assert house.say(JULIE, ASK)
    with house.db() as db:
        assert db.scalars(select(Reservation.id)).all() == []
        assert len(db.scalars(select(Escalation.reason)).all()) == 1
