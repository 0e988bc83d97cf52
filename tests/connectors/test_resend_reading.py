"""Resend: what is read of a mail, without asking anything outside."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mails import MAILS

from connectors.errors import Refused
from connectors.resend.authentication import is_proven, parse_results
from connectors.resend.automatic import is_automatic
from connectors.resend.headers import Headers, parse_mapping, parse_raw
from connectors.resend.messages import read_message
from connectors.resend.quotes import read_html, read_reply

SERVERS = ("amazonses.com",)
LEA = "lea@gmail.com"

# --- quotes ------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "expected"), [m[1:] for m in MAILS], ids=[m[0] for m in MAILS])
def test_only_what_was_just_written_is_read(text: str, expected: str) -> None:
    assert read_reply(text) == expected
    assert read_reply(text.replace("\n", "\r\n")) == expected


def test_answers_between_the_lines_are_read_without_the_lines() -> None:
    text = "> Le 38 ou le 40 ?\nLe 40 svp\n> Quand passez-vous ?\nDemain 15h"
    assert read_reply(text) == "Le 40 svp\nDemain 15h"
    assert read_reply("> rien de plus") == "> rien de plus"


def test_a_forwarded_mail_is_known_by_its_subject_too() -> None:
    text = "Voici\n\nDe : Promo <p@x.fr>\nDate : 20/11/2026\nObjet : Soldes\n\nProfitez-en"
    assert read_reply(text, "TR: Soldes") == text
    assert read_reply(text, "Re: Soldes") == "Voici"


GMAIL_HTML = (
    '<div dir="ltr"><p>Bonjour,</p><p>Je la prends&nbsp;!<br>Julie</p></div><br>'
    '<div class="gmail_quote"><div dir="ltr" class="gmail_attr">Le&nbsp;ven. 20 nov. 2026 à '
    '09:12, Élégance Paris &lt;<a href="mailto:b@e.fr">b@e.fr</a>&gt; a écrit&nbsp;:<br></div>'
    "<blockquote>Bonjour Julie</blockquote></div>"
)
OUTLOOK_HTML = (
    "<html><head><style>p{margin:0}</style></head><body><p>Toujours rien reçu.</p>"
    '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
    "<p><b>De&nbsp;:</b> Élégance Paris<br><b>Envoyé&nbsp;:</b> vendredi 20 novembre<br>"
    "<b>À&nbsp;:</b> Julie<br><b>Objet&nbsp;:</b> Commande</p></div><p>Elle est partie.</p>"
)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (GMAIL_HTML, "Bonjour,\n\nJe la prends !\nJulie"),
        (OUTLOOK_HTML, "Toujours rien reçu."),
        ("<p>Une <b>question</b><script>alert(1)</script></p>", "Une question"),
        ("", ""),
        ("<", "<"),
    ],
)
def test_a_mail_of_html_alone_is_read_as_text(html: str, expected: str) -> None:
    assert read_reply(read_html(html)) == expected


@pytest.mark.parametrize(
    "hostile",
    [
        "a: b\n" * 60_000,
        "Am " + " schrieb " * 60_000,
        "> a\n" * 90_000,
        "De : x\nÀ : y\n" * 30_000,
        "-" * 400_000,
        "(" * 400_000,
        "Le \n" * 90_000,
        "cordialement\n" * 90_000,
    ],
    ids=range(8),
)
@pytest.mark.timeout(30)  # whoever takes time without bound hangs
def test_a_mail_made_to_be_slow_is_read(hostile: str) -> None:
    assert read_reply(hostile)


# --- authentication ----------------------------------------------------------------------

GMAIL_PASS = (
    "amazonses.com; spf=pass (spfCheck: domain of gmail.com designates 209.85.1.2 as permitted "
    "sender) client-ip=209.85.1.2; envelope-from=lea@gmail.com; helo=mail-wm0-f48.google.com; "
    "dkim=pass header.i=@gmail.com; dmarc=pass header.from=gmail.com;"
)


def results(*values: str, **more: str) -> Headers:
    fields = [("from", f"Léa <{LEA}>"), *more.items()]
    return Headers((*(("authentication-results", value) for value in values), *fields))


@pytest.mark.parametrize(
    ("sender", "header", "proven"),
    [
        pytest.param(LEA, GMAIL_PASS, True, id="DMARC passed"),
        pytest.param(LEA, "amazonses.com; dmarc=pass", True, id="without its domain"),
        pytest.param(
            LEA, "eu-west-1.amazonses.com 1; dmarc=pass", True, id="a host below, version"
        ),
        pytest.param(LEA, GMAIL_PASS.replace("dmarc=pass", "dmarc=fail"), False, id="DMARC failed"),
        pytest.param(
            LEA, GMAIL_PASS.replace("dmarc=pass", "dmarc=temperror"), False, id="DMARC not checked"
        ),
        pytest.param(
            LEA, "amazonses.com; dmarc=pass header.from=evil.fr", False, id="another's DMARC"
        ),
        pytest.param(
            LEA, "amazonses.com; dkim=pass header.d=gmail.com", True, id="DKIM of the domain"
        ),
        pytest.param(LEA, "amazonses.com; dkim=pass header.d=evil.fr", False, id="DKIM of another"),
        pytest.param(
            LEA,
            "amazonses.com; dkim=fail header.d=evil.fr; dkim=pass header.i=@gmail.com; dmarc=none",
            True,
            id="the second of two signatures",
        ),
        pytest.param(
            LEA, "amazonses.com; spf=pass smtp.mailfrom=lea@gmail.com", True, id="SPF of the domain"
        ),
        pytest.param(
            LEA,
            "amazonses.com; spf=pass client-ip=1.2.3.4; envelope-from=lea@gmail.com; dmarc=none",
            True,
            id="SPF as Amazon writes it",
        ),
        pytest.param(
            LEA, "amazonses.com; spf=pass smtp.mailfrom=x@evil.fr", False, id="SPF of another"
        ),
        pytest.param(LEA, "amazonses.com; spf=pass", False, id="SPF of nobody"),
        pytest.param(LEA, "amazonses.com; spf=softfail; dkim=none", False, id="nothing passed"),
        pytest.param(LEA, "amazonses.com; none", False, id="no check made"),
        pytest.param(LEA, "mx.evil.fr; dmarc=pass header.from=gmail.com", False, id="a stranger"),
        pytest.param(LEA, "notamazonses.com; dmarc=pass", False, id="a name alike"),
        pytest.param(LEA, "", False, id="an empty header"),
        pytest.param(
            "lea@mail.boutique.fr",
            "amazonses.com; dkim=pass header.d=boutique.fr",
            True,
            id="a domain above",
        ),
        pytest.param(
            "lea@boutique.fr",
            "amazonses.com; dkim=pass header.d=x.boutique.fr",
            False,
            id="a domain below",
        ),
        pytest.param("lea@x.fr", "amazonses.com; dkim=pass header.d=fr", False, id="a whole TLD"),
        pytest.param(
            LEA,
            'amazonses.com; spf=fail; envelope-from="x; dmarc=pass header.from=gmail.com"@evil.fr; '
            "dmarc=fail header.from=gmail.com",
            False,
            id="written into the envelope's address",
        ),
        pytest.param(
            LEA,
            "amazonses.com; spf=fail; helo=x;dmarc=pass; dkim=none; dmarc=fail header.from=gmail.com",
            False,
            id="written into HELO",
        ),
        pytest.param(
            LEA,
            "amazonses.com; spf=fail; helo=x;spf=pass;envelope-from=a@gmail.com; dmarc=none",
            False,
            id="a second SPF written into HELO",
        ),
        pytest.param(
            LEA,
            "amazonses.com; (dmarc=pass header.from=gmail.com); dmarc=fail",
            False,
            id="a comment",
        ),
        pytest.param(LEA, "amazonses.com; ((dmarc=pass", False, id="a comment left open"),
    ],
)
def test_a_sender_is_proven_by_the_receiving_server_alone(
    sender: str, header: str, proven: bool
) -> None:
    headers = Headers((("authentication-results", header), ("from", sender)))
    assert is_proven(headers, sender, SERVERS) is proven


def test_nothing_is_proven_without_the_header() -> None:
    assert not is_proven(results(), LEA, SERVERS)


def test_a_header_that_came_with_the_mail_is_below_the_servers_own() -> None:
    forged, own = "amazonses.com; dmarc=pass", "amazonses.com; spf=fail; dmarc=fail"
    assert not is_proven(results(own, forged), LEA, SERVERS)
    assert is_proven(results(GMAIL_PASS, own), LEA, SERVERS)
    assert not is_proven(results("mx.other.fr; spf=none", forged), LEA, SERVERS)


def test_without_a_named_server_the_topmost_header_is_believed() -> None:
    first, second = "mx.shop.fr; dmarc=fail", "mx.shop.fr; dmarc=pass"
    assert not is_proven(results(first, second), LEA, ())
    assert is_proven(results(second, first), LEA, ())


def test_two_authors_prove_nothing() -> None:
    two = Headers((("authentication-results", GMAIL_PASS), ("from", f"{LEA}, x@evil.fr")))
    assert not is_proven(two, LEA, SERVERS)
    twice = Headers((("authentication-results", GMAIL_PASS), ("from", LEA), ("from", "x@evil.fr")))
    assert not is_proven(twice, LEA, SERVERS)


@pytest.mark.timeout(30)  # ditto
def test_a_header_of_nested_comments_is_given_up() -> None:
    assert parse_results("amazonses.com; " + "(" * 200_000)[1] == []


# --- machines ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "sender", "automatic"),
    [
        ({"Auto-Submitted": "auto-replied"}, LEA, True),
        ({"Auto-Submitted": "auto-generated; type=x"}, LEA, True),
        ({"Auto-Submitted": "auto-notified"}, LEA, True),
        ({"Auto-Submitted": "No"}, LEA, False),
        ({"X-Auto-Response-Suppress": "All"}, LEA, True),
        ({"X-Autoreply": "yes"}, LEA, True),
        ({"X-Autorespond": ""}, LEA, True),
        ({"Precedence": "bulk"}, LEA, True),
        ({"Precedence": "auto_reply"}, LEA, True),
        ({"Precedence": "Junk"}, LEA, True),
        ({"Precedence": "list"}, LEA, True),
        ({"Precedence": "first-class"}, LEA, False),
        ({"List-Id": "<nouvelles.marque.fr>"}, LEA, True),
        ({"List-Unsubscribe": "<https://marque.fr/u>"}, LEA, True),
        ({"Return-Path": "<>"}, LEA, True),
        ({"Return-Path": "<lea@gmail.com>"}, LEA, False),
        ({"X-Failed-Recipients": "x@y.fr"}, LEA, True),
        ({"X-Loop": "contact@x.fr"}, LEA, True),
        ({"Content-Type": "multipart/report; report-type=delivery-status"}, LEA, True),
        ({"Content-Type": "multipart/mixed"}, LEA, False),
        ({}, "MAILER-DAEMON@mx.fr".lower(), True),
        ({}, "postmaster@mx.fr", True),
        ({}, "no-reply@marque.fr", True),
        ({}, "noreply+12@marque.fr", True),
        ({}, "ne-pas-repondre@marque.fr", True),
        ({}, "bounces+7=lea@marque.fr", True),
        ({}, "norbert.reply@gmail.com", False),
        ({}, "bonjour@elegance-paris.fr", True),
        ({"In-Reply-To": "<a@b>", "X-Mailer": "iPhone Mail"}, LEA, False),
        ({"Subject": "Réponse automatique : Re: Robe"}, LEA, True),
        ({"Subject": "Automatic reply: Your booking"}, LEA, True),
        ({"Subject": "Out of Office Re: Your booking"}, LEA, True),
        ({"Subject": "Re: Réponse automatique : Votre réservation"}, LEA, False),
        ({"Subject": "Absence demain : puis-je passer samedi ?"}, LEA, False),
        ({"Subject": "Absence : Re: Chemisier"}, LEA, True),
        ({"Subject": "Congés : êtes-vous ouverts en août ?"}, LEA, False),
        ({"Subject": "Undelivered Mail Returned to Sender"}, LEA, True),
        ({"Subject": "Undelivered parcel, order 2901"}, LEA, False),
        ({"Subject": "Lu : Robe"}, LEA, True),
        ({"Subject": "Échec de livraison de mon colis"}, LEA, False),
        ({}, "no.reply@marque.fr", True),
        ({}, "do_not_reply@marque.fr", True),
    ],
)
def test_a_machine_is_told_from_a_person(
    headers: dict[str, str], sender: str, automatic: bool
) -> None:
    own = ["bonjour@elegance-paris.fr"]
    assert is_automatic(parse_mapping(headers), sender, own) is automatic


# --- the whole mail ----------------------------------------------------------------------


def received(**changes: Any) -> dict[str, Any]:
    """As GET /emails/receiving/{id} answers."""
    return {
        "id": "56761188-7520-42d8-8898-ff6fc54ce618",
        "from": "Léa Martin <Lea@Gmail.com>",
        "to": ["Élégance <Bonjour@elegance-paris.fr>", "autre@x.fr"],
        "cc": ["lea@gmail.com"],
        "bcc": None,
        "reply_to": [],
        "received_for": ["bonjour@elegance-paris.fr"],
        "subject": "Robe\r\n bleue",
        "message_id": "<a@mail.gmail.com>",
        "text": "Bonjour",
        "html": None,
        "headers": {},
        "attachments": [],
        **changes,
    }


def read(headers: dict[str, Any] | None = None, **changes: Any) -> Any:
    return read_message(received(**changes), parse_mapping(headers), SERVERS)


def test_a_mail_has_its_addresses_in_small_letters_and_every_recipient() -> None:
    message = read()
    assert (message.channel, message.sender) == ("email", LEA)
    assert message.recipient == "bonjour@elegance-paris.fr"
    assert message.subject == "Robe bleue"
    assert message.extra["recipients"] == "bonjour@elegance-paris.fr, autre@x.fr, lea@gmail.com"
    assert message.extra["message_id"] == "<a@mail.gmail.com>"
    assert "html" not in message.extra


def test_who_copies_herself_is_no_machine() -> None:
    assert not read().automatic
    assert not read(received_for=None).automatic
    assert read(received_for=[LEA]).automatic


def test_without_received_for_the_first_recipient_counts() -> None:
    assert read(received_for=None, to=["a@x.fr", "b@x.fr"]).recipient == "a@x.fr"
    assert read(received_for=[], to=[], cc=[], bcc=["c@x.fr"]).recipient == "c@x.fr"
    assert read(received_for=[], to=[], cc=None, bcc=None).recipient == ""


def test_a_thread_is_its_references_and_what_is_answered() -> None:
    message = read({"references": "<1@x>\r\n <2@x>", "In-Reply-To": "<3@x> (comment)"})
    assert message.extra["references"] == "<1@x> <2@x> <3@x>"
    long = read({"references": " ".join(f"<{n}@x>" for n in range(900))})
    assert len(long.extra["references"].split()) == 50
    assert long.extra["references"].endswith("<899@x>")


def test_a_mail_of_html_is_read_and_its_html_kept() -> None:
    message = read(text="  \n", html="<p>Une question</p>")
    assert message.text == "Une question"
    assert message.extra["html"] == "<p>Une question</p>"
    assert read(text=None, html=None).text == ""


def test_what_no_database_can_hold_is_taken_out() -> None:
    message = read(text="a\0b\ud800", subject="\0é", html="<p>\0</p>", **{"from": "L\0 <l@x.fr>"})
    assert (message.text, message.subject, message.sender) == ("ab?", "é", "l@x.fr")
    for value in (message.text, *message.extra.values()):
        value.encode()
        assert "\0" not in value


def test_a_mail_without_a_sender_is_refused() -> None:
    with pytest.raises(Refused):
        read(**{"from": "undisclosed"})
    assert read({"From": "lea@x.fr"}, **{"from": ""}).sender == "lea@x.fr"


def test_attachments_are_named_but_not_tracking_pixels() -> None:
    found = [
        {"id": "1", "filename": "a.JPG", "content_type": "IMAGE/jpeg", "size": 2048},
        {"id": "2", "filename": None, "content_type": "image/gif", "content_id": "x", "size": 43},
        {"id": "3", "filename": None, "content_type": "text/calendar", "size": 43},
        {"id": "4", "filename": "b.png", "content_type": "image/png", "size": None},
        {"id": "5", "filename": "small.png", "content_type": "image/png", "size": 67},
    ]
    attachments = read(attachments=found).attachments
    assert [a.url.rpartition("/")[2] for a in attachments] == ["1", "3", "4", "5"]
    assert attachments[0].content_type == "image/jpeg"
    assert attachments[0].url.startswith("resend:56761188-")
    assert attachments[1].name == ""


def test_headers_are_unfolded_and_decoded() -> None:
    raw = (
        b"Received: from a\r\n by b\r\nReceived: from c\r\n"
        b"Subject: =?utf-8?q?Robe_=C3=A9t=C3=A9?=\r\nX-Bad: =?nope?q?x?=\r\n\r\nReceived: body"
    )
    headers = parse_raw(raw)
    assert headers.all("received") == ["from a by b", "from c"]
    assert headers.get("subject") == "Robe été"
    assert headers.get("x-bad") == "=?nope?q?x?="
    assert parse_raw(b"").fields == ()
    assert parse_mapping({"Received": ["1", "2"]}).all("received") == ["1", "2"]
    assert parse_mapping(None).fields == ()


# --- whatever comes ----------------------------------------------------------------------

PIECES = st.sampled_from(
    "> |>|\n|\r\n| |Le |On | a écrit :| wrote:|De : |À : |To:|From:|*From:*|Objet :|-- |?|\xa0|<|"
    "-----Original Message-----|Cordialement,|Envoyé de mon iPhone|Bonjour|"
    "---------- Forwarded message ---------".split("|")
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=40).map("".join))


@settings(max_examples=600, deadline=None)
@given(TEXTS, st.sampled_from(["", "Re: x", "Fwd: x"]))
def test_any_text_is_read_and_none_is_lost(text: str, subject: str) -> None:
    assert bool(read_reply(text, subject)) == bool(text.replace("\ufeff", "").strip())


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), TEXTS.map(lambda t: f"<p>{t}</p><!-- {t}")))
def test_any_html_is_read(html: str) -> None:
    read_html(html)


AUTH = st.sampled_from(
    "amazonses.com|;| |dmarc=pass|dkim=pass|spf=pass|header.from=gmail.com|header.d=gmail.com|"
    'smtp.mailfrom=x@gmail.com|(|)|"|\\|=|envelope-from='.split("|")
)


@settings(max_examples=600, deadline=None)
@given(st.lists(AUTH, max_size=25).map("".join), st.sampled_from(["none", "fail", "permerror"]))
def test_nothing_added_before_a_failed_dmarc_proves_a_sender(words: str, result: str) -> None:
    """As who could write into HELO or the envelope would; `none` leaves DKIM and SPF."""
    header = (
        f"amazonses.com; spf=fail; helo={words}; dkim=none; dmarc={result} header.from=gmail.com"
    )
    headers = Headers((("authentication-results", header), ("from", LEA)))
    if result != "none":
        assert not is_proven(headers, LEA, SERVERS)
    else:
        is_proven(headers, LEA, SERVERS)
