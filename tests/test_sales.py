"""What follows a sale: through the shop's door, and on the page where they say how they like it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from house import JULIE, House
from sqlalchemy import func, select

from bot import clock, inbox, profiles
from bot.after_sale import call, opinion_url
from bot.models.base import Base
from bot.models.conversations import Conversation
from bot.models.customers import Customer, Identity
from bot.models.deliveries import Delivery
from bot.models.effects import Effect
from bot.models.escalations import Escalation
from bot.models.ratings import Rating
from bot.models.reminders import Reminder
from bot.models.reservations import Reservation
from bot.models.wishes import Wish
from bot.settings import settings
from connectors.errors import Unavailable
from connectors.ports import Product
from connectors.sandbox.store import sign

SECRET = "sandbox-shopify-secret"
TIMEOUT = 10.0


def order(number: int = 3012, **more: Any) -> dict[str, Any]:
    """A till sale to Julie, as Shopify tells of it."""
    return {
        "id": 5_000_000 + number,
        "name": f"#{number}",
        "created_at": clock.now().isoformat(),
        "currency": "EUR",
        "total_price": "89.00",
        "source_name": "pos",
        "email": "",
        "phone": JULIE,
        "customer": None,
        "line_items": [
            {"sku": "RF-2847-38", "title": "Robe Fleurie Bleue", "quantity": 1, "price": "89.00"}
        ],
        **more,
    }


def deliver(topic: str, payload: Mapping[str, Any] | bytes, **headers: str) -> int:
    """Shopify posts to our door; how the door answers."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sent = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-SHA256": sign(SECRET, body),
        "X-Shopify-Webhook-Id": str(uuid4()),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    url = f"{settings().base_url}/webhooks/shopify/elegance-paris"
    return requests.post(url, data=body, headers=sent, timeout=TIMEOUT).status_code


def tell(house: House, topic: str, payload: Mapping[str, Any] | bytes) -> None:
    assert deliver(topic, payload) == 200
    house.settle()


def count(house: House, table: type[Base]) -> int:
    with house.db() as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


def julie(house: House) -> Customer:
    with house.db() as db:
        query = select(Customer).join(Identity).where(Identity.value == JULIE)
        return db.scalars(query).one()


def planned(house: House) -> list[tuple[str, str]]:
    with house.db() as db:
        query = select(Reminder).where(Reminder.state == "planned").order_by(Reminder.due_at)
        return [(r.kind, r.channel) for r in db.scalars(query)]


def delivery(house: House) -> Delivery:
    """The last one."""
    with house.db() as db:
        return db.scalars(select(Delivery).order_by(Delivery.id.desc()).limit(1)).one()


def contact(house: House) -> dict[str, Any]:
    """What the CRM knows of Julie."""
    contacts = house.sandbox.state()["contacts"]
    found = next(c for c in contacts if c["properties"].get("lastname") == "Mercier")
    properties: dict[str, Any] = found["properties"]
    return properties


# --- the door ------------------------------------------------------------------------------


def test_a_forged_sale_is_refused_and_nothing_is_kept(house: House) -> None:
    body = json.dumps(order()).encode()
    for forged in ("", sign("another secret", body), sign(SECRET, body + b" ")):
        assert deliver("orders/create", body, X_Shopify_Hmac_SHA256=forged) == 403
    assert count(house, Delivery) == 0


def test_a_door_that_is_nobodys_is_not_there(house: House) -> None:
    url = f"{settings().base_url}/webhooks/shopify/nobody"
    assert requests.post(url, data=b"{}", timeout=TIMEOUT).status_code == 404


def test_what_is_not_followed_is_kept_and_named(house: House) -> None:
    tell(house, "products/update", {"id": 1})
    kept = delivery(house)
    assert (kept.state, kept.error) == ("ignored", "products/update is not followed")


def test_a_signed_delivery_that_nobody_can_read_is_given_up_at_once(house: House) -> None:
    for body in (b"\xff\xfe", b"[]", b"{}", b'{"id": "x", "line_items": 3}'):
        tell(house, "orders/create", body)
        assert delivery(house).state == "failed", body
    assert planned(house) == []


def test_an_order_told_again_under_another_id_counts_once(house: House) -> None:
    house.say(JULIE, "Bonjour, vous avez la robe fleurie bleue en 38 ?")
    told = order()
    for _ in range(3):
        tell(house, "orders/create", told)
    assert delivery(house).error == "this order was taken before"
    assert julie(house).profile["orders"] == 9
    assert contact(house)["total_orders"] == "9"
    assert planned(house) == [("thank_you", "email"), ("follow_up", "sms")]
    with house.db() as db:
        effects = db.scalars(select(Effect.kind).order_by(Effect.id)).all()
    assert effects == ["hold", "profile", "release"]


