"""Who and what the desk's tests are about."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

import dashboard.app
from bot.db import transaction
from bot.models.consents import record_consent
from bot.models.conversations import Conversation, Turn
from bot.models.customers import Customer, Identity
from bot.models.deliveries import Delivery
from bot.models.escalations import Escalation
from bot.models.messages import Message
from bot.models.notifications import Notification
from bot.models.reservations import Reservation
from bot.models.templates import Template
from bot.models.tenants import Address, Agent, Connection, Deployment, Tenant
from bot.models.users import Membership, User
from bot.passwords import hash_password

PASSWORD = "une robe fleurie bleue"
HASH = hash_password(PASSWORD)
NOW = datetime(2025, 1, 13, 10, 20, tzinfo=UTC)  # a Monday, 11:20 in Paris


@dataclass
class Cast:
    """The people of the tests. Sarah keeps Élégance Paris, Charlie CoolLibri; Olga both."""

    elegance: Tenant
    coollibri: Tenant
    deployments: dict[int, Deployment]
    users: dict[str, User] = field(default_factory=dict)


def make_people(db: Session) -> Cast:
    elegance = Tenant(
        slug="elegance-paris", name="Élégance Paris", phone="+33939035761", created_at=NOW
    )
    coollibri = Tenant(slug="coollibri", name="CoolLibri", phone="05 31 61 60 42", created_at=NOW)
    db.add_all([elegance, coollibri])
    db.flush()
    cast = Cast(elegance, coollibri, {})
    for shop, number in ((elegance, "+33939035761"), (coollibri, "+33531616042")):
        agent = Agent(owner_id=shop.id, slug="a", name="Assistant", created_at=NOW)
        db.add(agent)
        db.flush()
        deployment = Deployment(
            tenant_id=shop.id, agent_id=agent.id, name="main", key=shop.slug, created_at=NOW
        )
        db.add(deployment)
        db.flush()
        cast.deployments[shop.id] = deployment
        db.add(
            Address(
                tenant_id=shop.id,
                deployment_id=deployment.id,
                channel="sms",
                value=number,
                created_at=NOW,
            )
        )
    for name, shops in (
        ("Sarah", [elegance]),
        ("Charlie", [coollibri]),
        ("Olga", [elegance, coollibri]),
    ):
        user = User(
            name=name, email=f"{name.lower()}@example.com", password_hash=HASH, created_at=NOW
        )
        db.add(user)
        db.flush()
        cast.users[name] = user
        db.add_all(Membership(user_id=user.id, tenant_id=s.id, role="adviser") for s in shops)
    return cast


def make_app() -> Flask:
    app = Flask("desk-under-test", static_folder=None)
    app.testing = True
    dashboard.app.register(app)
    return app


class Person:
    """Someone at a browser without scripts: fetches pages and fills in their forms."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> Any:
        return self.client.post(path, data={"csrf_token": self.token(), **(data or {})}, **options)

    def token(self, page: str = "/sign-in") -> str:
        """The CSRF token of a page that has a form."""
        for path in (page, "/desk/notifications"):
            found = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(path).text)
            if found:
                return found.group(1)
        raise AssertionError("no page had a token")

    def sign_in(self, email: str, password: str = PASSWORD, **options: Any) -> Any:
        return self.post("/sign-in", {"email": email, "password": password}, **options)


# --- what has happened at the shop -------------------------------------------------------

JULIE = {
    "segment": "VIP",
    "orders": 8,
    "spent": {"amount": "1720.00", "currency": "EUR"},
    "usual_size": "38",
    "preferred_channel": "sms",
    "email": "julie.mercier@gmail.com",
    "phone": "+33645789012",
}


