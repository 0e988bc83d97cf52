"""What is done every hour."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from house import JULIE, House
from sqlalchemy import select

from bot import catalogue
from bot.jobs import keep_house
from bot.models.catalogue import Product
from bot.models.conversations import Conversation
from connectors import ports


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


def test_the_catalogue_read_by_two_at_once_is_kept_once(house: House) -> None:
    with ThreadPoolExecutor(8) as workers:
        read = list(workers.map(catalogue.refresh, [house.tenant_id] * 8))
    with house.db() as db:
        kept = len(db.scalars(select(Product.reference)).all())
    assert read == [kept] * 8


def test_a_shop_with_gift_cards_and_alike_articles_has_its_catalogue_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shelves:
        def list_products(self) -> list[ports.Product]:
            told = {"Carte cadeau": [], "Échantillon": [], "Robe": ["A-1-38"], "Jupe": ["A-2-38"]}
            return [
                ports.Product(
                    id=title,
                    reference="A" if skus else "",
                    title=title,
                    variants=tuple(
                        ports.Variant(sku, "", "38", None, ports.Money(Decimal(59), "EUR"))
                        for sku in skus
                    ),
                )
                for title, skus in told.items()
            ]

    monkeypatch.setattr(catalogue, "open_inventory", lambda tenant_id: Shelves())
    assert catalogue.refresh(house.tenant_id) == 2
    with house.db() as db:
        kept = {row.reference: row.title for row in db.scalars(select(Product))}
    assert kept == {"A": "Robe", "A-2-38": "Jupe"}
