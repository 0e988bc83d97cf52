"""Short answers in the light of the question just put."""

from __future__ import annotations

import pytest

from bot.turn import TimeSpan


@pytest.mark.parametrize(
    ("asked", "text", "intents"),
    [
        ("pickup_time", "17h", {"reservation_pickup"}),
        ("pickup_time", "demain fin de journée", {"reservation_pickup"}),
        ("reservation_offer", "oui merci ! je passe ce soir", {"confirm", "reservation_pickup"}),
        ("reservation_offer", "oui stp", {"confirm"}),
        ("reservation_offer", "non merci", {"deny"}),
        ("reservation_offer", "je passe demain à 11h", {"reservation_pickup"}),
        ("photo_offer", "oui stp", {"confirm"}),
        ("photo_offer", "pas la peine merci", {"deny"}),
        ("exchange_option", "la deuxième", {"choose"}),
        ("backup_option", "option 1", {"choose"}),
        ("order_number", "2901", {"order_status"}),
        ("feedback", "5", {"feedback"}),
        ("feedback", "4/5", {"feedback"}),
        ("size", "38", {"product_availability"}),
        ("size", "le 40 stp", {"product_availability"}),
        ("clarification", "la bordeaux", {"product_availability"}),
    ],
)
def test_an_answer_is_read_as_one(read, asked, text, intents):
    understood = read(text, asked)
    assert set(understood.intents) == intents
    assert understood.confidence > 0.8


def test_a_name_and_number_answer_who_is_asking(read):
    understood = read("RAMI CL-401372-487531", "order_identity", "coollibri")
    assert understood.intents == ("order_status",)
    assert understood.entities.order_numbers == ("CL-401372-487531",)
    assert understood.entities.last_name == "RAMI"


@pytest.mark.parametrize(
    ("asked", "text", "intents"),
    [
        ("reservation_offer", "Au fait, où en est ma commande 2847 ?", {"order_status"}),
        ("pickup_time", "vous fermez à quelle heure ?", {"general_question"}),
        ("pickup_time", "finalement je la prends pas, désolée", {"reservation_cancel"}),
        ("feedback", "je veux parler à quelqu'un", {"human_request"}),
        ("order_number", "vous avez la robe bordeaux en 38 ?", {"product_availability"}),
        ("size", "laissez tomber, passez-moi une vendeuse", {"human_request"}),
    ],
)
def test_a_request_of_its_own_overrides_the_question(read, asked, text, intents):
    assert set(read(text, asked).intents) == intents


def test_the_time_answered_is_the_pickup(read):
    assert isinstance(read("17h", "pickup_time").entities.pickup_time, TimeSpan)