@dataclass
class Talk:
    """A conversation and what belongs to it, for tests to build on."""

    cast: Cast
    conversation: Conversation
    customer: Customer

    def add(self, row: Any) -> Any:
        with transaction() as db:
            db.add(row)
            db.flush()
            return row

    def says(self, body: str, at: datetime = NOW, **more: Any) -> Message:
        return self._message("in", "customer", body, at, {"state": "received", **more})

    def answers(self, body: str, at: datetime = NOW, **more: Any) -> Message:
        sent = {"state": "delivered", "sent_at": at, **more}
        return self._message("out", "assistant", body, at, sent)

    def _message(self, direction: str, author: str, body: str, at: datetime, more: Any) -> Message:
        with transaction() as db:
            db.get_one(Conversation, self.conversation.id).last_message_at = at
        values = {"author": author, "channel": "sms", "contact": "+33645789012", **more}
        return self.add(
            Message(
                tenant_id=self.conversation.tenant_id,
                conversation_id=self.conversation.id,
                direction=direction,
                address="+33939035761",
                body=body,
                created_at=at,
                **values,
            )
        )

    def turn(self, handled: str = "auto", done: tuple[str, ...] = (), **said: Any) -> Turn:
        understanding = {
            "intents": ["product_availability"],
            "confidence": 0.94,
            "entities": {
                "products": [{"words": "la robe fleurie bleue", "references": ["RF-2847"]}],
                "sizes": ["38"],
                "pickup_time": {"start": "2025-01-13T17:00:00+01:00", "end": None},
                "quantity": None,
            },
            "urgency": "normal",
            "sentiment": "positive",
            "language": "fr",
            "engine": "local",
            **said,
        }
        return self.add(
            Turn(
                tenant_id=self.conversation.tenant_id,
                conversation_id=self.conversation.id,
                understanding=understanding,
                actions={"done": list(done)},
                handled=handled,
                started_at=NOW,
                finished_at=NOW,
            )
        )

    def escalates(self, reason: str = "styling_advice", **more: Any) -> Escalation:
        values = {"summary": "Conseil demandé", "suggestion": "", "facts": {}, **more}
        return self.add(
            Escalation(
                tenant_id=self.conversation.tenant_id,
                conversation_id=self.conversation.id,
                reason=reason,
                created_at=NOW,
                **values,
            )
        )

    def reserves(self, **more: Any) -> Reservation:
        values = {
            "sku": "RF-2847-38",
            "reference": "RF-2847",
            "title": "Robe Fleurie Bleue",
            "size": "38",
            "state": "active",
            "until": datetime(2025, 1, 14, 17, tzinfo=UTC),
            "pickup_from": datetime(2025, 1, 13, 16, tzinfo=UTC),
            **more,
        }
        return self.add(
            Reservation(
                tenant_id=self.conversation.tenant_id,
                customer_id=self.customer.id,
                conversation_id=self.conversation.id,
                unit={},
                created_at=NOW,
                **values,
            )
        )

    def tells(self, title: str, *lines: str, needs_action: bool = False) -> Notification:
        return self.add(
            Notification(
                tenant_id=self.conversation.tenant_id,
                conversation_id=self.conversation.id,
                kind="reservation",
                title=title,
                lines=list(lines),
                facts={},
                needs_action=needs_action,
                created_at=NOW,
            )
        )


def begin_talk(
    cast: Cast,
    name: str = "Julie Mercier",
    shop: Tenant | None = None,
    phone: str = "+33645789012",
    profile: dict[str, Any] | None = None,
    at: datetime = NOW,
) -> Talk:
    shop = shop or cast.elegance
    first, _, last = name.partition(" ")
    with transaction() as db:
        customer = Customer(
            tenant_id=shop.id,
            first_name=first,
            last_name=last,
            profile=JULIE if profile is None else profile,
            created_at=at,
        )
        db.add(customer)
        db.flush()
        identity = Identity(
            tenant_id=shop.id,
            customer_id=customer.id,
            kind="phone",
            value=phone,
            created_at=at,
        )
        conversation = Conversation(
            tenant_id=shop.id,
            deployment_id=cast.deployments[shop.id].id,
            customer_id=customer.id,
            opened_at=at,
            last_message_at=at,
        )
        db.add_all([identity, conversation])
        db.flush()
    return Talk(cast, conversation, customer)


def make_scene(cast: Cast) -> dict[str, Talk]:
    """A morning at Élégance Paris: Julie's reservation, Emma's return, Léa's wedding,
    Marine's question of taste, somebody unknown."""
    return {
        "Julie": _julie(cast),
        "Emma": _emma(cast),
        "Léa": _lea(cast),
        "Marine": _marine(cast),
        "": _nobody(cast),
    }


