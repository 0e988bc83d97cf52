"""Signing in and out."""

from __future__ import annotations

import logging
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from bot.db import transaction
from bot.models.users import User
from bot.passwords import check_password, hash_password
from bot.settings import settings
from dashboard.security import OPEN
from tests.dashboard.cast import Cast, Person, make_app


def test_the_right_password_opens_the_desk(stranger: Person) -> None:
    answer = stranger.sign_in("sarah@example.com")
    assert (answer.status_code, answer.location) == (302, "/desk/")
    assert "Sarah" in stranger.get("/desk/").text


def test_the_address_may_be_written_in_capitals_and_with_spaces(stranger: Person) -> None:
    assert stranger.sign_in(" Sarah@Example.COM ").status_code == 302


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(stranger: Person) -> None:
    wrong = stranger.sign_in("sarah@example.com", "not this one")
    unknown = stranger.sign_in("nobody@example.com", "not this one")
    assert wrong.status_code == unknown.status_code == 422
    assert "ne convient pas" in wrong.text

    def bare(page: str) -> str:
        return re.sub(r'value="[^"]*"', "", page)

    assert bare(wrong.text) == bare(unknown.text)


def test_an_unknown_account_takes_as_long_as_a_wrong_password() -> None:
    kept = hash_password("right")
    check_password(None, "")

    def seconds(hash: str | None) -> float:
        spans = []
        for _ in range(7):
            begun = time.perf_counter()
            assert not check_password(hash, "wrong")
            spans.append(time.perf_counter() - begun)
        return statistics.median(spans)

    assert 0.5 < seconds(None) / seconds(kept) < 2


def test_a_deactivated_account_does_not_open_and_its_session_ends(sarah: Person) -> None:
    with transaction() as db:
        db.scalars(select(User).where(User.name == "Sarah")).one().is_active = False
    assert sarah.get("/desk/").status_code == 302
    assert sarah.sign_in("sarah@example.com").status_code == 422


def test_a_new_password_ends_the_sessions_of_the_old(sarah: Person) -> None:
    with transaction() as db:
        user = db.scalars(select(User).where(User.name == "Sarah")).one()
        user.password_hash = hash_password("another")
    assert sarah.get("/desk/").location.startswith("/sign-in")


def test_too_many_misses_close_an_account_for_a_while_but_not_the_others(stranger: Person) -> None:
    for _ in range(8):
        assert stranger.sign_in("sarah@example.com", "guess").status_code == 422
    closed = stranger.sign_in("sarah@example.com")
    assert closed.status_code == 429
    assert "Trop d’essais" in closed.text
    assert int(closed.headers["Retry-After"]) > 0
    assert stranger.sign_in("olga@example.com").status_code == 302


def test_an_address_that_tries_account_after_account_is_stopped(stranger: Person) -> None:
    answers = [stranger.sign_in(f"guess{n}@example.com", "x").status_code for n in range(31)]
    assert answers[:30] == [422] * 30
    assert answers[30] == 429


