"""The points that a vendor gives a shop, shared by all who ask."""

from __future__ import annotations

import pytest
from redis import RedisError

from bot import limits
from bot.limits import SharedBudget
from tests.house import House


def test_nobody_waits_while_the_shop_has_said_nothing(house: House) -> None:
    assert SharedBudget("shopify:unheard").take(500) == 0


def test_what_one_takes_another_has_not(house: House) -> None:
    one, other = SharedBudget("shopify:7"), SharedBudget("shopify:7")
    one.learn(most=1000, left=100, rate=1)
    assert one.take(80) == 0
    assert other.take(80) > 30  # 20 are left, and one more comes a second


def test_another_shop_has_points_of_its_own(house: House) -> None:
    SharedBudget("shopify:8").learn(most=1000, left=0, rate=50)
    assert SharedBudget("shopify:9").take(100) == 0


def test_what_costs_more_than_there_can_ever_be_is_asked_with_all_there_is(house: House) -> None:
    budget = SharedBudget("shopify:10")
    budget.learn(most=100, left=100, rate=1)
    assert budget.take(500) == 0


def test_without_redis_nobody_waits(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> None:
        raise RedisError("gone")

    budget = SharedBudget("shopify:11")
    budget.learn(most=1000, left=0, rate=1)
    monkeypatch.setattr(limits, "redis", lost)
    assert budget.take(100) == 0
    budget.learn(most=1000, left=0, rate=1)
