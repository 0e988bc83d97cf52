"""Pictures, voice notes and documents through the whole product: carrier, door, worker, store."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot import clock
from bot.conversation import take_turn
from bot.db import alone
from bot.due import Look, is_settled, look, next_due
from bot.inbox import read_deliveries
from bot.media import fetching
from bot.media.fetching import MOST, fetch_waiting, plan
from bot.media.store import media_store
from bot.models.conversations import Conversation
from bot.models.escalations import Escalation
from bot.models.media import Media, claim_media
from bot.models.messages import Message
from bot.outbox import send_messages
from bot.stack import adopted
from connectors.channels import Attachment, Fetched
from connectors.errors import BadConfig, Unavailable
from tests.conftest import House
from tests.house import JULIE, SHOP
from tests.media.samples import HTML, OGG, PDF, PNG, SVG, office, png

CLAIM = timedelta(seconds=30)
PICTURE = {"name": "picture.png"}


def encoded(content: bytes, claimed: str) -> dict[str, str]:
    return {"type": claimed, "content_base64": base64.b64encode(content).decode()}


def send(house: House, *media: dict[str, str], body: str = "", **more: Any) -> None:
    """A message of Julie's arrives with these files; answering is not waited for."""
    chosen = {"sender": JULIE, "recipient": SHOP, "body": body, "media": list(media), **more}
    answer = house.sandbox.text(**chosen)
    assert answer["status"] < 300


def files(house: House) -> list[Media]:
    with house.db() as db:
        return list(db.scalars(select(Media).order_by(Media.message_id, Media.position)))


def content(file: Media) -> bytes:
    assert file.bytes is not None
    return media_store().get(file.key, 0, file.bytes)


def test_what_comes_with_a_message_is_fetched_and_kept(house: House) -> None:
    send(house, PICTURE, {"name": "voice.ogg"}, {"name": "document.pdf"})
    house.settle()
    kept = files(house)
    assert [f.state for f in kept] == ["kept"] * 3
    assert [f.content_type for f in kept] == ["image/png", "audio/ogg", "application/pdf"]
    assert [content(f) for f in kept] == [PNG, OGG, PDF]
    assert all(f.key.startswith(f"{house.tenant_id}/") and len(f.key) > 30 for f in kept)


def test_a_picture_with_words_is_answered_by_its_words(house: House) -> None:
    send(house, PICTURE, body="Bonjour, la robe fleurie bleue, vous l'avez en 38 ?")
    house.settle()
    (reply,) = house.replies(JULIE)
    assert "38" in reply
    assert "bien reçu" not in reply
    assert [f.state for f in files(house)] == ["kept"]


@pytest.mark.parametrize(
    ("media", "said"),
    [
        ([PICTURE], "bien reçu votre photo"),
        ([{"name": "voice.ogg"}, {"name": "voice.ogg"}], "bien reçu vos messages vocaux"),
        ([{"name": "document.pdf"}], "bien reçu votre document"),
        ([PICTURE, {"name": "voice.ogg"}], "bien reçu votre envoi"),
    ],
    ids=["picture", "voice notes", "document", "both"],
)
def test_what_comes_without_a_word_is_seen_by_a_person(
    house: House, media: list[dict[str, str]], said: str
) -> None:
    send(house, *media)
    house.settle()
    (reply,) = house.replies(JULIE)
    assert said in reply.replace("ton ", "votre ").replace("ta ", "votre ").replace("tes ", "vos ")
    assert "pas sûre" not in reply
    with house.db() as db:
        (escalation,) = db.scalars(select(Escalation))
        assert (escalation.reason, escalation.state) == ("not_understood", "open")
        assert escalation.summary.endswith("à regarder dans la conversation")


def test_a_picture_whose_words_say_little_is_seen_by_a_person(house: House) -> None:
    send(house, PICTURE, body="mfghh kkjjh zzrrt")
    house.settle()
    (reply,) = house.replies(JULIE)
    assert "bien reçu" in reply
    with house.db() as db:
        assert "mfghh" in db.scalars(select(Escalation)).one().summary


def test_a_place_without_a_word_is_seen_by_a_person(house: House) -> None:
    send(
        house,
        sender=f"whatsapp:{JULIE}",
        recipient=f"whatsapp:{SHOP}",
        latitude="48.8",
        longitude="2.3",
    )
    house.settle()
    with house.db() as db:
        assert db.scalar(select(Escalation.reason)) == "not_understood"
        answer = db.scalar(select(Message.body).where(Message.direction == "out"))
    assert "position" in answer


