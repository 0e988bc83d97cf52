"""The demo's tenants as a rehearsal's `world` changes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.demo.world import SLUGS, World, read_world, sku_of
from bot.hours import WEEKDAYS
from bot.rehearsal.script import Order, Publication, Rules, Setting, Shopper


class CannotPlay(Exception):
    """Why a rehearsal, or a step of it, cannot be played: a message for its report."""


def furnish(tenant: str, setting: Setting) -> list[World]:
    """All the demo's tenants, dates as they stand, this one changed. Raises CannotPlay."""
    if tenant not in SLUGS:
        raise CannotPlay(f"tenant: there is no {tenant} in the demo data")
    worlds = [read_world(slug) for slug in SLUGS]
    return [_change(world, setting) if world.slug == tenant else world for world in worlds]


def _change(world: World, setting: Setting) -> World:
    raw = world.raw
    hours = {day: given for day in WEEKDAYS if (given := getattr(setting.hours, day)) is not None}
    holidays = (*setting.hours.holidays, *setting.holidays)
    tenant = {
        **raw["tenant"],
        "hours": {**raw["tenant"]["hours"], **_plain(hours)},
        "holidays": [day.isoformat() for day in holidays],
    }
    return World(
        {
            **raw,
            "tenant": tenant,
            "agent": _advise(raw["agent"], setting.policy),
            "customers": [*raw["customers"], *map(_customer, setting.customers)],
            "orders": [*raw.get("orders", ()), *map(_order, setting.orders)],
            "posts": [*raw["posts"], *(_post(raw, post) for post in setting.posts)],
        }
    )


def _plain(hours: Mapping[str, Any]) -> dict[str, Any]:
    return {day: list(span) if isinstance(span, tuple) else span for day, span in hours.items()}


def _advise(agent: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """The agent under these rules."""
    changed = {"address_form": rules.voice, "emoji": rules.emoji, "threshold": rules.threshold}
    policies = {} if rules.reservation is None else {"reservation": rules.reservation}
    return {
        **agent,
        **{name: value for name, value in changed.items() if value is not None},
        "policies": {**agent["policies"], **policies},
        "levels": {**agent["levels"], **rules.levels},
    }


def _customer(shopper: Shopper) -> dict[str, Any]:
    first, _, last = shopper.name.partition(" ")
    given = {
        "first_name": first,
        "last_name": last,
        "phone": shopper.phone,
        "email": shopper.email,
        "orders": shopper.orders,
        "spent": shopper.spent,
        "segment": shopper.segment,
        "usual_size": shopper.size,
        "consents": list(shopper.consent),
    }
    return {name: value for name, value in given.items() if value is not None}


def _order(order: Order) -> dict[str, Any]:
    """As the demo's files have it."""
    given = order.model_dump(exclude_none=True)
    lines = [line.model_dump() for line in order.lines]
    return {name: value for name, value in given.items() if value} | {"lines": lines}


def _post(raw: Mapping[str, Any], post: Publication) -> dict[str, Any]:
    for product in raw["products"]:
        skus = {sku_of(product["reference"], size) for size in product["units"]}
        if post.sku in {product["reference"], *skus}:
            reference = product["reference"]
            return {"date": post.date, "reference": reference, "caption": post.caption}
    raise CannotPlay(f"posts: there is no {post.sku} in the demo data")
