"""What is handed over stands on the desk once, and in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from house import JULIE, MONDAY, House
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.escalation import EXCERPT, escalate
from bot.models.conversations import Conversation
from bot.models.escalations import Escalation
from bot.tenants import describe_tenant
from bot.turn import Escalate, Priority, Voice

NOW = datetime.fromisoformat(MONDAY)


@pytest.fixture
def talk(house: House) -> Conversation:
    house.say(JULIE, "Bonjour")
    with house.db() as db:
        return db.scalars(select(Conversation)).one()


def hand_over(
    db: Session, talk: Conversation, words: str, priority: Priority, now: datetime = NOW
) -> Escalation:
    return escalate(
        describe_tenant(talk.tenant_id, db),
        db,
        talk.id,
        talk.customer_id,
        Escalate("delivery_problem", priority, {"text": words}),
        now=now,
        voice=Voice(),
        language="fr",
    )


def test_what_becomes_urgent_is_due_sooner_and_stays_urgent(
    house: House, talk: Conversation
) -> None:
    with house.db() as db:
        first = hand_over(db, talk, "Toujours pas de colis", "normal").deadline
        soon = hand_over(db, talk, "C'est pour ce soir !", "high", NOW + timedelta(minutes=5))
        last = hand_over(db, talk, "Merci", "normal", NOW + timedelta(minutes=6))
    assert first is not None
    assert (last.id, last.priority) == (soon.id, "high")
    assert last.deadline == NOW + timedelta(hours=1, minutes=5) < first
    assert "pour ce soir" in last.summary
    assert last.summary.endswith("Merci »")


def test_two_that_hand_the_same_over_at_once_open_one(house: House, talk: Conversation) -> None:
    both = Barrier(2)

    def one(words: str) -> int:
        with house.db() as db:
            both.wait(10)
            return hand_over(db, talk, words, "normal").id

    with ThreadPoolExecutor() as people:
        ids = set(people.map(one, ["Un colis abîmé", "Un colis vide"]))
    with house.db() as db:
        (kept,) = db.scalars(select(Escalation))
    assert ids == {kept.id}
    assert {"abîmé", "vide"} <= set(kept.summary.replace(" »", "").split())


def test_of_words_without_end_the_last_ones_are_kept(house: House, talk: Conversation) -> None:
    with house.db() as db:
        for day in range(12):
            found = hand_over(db, talk, f"{'encore ' * 60}jour {day}", "normal")
    assert len(found.summary) == 4 * EXCERPT
