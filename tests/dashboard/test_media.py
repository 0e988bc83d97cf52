"""What came with messages, on the desk: shown, and handed out to whoever may see it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from bot import clock
from bot.media.links import signed_url
from bot.media.store import media_store
from bot.models.media import Media
from tests.dashboard.cast import NOW, Cast, Person, Talk
from tests.dashboard.conftest import Begin
from tests.media.samples import OGG, PDF, PNG

Keep = Callable[..., Media]


@pytest.fixture
def talk(begin: Begin) -> Talk:
    return begin()


@pytest.fixture
def keep(talk: Talk) -> Keep:
    """A file that came with a message: `keep(PNG, "image/png", "robe.png")`."""

    def keep(content: bytes, content_type: str, name: str = "", **more: Any) -> Media:
        message = talk.says("")
        key = f"{message.tenant_id}/{secrets.token_hex(16)}"
        if content:
            media_store().put(key, content, content_type)
        values = {"state": "kept", "content_type": content_type, "bytes": len(content), **more}
        return talk.add(
            Media(
                tenant_id=message.tenant_id,
                message_id=message.id,
                position=0,
                key=key,
                name=name,
                next_try_at=NOW,
                created_at=NOW,
                **values,
            )
        )

    return keep


def url_of(media: Media) -> str:
    return f"/desk/media/{media.id}"


def page_of(talk: Talk, person: Person) -> str:
    html: str = person.get(f"/desk/conversations/{talk.conversation.id}").text
    return html


# --- who may fetch it --------------------------------------------------------------------


def test_a_member_of_the_shop_gets_the_file_as_it_is(sarah: Person, keep: Keep) -> None:
    media = keep(PNG, "image/png", "Robe d'été.png")
    answer = sarah.get(url_of(media))
    assert (answer.status_code, answer.data) == (200, PNG)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert "filename*=UTF-8''Robe%20d%27%C3%A9t%C3%A9.png" in answer.headers["Content-Disposition"]


def test_another_shop_and_strangers_get_nothing(
    charlie: Person, stranger: Person, keep: Keep
) -> None:
    media = keep(PNG, "image/png")
    assert charlie.get(url_of(media)).status_code == 404
    assert charlie.get("/desk/media/999").status_code == 404
    answer = stranger.get(url_of(media))
    assert answer.status_code == 302
    assert "/sign-in" in answer.location


@pytest.mark.parametrize("state", ["waiting", "refused", "failed"])
def test_what_is_not_kept_is_not_there(sarah: Person, keep: Keep, state: str) -> None:
    media = keep(PNG, "image/png", state=state)
    assert sarah.get(url_of(media)).status_code == 404


def test_a_file_that_the_store_lost_is_not_there(sarah: Person, keep: Keep) -> None:
    media = keep(b"", "image/png", bytes=100)
    assert sarah.get(url_of(media)).status_code == 404


SAVED = [
    ("text/plain", "page.html", "page.html.txt"),
    ("text/csv", "tailles.csv", "tailles.csv"),
    ("image/heic", "IMG_1.HEIC", "IMG_1.HEIC"),
    ("video/mp4", "", "media-1.mp4"),
]


@pytest.mark.parametrize(("content_type", "name", "saved"), SAVED)
def test_what_a_browser_does_not_show_by_itself_is_only_saved(
    sarah: Person, keep: Keep, content_type: str, name: str, saved: str
) -> None:
    answer = sarah.get(url_of(keep(b"<script>", content_type, name)))
    assert answer.headers["Content-Disposition"] == f"attachment; filename={saved}"
    assert answer.headers["Content-Type"].startswith(content_type)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# --- in parts, for players that jump -----------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=10-", 10, len(OGG)), ("bytes=-5", len(OGG) - 5, len(OGG))],
)
def test_a_sound_is_handed_out_in_parts(
    sarah: Person, keep: Keep, asked: str, start: int, end: int
) -> None:
    answer = sarah.get(url_of(keep(OGG, "audio/ogg")), headers={"Range": asked})
    assert (answer.status_code, answer.data) == (206, OGG[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(OGG)}"
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_part_beyond_the_end_is_not_there(sarah: Person, keep: Keep) -> None:
    answer = sarah.get(url_of(keep(OGG, "audio/ogg")), headers={"Range": "bytes=9999-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(OGG)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "pages=1-2", "bytes=x", "bytes=5-1"])
def test_parts_that_make_no_sense_are_the_whole(sarah: Person, keep: Keep, asked: str) -> None:
    answer = sarah.get(url_of(keep(OGG, "audio/ogg")), headers={"Range": asked})
    assert (answer.status_code, answer.data) == (200, OGG)


# --- public links ------------------------------------------------------------------------


def path_of(url: str) -> str:
    return re.sub(r"^https?://[^/]+", "", url)


def test_a_link_that_we_signed_needs_no_session(stranger: Person, keep: Keep) -> None:
    answer = stranger.get(path_of(signed_url(keep(PNG, "image/png"))))
    assert (answer.status_code, answer.data) == (200, PNG)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_link_is_the_same_all_day_and_over_in_two_days(
    stranger: Person, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = keep(PNG, "image/png")
    noon = clock.wall().replace(hour=12)
    at = noon
    monkeypatch.setattr(clock, "wall", lambda: at)
    path = path_of(signed_url(media))
    at = noon + timedelta(hours=11)
    assert path_of(signed_url(media)) == path
    at = noon + timedelta(hours=35)
    assert stranger.get(path).status_code == 200
    at = noon + timedelta(hours=37)
    assert stranger.get(path).status_code == 404


def test_a_link_that_is_not_ours_leads_nowhere(stranger: Person, keep: Keep) -> None:
    first, second = keep(PNG, "image/png"), keep(PDF, "application/pdf")
    payload, _, signature = path_of(signed_url(first)).rpartition(".")
    other, _, _ = path_of(signed_url(second)).rpartition(".")
    for path in (f"{other}.{signature}", payload, f"{payload}.{signature[:-2]}", "/media/1"):
        assert stranger.get(path).status_code == 404


# --- shown beside what was said ----------------------------------------------------------


def test_pictures_are_looked_at_and_voice_notes_heard_in_the_conversation(
    sarah: Person, keep: Keep, talk: Talk
) -> None:
    picture = keep(PNG, "image/png", "robe.png")
    voice = keep(OGG, "audio/ogg")
    document = keep(PDF, "application/pdf", "facture.pdf")
    html = page_of(talk, sarah)
    assert f'<img src="{url_of(picture)}" loading="lazy" alt="robe.png">' in html
    sound = rf'<audio controls preload="none" src="{url_of(voice)}" aria-label="Message vocal">'
    assert re.search(sound, html)
    assert f'<a href="{url_of(document)}">facture.pdf</a>' in html
    assert "0,6\u202fko" in html
    assert "media-src 'self'" in sarah.get("/desk/").headers["Content-Security-Policy"]


def test_what_was_refused_or_is_on_its_way_is_said_in_words(
    sarah: Person, keep: Keep, talk: Talk
) -> None:
    keep(b"", "", "virus.exe", state="refused", reason="type")
    keep(b"", "", state="refused", reason="too_many", source={"count": 3})
    keep(b"", "", state="waiting", source={"content_type": "image/jpeg"})
    keep(b"", "", "robe.jpg", state="failed")
    html = page_of(talk, sarah)
    assert "virus.exe\u00a0: Fichier refusé\u00a0: ni photo, ni son, ni vidéo" in html
    assert "3 autres fichiers refusés" in html
    assert "Photo\u00a0: réception en cours" in html
    assert "robe.jpg\u00a0: impossible à récupérer" in html
    assert "/desk/media/" not in html


def test_the_page_learns_that_a_picture_has_arrived(sarah: Person, keep: Keep, talk: Talk) -> None:
    media = keep(PNG, "image/png", state="waiting")
    live = f"/desk/conversations/{talk.conversation.id}?live=1"
    tag = {"If-None-Match": sarah.get(live).headers["ETag"]}
    assert sarah.get(live, headers=tag).status_code == 304
    from bot.db import transaction

    with transaction() as db:
        db.get_one(Media, media.id).state = "kept"
    answer = sarah.get(live, headers=tag)
    assert answer.status_code == 200
    assert "<img" in answer.text


def test_a_hostile_name_is_only_a_name(sarah: Person, keep: Keep, talk: Talk) -> None:
    name = '"><script>alert(1)</script>.png'
    for content_type in ("image/png", "audio/ogg", "application/pdf"):
        keep(PNG, content_type, name)
    keep(b"", "", name, state="refused", reason="type")
    html = page_of(talk, sarah)
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)") == 4


def test_a_place_is_shown_as_coordinates_and_a_link_to_a_map(sarah: Person, talk: Talk) -> None:
    talk.says("", extra={"latitude": "48.856614", "longitude": "2.3522219", "label": "<b>Paris"})
    html = page_of(talk, sarah)
    link = re.search(r'<a href="(https://www\.openstreetmap\.org/[^"]+)" rel="([^"]+)"', html)
    assert link
    assert "mlat=48.856614&amp;mlon=2.352222" in link[1]
    assert "noopener" in link[2]
    assert "48.856614, 2.352222" in html
    assert "&lt;b&gt;Paris" in html


@pytest.mark.parametrize(
    ("latitude", "longitude"), [("91", "0"), ("0", "181"), ("nan", "0"), ("x", "0"), ("1", "inf")]
)
def test_a_place_that_is_nowhere_on_earth_is_not_shown(
    sarah: Person, talk: Talk, latitude: str, longitude: str
) -> None:
    talk.says("ici", extra={"latitude": latitude, "longitude": longitude})
    assert "openstreetmap" not in page_of(talk, sarah)


def test_a_message_without_a_word_is_said_to_be_one_in_the_list(
    sarah: Person, keep: Keep, talk: Talk
) -> None:
    keep(PNG, "image/png")
    assert "Envoi sans texte" in sarah.get("/desk/").text


def test_who_works_at_two_shops_sees_the_files_of_the_one_chosen(
    app: Flask, cast: Cast, keep: Keep
) -> None:
    media = keep(PNG, "image/png")
    olga = Person(app.test_client())
    olga.sign_in("olga@example.com")
    assert olga.get(url_of(media)).status_code == 200
    assert olga.post("/desk/tenant", {"tenant": cast.coollibri.id}).status_code == 302
    assert olga.get(url_of(media)).status_code == 404