def test_signing_in_rightly_is_not_counted(app: Flask) -> None:
    for _ in range(12):
        assert Person(app.test_client()).sign_in("sarah@example.com").status_code == 302


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch, cast: Cast, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_without_redis_the_desk_opens_and_still_counts_misses(
    without_redis: None, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Person(make_app().test_client())
    with caplog.at_level(logging.WARNING):
        assert stranger.sign_in("sarah@example.com").status_code == 302
    assert "memory" in caplog.text
    other = Person(make_app().test_client())
    answers = [other.sign_in("olga@example.com", "guess").status_code for _ in range(9)]
    assert answers == [422] * 8 + [429]


def test_without_a_token_nobody_signs_in(stranger: Person) -> None:
    stranger.get("/sign-in")
    answer = stranger.client.post(
        "/sign-in", data={"email": "sarah@example.com", "password": "une robe fleurie bleue"}
    )
    assert answer.status_code == 400
    assert "Page trop ancienne" in answer.text
    assert stranger.get("/desk/").status_code == 302


def test_the_session_before_signing_in_is_not_the_one_after(stranger: Person) -> None:
    before = stranger.token()
    cookie = stranger.client.get_cookie("coccinelle")
    stranger.sign_in("sarah@example.com")
    after = stranger.client.get_cookie("coccinelle")
    assert cookie is not None
    assert after is not None
    assert cookie.value != after.value
    late = stranger.client.post("/desk/notifications/read", data={"csrf_token": before})
    assert late.status_code == 400


def test_the_cookie_is_for_this_site_only_and_not_for_scripts(
    stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = stranger.sign_in("sarah@example.com").headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert "Secure" not in header  # http://127.0.0.1
    monkeypatch.setenv("PUBLIC_URL", "https://desk.example.com")
    settings.cache_clear()
    try:
        answer = Person(make_app().test_client()).get("/sign-in", base_url="https://localhost")
        assert "Secure" in answer.headers["Set-Cookie"]
        assert "Strict-Transport-Security" in answer.headers
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_signing_out_takes_a_post(sarah: Person) -> None:
    assert sarah.get("/sign-out").status_code == 405
    assert sarah.get("/desk/").status_code == 200
    assert sarah.post("/sign-out").status_code == 302
    assert sarah.get("/desk/").status_code == 302


def test_after_signing_in_one_is_where_one_wanted_to_go(stranger: Person) -> None:
    there = stranger.get("/desk/alerts").location
    assert there == "/sign-in?next=%2Fdesk%2Falerts"
    token = stranger.token(there)
    data = {"csrf_token": token, "email": "sarah@example.com", "password": "une robe fleurie bleue"}
    assert stranger.client.post(there, data=data).location == "/desk/alerts"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/desk\\..//x:y", "javascript:x"],
)
def test_no_link_leads_through_sign_in_to_another_site(stranger: Person, elsewhere: str) -> None:
    data = {
        "csrf_token": stranger.token(),
        "email": "sarah@example.com",
        "password": "une robe fleurie bleue",
    }
    answer = stranger.client.post("/sign-in", query_string={"next": elsewhere}, data=data)
    assert answer.location.startswith("/desk")
    assert "evil" not in answer.location


def test_an_adviser_without_a_shop_is_told_so(app: Flask) -> None:
    with transaction() as db:
        user = db.scalars(select(User).where(User.name == "Olga")).one()
        db.add(
            User(
                name="Nina",
                email="nina@example.com",
                password_hash=user.password_hash,
                created_at=user.created_at,
            )
        )
    nina = Person(app.test_client())
    nina.sign_in("nina@example.com")
    answer = nina.get("/desk/")
    assert answer.status_code == 403
    assert "aucune boutique" in answer.text


def test_the_desk_speaks_the_advisers_language(sarah: Person) -> None:
    with transaction() as db:
        db.scalars(select(User).where(User.name == "Sarah")).one().language = "en"
    page = sarah.get("/desk/").text
    assert '<html lang="en">' in page
    assert "Reservations" in page


def test_a_name_with_a_nul_in_it_is_merely_wrong(stranger: Person) -> None:
    assert stranger.sign_in("sa\0rah@example.com", "x").status_code == 422


OURS = {"accounts", "desk", "actions", "assets", "phone"}


def test_every_page_needs_signing_in_or_stands_on_the_list(app: Flask) -> None:
    stranger = Person(app.test_client())
    seen = set()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] not in OURS or rule.endpoint in OPEN:
            seen.add(rule.endpoint)
            continue
        path = re.sub(r"<id:[^>]+>", "1", rule.rule)
        for method in {"GET", "POST"} & (rule.methods or set()):
            go = stranger.get if method == "GET" else stranger.post
            answer = go(path)
            assert answer.status_code == 302, (method, path)
            assert answer.location.startswith("/sign-in"), (method, path)
            asked_live = go(path, headers={"X-Live": "1"})
            assert asked_live.status_code == 401, (method, path)
        seen.add(rule.endpoint)
    assert seen >= OPEN, "a name on the list is no page"


def test_every_post_needs_its_token(sarah: Person, app: Flask) -> None:
    posts = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in OURS and "POST" in (rule.methods or set())
    ]
    assert len(posts) >= 10
    for rule in posts:
        answer = sarah.client.post(re.sub(r"<id:[^>]+>", "1", rule.rule))
        assert answer.status_code == 400, rule.rule
        assert "Page trop ancienne" in answer.text, rule.rule


def test_pages_allow_no_scripts_but_ours(sarah: Person, stranger: Person) -> None:
    for page in (sarah.get("/desk/"), stranger.get("/sign-in"), stranger.get("/demo/phone")):
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-store, private"
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|<style", page.text)


def test_static_files_are_kept_as_long_as_they_are_the_same(sarah: Person) -> None:
    names = set(re.findall(r'(?:href|src)="(/desk/static/[^"#]+)', sarah.get("/desk/").text))
    assert len(names) == 4
    for name in names:
        kept = sarah.get(name.replace("&amp;", "&"))
        assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        other = sarah.get(re.sub(r"v=\w+", "v=old", name))
        assert "immutable" not in other.headers.get("Cache-Control", "")
