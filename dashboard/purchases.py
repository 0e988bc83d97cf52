"""What the customer has bought, asked of the shop's system beside the page, never in it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from functools import lru_cache

from sqlalchemy import select

from bot.db import transaction
from bot.identity import proof_of
from bot.logs import log
from bot.models.customers import Customer, Identity
from bot.tenants import open_orders
from connectors.errors import ConnectorError
from connectors.ports import Order, Proof

PATIENCE = 4.0  # seconds that an adviser waits for the shop's system
AT_MOST = 5  # orders shown


class NoAnswer(Exception):
    """The shop's system is not there, or does not answer in time."""


def read_purchases(tenant_id: int, customer_id: int) -> list[Order] | None:
    """The customer's orders, newest first; None when there is no such customer. Raises
    NoAnswer."""
    with transaction() as db:
        customer = db.scalar(
            select(Customer).where(Customer.tenant_id == tenant_id, Customer.id == customer_id)
        )
        if customer is None:
            return None
        known = select(Identity).where(
            Identity.tenant_id == tenant_id, Identity.customer_id == customer_id
        )
        proof = proof_of(customer, list(db.scalars(known)))
    asked: Future[list[Order]] = _asking().submit(_ask, tenant_id, proof)
    try:
        return asked.result(PATIENCE)
    except TooSlow:
        log().warning("orders are slow", tenant=tenant_id)
    except ConnectorError as error:
        log().warning("orders not read", tenant=tenant_id, code=error.code)
    raise NoAnswer


def _ask(tenant_id: int, proof: Proof) -> list[Order]:
    system = open_orders(tenant_id)
    return system.list_orders(proof, AT_MOST) if system is not None else []


@lru_cache
def _asking() -> ThreadPoolExecutor:
    """Made by the process that serves, not by the one that forks it."""
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="purchases")
