"""Who waits for an article, and telling them once that it is back."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot import clock
from bot.agents import speaking_as
from bot.db import transaction
from bot.logs import log
from bot.models import catalogue
from bot.models.conversations import Conversation
from bot.models.customers import Customer
from bot.models.wishes import Wish, look_again, tenants_awaited, waiting_wishes
from bot.outbox import write_first
from bot.replies.render import speak
from bot.tenants import describe_tenant, open_inventory
from bot.turn import AwaitArticle, Say
from connectors.errors import ConnectorError
from connectors.ports import Product, Stock

EVERY = timedelta(minutes=30)  # how often the shop's stock is looked at for who waits


def await_article(
    tenant_id: int,
    db: Session,
    conversation: Conversation,
    change: AwaitArticle,
    now: datetime,
) -> None:
    """Put them on the list; nothing when they are on it."""
    db.execute(
        insert(Wish)
        .values(
            tenant_id=tenant_id,
            customer_id=conversation.customer_id,
            conversation_id=conversation.id,
            reference=change.reference,
            size=change.size or "",
            state="waiting",
            next_look_at=now + EVERY,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )


def tell_returned() -> int:
    """Tell those who wait for what is there again, first come first: of each article no more
    people than there are units. How many were told."""
    now = clock.now()
    with transaction() as db:
        awaited = tenants_awaited(db, now)
    return sum(_tell_tenant(tenant_id, now) for tenant_id in awaited)


def _tell_tenant(tenant_id: int, now: datetime) -> int:
    """Their turn is over, whatever became of it, only when all is written: it is due till then."""
    try:
        return _tell_who_waits(tenant_id)
    finally:
        with transaction() as db:
            look_again(tenant_id, db, now, now + EVERY)


def _tell_who_waits(tenant_id: int) -> int:
    inventory = open_inventory(tenant_id)
    if inventory is None:
        return 0
    with transaction() as db:
        products = {p.reference: p for p in catalogue.products(tenant_id, db)}
        wanted = [
            products[w.reference] for w in waiting_wishes(tenant_id, db) if w.reference in products
        ]
    try:
        variants = [v for p in dict.fromkeys(wanted) for v in p.variants]
        stock = inventory.read_stock(variants) if variants else {}
    except ConnectorError as error:  # the next look will tell
        log().warning("waiting list not served", tenant=tenant_id, code=error.code)
        return 0
    with transaction() as db:
        return _serve(tenant_id, db, products, stock)


def _serve(
    tenant_id: int, db: Session, products: dict[str, Product], stock: dict[str, Stock]
) -> int:
    told = 0
    given: dict[str, int] = defaultdict(int)
    for wish in waiting_wishes(tenant_id, db):
        product = products.get(wish.reference)
        if product is None:
            continue
        wanted = [v for v in product.variants if not wish.size or v.size == wish.size]
        there = [v for v in wanted if v.sku in stock and stock[v.sku].available > given[v.sku]]
        if there:
            given[there[0].sku] += 1
            _tell(tenant_id, db, wish, product, there[0].size)
            told += 1
    return told


def _tell(tenant_id: int, db: Session, wish: Wish, product: Product, size: str | None) -> None:
    conversation = db.get_one(Conversation, wish.conversation_id)
    customer = db.get_one(Customer, wish.customer_id)
    tenant = describe_tenant(tenant_id, db)
    facts = {"name": customer.first_name, "article": product, "size": size}
    text = speak(
        [Say("reminder.back_in_stock", facts)],
        language=conversation.memory.get("language") or customer.language or tenant.language,
        voice=speaking_as(tenant_id, db, conversation.id).voice,
        now=clock.now().astimezone(tenant.hours.zone),
    )
    write_first(db, conversation, text, kind="back_in_stock")
    conversation.memory = {
        **conversation.memory,
        "product": product.reference,
        "sizes": [size] if size else None,
        "offer": {"product": product.reference, "size": size},
    }
    conversation.asked = "reservation_offer"
    wish.state, wish.told_at = "told", clock.now()
    log().info("told that it is back", wish=wish.id)
