"""Whatever is written to the shop: nothing breaks, nothing is shown that should not be, nothing
is done that nobody may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser

import pytest

from bot.rehearsal.stage import set_stage
from bot.stack import Stack, adopted
from tests.hostile.siege import KIND_HANDS, Aftermath, lay_siege
from tests.house import MONDAY

pytestmark = pytest.mark.timeout(900)  # all of it is sent for the first test, not for each

MARK = "xss7"
LEA = "lea.martin@gmail.com"

# What the shop knows of its customers and of itself, and must not tell any of these senders
FACTS = (
    *("8R00012345678", "RC-560", "PN-310", "SB-133", "gid://", "Léa"),
    *("est en route", "on its way", "livrée le", "en préparation", "annulée", "étiquette"),
    *("Oberkampf", "Lafayette", "Rue des Carmes", "Charonne", "Fidèle", "720"),
    *("julie.mercier", "emma.rousseau", "marine.durand", "Emma", "Marine"),
    *("+33645781122", "0645781122", "06 45 78 11 22"),
)
INSIDES = (
    *("sandbox-twilio-token", "whsec_", "re_sandbox", "shpat_", "pat-sandbox", "okapi-sandbox"),
    *("postgresql", "DATABASE_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "coccinelle", "root:x:0"),
    *("Traceback", "psycopg", "jinja", "{{", "{%", "<class", "<function", "None", "threshold"),
    *("system prompt", "consignes", "169.254", "evil.example", MARK, "scrypt", "uid="),
)


@pytest.fixture(scope="module")
def aftermath(stack: Stack) -> Iterator[Aftermath]:
    with adopted(stack.env):
        yield lay_siege(stack, set_stage("elegance-paris", datetime.fromisoformat(MONDAY)))


def test_more_than_two_hundred_were_tried(aftermath: Aftermath) -> None:
    assert len({i.text for i in aftermath.inputs}) >= 280


def test_the_doors_take_or_refuse_it_and_never_break(aftermath: Aftermath) -> None:
    broke = {i.name: i.answer for i in aftermath.inputs if i.answer >= 500}
    assert not broke
    refused = {i.name for i in aftermath.inputs if i.answer >= 400}
    assert not {name for name in refused if not name.startswith("enormous")}


def test_no_turn_breaks_and_all_are_finished(aftermath: Aftermath) -> None:
    errors = [
        line
        for line in aftermath.logged
        if line.get("level") in {"error", "critical"} or "Traceback" in str(line.get("event"))
    ]
    assert not errors, [line.get("exception", line) for line in errors[:3]]
    assert aftermath.unfinished == 0
    assert aftermath.unread == ()


def test_nothing_is_done_in_the_shops_systems(aftermath: Aftermath) -> None:
    for part in ("stock", "labels", "tickets", "notes", "orders", "contacts"):
        assert aftermath.after[part] == aftermath.before[part], part
    assert aftermath.reservations == 0


def test_no_fact_of_another_customer_is_told(aftermath: Aftermath) -> None:
    """Neither to the senders nor, as something of theirs, to whoever answers them."""
    said = {i.sender.lower(): i.text for i in aftermath.inputs}
    for message in aftermath.carried:
        for fact in FACTS:
            if fact.lower() in said.get(message.to, "").lower():
                continue  # they said it themselves
            assert fact.lower() not in message.text.lower(), (message.to, message.text)
    for prepared in aftermath.prepared:
        assert not [fact for fact in FACTS[:6] if fact in prepared], prepared


def test_nothing_of_the_insides_is_told_and_nothing_of_theirs_is_said_again(
    aftermath: Aftermath,
) -> None:
    for message in aftermath.carried:
        for inside in INSIDES:
            assert inside not in message.text, (inside, message.text)


def test_answers_go_to_who_wrote_and_to_nobody_else(aftermath: Aftermath) -> None:
    senders = {i.sender.lower() for i in aftermath.inputs}
    for message in aftermath.carried:
        assert any(message.to in sender for sender in senders), message
    for mail in aftermath.mails:
        assert len(mail["to"]) == 1, mail
        assert not mail.get("cc"), mail
        assert not mail.get("bcc"), mail
        assert not any("\n" in str(value) for value in mail["headers"].values())
        assert "\n" not in mail["subject"]
        assert "\r" not in mail["subject"]


def test_the_html_of_our_mails_has_nothing_of_theirs(aftermath: Aftermath) -> None:
    for mail in aftermath.mails:
        assert not unsafe_places(mail["html"] or "")


def test_nobody_joins_another_ones_conversation(aftermath: Aftermath) -> None:
    assert aftermath.strangers_in_hers == 0
    assert not [m for m in aftermath.carried if m.to in KIND_HANDS]


def test_the_desk_shows_all_of_it_as_text(aftermath: Aftermath) -> None:
    shown = 0
    for path, (status, page) in aftermath.pages.items():
        assert status == 200, path
        assert not unsafe_places(page), path
        shown += MARK in page
    assert shown >= 30  # it is shown, and it is harmless


def test_each_desk_page_would_be_caught_with_a_mark_outside_of_text() -> None:
    for page in (
        f"<p><script>{MARK}()</script></p>",
        f"<img src=x onerror={MARK}()>",
        f'<a href="javascript:{MARK}()">x</a>',
        f"<{MARK}>",
        f"<p id={MARK}>",
    ):
        assert unsafe_places(page)
    assert not unsafe_places(f'<p title="{MARK}">&lt;script&gt;{MARK}()&lt;/script&gt;</p>')


class Places(HTMLParser):
    """Finds the mark where a browser would do something about it."""

    TEXT_ONLY = frozenset({"title", "aria-label", "value", "placeholder", "alt", "content"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in {"script", "style"} else ""
        for name, value in attrs:
            if MARK in name or (name not in self.TEXT_ONLY and MARK in (value or "")):
                self.found.append(f"<{tag} {name}={value}>")
        if MARK in tag:
            self.found.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside and MARK in data:
            self.found.append(f"{self.inside}: {data[:80]}")


def unsafe_places(page: str) -> list[str]:
    reader = Places()
    reader.feed(page)
    reader.close()
    return reader.found