def _ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def _julie(cast: Cast) -> Talk:
    talk = begin_talk(cast, at=_ago(65))
    held = "Robe Fleurie Bleue T38 mise de côté jusqu’au 14/01 18h"
    first = talk.turn(done=(held,))
    talk.says(
        "Bonjour, la robe fleurie bleue que vous avez postée hier, vous l'avez en taille 38 ? 😍",
        _ago(65),
        turn_id=first.id,
    )
    talk.answers(
        "Bonjour Julie ! 😊 Oui, on a la Robe Fleurie Bleue en 38 ! Il nous en reste 2 en boutique. "
        "Je te l'ai mise de côté jusqu'à demain 18h. Tu passes quand ?",
        _ago(65) + timedelta(seconds=8),
        turn_id=first.id,
        state="read",
    )
    second = talk.turn(
        done=("Retrait noté : aujourd’hui 17h", "Rappel prévu le 13/01 16h"),
        intents=["reservation_pickup"],
        confidence=0.98,
        sentiment="very_positive",
    )
    asked = _ago(2) - timedelta(seconds=6)
    talk.says("Super ! Je passe ce soir vers 17h !", asked, turn_id=second.id)
    talk.answers("Parfait ! À ce soir Julie 👋", _ago(2), turn_id=second.id)
    talk.reserves()
    talk.tells(
        "NOUVELLE RÉSERVATION (Automatique)",
        "Julie Mercier (VIP)",
        "Robe Fleurie Bleue T38",
        "Retrait prévu : Aujourd'hui 17h",
        "Mise de côté jusqu'au 14/01 18h",
    )
    return talk


def _emma(cast: Cast) -> Talk:
    profile = {"orders": 3, "email": "emma.rousseau@orange.fr"}
    talk = begin_talk(cast, "Emma Rousseau", phone="+33612457896", profile=profile, at=_ago(15))
    turn = talk.turn("draft", intents=["return_request"], confidence=0.91, sentiment="neutral")
    talk.says(
        "Bonjour, le pantalon noir de la commande #2847 est trop grand, je voudrais le rendre.",
        _ago(15),
        turn_id=turn.id,
        contact="+33612457896",
    )
    talk.answers(
        "Bonjour Emma ! Pas de problème pour le retour, tu as jusqu'au 12 février. "
        "Tu préfères passer en boutique ou l'envoyer par la poste ?",
        _ago(15),
        turn_id=turn.id,
        state="draft",
        sent_at=None,
        contact="+33612457896",
        extra={
            "facts": {
                "order": {"number": "2847", "state": "delivered", "delivered_at": "2025-01-10"},
                "line": {"title": "Pantalon Noir Taille Haute", "size": "40"},
                "until": "2025-02-09",
                "label": "https://messages.elegance-paris.example/l/abc",
            }
        },
    )
    return talk


def _lea(cast: Cast) -> Talk:
    profile = {"orders": 12, "segment": "Fidèle"}
    talk = begin_talk(cast, "Léa Martin", phone="+33645781122", profile=profile, at=_ago(45))
    turn = talk.turn(
        "both", intents=["delivery_problem"], urgency="high", sentiment="negative", confidence=0.89
    )
    talk.says(
        "J'ai commandé lundi pour un mariage SAMEDI et j'ai toujours pas reçu 😰 Commande #2901",
        _ago(45),
        turn_id=turn.id,
        contact="+33645781122",
    )
    talk.answers(
        "Bonjour Léa ! Je transmets tout de suite à l'équipe, quelqu'un te répond très vite.",
        _ago(45) + timedelta(seconds=5),
        turn_id=turn.id,
        kind="acknowledgement",
        state="failed",
        code="30003",
        contact="+33645781122",
    )
    talk.escalates(
        "delivery_problem",
        priority="high",
        summary="Mariage samedi, colis en transit : « J'ai commandé lundi pour un mariage SAMEDI "
        "et j'ai toujours pas reçu »",
        facts={
            "order": {
                "number": "2901",
                "state": "shipped",
                "placed_at": "2025-01-09T09:00:00+01:00",
            },
            "lines": [{"title": "Robe Bordeaux", "size": "38", "quantity": 1, "price": None}],
            "parcel": {
                "number": "8R00012345678",
                "status": "in_transit",
                "expected": "2025-01-14T12:00:00+01:00",
            },
            "event": "mariage",
            "event_date": "2025-01-18",
        },
        deadline=NOW + timedelta(minutes=40),
    )
    talk.tells(
        "ALERTE URGENCE", "Léa Martin", "Mariage samedi, colis en transit", needs_action=True
    )
    return talk