def test_ten_pictures_at_once_are_one_conversation_and_one_acknowledgement(house: House) -> None:
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: send(house, PICTURE), range(10)))
    house.settle()
    with house.db() as db:
        assert len(list(db.scalars(select(Conversation)))) == 1
        assert len(list(db.scalars(select(Message).where(Message.direction == "in")))) == 10
        assert len(list(db.scalars(select(Escalation)))) == 1
    (reply,) = house.replies(JULIE)
    assert "bien reçu" in reply
    kept = files(house)
    assert [f.state for f in kept] == ["kept"] * 10
    assert len({f.key for f in kept}) == 10


def test_a_second_sending_is_acknowledged_again_when_the_first_is_over(house: House) -> None:
    send(house, PICTURE)
    house.settle()
    house.move_clock(timedelta(minutes=2))
    send(house, PICTURE)
    house.settle()
    assert len(house.replies(JULIE)) == 1
    house.move_clock(timedelta(minutes=30))
    send(house, PICTURE)
    house.settle()
    assert len(house.replies(JULIE)) == 2


HOSTILE = {
    "a page named like a picture": (HTML, "image/jpeg", "type"),
    "a drawing that runs scripts": (SVG, "image/svg+xml", "type"),
    "a program": (b"MZ\x90\0" + b"\0" * 200, "image/png", "type"),
    "a picture that fills the memory": (png(60_000, 60_000), "image/png", "pixels"),
    "a document with macros": (
        office("word", **{"vbaProject.bin": b"x"}),
        "application/msword",
        "macros",
    ),
}


def test_what_is_hostile_is_not_stored_and_the_message_says_why(house: House) -> None:
    send(house, *(encoded(content, claimed) for content, claimed, _ in HOSTILE.values()))
    house.settle()
    found = files(house)
    assert [f.reason for f in found] == [reason for _, _, reason in HOSTILE.values()]
    assert {f.state for f in found} == {"refused"}
    folder = house.stack.folder / "media"
    assert not folder.exists() or not [p for f in found for p in folder.glob(f.key)]


def test_a_vendor_that_is_down_is_asked_again_until_it_is_back(house: House) -> None:
    house.sandbox.fail("twilio", "down", operation="media.get")
    send(house, PICTURE)
    house.settle()
    (file,) = files(house)
    assert (file.state, file.attempts) == ("waiting", 1)
    assert len(house.replies(JULIE)) == 1  # the answer does not wait for the picture
    house.move_clock(timedelta(hours=1))
    (file,) = files(house)
    assert file.state == "waiting"
    assert 3 <= file.attempts <= 8
    house.sandbox.heal("twilio")
    house.move_clock(timedelta(hours=1))
    (file,) = files(house)
    assert file.state == "kept"
    assert content(file) == PNG
    assert len(house.replies(JULIE)) == 1


def test_a_vendor_that_never_comes_back_is_given_up(house: House) -> None:
    house.sandbox.fail("twilio", "down", operation="media.get")
    send(house, PICTURE)
    house.settle()
    house.move_clock(timedelta(hours=13))
    (file,) = files(house)
    assert file.state == "failed"


def test_what_the_vendor_does_not_have_is_refused_for_good(house: House) -> None:
    send(
        house,
        fields={
            "NumMedia": "1",
            "MediaUrl0": "https://example.com/x",
            "MediaContentType0": "image/png",
        },
    )
    house.settle()
    (file,) = files(house)
    assert (file.state, file.reason, file.attempts) == ("refused", "gone", 1)


def test_more_than_ten_files_are_refused_in_one_line(house: House) -> None:
    send(house, PICTURE)
    house.settle()
    with house.db() as db:
        message = db.scalar(select(Message).where(Message.direction == "in"))
        assert message is not None
        copy = Message(
            **{c: getattr(message, c) for c in COPIED}, provider_id="copy", state="received"
        )
        db.add(copy)
        db.flush()
        sent = [Attachment(f"https://x/{n}", "image/png\0", f"a/{n}\0.png") for n in range(25)]
        plan(house.tenant_id, db, copy, sent, clock.now() + timedelta(days=1))
    *planned, last = [f for f in files(house) if f.message_id == copy.id]
    assert len(planned) == MOST
    assert [f.name for f in planned] == [f"{n}.png" for n in range(MOST)]
    assert (last.state, last.reason, last.source) == ("refused", "too_many", {"count": 15})


COPIED = (
    *("tenant_id", "conversation_id", "connection_id", "direction", "author", "kind", "channel"),
    *("contact", "address", "body", "created_at", "turn_id"),
)


# --- one file, fetched in this process while the workers stand still -----------------------


