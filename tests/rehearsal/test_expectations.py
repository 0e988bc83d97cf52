"""When an expectation holds."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rehearsal.expectations import compare, fold
from bot.rehearsal.script import Expect

HELD = {
    "sku": "RF-2847-38",
    "status": "active",
    "quantity": 1,
    "until": "2025-01-14T18:00:00+01:00",
    "pickup": "2025-01-13T17:00:00+01:00",
    "pickup_to": "2025-01-13T19:00:00+01:00",
}


def message(text: str, to: str = "+33645789012") -> dict[str, Any]:
    return {"via": "sms", "to": to, "subject": "", "text": text, "media": False, "at": 0.0}


def found(**facts: Any) -> dict[str, Any]:
    """What follows a step in which nothing happened, but for `facts`."""
    lists = "replies sent intents entities handled reservations reminders escalations suggestion"
    nothing: dict[str, Any] = {name: [] for name in f"{lists} notifications crm".split()}
    nothing |= {"label": False, "customer": None, "within": None, "urgency": None, "stock": {}}
    return {**nothing, **facts}


def holds(expect: dict[str, Any], **facts: Any) -> bool:
    return not compare(Expect.model_validate(expect), found(**facts))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("jusqu’à demain 18 h", "jusqu'à demain 18h"),
        ("ÉLÉGANCE", "elegance"),
        ("89\u202f€", "89 €"),
        ("deux\n\n  lignes", "deux lignes"),
        ("18\u00a0h", "18H"),
    ],
)
def test_case_accents_spaces_apostrophes_and_hours_are_folded(written: str, read: str) -> None:
    assert fold(written) == fold(read)


def test_a_size_before_another_word_is_no_hour() -> None:
    assert fold("38 huit") == "38 huit"


def test_replies_are_exactly_these_in_this_order() -> None:
    two = [message("Bonjour Julie"), message("À demain")]
    assert holds({"replies": [{"has": ["bonjour"]}, {"has": ["a demain"]}]}, replies=two)
    assert holds({"replies": [{}, {}]}, replies=two)
    assert not holds({"replies": [{"has": ["a demain"]}, {"has": ["bonjour"]}]}, replies=two)
    assert not holds({"replies": [{}]}, replies=two)
    assert not holds({"replies": []}, replies=two)
    assert holds({"replies": []})


def test_a_message_needs_every_has_one_of_has_any_and_no_lacks() -> None:
    said = [message("Robe Bordeaux, 95 €")]
    assert holds({"replies": [{"has_any": ["89 €", "95 €"]}]}, replies=said)
    assert not holds({"replies": [{"has": ["robe", "89 €"]}]}, replies=said)
    assert not holds({"replies": [{"has_any": ["89 €", "129 €"]}]}, replies=said)
    assert not holds({"replies": [{"lacks": ["bordeaux"]}]}, replies=said)
    assert not holds({"replies": [{"media": True}]}, replies=said)


def test_sent_are_among_others_each_its_own() -> None:
    two = [message("un", to="+331"), message("deux", to="+332")]
    assert holds({"sent": [{"to": "+332"}]}, sent=two)
    assert holds({"sent": [{}, {"has": "un"}]}, sent=two)
    assert not holds({"sent": [{"has": "un"}, {"to": "+331"}]}, sent=two)


def test_reservations_are_exactly_these_in_any_order() -> None:
    two = [HELD, {**HELD, "sku": "BO-019", "pickup": None, "pickup_to": None}]
    assert holds({"reservations": [{"sku": "BO-019"}, {"sku": "RF-2847-38"}]}, reservations=two)
    assert holds({"reservations": [{}, {}]}, reservations=two)
    assert not holds({"reservations": [{"sku": "BO-019"}]}, reservations=two)
    assert not holds({"reservations": [{"sku": "BO-019"}] * 2}, reservations=two)


@pytest.mark.parametrize(
    ("pickup", "right"),
    [
        ("2025-01-13T17:00:00+01:00", True),
        ("2025-01-13T16:00:00Z", True),
        ("2025-01-13T18:00:00+01:00", False),
        ({"from": "2025-01-13T17:00:00+01:00", "to": "2025-01-13T19:00:00+01:00"}, True),
        ({"from": "2025-01-13T17:30:00+01:00", "to": "2025-01-13T19:00:00+01:00"}, False),
    ],
)
def test_a_pickup_is_an_instant_or_lies_within_a_range(pickup: Any, right: bool) -> None:
    assert holds({"reservations": [{"pickup": pickup}]}, reservations=[HELD]) is right


def test_intents_are_the_same_set_over_the_messages() -> None:
    assert holds({"intents": ["greeting", "closing"]}, intents=["closing", "greeting"])
    assert not holds({"intents": ["greeting"]}, intents=["closing", "greeting"])


def test_entities_are_among_those_found() -> None:
    span = {"from": "2025-01-13T17:00:00+01:00", "to": "2025-01-13T17:00:00+01:00"}
    said = [{"size": ["38"], "product": ["robe", "RF-2847"]}, {"pickup_time": [span]}]
    assert holds({"entities": {"size": 38, "product": "rf-2847"}}, entities=said)
    assert holds({"entities": {"pickup_time": "2025-01-13T17:00:00+01:00"}}, entities=said)
    assert holds({"entities": {"color": None}}, entities=said)
    assert not holds({"entities": {"size": "40"}}, entities=said)
    assert not holds({"entities": {"size": None}}, entities=said)


def test_stock_says_only_what_is_named() -> None:
    units = {"RF-2847-38": {"available": 1, "reserved": 1, "committed": 0, "on_hand": 2}}
    assert holds({"stock": {"RF-2847-38": {"available": 1}}}, stock=units)
    assert not holds({"stock": {"RF-2847-38": {"available": 2}}}, stock=units)
    assert not holds({"stock": {"RF-2847-99": {"available": 1}}}, stock=units)


def test_within_fails_only_when_tenfold_exceeded() -> None:
    assert holds({"within": 2}, within=19.9)
    assert not holds({"within": 2}, within=20.1)
    assert not holds({"within": 2})


def test_handled_and_escalations_and_customer_and_label() -> None:
    handed = {"reason": "complaint", "priority": "high", "summary": "« déçue »", "customer": "Léa"}
    assert holds({"escalations": [{"reason": "complaint", "has": ["lea"]}]}, escalations=[handed])
    assert not holds({"escalations": []}, escalations=[handed])
    assert not holds({"escalations": [{"priority": "normal"}]}, escalations=[handed])
    assert holds({"handled": "auto"}, handled=["auto"])
    assert not holds({"handled": "auto"}, handled=["auto", "human"])
    assert not holds({"handled": "auto"})
    julie = {"name": "Julie Mercier", "orders": 8, "spent": "720.00", "opted_out": False}
    assert holds({"customer": {"orders": 8, "spent": 720}}, customer=julie)
    assert not holds({"customer": {"orders": 9}}, customer=julie)
    assert not holds({"customer": {"name": "Julie"}})
    assert holds({"label": False, "crm": []})
    assert not holds({"label": True})


def test_calls_of_the_crm_are_among_those_found_and_an_empty_list_means_none() -> None:
    note = {"kind": "note", "text": "Échange RC-560 en 38", "contact": "103"}
    ticket = {"kind": "ticket", "text": "Retour #2901", "contact": "103"}
    assert holds({"crm": [{"kind": "ticket", "has": "#2901"}]}, crm=[note, ticket])
    assert not holds({"crm": [{"kind": "contact_update"}]}, crm=[note, ticket])
    assert not holds({"crm": [{"has": "echange"}, {"kind": "note"}]}, crm=[note, ticket])
    assert not holds({"crm": []}, crm=[note])


def test_a_mail_is_told_by_its_subject_and_address() -> None:
    mail = {**message("Bonjour", to="lea.martin@gmail.com"), "via": "email", "subject": "Re: Robe"}
    assert holds(
        {"replies": [{"subject": "re: robe", "to": "Lea.Martin@gmail.com"}]}, replies=[mail]
    )
    assert not holds({"replies": [{"subject": "chemisier"}]}, replies=[mail])
    assert not holds({"replies": [{"subject": "robe"}]}, replies=[message("Bonjour")])


def test_a_difference_tells_both_sides() -> None:
    (difference,) = compare(
        Expect.model_validate({"intents": ["greeting"]}), found(intents=["closing"])
    )
    assert (difference.key, difference.expected, difference.found) == (
        "intents",
        ["greeting"],
        ["closing"],
    )