def test_many_tellings_at_once_count_once(house: House) -> None:
    house.say(JULIE, "Bonjour, vous avez la robe fleurie bleue en 38 ?")
    with house.held():
        for _ in range(12):
            assert deliver("orders/create", order()) == 200
    house.settle()
    assert contact(house)["total_orders"] == "9"
    assert house.stock("RF-2847-38")["reserved"] == 0
    assert len(planned(house)) == 2


def test_an_order_cancelled_before_we_heard_of_it_is_not_taken(house: House) -> None:
    house.say(JULIE, "Bonjour, vous avez la robe fleurie bleue en 38 ?")
    told = order()
    tell(house, "orders/cancelled", {**told, "cancelled_at": told["created_at"]})
    tell(house, "orders/create", told)
    assert planned(house) == []
    assert julie(house).profile["orders"] == 8
    with house.db() as db:
        assert db.scalars(select(Reservation.state)).all() == ["active"]


def test_what_came_back_is_not_asked_after(house: House) -> None:
    told = order()
    tell(house, "orders/create", told)
    assert ("follow_up", "sms") in planned(house)
    tell(house, "refunds/create", {"id": 77, "order_id": told["id"]})
    assert planned(house) == [("thank_you", "email")]


# --- who bought ----------------------------------------------------------------------------


def test_a_buyer_is_recognised_however_the_shop_writes_them(house: House) -> None:
    ways: list[dict[str, Any]] = [
        {"phone": "06 45 78 90 12"},
        {"phone": None, "email": "Julie.Mercier@Gmail.com"},
        {"phone": None, "customer": {"phone": "+33 6 45 78 90 12", "email": None}},
        {"phone": None, "billing_address": {"phone": "0645789012", "country_code": "FR"}},
    ]
    for number, given in enumerate(ways, 1):
        tell(house, "orders/create", order(3011 + number, **given))
        assert julie(house).profile["orders"] == 8 + number, given


def test_an_address_that_nobody_vouches_for_is_not_taken_for_its_owner(house: House) -> None:
    with house.db() as db:
        known = db.scalars(select(Identity).where(Identity.value == JULIE)).one()
        known.proven_by = ""
    tell(house, "orders/create", order())
    assert delivery(house).state == "ignored"
    assert planned(house) == []


def test_the_address_that_a_present_goes_to_is_not_the_buyers(house: House) -> None:
    tell(house, "orders/create", order(phone=None, shipping_address={"phone": JULIE}))
    assert julie(house).profile["orders"] == 8


def test_a_stranger_is_thanked_in_their_language_and_known_by_their_address_alone(
    house: House,
) -> None:
    buyer = {"first_name": "Ann", "last_name": "Lee"}
    told = order(phone="+33611111111", email="ann@example.org", customer=buyer)
    tell(house, "orders/create", {**told, "customer_locale": "en-GB"})
    assert planned(house) == [("thank_you", "email")]
    house.move_clock(timedelta(hours=2))
    mail = house.sandbox.state()["mails"][-1]
    assert (mail["to"], mail["subject"]) == (["ann@example.org"], "Thank you, Ann! 💙")
    assert "Order #3012 - €89.00" in mail["text"]
    with house.db() as db:
        query = select(Identity.kind, Identity.proven_by).join(Customer)
        known = db.execute(query.where(Customer.first_name == "Ann")).all()
    assert [tuple(row) for row in known] == [("email", "shop")]


def test_a_stranger_without_an_address_is_nobody(house: House) -> None:
    before = count(house, Customer)
    tell(house, "orders/create", order(phone="+33611111111"))
    assert count(house, Customer) == before
    assert delivery(house).error == "bought by nobody whom we know"


# --- the profile ---------------------------------------------------------------------------


def test_sales_while_the_crm_is_down_are_told_later_each_once(house: House) -> None:
    house.say(JULIE, "Bonjour !")
    house.sandbox.fail("hubspot", "down")
    for number in (3012, 3013):
        tell(house, "orders/create", order(number))
    assert julie(house).profile["orders"] == 10
    assert contact(house)["total_orders"] == "8"
    house.sandbox.heal("hubspot")
    house.move_clock(timedelta(hours=2))
    assert contact(house)["total_orders"] == "10"
    assert contact(house)["total_spent"] == "898.00"
    assert julie(house).profile["orders"] == 10
    assert julie(house).profile["spent"] == {"amount": "898.00", "currency": "EUR"}


