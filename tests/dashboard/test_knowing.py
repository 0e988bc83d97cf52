"""What the desk knows beside the page, and what it passes on: purchases, other conversations,
labels, answers for the knowledge base."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from itsdangerous import URLSafeSerializer
from sqlalchemy import select

from bot import labels
from bot.db import transaction
from bot.media.store import media_store
from bot.models.conversations import Conversation
from bot.models.customers import Identity
from bot.models.escalations import Escalation
from bot.models.knowledge import Document
from bot.models.labels import Label
from connectors.errors import Unavailable
from connectors.ports import Money, Order, OrderLine, Proof
from dashboard import purchases
from tests.dashboard.cast import NOW, Cast, Person, Talk
from tests.dashboard.conftest import Begin
from tests.dashboard.test_desk import page_of, words
from tests.media.samples import PDF

DRESS = OrderLine("RB-2901-38", "Robe Bordeaux", 1, "38", Money(Decimal("95.00"), "EUR"))
ORDER = Order("1", "3012", NOW - timedelta(days=3), "bought_in_shop", (DRESS,))


class Orders:
    """A shop's system that is asked for a customer's orders."""

    def __init__(self, answer: Callable[[], list[Order]]) -> None:
        self.answer = answer
        self.asked: list[Proof] = []

    def list_orders(self, proof: Proof, limit: int = 5) -> list[Order]:
        self.asked.append(proof)
        return self.answer()


def connect(patch: pytest.MonkeyPatch, answer: Callable[[], list[Order]]) -> Orders:
    system = Orders(answer)
    patch.setattr(purchases, "open_orders", lambda tenant_id: system)
    return system


def bought(person: Person, talk: Talk) -> str:
    return words(person.get(f"/desk/customers/{talk.customer.id}/purchases").text).strip()


# --- purchases ---------------------------------------------------------------------------


def test_purchases_are_asked_for_as_what_is_proven_of_the_customer(
    sarah: Person, begin: Begin, monkeypatch: pytest.MonkeyPatch, at_noon: object
) -> None:
    system = connect(monkeypatch, lambda: [ORDER])
    talk = begin()
    with transaction() as db:
        [phone] = db.scalars(select(Identity).where(Identity.customer_id == talk.customer.id))
        phone.proven_by = "carrier"
    shown = bought(sarah, talk)
    assert shown.startswith("#3012 · achetée en boutique · passée ven. 10 janv.")
    assert "Robe Bordeaux, taille 38" in shown
    [proof] = system.asked
    assert "+33645789012" in proof.phones


def test_the_page_itself_asks_the_shops_system_nothing(
    sarah: Person, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = connect(monkeypatch, lambda: [ORDER])
    talk = begin()
    talk.says("Bonjour")
    html = sarah.get(page_of(talk)).text
    assert f'data-load="/desk/customers/{talk.customer.id}/purchases"' in html
    assert system.asked == []


def test_a_system_that_is_down_or_slow_is_said_in_a_word(
    sarah: Person, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> list[Order]:
        raise Unavailable("down")

    talk = begin()
    connect(monkeypatch, down)
    assert bought(sarah, talk) == "Commandes indisponibles."
    answered = threading.Event()
    connect(monkeypatch, lambda: [ORDER] if answered.wait(30) else [])
    monkeypatch.setattr(purchases, "PATIENCE", 0.05)
    assert bought(sarah, talk) == "Commandes indisponibles."
    answered.set()


def test_nothing_bought_and_no_shop_system_are_calm(
    sarah: Person, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = begin()
    assert bought(sarah, talk) == "Aucune commande connue."
    connect(monkeypatch, list)
    assert bought(sarah, talk) == "Aucune commande connue."


def test_another_shops_customer_is_nobody(charlie: Person, begin: Begin) -> None:
    talk = begin()
    assert charlie.get(f"/desk/customers/{talk.customer.id}/purchases").status_code == 404


# --- other conversations -----------------------------------------------------------------


def test_their_other_conversations_stand_beside_whatever_their_channel(
    sarah: Person, begin: Begin, at_noon: object
) -> None:
    talk = begin()
    talk.says("Bonjour")
    assert "Aucune autre conversation." in words(sarah.get(page_of(talk)).text)
    before = Conversation(
        tenant_id=talk.conversation.tenant_id,
        deployment_id=talk.conversation.deployment_id,
        customer_id=talk.customer.id,
        state="closed",
        opened_at=NOW - timedelta(days=2),
        last_message_at=NOW - timedelta(days=2),
    )
    earlier = Talk(talk.cast, talk.add(before), talk.customer)
    earlier.says("Échange ?", at=NOW - timedelta(days=2), channel="email")
    html = sarah.get(page_of(talk)).text
    assert "E-mail · sam. 11 janv. terminée" in words(html)
    assert f'href="{page_of(earlier)}"' in html
    assert (
        f'href="{page_of(begin("Léa Martin", phone="+33645781122"))}"'
        not in (html[html.index('<aside class="person"') :])
    )


# --- labels ------------------------------------------------------------------------------


@pytest.fixture
def label(cast: Cast) -> Label:
    key = f"{cast.elegance.id}/{secrets.token_hex(16)}"
    media_store().put(key, PDF, "application/pdf")
    with transaction() as db:
        row = Label(
            tenant_id=cast.elegance.id,
            order_number="2847",
            sku="PN-221-40",
            parcel_number="8R1",
            key=key,
            content_type="application/pdf",
            bytes=len(PDF),
            created_at=NOW,
        )
        db.add(row)
        db.flush()
        return row


def test_a_return_label_is_handed_out_to_whoever_has_its_link(
    stranger: Person, label: Label
) -> None:
    path = "/l/" + labels._hand_out(label).url.rpartition("/l/")[2]
    answer = stranger.get(path)
    assert (answer.status_code, answer.data) == (200, PDF)
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == "inline; filename=etiquette-retour-2847.pdf"
    assert answer.headers["Cache-Control"] == "no-store, private"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert stranger.get(path, headers={"Range": "bytes=0-3"}).data == PDF[:4]


def test_a_forged_or_foreign_label_link_opens_nothing(stranger: Person, label: Label) -> None:
    token = labels._signer().dumps([label.tenant_id, label.id])
    other_tenant = labels._signer().dumps([label.tenant_id + 1, label.id])
    no_label = labels._signer().dumps([label.tenant_id, label.id + 1])
    forged = URLSafeSerializer("another key", salt="label").dumps([label.tenant_id, label.id])
    for wrong in (token[:-1], token + "x", "x", other_tenant, no_label, forged):
        assert stranger.get(f"/l/{wrong}").status_code == 404, wrong


def test_a_label_whose_file_is_lost_is_not_found(stranger: Person, label: Label) -> None:
    with transaction() as db:
        db.get_one(Label, label.id).key = f"{label.tenant_id}/{secrets.token_hex(16)}"
    token = labels._signer().dumps([label.tenant_id, label.id])
    assert stranger.get(f"/l/{token}").status_code == 404


# --- the knowledge base ------------------------------------------------------------------


def asks(talk: Talk, reason: str = "general_question") -> Escalation:
    talk.says("Vous faites des retouches ?")
    escalation: Escalation = talk.escalates(reason, facts={"text": "Vous faites des retouches ?"})
    return escalation


def answer(person: Person, talk: Talk, text: str = "Oui, 15 € l'ourlet.") -> None:
    path = f"/desk/conversations/{talk.conversation.id}/answer"
    assert person.post(path, {"text": text}).status_code == 302


def test_an_answered_question_can_go_into_the_knowledge_base(
    sarah: Person, begin: Begin, at_noon: object
) -> None:
    talk = begin()
    asked = asks(talk)
    assert "base de connaissances" not in sarah.get(page_of(talk)).text
    answer(sarah, talk)
    html = sarah.get(page_of(talk)).text
    assert "Ajouter à la base de connaissances" in html
    assert "Vous faites des retouches ?</textarea>" in html
    form = {"question": "Faites-vous des retouches ?", "answer": "Oui, l'ourlet coûte 15 €."}
    done = sarah.post(f"/desk/escalations/{asked.id}/keep", form, follow_redirects=True)
    assert "La réponse est dans la base de connaissances." in done.text
    assert "Ajouter à la base" not in done.text
    with transaction() as db:
        [kept] = db.scalars(select(Document))
        assert (kept.tenant_id, kept.title) == (talk.conversation.tenant_id, form["question"])


def test_an_empty_answer_is_not_kept(sarah: Person, begin: Begin, at_noon: object) -> None:
    talk = begin()
    asked = asks(talk)
    answer(sarah, talk)
    form = {"question": "Retouches ?", "answer": "  "}
    refused = sarah.post(f"/desk/escalations/{asked.id}/keep", form, follow_redirects=True)
    assert "Il faut une question" in words(refused.text)
    with transaction() as db:
        assert db.scalars(select(Document)).all() == []


def test_only_a_general_question_of_ones_own_shop_is_kept(
    sarah: Person, charlie: Person, begin: Begin, at_noon: object
) -> None:
    talk = begin()
    advice = asks(talk, "styling_advice")
    answer(sarah, talk)
    assert "Ajouter à la base" not in sarah.get(page_of(talk)).text
    form = {"question": "Q ?", "answer": "R."}
    assert sarah.post(f"/desk/escalations/{advice.id}/keep", form).status_code == 404
    assert charlie.post(f"/desk/escalations/{advice.id}/keep", form).status_code == 404
