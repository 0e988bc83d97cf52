"""Demo tenants as written in the files beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from bot.hours import OpeningHours, parse_hours
from bot.turn import Context
from bot.understanding.people import read_names
from connectors.ports import Money, Post, Product, Profile, Variant

HERE = Path(__file__).parent
SLUGS = ("elegance-paris", "coollibri")


@dataclass(frozen=True)
class World:
    """One tenant's beginnings. `raw` is the file; `shift` moves its dates."""

    raw: Mapping[str, Any]
    shift: timedelta = timedelta()

    @property
    def slug(self) -> str:
        slug: str = self.raw["tenant"]["slug"]
        return slug

    @property
    def hours(self) -> OpeningHours:
        return parse_hours(self.raw["tenant"]["timezone"], self.raw["tenant"]["hours"])

    @property
    def posts(self) -> tuple[Post, ...]:
        return tuple(
            Post(p["date"] + self.shift, p["reference"], p["caption"]) for p in self.raw["posts"]
        )

    @property
    def products(self) -> tuple[Product, ...]:
        return tuple(self._product(p) for p in self.raw["products"])

    @property
    def profiles(self) -> tuple[Profile, ...]:
        return tuple(self._profile(c) for c in self.raw["customers"])

    def context(self, now: datetime, asked: str | None = None) -> Context:
        """What an understanding engine is told in this world."""
        tenant = self.raw["tenant"]
        return Context(
            now=now.astimezone(ZoneInfo(tenant["timezone"])),
            hours=self.hours,
            products=self.products,
            posts=self.posts,
            order_shapes=tuple(tenant["order_shapes"]),
            asked=asked,
            language=tenant["language"],
            own_names=read_names(
                tenant["name"], tenant["postal_address"], *(u["name"] for u in self.raw["users"])
            ),
        )

    def _product(self, raw: Mapping[str, Any]) -> Product:
        price = Money(Decimal(raw["price"]), self.raw["tenant"]["currency"])
        return Product(
            id=raw["reference"],
            reference=raw["reference"],
            title=raw["title"],
            category=raw["category"],
            colors=(raw["color"],),
            material=raw["material"],
            care=raw["care"],
            goes_with=tuple(raw["goes_with"]),
            variants=tuple(
                Variant(
                    sku=sku_of(raw["reference"], size),
                    ref="",
                    size=size or None,
                    color=raw["color"],
                    price=price,
                )
                for size in raw["units"]
            ),
        )

    def _profile(self, raw: Mapping[str, Any]) -> Profile:
        currency = self.raw["tenant"]["currency"]
        return Profile(
            id="",
            first_name=raw["first_name"],
            last_name=raw["last_name"],
            phone=raw.get("phone", ""),
            email=raw.get("email", ""),
            segment=raw.get("segment", ""),
            orders=raw.get("orders"),
            spent=Money(Decimal(raw["spent"]), currency) if "spent" in raw else None,
            usual_size=raw.get("usual_size", ""),
            preferred_channel=raw.get("preferred_channel", ""),
            consents=tuple(raw.get("consents", ())),
        )


def sku_of(reference: str, size: str) -> str:
    return f"{reference}-{size}" if size else reference


@lru_cache
def read_world(slug: str) -> World:
    """The tenant as written, dates as they stand."""
    return World(yaml.safe_load((HERE / f"{slug}.yaml").read_text(encoding="utf-8")))


def shifted(world: World, today: date) -> World:
    """By whole weeks, so that the anchor Monday becomes this week's."""
    monday = today - timedelta(days=today.weekday())
    return World(world.raw, monday - world.raw["anchor"])
