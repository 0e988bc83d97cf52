"""What is done in other systems: once, and whatever breaks for one costs no other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from house import JULIE, House
from sqlalchemy import select

from bot import clock, effects, jobs, parcels
from bot.labels import TenantLabels
from bot.models.conversations import Conversation
from bot.models.effects import Effect, plan_effect
from bot.models.messages import Message
from bot.models.notifications import Notification
from bot.models.tenants import Connection
from bot.models.watches import Watch, claim_watches
from bot.parcels import watch
from bot.tenants import describe_tenant
from bot.turn import WatchParcel
from connectors.errors import OutcomeUnknown, Unavailable
from connectors.ports import Order, OrderLine, Parcel, PostalAddress

SENDER = PostalAddress("Julie Martin", "1 rue des Lilas", "75001", "Paris")
LINE = OrderLine(sku="RF-2847-38", title="Robe Fleurie Bleue", quantity=1, size="38", price=None)


def test_a_label_that_may_have_been_franked_is_not_franked_again(house: House) -> None:
    asked = []

    class Colissimo:
        def prepare_label(self, request: object) -> dict[str, Any]:
            return {"letter": {}}

        def make_label(self, request: object) -> None:
            asked.append(request)
            raise OutcomeUnknown("no answer came")

    with house.db() as db:
        tenant = describe_tenant(house.tenant_id, db)
        connection = db.scalars(select(Connection.id)).first()
    assert connection is not None
    labels = TenantLabels(tenant, SENDER, connection, Colissimo())  # type: ignore[arg-type]  # played
    order = Order(id="1", number="2847", state="delivered", placed_at=clock.now(), lines=(LINE,))
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            labels.make_label(order, LINE, SENDER)
    assert len(asked) == 1


def test_an_effect_that_breaks_holds_up_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(effect: Effect) -> str:
        raise KeyError("id")

    monkeypatch.setattr(effects, "DOING", {"ticket": broken, "note": lambda effect: "1"})
    with house.held():
        plan(house, "ticket", "note")
        effects.carry_out()
        ticket, note = stored(house)
    assert (ticket.state, ticket.attempts, note.state) == ("planned", 1, "done")
    assert ticket.next_try_at > clock.now()


def test_what_cannot_be_done_for_a_day_comes_to_the_desk(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(effect: Effect) -> str:
        raise Unavailable("down", code="503")

    monkeypatch.setattr(effects, "DOING", {"ticket": away})
    with house.held():
        plan(house, "ticket")
        with house.db() as db:
            db.scalars(select(Effect)).one().attempts = effects.GIVE_UP_AFTER
        effects.carry_out()
        (ticket,) = stored(house)
        with house.db() as db:
            (told,) = db.scalars(select(Notification)).all()
    assert (ticket.state, ticket.error) == ("refused", "503")
    assert (told.kind, told.needs_action) == ("effect_refused", True)


def plan(house: House, *kinds: str) -> None:
    with house.db() as db:
        for kind in kinds:
            plan_effect(house.tenant_id, db, kind, f"{kind}:1", {}, clock.now())


def stored(house: House) -> list[Effect]:
    with house.db() as db:
        return list(db.scalars(select(Effect).order_by(Effect.id)))


def test_two_that_look_at_one_parcel_tell_its_buyer_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Post:
        def track(self, number: str) -> Parcel:
            return Parcel(number=number, status="delivered")

    monkeypatch.setattr(parcels, "open_tracking", lambda tenant_id: Post())
    house.say(JULIE, "Bonjour")
    with house.held():
        begin_watching(house)
        with house.db() as db:  # the first was so slow that its claim is over
            slow = claim_watches(db, clock.now(), clock.wall(), timedelta(seconds=-1))
        with house.db() as db:
            quick = claim_watches(db, clock.now(), clock.wall(), timedelta(seconds=30))
        for one in (*quick, *slow):
            parcels._look(one)
        with house.db() as db:
            told = db.scalars(select(Message.id).where(Message.kind == "parcel_update")).all()
    assert len(told) == 1


def test_a_parcel_spoken_of_twice_is_watched_once(house: House) -> None:
    house.say(JULIE, "Bonjour")
    with house.held():
        begin_watching(house)
        begin_watching(house)
        with house.db() as db:
            assert len(db.scalars(select(Watch)).all()) == 1


def begin_watching(house: House) -> None:
    with house.db() as db:
        talk = db.scalars(select(Conversation)).one()
        now = clock.now()
        change = WatchParcel(number="8R1", order_number="2847", alert_at=now, spare=None)
        watch(talk.tenant_id, db, talk.id, change, now)


def test_a_chore_that_breaks_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def broken() -> int:
        raise KeyError("hours")

    def work() -> int:
        done.append("chore")
        return 1

    monkeypatch.setattr(jobs, "CHORES", (broken, work))
    monkeypatch.setattr(jobs, "answer", lambda: done.append("answer"))
    jobs.do_chores()
    assert done == ["chore", "answer"]
