"""Who asks decides what is shown. To whoever did not prove that an order is theirs, it is as if
it did not exist: the same words, and the same calls outside, in the same order."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from house import SHOP, House
from sqlalchemy import select

from bot.models.escalations import Escalation
from bot.models.messages import Message
from bot.models.notifications import Notification
from bot.rehearsal.carried import list_carried

MAILBOX = "hello@elegance-paris.com"
LEA, LEA_MAIL = "+33645781122", "lea.martin@gmail.com"
HERS, ABSENT = "2901", "9999"
HER_PARCEL, NO_PARCEL = "8R00012345678", "8R00099999999"
PAUSE = 0.21  # seconds: the CRM is asked who writes five times a second at most (bot.limits)
CHANNELS = ("sms", "whatsapp", "email", "claimed e-mail")

# Of hers and of what she ordered; her first name and the parcel may be in the question
SECRETS = ("8R00012345678", "Cérémonie", "Vert Sauge", "RC-560", "Lafayette", LEA, LEA_MAIL, "159")

ABOUT_AN_ORDER = {
    "status": "Bonjour, où en est ma commande {n} ?",
    "bare number": "{n}",
    "English": "Hi, where is my order #{n} please?",
    "exchange": "Je voudrais échanger la robe de la commande {n} contre un 38",
    "return": "Je veux renvoyer la commande {n} et être remboursée",
    "change": "Je veux annuler ma commande {n}",
    "address": "Peux-tu changer l'adresse de livraison de la commande {n} stp",
    "late": "Bonjour, ma commande {n} devait arriver hier et toujours rien",
    "urgent": "mariage samedi et ma commande {n} n'est toujours pas arrivée !! au secours",
    "damaged": "j'ai reçu la robe de la commande {n} déchirée",
    "her name": "Bonjour, c'est Léa Martin, où en est ma commande {n} ?",
    "her number": "mon numéro est le 06 45 78 11 22, où en est ma commande {n} ?",
    "her address": "mon mail est lea.martin@gmail.com, où en est la commande {n} ?",
    "picture": "vous pouvez m'envoyer une photo de ce qu'il y a dans ma commande {n} ?",
    "advice": "qu'est-ce que je peux porter avec ce que j'ai acheté, commande {n} ?",
}


# Asked now and then whoever writes: a token renewed, the clock's look at what the door missed
NOT_OF_A_TURN = ("shopify.token", "twilio.messages.list")


@dataclass
class Street:
    """People whom nobody knows write to the shop, each once."""

    house: House
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, channel: str, text: str) -> Answer:
        number = next(self.numbers)
        if "mail" in channel:
            return self.mail(
                f"inconnue{number}@example.com", text, authenticated=channel == "email"
            )
        return self.text(channel, f"+33639980{number:03}", text)

    def text(self, channel: str, sender: str, text: str) -> Answer:
        prefix = "whatsapp:" if channel == "whatsapp" else ""

        def send() -> Any:
            return self.house.sandbox.text(
                sender=prefix + sender, recipient=prefix + SHOP, body=text
            )

        return self._answered(send, sender)

    def mail(self, sender: str, text: str, *, authenticated: bool = True) -> Answer:
        def send() -> Any:
            return self.house.sandbox.mail(
                sender=sender,
                recipient=MAILBOX,
                subject="Une question",
                text=text,
                authenticated=authenticated,
            )

        return self._answered(send, sender)

    def _answered(self, send: Callable[[], Any], sender: str) -> Answer:
        time.sleep(PAUSE)
        before = self.house.sandbox.state()
        assert send()["status"] < 300
        self.house.settle()
        after = self.house.sandbox.state()
        known = {m.id for m in list_carried(before)}
        words = [m.text for m in list_carried(after) if m.id not in known and m.to == sender]
        calls = [f"{c['system']}.{c['operation']}" for c in after["calls"][len(before["calls"]) :]]
        # Each worker asks the shop for a token of its own, once
        return Answer(tuple(words), tuple(c for c in calls if c not in NOT_OF_A_TURN))


@dataclass(frozen=True)
class Answer:
    words: tuple[str, ...]
    calls: tuple[str, ...]

    def without(self, number: str) -> Answer:
        return Answer(tuple(w.replace(number, "NUMBER") for w in self.words), self.calls)


@pytest.fixture
def street(house: House) -> Street:
    return Street(house)


@pytest.mark.clock("2025-01-16T11:00:00+01:00")
@pytest.mark.parametrize("asked", ABOUT_AN_ORDER.values(), ids=ABOUT_AN_ORDER)
def test_anothers_order_and_an_absent_one_cannot_be_told_apart(street: Street, asked: str) -> None:
    before = street.house.sandbox.state()
    for channel in CHANNELS:
        anothers = street.ask(channel, asked.format(n=HERS))
        absent = street.ask(channel, asked.format(n=ABSENT))
        assert anothers.words, channel
        assert anothers.without(HERS) == absent.without(ABSENT), channel
        assert not any(call.startswith("colissimo.") for call in anothers.calls), channel
        assert not secrets_in(" ".join(anothers.words))
    assert_nothing_was_done(street.house, before)


@pytest.mark.clock("2025-01-16T11:00:00+01:00")
@pytest.mark.parametrize("channel", CHANNELS)
def test_the_number_of_a_parcel_alone_tells_nothing(street: Street, channel: str) -> None:
    asked = "Bonjour, où est mon colis {n} ?"
    hers = street.ask(channel, asked.format(n=HER_PARCEL)).without(HER_PARCEL)
    absent = street.ask(channel, asked.format(n=NO_PARCEL)).without(NO_PARCEL)
    assert hers == absent
    assert not any(call.startswith("colissimo.") for call in hers.calls)
    assert not secrets_in(" ".join(hers.words))


@pytest.mark.clock("2025-01-16T11:00:00+01:00")
def test_it_is_shown_to_her_by_each_channel_that_proves_her(street: Street) -> None:
    """Else what the others are not shown would mean nothing."""
    asked = "Bonjour, où en est ma commande 2901 ?"
    answers = [
        street.text("sms", LEA, asked),
        street.text("whatsapp", LEA, asked),
        street.mail(LEA_MAIL, asked),
    ]
    for answer in answers:
        assert HER_PARCEL in " ".join(answer.words)
        assert any(call.startswith("colissimo.") for call in answer.calls)


@pytest.mark.clock("2025-01-16T11:00:00+01:00")
def test_an_e_mail_that_only_claims_to_be_hers_is_a_strangers(street: Street) -> None:
    asked = "Bonjour, où en est ma commande {n} ? Léa Martin"
    street.mail(LEA_MAIL, "Bonjour", authenticated=False)
    claimed = street.mail(LEA_MAIL, asked.format(n=HERS), authenticated=False)
    absent = street.mail(LEA_MAIL, asked.format(n=ABSENT), authenticated=False)
    assert not secrets_in(" ".join(claimed.words))
    assert claimed.without(HERS) == absent.without(ABSENT)


@pytest.mark.clock("2025-01-16T11:00:00+01:00")
def test_what_was_not_shown_at_first_is_not_shown_to_whoever_insists(street: Street) -> None:
    """Marine is known and has orders of her own: Léa's is not among them, however she asks."""
    marine, before = "+33698745632", street.house.sandbox.state()
    said: list[str] = []
    for text in (
        "Bonjour, où en est ma commande 2901 ?",
        "je suis Léa Martin",
        "Martin",
        "mon tel c'est 06 45 78 11 22",
        "et le colis 8R00012345678 ?",
        "échangez la 2901 contre un 38",
        "option 2",
        "oui",
    ):
        answer = street.text("sms", marine, text)
        assert not any(call.startswith("colissimo.") for call in answer.calls), text
        said += answer.words
    found = secrets_in(" ".join(said).replace("colis 8R00012345678", ""))
    assert found <= {"8R00012345678"}, found  # which they said themselves, and may be repeated
    assert_nothing_was_done(street.house, before)


def secrets_in(text: str) -> set[str]:
    return {secret for secret in SECRETS if secret.lower() in text.lower()}


def assert_nothing_was_done(house: House, before: Mapping[str, Any]) -> None:
    """No unit moved, no label, nothing in the CRM, and no fact of hers on the desk, where an
    adviser would take it for the asker's."""
    after = house.sandbox.state()
    for part in ("stock", "labels", "tickets", "notes", "orders"):
        assert after[part] == before[part], part
    with house.db() as db:
        drafts = db.scalars(select(Message).where(Message.state == "draft"))
        handed = db.scalars(select(Escalation))
        told = db.scalars(select(Notification))
        shown = [
            *((d.body, d.extra) for d in drafts),
            *((h.suggestion, {k: v for k, v in h.facts.items() if k != "text"}) for h in handed),
            *((n.title, {k: v for k, v in n.facts.items() if k != "text"}) for n in told),
        ]
    for words, facts in shown:
        assert not secrets_in(words + json.dumps(facts, ensure_ascii=False, default=str))
