"""Mails as customers' programs write them: in the thread of ours, or anew."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bot.media.types import sniff
from bot.rehearsal.carried import Carried, last_to
from bot.rehearsal.files import pack
from bot.rehearsal.mailbox import compose
from bot.rehearsal.people import Person, sender_of
from bot.rehearsal.script import CustomerStep
from connectors.resend.quotes import read_reply

AT = datetime.fromisoformat("2025-01-13T10:15:00+01:00")
OURS = Carried(
    id="e1",
    via="email",
    to="emma.rousseau@orange.fr",
    sender="Élégance Paris <hello@elegance-paris.com>",
    text="Bonjour Emma !\n\nOui, on l'a en 38. Tu passes quand ?\n\n-- \nÉlégance Paris",
    media=False,
    at=1.0,
    subject="Re: Robe fleurie",
    message_id="<ours@mail.example>",
    references="<hers@orange.fr>",
)


def step(**more: Any) -> CustomerStep:
    said = {"customer": "Demain à 15h", "from": "Emma Rousseau <emma.rousseau@orange.fr>", **more}
    return CustomerStep.model_validate(said)


def test_an_answer_stands_over_ours_and_in_its_thread() -> None:
    mail = compose(step(), "hello@elegance-paris.com", OURS, AT)
    assert mail["subject"] == "Re: Robe fleurie"
    assert mail["in_reply_to"] == "<ours@mail.example>"
    assert mail["references"] == "<hers@orange.fr> <ours@mail.example>"
    assert "lun. 13 janv. 2025 à 10:15" in mail["text"]
    assert "> Oui, on l'a en 38. Tu passes quand ?" in mail["text"]
    assert read_reply(mail["text"], mail["subject"]) == "Demain à 15h"


def test_the_same_subject_is_an_answer_and_another_one_a_new_mail() -> None:
    assert compose(step(subject="robe fleurie"), "us@x.fr", OURS, AT)["in_reply_to"]
    other = compose(step(subject="Un blazer"), "us@x.fr", OURS, AT)
    assert (other["subject"], other["text"]) == ("Un blazer", "Demain à 15h")
    assert "in_reply_to" not in other
    first = compose(step(), "us@x.fr", None, AT)
    assert (first["subject"], first["text"]) == ("", "Demain à 15h")


def test_the_last_of_ours_is_theirs_and_of_that_channel() -> None:
    mail = {
        "id": "e1",
        "to": ["Emma <Emma.Rousseau@orange.fr>"],
        "from": OURS.sender,
        "text": OURS.text,
        "attachments": [],
        "at": "2026-11-20T12:00:00.000Z",
        "subject": OURS.subject,
        "message_id": OURS.message_id,
        "headers": {"References": OURS.references},
    }
    text = {
        "sid": "SM1",
        "to": "whatsapp:+33612457896",
        "from": "whatsapp:+33939035761",
        "body": "Coucou",
        "num_media": "0",
        "media_urls": [],
        "direction": "outbound-api",
        "at": "2026-11-20T12:00:01.000Z",
    }
    state = {"messages": [text, {**text, "direction": "inbound", "sid": "SM2"}], "mails": [mail]}
    emma = {"emma.rousseau@orange.fr", "+33612457896"}
    at = datetime.fromisoformat("2026-11-20T12:00:00+00:00").timestamp()
    assert last_to(state, emma, "email") == replace(OURS, at=at)
    assert (found := last_to(state, emma))
    assert (found.id, found.via) == ("SM1", "whatsapp")
    assert last_to(state, {"+33600000000"}) is None


@pytest.mark.parametrize(
    ("said", "person"),
    [
        ({}, Person("emma.rousseau@orange.fr", "email")),
        ({"authenticated": False}, Person("emma.rousseau@orange.fr", "email", proven=False)),
        ({"authenticated": None}, Person("emma.rousseau@orange.fr", "email", proven=False)),
        ({"from": 33612457896, "via": "sms"}, Person("+33612457896")),
        ({"from": "whatsapp:+336", "via": "whatsapp"}, Person("+336", "whatsapp")),
    ],
)
def test_who_wrote_is_told_by_channel_and_contact(said: dict[str, Any], person: Person) -> None:
    assert sender_of(step(**said)) == person


def test_what_a_companion_leaves_out_is_the_first_ones() -> None:
    both = step(
        via="email", **{"with": [{"customer": "Et en 40 ?"}, {"customer": "Oui", "from": "+336"}]}
    )
    same, other = both.companions
    assert (same.via, same.sender) == ("email", both.sender)
    assert (other.via, other.sender) == ("sms", "+336")


@pytest.mark.parametrize(
    "kind",
    "image/jpeg image/png image/gif image/webp audio/ogg audio/amr audio/mpeg audio/mp4 "
    "video/mp4 video/3gpp application/pdf text/plain".split(),
)
def test_a_file_sent_along_is_what_it_says(kind: str) -> None:
    by_type, by_mapping = step(via="whatsapp", media=[kind, {"name": "x", "type": kind}]).media
    for packed in pack([by_type, by_mapping]):
        content = base64.b64decode(packed["content_base64"])
        assert packed["type"] == kind
        assert sniff(content, packed["name"]) == kind


def test_a_file_may_be_known_by_its_name_alone() -> None:
    (named,) = pack(step(via="whatsapp", media="robe.jpg").media)
    assert (named["name"], named["type"]) == ("robe.jpg", "image/jpeg")
    assert step(via="whatsapp", media=None).media == ()
