"""Urgency, sentiment and language."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "text",
    [
        "J'ai commandé lundi pour un mariage SAMEDI et j'ai toujours pas reçu 😰 Commande #2901",
        "il me la faut pour demain soir, vous l'avez en 38 ?",
        "urgent svp où en est ma commande 2901",
        "Will my parcel come in time? I'm flying out on Saturday and need it",
    ],
)
def test_an_event_or_deadline_within_three_days_is_urgent(read, text):
    assert read(text).urgency == "high"


@pytest.mark.parametrize(
    "text",
    [
        "la robe est dispo en 38 ? c'est pour un mariage en juillet",
        "je passe demain vers 15h",
        "vous êtes ouverts demain ?",
        "tu peux me la garder jusqu'à samedi ?",
        "où en est ma commande de lundi ?",
    ],
)
def test_a_day_that_is_named_is_no_urgency_by_itself(read, text):
    assert read(text).urgency == "normal"


@pytest.mark.parametrize("text", ["lol", "merci, bonne journée", "raconte moi une blague"])
def test_idle_talk_is_low(read, text):
    assert read(text).urgency == "low"


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("vous avez du 38 ?", "neutral"),
        ("La robe est parfaite, j'ai eu plein de compliments 💙", "very_positive"),
        ("très contente de mon achat", "positive"),
        ("un peu déçue par la qualité du tissu", "negative"),
        ("C'est une honte, je n'achèterai plus jamais chez vous !!", "very_negative"),
        ("pas contente du tout de la robe", "negative"),
    ],
)
def test_the_mood_is_read_from_the_words(read, text, mood):
    assert read(text).sentiment == mood


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("vous avez la robe en 38 ?", "fr"),
        ("jarrive ds 10 min", "fr"),
        ("do you have the dress in 38?", "en"),
        ("Where is my parcel", "en"),
        ("ok", "fr"),
        ("38", "fr"),
    ],
)
def test_french_is_told_from_english(read, text, language):
    assert read(text).language == language


def test_what_is_said_not_to_be_urgent_is_not(read):
    assert read("rien d'urgent, vous avez la robe fleurie en 36 ?").urgency == "normal"
    assert read("it's not urgent, do you have the dress in 38?").urgency == "normal"