def _marine(cast: Cast) -> Talk:
    talk = begin_talk(
        cast, "Marine Durand", phone="+33698745632", profile={"orders": 2}, at=_ago(30)
    )
    turn = talk.turn("human", intents=["styling_advice"], confidence=0.86, sentiment="neutral")
    talk.says(
        "J'ai acheté la robe bordeaux. Quelle veste vous me conseillez pour un dîner chic ?",
        _ago(30),
        turn_id=turn.id,
        contact="+33698745632",
    )
    talk.escalates(
        "styling_advice",
        summary="Robe bordeaux (achetée le 10/01). Occasion : dîner chic.",
        facts={
            "occasion": "Dîner chic",
            "bought": {"title": "Robe Bordeaux", "reference": "RB-390"},
            "ideas": [
                {"product": {"title": title, "reference": reference}, "size": "38", "count": count}
                for title, reference, count in (
                    ("Blazer Beige Élégant", "BL-445", 4),
                    ("Perfecto Noir", "PF-229", 1),
                )
            ],
        },
        suggestion="Bonjour Marine ! Excellent choix cette robe ! Pour un dîner chic, je te conseille "
        "le Blazer Beige Élégant. Tu veux passer l'essayer ?",
        deadline=NOW + timedelta(hours=3),
    )
    return talk


def _nobody(cast: Cast) -> Talk:
    talk = begin_talk(cast, "", phone="+33639981234", profile={}, at=_ago(200))
    talk.says("Vous êtes ouverts dimanche ?", _ago(200), contact="+33639981234")
    talk.answers(
        "Bonjour ! Nous sommes ouverts du lundi au samedi, de 10h à 19h.",
        _ago(200) + timedelta(seconds=7),
        contact="+33639981234",
    )
    return talk


def make_trouble(cast: Cast, scene: dict[str, Talk]) -> None:
    """What the calm morning lacks: incidents, templates, WhatsApp, consents of all kinds."""
    shop = cast.elegance.id
    julie, lea = scene["Julie"], scene["Léa"]
    twilio = julie.add(Connection(tenant_id=shop, vendor="twilio", key="k", updated_at=NOW))
    where = {"tenant_id": shop, "deployment_id": cast.deployments[shop].id, "created_at": NOW}
    julie.add(Address(channel="whatsapp", value="+33939035761", **where))
    julie.says("Et sur WhatsApp ?", NOW, channel="whatsapp")
    scene["Emma"].says("Coucou", NOW - timedelta(days=2), channel="whatsapp")
    lea.escalates("delivery_failed", summary="Message non remis")
    lea.answers("Il arrive demain.", _ago(5), state="unknown", sent_at=None)
    lea.answers("Au revoir.", _ago(4), state="failed", code="21610")
    for n, error in enumerate(("KeyError", "twilio: HTTP 503, code 503")):
        julie.add(
            Delivery(
                tenant_id=shop,
                connection_id=twilio.id,
                provider_id=f"SM{n}",
                kind="message",
                url="",
                headers={},
                body=b"",
                state="failed",
                attempts=8,
                error=error,
                next_try_at=NOW,
                received_at=_ago(90),
            )
        )
    with transaction() as db:
        for n, approval in enumerate(("approved", "pending", "rejected")):
            db.add(
                Template(
                    tenant_id=shop,
                    connection_id=twilio.id,
                    vendor_id=f"HX{n}",
                    name=("adviser", "reservation_reminder", "back_in_stock")[n],
                    language="fr",
                    body="Bonjour {{1}}, de la part d’Élégance Paris : {{2}} À bientôt !",
                    approval=approval,
                    read_at=NOW,
                )
            )
        known = {"tenant_id": shop, "customer_id": julie.customer.id, "created_at": NOW}
        db.add(Identity(kind="claimed_email", value="julie@example.com", proven_by="", **known))
        for given, how in ((True, "crm"), (False, "sms: STOP")):
            record_consent(
                shop,
                db,
                julie.customer.id,
                scope="commercial",
                channel="sms",
                given=given,
                how=how,
                now=NOW,
            )