def test_a_count_taken_up_after_a_crash_writes_the_same(house: House) -> None:
    house.say(JULIE, "Bonjour !")
    with house.held():
        for number in (3012, 3013):
            assert deliver("orders/create", order(number)) == 200
        inbox.read_deliveries()
        with house.db() as db:
            first, second = db.scalars(
                select(Effect).where(Effect.kind == "profile").order_by(Effect.id)
            )
        profiles.write_sale(first)
        with pytest.raises(Unavailable):  # never before the one that came first
            profiles.write_sale(second)
        profiles.write_sale(first)  # its row still says that it is to be done
        assert contact(house)["total_orders"] == "9"
    house.settle()
    house.move_clock(timedelta(minutes=5))
    assert contact(house)["total_orders"] == "10"


# --- what is said afterwards ---------------------------------------------------------------


def test_a_sale_that_we_hear_of_days_later_counts_and_is_not_written_about(house: House) -> None:
    at = (clock.now() - timedelta(days=9)).isoformat()
    tell(house, "orders/create", order(created_at=at))
    assert julie(house).profile["orders"] == 9
    assert planned(house) == []


def test_two_purchases_in_a_week_are_followed_up_once(house: House) -> None:
    tell(house, "orders/create", order(3012))
    house.move_clock("2025-01-14T11:00:00+01:00")
    tell(house, "orders/create", order(3013))
    assert planned(house) == [("thank_you", "email"), ("follow_up", "sms")]


@pytest.mark.clock("2025-01-19T15:00:00+01:00")
def test_what_is_bought_on_a_sunday_is_followed_up_on_a_monday(house: House) -> None:
    tell(house, "orders/create", order())
    house.move_clock("2025-01-26T20:00:00+01:00")
    assert house.replies(JULIE) == []
    house.move_clock("2025-01-27T08:01:00+01:00")
    assert "ta robe bleue" in house.replies(JULIE)[-1]


def test_discounts_and_articles_without_a_number_are_in_the_receipt(house: House) -> None:
    lines = [
        {
            "sku": "EN-207-38",
            "title": "Escarpins Nude",
            "variant_title": "38",
            "quantity": 3,
            "price": "69.00",
            "discount_allocations": [{"amount": "7.00"}],
        },
        {"sku": None, "title": "Retouche", "quantity": 1, "price": "12.50"},
    ]
    tell(house, "orders/create", order(line_items=lines, total_price="212.50"))
    house.move_clock(timedelta(hours=2))
    text = house.sandbox.state()["mails"][-1]["text"]
    said = text.replace("\u202f", " ").replace("\xa0", " ")
    assert "Commande #3012 - 212,50 €" in said
    assert "• 3 x Escarpins Nude T38 - 200,00 €" in said
    assert "• Retouche - 12,50 €" in said


def test_the_thanks_carry_a_way_out_and_a_link(house: House) -> None:
    tell(house, "orders/create", order())
    house.move_clock(timedelta(hours=2))
    mail = house.sandbox.state()["mails"][-1]
    assert "List-Unsubscribe" in mail["headers"]
    link = re.search(r"https?://\S+/avis/\S+", mail["text"])
    assert link
    assert f'href="{link[0]}"' in mail["html"]


@pytest.mark.parametrize(
    ("title", "colors", "said"),
    [
        ("Robe Fleurie Bleue", ("bleu",), "robe bleue"),
        ("Perfecto Noir", ("noir",), "perfecto noir"),
        ("Blazer Beige Élégant", ("beige",), "Blazer Beige Élégant"),
        ("Boucles d'Oreilles Dorées", ("doré",), "boucles dorées"),
        ("Robe de Cérémonie Vert Sauge", ("vert",), "Robe de Cérémonie Vert Sauge"),
        ("Béret", ("rouge",), "Béret"),
    ],
)
def test_an_article_is_called_as_one_calls_it(
    title: str, colors: tuple[str, ...], said: str
) -> None:
    assert call(title, Product(id="", reference="", title=title, colors=colors)) == said


def test_who_waits_is_told_when_the_stock_says_that_it_is_back(house: House) -> None:
    waiting = "+33612457896"
    house.say(waiting, "Bonjour, vous pouvez me prévenir quand le blazer beige revient en 36 ?")
    before = len(house.replies(waiting))
    house.sandbox.set_stock({"BL-445-36": 1})
    house.sandbox.store_webhook("inventory_levels/update", {"sku": "BL-445-36"}, 5)
    for _ in range(200):  # who is being looked for shows in no row: we cannot wait for it
        house.settle()
        if told := house.replies(waiting)[before:]:
            break
        time.sleep(0.05)
    assert len(told) == 1
    assert "de retour" in told[0]
    with house.db() as db:
        assert db.scalars(select(Wish.state)).all() == ["told"]


