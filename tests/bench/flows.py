"""From the webhook's arrival to the call to the carrier, by what is asked: one customer at a
time, the workers warm, nothing settling. The floor is the turn that asks no system: a greeting.

Every message has a customer of its own, with the order that it is about. The kinds take turns,
so that whatever else the machine does meets them all alike.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from bot import clock
from bot.db import transaction
from bot.models.conversations import Turn
from bot.models.messages import Message
from bot.models.tenants import Agent
from bot.stack import adopted, open_stack
from connectors.sandbox.client import SandboxWorld
from tests.bench.figures import Figure, Options, percentile, say
from tests.bench.load import sign_sms
from tests.bench.turns import answered_at, settle, wait_for_answers

TURNS = 100  # of each kind
WARM_UP = 3  # of each kind
LOOK_EVERY = 0.01  # seconds
FLOOR = "greeting"
MISSED = "Je ne trouve pas"  # what is said of an order that is not theirs


@dataclass(frozen=True)
class Asked:
    """A message and the intent that it is. `order`: the sender's, by its state."""

    intent: str
    text: str
    order: str = ""
    orders: int = 1


KINDS: Mapping[str, Asked] = {
    "greeting": Asked("greeting", "Bonjour !"),
    "availability": Asked("product_availability", "La robe fleurie bleue, vous l'avez en 38 ?"),
    "inquiry": Asked("product_inquiry", "Le blazer beige, il est en quelle matière ?"),
    "order_status": Asked("order_status", "Où en est ma commande {order} ?", "shipped"),
    "order_list": Asked("order_list", "Quelles sont mes commandes ?", "shipped", orders=3),
    "order_change": Asked("order_change", "Je veux annuler ma commande {order}", "paid"),
    "exchange": Asked(
        "exchange_request",
        "Je voudrais échanger le pantalon de la commande {order} contre un 38",
        "delivered",
    ),
    "return": Asked(
        "return_request", "Je veux renvoyer la commande {order} et être remboursée", "delivered"
    ),
    "delivery_calm": Asked(
        "delivery_problem",
        "Bonjour, mon colis devait arriver hier et toujours rien, commande {order}",
        "shipped",
    ),
    "delivery_urgent": Asked(
        "delivery_problem",
        "mariage demain et ma commande {order} n'est toujours pas là, je panique",
        "shipped",
    ),
    "styling": Asked(
        "styling_advice", "Avec quoi je peux porter mon pantalon noir pour un dîner ?", "delivered"
    ),
    "general_question": Asked("general_question", "Est-ce que vous livrez en Belgique ?"),
    "opening_hours": Asked("general_question", "Vous êtes ouverts samedi ?"),
    "back_in_stock": Asked("back_in_stock", "Prévenez-moi quand le blazer beige revient en 36 svp"),
    "feedback": Asked("feedback", "Je vous mets 5 étoiles, j'adore ma robe, merci !"),
    "human_request": Asked("human_request", "Je voudrais parler à une vraie personne"),
    "complaint": Asked("complaint", "Je suis très déçue, votre service est vraiment nul"),
    "photo": Asked("photo_request", "Tu peux m'envoyer une photo de la robe fleurie bleue ?"),
    "closing": Asked("closing", "Merci, bonne journée !"),
}
LEVELS = ("return_request", "order_change")  # answered alone here: a draft has no carrier


@dataclass(frozen=True)
class Street:
    """A warm shop, and who has written to it so far."""

    door: str
    sandbox: SandboxWorld
    http: requests.Session

    def ask(self, number: int, text: str) -> tuple[float, float]:
        """The customer `number` writes, and has the answer: when it left (wall time), and for
        how long the door kept the vendor (seconds)."""
        head, body = sign_sms(self.door, number, text).split(b"\r\n\r\n", 1)
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        start = time.time()
        self.http.post(self.door, data=body, headers=headers, timeout=10).raise_for_status()
        took = time.time() - start
        wait_for_answers(number, LOOK_EVERY)
        return start, took


