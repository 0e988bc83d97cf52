"""Each format read, and what cannot be read named."""

from __future__ import annotations

import io
import random
import zipfile
from contextlib import suppress

import pytest
from documents import pdf, word

from bot.knowledge import office, reading
from bot.knowledge.blocks import CannotRead
from bot.knowledge.cutting import MOST_WORDS
from tests.knowledge.shelf import Shelf


def test_markdown_is_cut_under_the_headings_that_name_it(shelf: Shelf) -> None:
    shelf.add("a.md", "---\nauteur: moi\n---\n# Aide\n\n## Envoi\nPar *Colissimo*.\n\n## Retour\n- un\n- deux\n")  # fmt: skip
    assert shelf.passages() == [
        ("Aide › Envoi", "Par Colissimo."),
        ("Aide › Retour", "un\ndeux"),
    ]


def test_a_row_of_a_table_keeps_the_names_of_its_columns(shelf: Shelf) -> None:
    shelf.add("a.md", "# Tailles\n\n| Taille | Hanches |\n| --- | --- |\n| 38 | 94-97 |\n")
    assert shelf.passages() == [("Tailles", "38 ; Hanches : 94-97")]


def test_html_gives_its_own_matter_without_scripts_menus_or_what_is_hidden(shelf: Shelf) -> None:
    page = """<html><head><title>Boutique</title><style>p{color:red}</style></head><body>
    <nav>Accueil Panier</nav><script>alert('volé')</script><!-- secret -->
    <main><h1>Horaires</h1><p onclick="x()">Ouvert de <b>10h</b> à 19h.<script>un</script></p>
    <div style="display: none">caché</div><p hidden>aussi</p><template>modèle</template>
    <img src=x onerror=alert(1)><svg><text>dessin</text></svg><noscript>sans</noscript></main>
    <footer>Mentions</footer></body></html>"""
    shelf.add("a.html", page)
    assert shelf.passages() == [("Horaires", "Ouvert de 10h à 19h.")]


def test_html_made_to_break_readers_is_read_or_refused_in_words(shelf: Shelf) -> None:
    deep = "<div>" * 50_000 + "fond" + "</div>" * 50_000
    bomb = '<!DOCTYPE html [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><p>&b; <p>Ouvert <b>tard'
    path, other = shelf.write("deep.html", deep), shelf.write("bomb.html", bomb)
    refused = shelf.run("add", "ici", path)
    assert "empty" in refused.output
    assert shelf.run("add", "ici", other).exit_code == 0
    assert "Ouvert tard" in shelf.passages()[0][1]


def test_a_pdf_gives_its_paragraphs_put_together_and_not_its_running_heads(shelf: Shelf) -> None:
    head = "Guide - page %d"
    pages = [
        [head % 1, "Livraison", "Les colis partent le jour même de la com-", "mande.", ""],
        [head % 2, "Retours", "Un retour est possible sous trente jours."],
        [head % 3, "Contact", "Le support répond du lundi au vendredi."],
    ]
    shelf.add("a.pdf", pdf(pages))
    texts = " ".join(text for _, text in shelf.passages())
    assert "le jour même de la commande." in texts
    assert "sous trente jours." in texts
    assert "Guide" not in texts


def test_a_docx_gives_headings_paragraphs_and_tables(shelf: Shelf) -> None:
    parts = [("Title", "Aide"), ("Heading 1", "Envoi"), ("Normal", "Par Colissimo.")]
    shelf.add("a.docx", word(parts, [["Pays", "Prix"], ["Belgique", "9,90 €"]]))
    assert shelf.passages() == [("Aide › Envoi", "Par Colissimo.\nBelgique ; Prix : 9,90 €")]


@pytest.mark.parametrize(
    "content",
    [
        "question,answer\nOuvert ?,\"Oui, le lundi\"\n",
        "Catégorie;Question;Réponse\nx;Ouvert ?;Oui, le lundi\n",
        "﻿Réponse\tQuestion\nOui, le lundi\tOuvert ?\n",
    ],
    ids=["english", "french with semicolons", "tabs, BOM, other order"],
)  # fmt: skip
def test_a_table_of_questions_is_read_whatever_its_columns_are_called(
    shelf: Shelf, content: str
) -> None:
    source = shelf.add("faq.csv", content)
    found = shelf.run("search", "ici", "--json", "Ouvert ?").output
    assert '"question": "Ouvert ?"' in found
    assert '"text": "Oui, le lundi"' in found
    assert source in found