# --- the page ------------------------------------------------------------------------------


@pytest.fixture
def link(house: House) -> str:
    """Of the thanks for a purchase of Julie's."""
    tell(house, "orders/create", order())
    with house.db() as db:
        return opinion_url(db.scalars(select(Reminder).where(Reminder.kind == "thank_you")).one())


def ratings(house: House) -> list[tuple[int | None, str]]:
    with house.db() as db:
        return [(r.score, r.words) for r in db.scalars(select(Rating).order_by(Rating.id))]


def alerts(house: House) -> list[str]:
    with house.db() as db:
        return list(db.scalars(select(Escalation.reason)))


def give(link: str, **form: Any) -> requests.Response:
    return requests.post(link, data=form, timeout=TIMEOUT)


def test_looking_at_the_page_keeps_nothing_and_tells_nothing_of_anyone(
    house: House, link: str
) -> None:
    answer = requests.get(link, timeout=TIMEOUT)
    assert answer.status_code == 200
    assert "Élégance Paris aimerait savoir" in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    for private in ("Julie", "Mercier", "89"):
        assert private not in re.sub(r'href="[^"]*"|src="[^"]*"', "", answer.text)
    assert ratings(house) == []


def test_an_opinion_is_kept_once_and_thanked_for(house: House, link: str) -> None:
    for _ in range(2):
        answer = give(link, score=5, words="  Parfaite !\r\nMerci.  ")
        assert answer.status_code == 200
        assert "a bien reçu votre avis" in answer.text
    assert ratings(house) == [(5, "Parfaite !\nMerci.")]
    assert alerts(house) == []
    assert "Parfaite !" in requests.get(link, timeout=TIMEOUT).text
    give(link, score=4)
    assert ratings(house) == [(4, "")]


def test_a_low_mark_goes_to_a_person(house: House, link: str) -> None:
    give(link, score=2, words="L'accueil était <b>froid</b>")
    give(link, score=2, words="L'accueil était <b>froid</b>")
    assert alerts(house) == ["low_rating"]
    assert ratings(house) == [(2, "L'accueil était <b>froid</b>")]
    assert "<b>froid" not in requests.get(link, timeout=TIMEOUT).text
    with house.db() as db:
        summary = db.scalars(select(Escalation.summary)).one()
    assert summary.count("2/5") == 1
    assert "froid" in summary


def test_without_a_mark_the_page_asks_again(house: House, link: str) -> None:
    for form in ({}, {"score": "0"}, {"score": "6"}, {"score": "five"}):
        answer = give(link, words="Très bien", **form)
        assert answer.status_code == 422
        assert "Choisissez une note" in answer.text
        assert "Très bien" in answer.text
    assert ratings(house) == []


def test_endless_words_are_cut_and_odd_ones_kept(house: House, link: str) -> None:
    give(link, score=5, words="\0💙" + "a" * 5000)
    (kept,) = ratings(house)
    assert kept[1].startswith("💙aaa")
    assert len(kept[1]) == 1000


def test_a_forged_link_leads_nowhere(house: House, link: str) -> None:
    for forged in (link[:-2], link + "A", link.rpartition("/")[0] + "/x.y"):
        assert requests.get(forged, timeout=TIMEOUT).status_code == 404
        assert give(forged, score=1).status_code == 404
    assert ratings(house) == []


def test_the_page_is_in_the_customers_language(house: House, link: str) -> None:
    with house.db() as db:
        reminder = db.scalars(select(Reminder).where(Reminder.kind == "thank_you")).one()
        db.get_one(Customer, reminder.customer_id).language = "en"
    text = requests.get(link, timeout=TIMEOUT).text
    assert '<html lang="en">' in text
    assert "Your mark for order #3012" in text


def test_a_mark_given_when_the_talk_is_long_over_is_answered_in_a_new_one(
    house: House, link: str
) -> None:
    with house.db() as db:
        first = db.scalars(select(Reminder.conversation_id)).first()
    house.move_clock(timedelta(days=6))
    give(link, score=1, words="Décousue au bout de deux jours.")
    with house.db() as db:
        found = db.scalars(select(Escalation).where(Escalation.reason == "low_rating")).one()
        conversation = db.get_one(Conversation, found.conversation_id)
        assert conversation.state == "open"
        assert conversation.id != first
