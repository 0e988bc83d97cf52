"""The same orders in each system of orders that there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response
from sandbox_world import World

LEA, LEA_MAIL = "+33645781122", "lea.martin@gmail.com"
EMMA, EMMA_MAIL = "+33612457896", "emma.rousseau@orange.fr"
MARINE, MARINE_MAIL = "+33698745632", "marine.durand@free.fr"
CHARLIE = "+33699000000"

CUSTOMERS = [
    {
        "first_name": "Léa",
        "last_name": "Martin",
        "email": LEA_MAIL,
        "phone": LEA,
        "street": "17 Cours Lafayette",
        "zip": "69003",
        "city": "Lyon",
    },
    {"first_name": "Emma", "last_name": "Rousseau", "email": EMMA_MAIL, "phone": EMMA},
    {"first_name": "Marine", "last_name": "Durand", "email": MARINE_MAIL, "phone": MARINE},
    {"first_name": "Charlie", "last_name": "Petit", "phone": CHARLIE},
]


def order(
    number: str, placed: str, whose: str, state: str, sku: str, **more: Any
) -> dict[str, Any]:
    line = {"sku": sku, "quantity": 1}
    base = {"name": f"#{number}", "placed": placed, "email": whose, "state": state}
    return {**base, "lines": [line], **more}


ORDERS = [
    order("2830", "2025-01-02", LEA_MAIL, "cancelled", "BO-019"),
    order(
        "2847",
        "2025-01-09",
        EMMA_MAIL,
        "delivered",
        "RF-2847-40",
        delivered="2025-01-13T10:30:00+01:00",
        tracking="8R00012340001",
    ),
    order("2888", "2025-01-08", LEA_MAIL, "delivered", "BO-019", delivered="2025-01-10"),
    order("2890", "2025-01-10T16:00:00+01:00", MARINE_MAIL, "collected", "RB-118-38"),
    order("2891", "2025-01-10", EMMA_MAIL, "paid", "BO-019"),
    order("2892", "2025-01-10", EMMA_MAIL, "preparing", "BO-019"),
    order("2893", "2025-01-10", EMMA_MAIL, "cancelled", "BO-019"),
    order("2894", "2025-01-10", EMMA_MAIL, "returned", "BO-019"),
    order("2901", "2025-01-13", LEA_MAIL, "shipped", "RB-118-40", tracking="8R00012345678"),
]


@dataclass(frozen=True)
class OrderWorld:
    """One system with these orders. `wrong` are settings that it refuses."""

    vendor: str
    world: World
    wrong: Mapping[str, str]

    @property
    def port(self) -> Any:
        return self.connect()

    def connect(self, **settings: str) -> Any:
        return self.world.connect(self.vendor, "orders", **settings)


def open_order_world(vendor: str, world: World) -> OrderWorld:
    world.change(lambda document: document["shop"].update(customers=CUSTOMERS, orders=ORDERS))
    return OrderWorld(vendor, world, {"access_token": "wrong"})


class Garbage:
    """A system that answers everything with `answer`."""

    def __init__(self) -> None:
        self.app = Flask("garbage")
        self.app.add_url_rule(
            "/<path:path>", view_func=self.reply, methods=["GET", "POST", "PATCH"]
        )
        self.answer = b""
        self.status = 200
        self.url = ""

    def reply(self, path: str) -> Response:
        return Response(self.answer, self.status, content_type="application/json")