def test_a_windows_spreadsheet_keeps_its_accents(shelf: Shelf) -> None:
    shelf.add("faq.csv", "question;réponse\nÉtes-vous fermés ?;Oui, l'été\n".encode("cp1252"))
    assert shelf.passages()[0][1] == "Oui, l'été"


def test_a_folder_is_read_with_what_is_below_it(shelf: Shelf) -> None:
    shelf.write("pages/a.md", "# A\nUn.")
    shelf.write("pages/deep/b.txt", "Deux.")
    shelf.write("pages/c.png", b"\x89PNG")
    done = shelf.run("add", "ici", str(shelf.folder / "pages"))
    assert done.exit_code == 0
    assert [text for _, text in shelf.passages()] == ["Un.", "Deux."]


def test_long_sections_are_cut_at_paragraphs_and_sentences(shelf: Shelf) -> None:
    sentence = "Chaque phrase de cette page compte exactement neuf mots."
    shelf.add("a.md", "# Long\n\n" + " ".join([sentence] * 100))
    lengths = [len(text.split()) for _, text in shelf.passages()]
    assert sum(lengths) == 900
    assert max(lengths) <= MOST_WORDS
    assert all(text.endswith("mots.") for _, text in shelf.passages())


REFUSED = {
    "empty.md": (b"", "empty"),
    "blank.html": (b"  \n", "empty"),
    "heading-only.md": (b"# Rien", "empty"),
    "nothing.csv": (b"question,answer\n", "empty"),
    "columns.csv": (b"nom,prix\na,b\n", "question and answer"),
    "short.csv": (b"question,answer\nOuvert ?\n", "line 2"),
    "half.csv": (b"question,answer\nOuvert ?,\n", "line 2"),
    "quote.csv": (b'question,answer\n"a"b,c\n', "line 2"),
    "picture.png": (b"\x89PNG", "unknown format"),
    "binary.md": (b"\x00\x01\x02", "not a text file"),
    "broken.pdf": (b"%PDF-1.4\nnothing", "not a readable PDF"),
    "encrypted.pdf": (pdf([["Secret"]], password="x"), "encrypted"),
    "scanned.pdf": (pdf([[""]]), "no text"),
    "broken.docx": (b"PK\x03\x04nothing", "not a readable DOCX"),
    "old.docx": (b"\xd0\xcf\x11\xe0" + bytes(600), "encrypted or old"),
    "other.docx": (b"plain text", "not a readable DOCX"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_named_and_why(shelf: Shelf, name: str) -> None:
    content, reason = REFUSED[name]
    done = shelf.run("add", "ici", shelf.write(name, content))
    assert done.exit_code == 1
    assert name in done.output
    assert reason in done.output
    assert shelf.passages() == []


def test_a_zip_that_unpacks_to_too_much_is_refused(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "MOST_UNPACKED", 1000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "a" * 5000)
    done = shelf.run("add", "ici", shelf.write("bomb.docx", packed.getvalue()))
    assert "too large when unpacked" in done.output


def test_a_file_that_is_too_large_is_not_read(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 1024**2)
    done = shelf.run("add", "ici", shelf.write("a.md", "a" * (1024**2 + 1)))
    assert "larger than 1 MB" in done.output


def test_what_is_good_is_imported_beside_what_is_not(shelf: Shelf) -> None:
    good, bad = shelf.write("a.md", "# A\nUn."), shelf.write("b.md", "")
    done = shelf.run("add", "ici", bad, good, str(shelf.folder / "none.md"))
    assert done.exit_code == 1
    assert "2 not imported" in done.output
    assert [text for _, text in shelf.passages()] == ["Un."]


def test_a_docx_damaged_anywhere_is_read_or_refused_in_words() -> None:
    parts = [("Heading 1", "Retours"), ("Normal", "Sous 30 jours.")]
    whole, at_random = word(parts), random.Random(7)
    for number in range(60):
        damaged = bytearray(whole)
        for _ in range(4):
            damaged[at_random.randrange(len(damaged))] = at_random.randrange(256)
        with suppress(CannotRead):
            reading.read(f"{number}.docx", "docx", bytes(damaged))