@contextmanager
def open_street(name: str) -> Iterator[Street]:
    """The demo's shop on a stack with warm workers. Customers are numbered from 1."""
    say(f"{name}: starting a stack")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_stack(
            Path(folder), workers=2, demo=False, fsync=True, settling_seconds=0,
            web_workers=2, web_threads=2,
        ) as stack,
        adopted(stack.env),
        requests.Session() as http,
    ):  # fmt: skip
        from bot.demo import load_demo

        load_demo()
        with transaction() as db:
            for agent in db.scalars(select(Agent)):
                agent.levels = {**agent.levels, **dict.fromkeys(LEVELS, "auto")}
        sandbox = SandboxWorld(stack.sandbox_url, "demo")
        sandbox.set_stock({"RF-2847-38": 100_000, "PN-310-38": 100_000, "PN-310-40": 100_000})
        http.trust_env = False  # no proxy stands between us and ourselves
        yield Street(f"{stack.url}/webhooks/twilio/elegance-paris", sandbox, http)


def give_orders(sandbox: SandboxWorld, wanted: Mapping[int, Asked]) -> None:
    """The orders of customers by their numbers; of several the others are old ones."""
    today = clock.now().replace(hour=8, minute=0, second=0, microsecond=0)
    orders: list[dict[str, Any]] = []
    for number, asked in wanted.items():
        for nth in range(asked.orders if asked.order else 0):
            order: dict[str, Any] = {
                "name": f"#{order_of(number) if nth == 0 else 50_000 + 3 * number + nth}",
                "phone": f"+336{number:08}",
                "placed": (today - timedelta(days=6 + nth)).isoformat(),
                "lines": [{"sku": "PN-310-40", "quantity": 1}],
                "state": asked.order,
                "address": {"street": "3 Rue des Carmes", "zip": "45000", "city": "Orléans"},
            }
            if asked.order in {"shipped", "delivered"}:
                order["tracking"] = f"8R{number:08}{nth:03}"
            if asked.order == "delivered":
                order["delivered"] = (today - timedelta(days=3)).isoformat()
            orders.append(order)
    sandbox.add_orders(orders)
    for order in orders:
        if order["state"] == "shipped":
            sandbox.set_parcel(order["tracking"], status="in_transit")


def order_of(number: int) -> str:
    """Of the boutique's shape, not of the demo's."""
    return f"{10_000 + number}"


def measure(options: Options) -> list[Figure]:
    turns = min(options.messages, TURNS)
    kinds = list(KINDS) * (WARM_UP + turns)
    numbered = dict(enumerate(kinds, 1))
    with open_street("flows") as street:
        give_orders(street.sandbox, {n: KINDS[kind] for n, kind in numbered.items()})
        left, door = {}, []
        for number, kind in numbered.items():
            text = KINDS[kind].text.format(order=order_of(number))
            left[number], took = street.ask(number, text)
            door.append(took)
        settle()
        had = answered_at(street.sandbox)
        check_understood({n: KINDS[kind].intent for n, kind in numbered.items()})
        missed = [m["body"] for m in street.sandbox.state()["messages"] if MISSED in m["body"]]
        assert not missed, f"orders that should be theirs were not found: {missed[:3]}"
    taken: dict[str, list[float]] = defaultdict(list)
    for number, kind in numbered.items():
        if number > WARM_UP * len(KINDS):
            taken[kind].append((had[number] - left[number]) * 1000)
    floor = percentile(taken[FLOOR], 0.5)
    rows = [_figure(kind, times, floor) for kind, times in taken.items()]
    door_ms = [took * 1000 for took in door[WARM_UP * len(KINDS) :]]
    every = [t for times in taken.values() for t in times]
    return [*rows, _figure("all", every, floor), _figure("door", door_ms, floor)]


def check_understood(meant: Mapping[int, str]) -> None:
    """A message that is read as something else would be timed as what it is not.

    Raises AssertionError.
    """
    with transaction() as db:
        found = db.execute(
            select(Message.contact, Turn.understanding)
            .join(Turn, Turn.id == Message.turn_id)
            .where(Message.direction == "in")
        ).all()
    read = {int(contact[4:]): tuple(understood["intents"]) for contact, understood in found}
    wrong = {(meant[n], read.get(n)) for n in meant if meant[n] not in read.get(n, ())}
    assert not wrong, f"meant and read: {wrong}"


def _figure(name: str, times: list[float], floor: float) -> Figure:
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    say(f"flows: {name:<17} p50 {p50:6.0f} ms  p99 {p99:6.0f} ms")
    return Figure(
        f"flows-{name}", p50, "ms", p50_ms=p50, p99_ms=p99, floor=floor, ratio=p50 / floor
    )
