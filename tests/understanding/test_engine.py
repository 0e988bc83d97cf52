"""What the local engine understands, one message at a time."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("slt vs avez la robe fleurie en 38 ??", {"product_availability"}),
        ("Do you still have the beige blazer in 40?", {"product_availability"}),
        ("la robe bordeaux elle taille petit ?", {"product_inquiry"}),
        ("38 ou 40 pour moi ? je fais 1m70", {"styling_advice"}),
        ("tu peux me mettre de côté le perfecto en 38 ?", {"reservation_create"}),
        ("finalement je ne prends plus la robe, désolée", {"reservation_cancel"}),
        ("tu peux me la garder jusqu'à samedi finalement ?", {"reservation_extend"}),
        ("ma réservation tient toujours ?", {"reservation_status"}),
        ("je passe demain vers 16h", {"reservation_pickup"}),
        ("Quels sont vos horaires le samedi ?", {"general_question"}),
        ("J'ai reçu la robe mais elle est trop grande, un 36 à la place ?", {"exchange_request"}),
        ("je veux renvoyer le pantalon et être remboursée", {"return_request"}),
        ("Mon colis est arrivé éventré", {"delivery_problem"}),
        ("Où en est ma commande 2901 ?", {"order_status"}),
        ("je voudrais changer l'adresse de ma commande 2901", {"order_change"}),
        ("prévenez-moi quand le 36 revient", {"back_in_stock"}),
        ("je veux parler à quelqu'un", {"human_request"}),
        ("Bonjour", {"greeting"}),
        ("Merci beaucoup, bonne soirée !", {"closing"}),
        ("ma voiture fait un bruit au freinage, vous pouvez regarder ?", {"unknown"}),
    ],
)
def test_one_request_is_read(read, text, intents):
    assert set(read(text).intents) == intents


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        (
            "vous avez le blazer en 40 ? et vous fermez à quelle heure ?",
            {"product_availability", "general_question"},
        ),
        (
            "Elle est parfaite ! J'ai eu plein de compliments 💙 D'ailleurs vous avez le blazer "
            "beige que je vois sur Instagram ?",
            {"feedback", "product_availability"},
        ),
        (
            "il reste le perfecto en 38 ? si oui mettez le moi de côté",
            {"product_availability", "reservation_create"},
        ),
        (
            "annule la robe stp, et tu as le blazer en 38 ?",
            {"reservation_cancel", "product_availability"},
        ),
    ],
)
def test_two_requests_are_both_read(read, text, intents):
    assert set(read(text).intents) == intents


def test_an_article_put_aside_and_a_time_to_come_for_it_are_two(read):
    text = "Mettez-moi la robe fleurie de côté en 38, je viendrai samedi dans la matinée"
    assert set(read(text).intents) == {"reservation_create", "reservation_pickup"}


@pytest.mark.parametrize(
    "text", ["g tjs pas de nouvel de mon coli cmd #3012", "colis 2901 pas arrivé, il est où"]
)
def test_where_a_parcel_is_and_that_it_is_late_are_one_reading(read, text):
    assert len({"order_status", "delivery_problem"} & set(read(text).intents)) == 1


@pytest.mark.parametrize("text", ["blorp kzzt 42 schtroumpf", "qsdf hjkl wxcv", "zgrtk ?"])
def test_gibberish_is_not_acted_on(read, text):
    assert read(text).intents == ("unknown",)


@pytest.mark.parametrize("text", ["remboursemnt svp", "je veu anulé ma rezervassion"])
def test_a_misspelt_word_is_no_gibberish(read, text):
    assert read(text).intents != ("unknown",)


def test_a_greeting_beside_a_request_is_no_intent_of_its_own(read):
    assert read("Coucou ! vous avez la robe bordeaux en 40 ? merci 😊").intents == (
        "product_availability",
    )


def test_admiring_what_is_still_to_be_bought_is_no_feedback(read):
    assert read("Il est magnifique ! Je passe samedi !").intents == ("reservation_pickup",)


@pytest.mark.parametrize("text", ["2901", "#2847", "n° 2901 svp", "MARTIN 2901", "Durand, #2890"])
def test_a_bare_number_with_or_without_a_name_asks_for_the_order(read, text):
    assert read(text).intents == ("order_status",)


@pytest.mark.parametrize("text", ["STOP", "stop", "Stop SMS", "ARRÊT", "unsubscribe"])
def test_a_command_to_stop_is_an_opt_out(read, text):
    understood = read(text)
    assert understood.intents == ("opt_out",)
    assert understood.confidence > 0.9


def test_stop_inside_a_sentence_decides_nothing(read):
    assert "opt_out" not in read("il y a un arrêt de bus près de la boutique ?").intents


def test_the_mail_that_is_answered_is_not_read(read):
    text = (
        "Bonjour, avez-vous la robe portefeuille en 40 ?\n\n"
        "Le lun. 13 janv. 2025 à 10:02, Élégance Paris <hello@elegance-paris.com> a écrit :\n"
        "> Annulez votre réservation ou renvoyez votre colis n° 2901"
    )
    understood = read(text)
    assert understood.intents == ("product_availability",)
    assert not understood.entities.order_numbers


def test_the_mail_below_a_block_of_headers_is_not_read(read):
    text = (
        "Bonjour,\n\nje passerai demain à 15h.\n\nDe : Élégance Paris <hello@elegance-paris.com>\n"
        "Envoyé : mardi 14 janvier 2025 09:12\nÀ : client@example.org\nObjet : Votre commande\n\n"
        "Votre commande 2901 part lundi. Souhaitez-vous l'annuler ?"
    )
    understood = read(text)
    assert understood.intents == ("reservation_pickup",)
    assert not understood.entities.order_numbers


def test_an_answer_below_a_quotation_is_read(read):
    text = "On Mon, Jan 13, Élégance Paris wrote:\n> When will you come?\n\nI'll come at 5pm today"
    assert read(text).intents == ("reservation_pickup",)


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("Annulez la commande 2901 svp", {"order_change"}),
        ("Remboursez 2847", {"return_request"}),
        ("échanger 2847", {"exchange_request"}),
    ],
)
def test_a_deed_beside_a_number_is_nobodys_name(read, text, intents):
    assert set(read(text).intents) == intents