@pytest.fixture
def waiting(house: House) -> Iterator[Media]:
    """A picture of Julie's that nobody has fetched yet."""
    with house.held():
        send(house, PICTURE)
        read_deliveries()
        (file,) = files(house)
        assert (file.state, file.attempts) == ("waiting", 0)
        yield file


def test_a_stream_longer_than_the_limit_is_cut_and_refused(house: House, waiting: Media) -> None:
    with adopted({"MEDIA_MAX_BYTES": "100"}):
        assert fetch_waiting() == 1
    (file,) = files(house)
    assert (file.state, file.reason, file.bytes) == ("refused", "too_large", None)
    assert fetch_waiting() == 0


class Source:
    """A channel that hands out this, or breaks on it."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer

    def fetch_media(self, attachment: Attachment, limit: int) -> Fetched:
        if isinstance(self.answer, Exception):
            raise self.answer
        return Fetched(self.answer, "image/png")


def fetch_from(monkeypatch: pytest.MonkeyPatch, answer: bytes | Exception) -> None:
    monkeypatch.setattr(fetching, "open_channel", lambda *_: (None, Source(answer)))
    assert fetch_waiting() == 1


def test_a_source_that_gives_more_than_asked_for_is_not_believed(
    house: House, waiting: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_from(monkeypatch, PNG + b"\0" * 16 * 1024 * 1024)
    (file,) = files(house)
    assert (file.state, file.reason) == ("refused", "too_large")


@pytest.mark.parametrize(
    "error", [Unavailable("slow down", retry_after=7), BadConfig("no connection"), KeyError("x")]
)
def test_whatever_goes_wrong_in_passing_is_tried_again(
    house: House, waiting: Media, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    before = clock.now()
    fetch_from(monkeypatch, error)
    (file,) = files(house)
    assert (file.state, file.attempts, file.claimed_until) == ("waiting", 1, None)
    pause = file.next_try_at - before
    shortest = 7 if isinstance(error, Unavailable) else 60
    assert timedelta(seconds=shortest) <= pause < timedelta(seconds=shortest + 10)
    assert fetch_waiting() == 0


def test_a_store_that_is_down_is_tried_again(
    house: House, waiting: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    with adopted({"MEDIA_URL": "http://127.0.0.1:1/m", "MEDIA_KEY": "a", "MEDIA_SECRET": "b"}):
        fetch_from(monkeypatch, PNG)
    (file,) = files(house)
    assert (file.state, file.bytes) == ("waiting", None)


def test_a_file_is_fetched_by_one_worker_and_taken_up_when_that_one_dies(
    house: House, waiting: Media
) -> None:
    now, wall = clock.now(), clock.wall()
    with house.db() as db:
        claimed = claim_media(db, now, wall, CLAIM, at_once=2)
        assert claimed is not None
    with house.db() as db:
        assert claim_media(db, now, wall, CLAIM, at_once=2) is None
        again = claim_media(db, now, wall + CLAIM + timedelta(seconds=1), CLAIM, at_once=2)
        assert again is not None
        assert (again.id, again.attempts) == (claimed.id, 2)


def test_who_was_too_slow_does_not_undo_what_another_did(
    house: House, waiting: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Source):
        def fetch_media(self, attachment: Attachment, limit: int) -> Fetched:
            with house.db() as db:
                db.get_one(Media, waiting.id).state = "kept"
            raise Unavailable("at last")

    monkeypatch.setattr(fetching, "open_channel", lambda *_: (None, Slow(b"")))
    assert fetch_waiting() == 1
    (file,) = files(house)
    assert file.state == "kept"


def test_a_vendor_that_hangs_holds_up_no_more_than_half_of_the_workers(
    house: House, waiting: Media
) -> None:
    send(house, PICTURE)
    read_deliveries()
    with house.db() as db:
        assert claim_media(db, clock.now(), clock.wall(), CLAIM, at_once=1) is not None
    with house.db() as db:
        assert claim_media(db, clock.now(), clock.wall(), CLAIM, at_once=1) is None
        assert claim_media(db, clock.now(), clock.wall(), CLAIM, at_once=2) is not None


def look_now() -> Look:
    with alone() as connection:
        return look(connection, clock.now(), clock.wall())


def test_a_file_that_waits_is_known_to_whoever_asks_what_is_due(
    house: House, waiting: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    while not take_turn():  # it settles first
        time.sleep(0.01)
    send_messages()
    assert look_now().media
    with house.db() as db:
        assert not is_settled(db, clock.now())
    fetch_from(monkeypatch, Unavailable("down"))
    (file,) = files(house)
    assert not look_now().media
    with house.db() as db:
        assert is_settled(db, clock.now())
        assert next_due(db, clock.now()) == file.next_try_at
