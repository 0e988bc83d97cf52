"""What is done every hour."""

from __future__ import annotations

from house import JULIE, House
from sqlalchemy import select

from bot.jobs import keep_house
from bot.models.catalogue import Product
from bot.models.conversations import Conversation


def _state(house: House) -> str:
    with house.db() as db:
        return str(db.scalar(select(Conversation.state)))


def test_a_conversation_that_has_been_quiet_for_the_tenants_time_is_closed(house: House) -> None:
    house.say(JULIE, "Bonjour")
    house.move_clock("2025-01-16T10:00:00+01:00")
    keep_house()
    assert _state(house) == "open"
    house.move_clock("2025-01-16T10:30:00+01:00")
    keep_house()
    assert _state(house) == "closed"


def test_an_open_escalation_keeps_it_open(house: House) -> None:
    house.say(JULIE, "Je veux parler à une vraie personne svp")
    house.move_clock("2025-01-20T10:00:00+01:00")
    keep_house()
    assert _state(house) == "open"


def test_the_catalogue_is_read_anew(house: House) -> None:
    with house.db() as db:
        for product in db.scalars(select(Product)):
            product.title = "Ancien titre"
    keep_house()
    with house.db() as db:
        assert "Robe Fleurie Bleue" in set(db.scalars(select(Product.title)))
