"""What a file is said by its bytes, whatever its sender calls it."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.media.names import LONGEST, clean_name, saved_name
from bot.media.types import ENDINGS, REASONS, NotKept, kind_of, sniff
from tests.media.samples import (
    HTML,
    OGG,
    PDF,
    PNG,
    SVG,
    archive,
    gif,
    heic,
    jpeg,
    movie,
    office,
    opendocument,
    png,
    webp,
)

KEPT = {
    ".jpg": [jpeg(640, 480)],
    ".png": [PNG, png(8000, 6000)],
    ".gif": [gif(10, 10)],
    ".webp": [webp(512, 512)],
    ".heic": [heic(4032, 3024)],
    ".ogg": [OGG],
    ".mp3": [b"ID3\x03\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x64", b"\xff\xfb\x90\x64" + b"\0" * 64],
    ".m4a": [movie(b"M4A ", b"isom", b"mp42")],
    ".amr": [b"#!AMR\n\x3c\x91\x17" + b"\0" * 29],
    ".wav": [b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"],
    ".mp4": [movie(b"isom", b"isom", b"avc1"), movie(b"mp42", b"isom")],
    ".3gp": [movie(b"3gp4", b"3gp6"), movie(b"3gp5", b"isom")],
    ".pdf": [PDF],
    ".docx": [office("word")],
    ".xlsx": [office("xl")],
    ".odt": [opendocument("text")],
    ".txt": ["L’été, ça va.\n".encode(), "Ça va".encode("cp1252"), "Ça va".encode("utf-16")],
    ".vcf": [b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Julie\r\nEND:VCARD\r\n"],
}


@pytest.mark.parametrize("ending", KEPT)
def test_what_people_send_is_known_by_its_bytes(ending: str) -> None:
    for content in KEPT[ending]:
        assert ENDINGS[sniff(content, "photo.exe")] == ending


def test_a_table_is_told_from_a_text_by_its_name() -> None:
    assert sniff(b"a;b\n1;2\n", "Tailles.CSV") == "text/csv"
    assert set(ENDINGS) == {sniff(c, "x") for contents in KEPT.values() for c in contents} | {
        "text/csv"
    }


PAGES = {
    "a page": HTML,
    "a page after a mark and blanks": b"\xef\xbb\xbf \n\t" + HTML,
    "a page in UTF-16": HTML.decode().encode("utf-16"),
    "a drawing that runs scripts": SVG,
    "a program": b"MZ\x90\x00" + b"\0" * 100,
    "a program of Linux": b"\x7fELF" + b"\0" * 100,
    "an archive": archive(readme=b"x"),
    "an archive named like a spreadsheet of another make": opendocument("spreadsheet"),
    "a template of a document": opendocument("text-template"),
    "a presentation": office("ppt"),
    "a rar": b"Rar!\x1a\x07\x01\x00",
    "an archive of Java": archive(**{"META-INF/MANIFEST.MF": b"", "word/x.class": b""}),
    "noise": bytes(range(256)),
    "Flash": b"CWS\x0a\0\0\0\0",
}


@pytest.mark.parametrize("content", PAGES.values(), ids=PAGES)
def test_what_is_not_listed_is_not_kept_whatever_it_is_called(content: bytes) -> None:
    with pytest.raises(NotKept) as refusal:
        sniff(content, "photo.jpg")
    assert refusal.value.reason == "type"


def test_nothing_is_not_a_file() -> None:
    with pytest.raises(NotKept) as refusal:
        sniff(b"", "photo.jpg")
    assert refusal.value.reason == "empty"


def test_a_picture_that_is_a_page_too_is_only_a_picture() -> None:
    """It is handed out as image/gif and nosniff, so no browser reads the rest."""
    assert sniff(gif(10, 10) + HTML) == "image/gif"
    assert sniff(jpeg(10, 10) + archive(readme=b"x")) == "image/jpeg"
    assert sniff(PDF + HTML) == "application/pdf"


@pytest.mark.parametrize("make", [png, jpeg, gif, webp, heic])
def test_a_picture_that_would_fill_the_memory_is_refused_by_its_header(make: object) -> None:
    sides = {png: (60_000, 60_000), webp: (16_000, 16_000)}.get(make, (30_000, 30_000))
    with pytest.raises(NotKept) as refusal:
        sniff(make(*sides))
    assert refusal.value.reason == "pixels"


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n", jpeg(10, 10)[:20], png(0, 10), b"\xff\xd8\xff" + b"\0" * 50]
)
def test_a_picture_without_dimensions_is_damaged(content: bytes) -> None:
    with pytest.raises(NotKept) as refusal:
        sniff(content)
    assert refusal.value.reason == "damaged"


def test_a_document_that_would_unpack_to_gigabytes_is_refused_and_not_unpacked() -> None:
    bomb = bytearray(office("word", **{"media.bin": b"\0" * 10_000}))
    entry = bomb.rindex(b"PK\x01\x02")
    bomb[entry + 24 : entry + 28] = struct.pack("<I", 4_000_000_000)
    with pytest.raises(NotKept) as refusal:
        sniff(bytes(bomb), "facture.docx")
    assert refusal.value.reason == "bomb"


def test_a_document_of_hundreds_of_thousands_of_files_is_refused_at_once() -> None:
    bomb = office("word") + b"PK\x01\x02" * 4_000_000
    begin = time.process_time()
    with pytest.raises(NotKept) as refusal:
        sniff(bomb, "facture.docx")
    assert refusal.value.reason == "bomb"
    assert time.process_time() - begin < 1


def test_a_document_with_macros_is_refused_under_any_name() -> None:
    with pytest.raises(NotKept) as refusal:
        sniff(office("word", **{"vbaProject.bin": b"x"}), "facture.docx")
    assert refusal.value.reason == "macros"


def test_a_document_that_was_cut_is_damaged() -> None:
    with pytest.raises(NotKept) as refusal:
        sniff(office("word")[:-40])
    assert refusal.value.reason == "damaged"


BEGINNINGS = st.sampled_from(
    [
        content[:n]
        for contents in KEPT.values()
        for content in contents
        for n in (4, 12, 24, 60, 300)
    ]
)


def outcome(content: bytes) -> str:
    try:
        return sniff(content)
    except NotKept as refusal:
        return refusal.reason


@given(BEGINNINGS, st.binary(max_size=200))
def test_whatever_comes_has_a_type_or_a_reason(beginning: bytes, rest: bytes) -> None:
    assert outcome(beginning + rest) in {*ENDINGS, *REASONS}


@given(st.binary(min_size=10, max_size=60), st.integers(0, 400))
def test_a_damaged_document_has_a_type_or_a_reason(noise: bytes, at: int) -> None:
    content = bytearray(office("word"))
    content[at : at + len(noise)] = noise
    assert outcome(bytes(content)) in {*ENDINGS, *REASONS}


NAMES = {
    "../../etc/passwd": "passwd",
    "C:\\Users\\x\\robe.jpg": "robe.jpg",
    "robe\u202egpj.exe": "robegpj.exe",
    "a\r\nSet-Cookie: x=1\0.png": "a Set-Cookie: x=1.png",
    "  robe   d'e\u0301te\u0301 .jpg ": "robe d'été .jpg",
    "...": "",
    "": "",
}


@pytest.mark.parametrize(("sent", "shown"), NAMES.items())
def test_a_name_is_only_shown_and_only_in_one_plain_line(sent: str, shown: str) -> None:
    assert clean_name(sent) == shown


@given(st.text(max_size=300))
def test_no_name_breaks_a_line_or_is_endless(sent: str) -> None:
    name = clean_name(sent)
    assert len(name) <= LONGEST
    assert name.isprintable() or not name
    assert not set(name) & set("/\\\0\n\r")


def test_a_long_name_keeps_its_ending() -> None:
    assert clean_name("é" * 300 + ".pdf").endswith("é.pdf")


def test_what_is_saved_has_the_ending_of_what_it_is() -> None:
    assert saved_name("run.bat", "text/plain", 1) == "run.bat.txt"
    assert saved_name("Robe.JPEG", "image/jpeg", 1) == "Robe.JPEG"
    assert saved_name("facture.pdf.exe", "application/pdf", 1) == "facture.pdf.exe.pdf"
    assert saved_name("", "image/png", 7) == "media-7.png"


def test_each_kind_is_spoken_of_by_its_family() -> None:
    kinds = [kind_of(t) for t in ("image/jpeg", "audio/amr", "video/mp4", "application/pdf", "")]
    assert kinds == ["picture", "voice", "video", "document", "document"]
