"""What is written to a customer after a purchase: thanks by e-mail, and a week later a word."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import clock, sending, vault
from bot import turn as words
from bot.agents import speaking_as
from bot.models import catalogue
from bot.models.conversations import Conversation, join_conversation
from bot.models.customers import Customer
from bot.models.messages import Message
from bot.models.reminders import Reminder
from bot.models.tenants import Tenant
from bot.models.users import Membership, User
from bot.outbox import write_first
from bot.reach import find_ways
from bot.replies.render import speak
from bot.settings import settings
from bot.shop import product_of
from bot.tenants import describe_tenant
from bot.turn import Say
from bot.understanding.folding import fold
from connectors.ports import Money, OrderLine, Product


def write_thanks(db: Session, reminder: Reminder) -> Message | None:
    """The e-mail of thanks with what they bought; None when they have no address any more."""
    customer = db.get_one(Customer, reminder.customer_id)
    conversation = db.get_one(Conversation, reminder.conversation_id)
    ways = find_ways(reminder.tenant_id, db, customer, conversation.deployment_id)
    if all(way.channel != "email" for way in ways):
        return None
    tenant, kept = describe_tenant(reminder.tenant_id, db), reminder.facts
    facts = {
        "name": customer.first_name,
        "adviser": name_adviser(reminder.tenant_id, db),
        "tenant": tenant,
        "order": kept["order"],
        "in_shop": kept["in_shop"],
        "total": Money(Decimal(kept["total"]), kept["currency"]),
        "lines": _lines(kept),
        "link": opinion_url(reminder),
    }
    text = _say("mail.thank_you", facts, db, conversation, customer, tenant)
    return write_first(
        db,
        conversation,
        "\n".join(line.strip() for line in text.splitlines()),
        kind=reminder.kind,
        only="email",
        subject=_say("mail.subject.thank_you", facts, db, conversation, customer, tenant),
    )


def write_follow_up(db: Session, reminder: Reminder) -> Message | None:
    """A week later, in the conversation in which they can answer it; None when they did not
    agree to it, or do not any more."""
    customer = db.get_one(Customer, reminder.customer_id)
    last = db.get_one(Conversation, reminder.conversation_id)
    tenant = describe_tenant(reminder.tenant_id, db)
    plan = sending.plan(
        reminder.kind,
        find_ways(tenant.id, db, customer, last.deployment_id),
        now=clock.now().astimezone(tenant.hours.zone),
        hours=tenant.hours,
        stopped=customer.opted_out_at is not None,
        preferred=customer.profile.get("preferred_channel", ""),
    )
    if plan.how == "never":
        return None
    conversation = db.get_one(Conversation, _join(tenant.id, db, last))
    line = max(_lines(reminder.facts), key=lambda one: one.price.amount if one.price else 0)
    product = _product(tenant.id, db, line.sku)
    facts = {
        "name": customer.first_name,
        "adviser": name_adviser(tenant.id, db),
        "article": Product(id="", reference="", title=call(line.title, product)),
    }
    text = _say("reminder.follow_up", facts, db, conversation, customer, tenant)
    message = write_first(db, conversation, text, kind=reminder.kind)
    conversation.asked = "feedback"
    if product is not None:  # « elle existe en noir ? »; a size is for them to say
        about = {"product": product.reference, "sizes": None}
        conversation.memory = {**conversation.memory, **about}
    return message


WRITING = {"thank_you": write_thanks, "follow_up": write_follow_up}


def call(title: str, product: Product | None) -> str:
    """As one speaks of it: « robe bleue » of a Robe Fleurie Bleue; else its title."""
    first, *between, last = title.split() if " " in title else (title, "")
    colors = product.colors if product else ()
    if len(between) < 2 and any(c and fold(last).startswith(fold(c)) for c in colors):
        return f"{first} {last}".lower()
    return title


def name_adviser(tenant_id: int, db: Session) -> str:
    """Who signs for the team: the first of those who work at the desk; "" when there is none."""
    name = db.scalar(
        select(User.name)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.tenant_id == tenant_id, User.is_active)
        .order_by(User.id)
        .limit(1)
    )
    return (name or "").split(" ")[0]


# --- the link to the page where they say what they think ----------------------------------


def opinion_url(reminder: Reminder) -> str:
    token = _signer().dumps([reminder.tenant_id, reminder.id])
    return f"{settings().base_url}/avis/{token}"


def read_opinion_link(token: str) -> tuple[int, int] | None:
    """Of which thanks a link is (tenant, reminder); None if forged."""
    try:
        tenant_id, reminder_id = _signer().loads(token)
    except (BadSignature, ValueError, TypeError):
        return None
    return int(tenant_id), int(reminder_id)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(vault.session_key(), salt="opinion")


# --- helpers -----------------------------------------------------------------------------


def _say(
    key: str,
    facts: dict[str, Any],
    db: Session,
    conversation: Conversation,
    customer: Customer,
    tenant: words.Tenant,
) -> str:
    return speak(
        [Say(key, facts)],
        language=conversation.memory.get("language") or customer.language or tenant.language,
        voice=speaking_as(tenant.id, db, conversation.id).voice,
        now=clock.now().astimezone(tenant.hours.zone),
    )


def _join(tenant_id: int, db: Session, last: Conversation) -> int:
    return join_conversation(
        tenant_id,
        db,
        customer_id=last.customer_id,
        deployment_id=last.deployment_id,
        now=clock.now(),
        quiet_hours=db.get_one(Tenant, tenant_id).quiet_hours,
        answer_after=None,
        new=False,
    )


def _lines(facts: dict[str, Any]) -> Sequence[OrderLine]:
    return [
        OrderLine(
            sku=line["sku"],
            title=line["title"],
            quantity=line["quantity"],
            size=line["size"],
            price=Money(Decimal(line["price"]), facts["currency"]),
        )
        for line in facts["lines"]
    ]


def _product(tenant_id: int, db: Session, sku: str) -> Product | None:
    return product_of(catalogue.products(tenant_id, db), sku)
