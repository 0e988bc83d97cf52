"""The desk in a real browser: live, by keyboard, on tablets and phones, for everyone."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import select
from werkzeug.serving import make_server

from bot.db import transaction
from bot.models.media import Media
from bot.models.messages import Message
from connectors.ports import Money, Order, OrderLine
from dashboard import purchases
from tests.dashboard.cast import NOW, PASSWORD, Cast, Talk, make_app, make_trouble
from tests.media.samples import PNG

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")

DESKTOP, LANDSCAPE, PORTRAIT, PHONE = (1366, 860), (1024, 768), (768, 1024), (390, 844)
PAGES = (
    "/desk/",
    "/desk/conversations/1",
    "/desk/conversations/2",
    "/desk/conversations/3",
    "/desk/conversations/4",
    "/desk/alerts",
    "/desk/reservations",
    "/desk/notifications",
    "/desk/incidents",
    "/desk/templates",
    "/demo/phone?channel=whatsapp",
    "/unsubscribe/forged",
    "/demo/phone",
    "/desk/nowhere/else",
)
Scene = dict[str, Talk]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def desk(scene: Scene) -> Iterator[str]:
    """The desk's address, Élégance Paris's morning on it."""
    server = make_server("127.0.0.1", 0, make_app(), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def open_desk(browser: Browser, desk: str) -> Iterator[Open]:
    """Sarah's (or `email`'s) browser of that size, signed in. Errors in the console fail."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def _open(
        size: tuple[int, int] = DESKTOP,
        email: str = "sarah@example.com",
        scripts: bool = True,
        scheme: str = "light",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="fr-FR",
            base_url=desk,
            java_script_enabled=scripts,
            color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if "Security Policy" in m.text else None)
        page.goto("/sign-in")
        page.get_by_label("Adresse e-mail").fill(email)
        page.get_by_label("Mot de passe").fill(PASSWORD)
        page.get_by_role("button", name="Se connecter").click()
        page.wait_for_url("**/desk/")
        return page

    yield _open
    for context in contexts:
        context.close()
    assert wrong == []


def test_a_new_message_appears_within_two_seconds_and_nothing_else_moves(
    open_desk: Open, scene: Scene
) -> None:
    page = open_desk()
    page.goto("/desk/conversations/1")
    page.locator("#turn-1 summary").click()
    reply = page.get_by_label("Répondre à Julie")
    reply.fill("Je regarde tout de s")
    reply.evaluate("field => field.setSelectionRange(3, 11)")
    scene["Julie"].says("Et en bleu marine ?", NOW + timedelta(seconds=5))
    scene["Emma"].says("Vous êtes là ?", NOW + timedelta(seconds=6), contact="+33612457896")
    expect(page.get_by_text("Et en bleu marine ?").first).to_be_visible(timeout=2000)
    expect(page.locator("#row-2")).to_contain_text("Vous êtes là ?", timeout=2000)
    expect(page.locator("#list li").first).to_have_attribute("id", "row-2")
    expect(reply).to_be_focused()
    expect(reply).to_have_value("Je regarde tout de s")
    assert reply.evaluate("field => [field.selectionStart, field.selectionEnd]") == [3, 11]
    expect(page.locator("#turn-1 details")).to_have_attribute("open", "")
    expect(page.locator("#log")).to_be_visible()


def test_the_newest_message_is_in_view_unless_one_reads_further_up(
    open_desk: Open, scene: Scene
) -> None:
    for n in range(20):
        scene["Julie"].says(f"Message {n}", NOW + timedelta(seconds=n))
    page = open_desk(LANDSCAPE)
    page.goto("/desk/conversations/1")
    expect(page.locator("#log").get_by_text("Message 19", exact=True)).to_be_in_viewport()
    scene["Julie"].says("Le suivant", NOW + timedelta(seconds=30))
    expect(page.locator("#log").get_by_text("Le suivant")).to_be_in_viewport(timeout=3000)
    page.locator("[data-scroll]").evaluate("pane => { pane.scrollTop = 0; }")
    scene["Julie"].says("Encore un", NOW + timedelta(seconds=40))
    jump = page.get_by_role("button", name="Nouveaux messages")
    expect(jump).to_be_visible(timeout=3000)
    assert page.locator("[data-scroll]").evaluate("pane => pane.scrollTop") == 0
    jump.click()
    expect(page.locator("#log").get_by_text("Encore un")).to_be_in_viewport()
    expect(jump).to_be_hidden()


def test_what_is_being_typed_survives_reloading_and_is_gone_after_signing_out(
    open_desk: Open,
) -> None:
    page = open_desk()
    page.goto("/desk/conversations/1")
    page.get_by_label("Répondre à Julie").fill("Pas encore fini")
    page.goto("/desk/conversations/4")
    expect(page.get_by_label("Répondre à Marine")).to_have_value("")
    page.goto("/desk/conversations/1")
    expect(page.get_by_label("Répondre à Julie")).to_have_value("Pas encore fini")
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url("**/sign-in")
    assert page.evaluate("sessionStorage.length") == 0


def test_an_answer_is_sent_by_keyboard_once_and_the_field_is_ready_for_the_next(
    open_desk: Open, scene: Scene
) -> None:
    page = open_desk()
    page.goto("/desk/conversations/4")
    reply = page.get_by_label("Répondre à Marine")
    reply.fill("Le blazer beige !")
    reply.press("Control+Enter")
    reply.press("Control+Enter")
    expect(page.locator("#log")).to_contain_text("Le blazer beige !", timeout=2000)
    expect(page.locator("#log")).to_contain_text("Sarah")
    expect(page.locator("#said .handed")).to_have_count(0)
    expect(reply).to_have_value("")
    expect(reply).to_be_focused()
    with transaction() as db:
        bodies = list(db.scalars(select(Message.body).where(Message.author == "adviser")))
    assert bodies == ["Le blazer beige !"]


def test_a_suggestion_is_changed_first_then_sent(open_desk: Open) -> None:
    page = open_desk()
    page.goto("/desk/conversations/4")
    page.get_by_role("link", name="Modifier d’abord").click()
    reply = page.get_by_label("Répondre à Marine")
    expect(reply).to_be_focused()
    expect(reply).to_have_value(re.compile("Excellent choix"))
    page.get_by_role("button", name="Envoyer la réponse suggérée").click()
    expect(page.locator("#log")).to_contain_text("Excellent choix", timeout=2000)


def test_a_draft_is_rewritten_and_replaced(open_desk: Open) -> None:
    page = open_desk()
    page.goto("/desk/conversations/2")
    page.get_by_role("link", name="Modifier et envoyer").click()
    page.get_by_label("Répondre à Emma").fill("Avec plaisir, Emma")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.locator("#log")).to_contain_text("Avec plaisir, Emma", timeout=2000)
    expect(page.locator("#log")).not_to_contain_text("Pas de problème pour le retour")
    expect(page.locator("#row-2")).not_to_contain_text("Validation requise", timeout=2000)


def test_facts_purchases_and_a_picture_serve_the_keyboard_on_a_tablet(
    open_desk: Open, scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dress = OrderLine("RB-390-38", "Robe Bordeaux", 1, "38", Money(Decimal("95.00"), "EUR"))
    order = Order("1", "3012", NOW, "delivered", (dress,))
    monkeypatch.setattr(purchases, "_ask", lambda tenant_id, proof: [order])
    photo = tmp_path / "robe.png"
    photo.write_bytes(PNG)
    page = open_desk(LANDSCAPE)
    page.goto("/desk/conversations/2")
    expect(page.locator("#log .basis")).to_contain_text("Commande")
    expect(page.locator("#log .basis")).to_contain_text("#2847 · livrée")
    expect(page.get_by_role("link", name="Ouvrir l’étiquette")).to_be_visible()
    expect(page.locator("#purchases")).to_contain_text("#3012 · livrée", timeout=3000)
    page.get_by_role("button", name="Approuver").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Modifier et envoyer")).to_be_focused()
    page.keyboard.press("Enter")
    reply = page.get_by_label("Répondre à Emma")
    expect(reply).to_be_focused()
    expect(reply).to_have_value(re.compile("Pas de problème"))
    page.get_by_label("Joindre une photo").set_input_files(photo)
    if shots := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{shots}/basis.png")
    assert Axe().run(page).response["violations"] == []
    reply.press("Control+Enter")
    expect(page.locator("#log")).to_contain_text("/media/", timeout=3000)
    expect(page.get_by_label("Joindre une photo")).to_have_value("")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_voice_note_has_a_player_wide_enough_to_use(
    open_desk: Open, scene: Scene, size: tuple[int, int]
) -> None:
    talk = scene["Julie"]
    came = {"content_type": "audio/ogg", "state": "kept", "bytes": 328, "key": "1/voice"}
    said = talk.says("", NOW + timedelta(seconds=5))
    moment = {"next_try_at": NOW, "created_at": NOW}
    talk.add(Media(tenant_id=said.tenant_id, message_id=said.id, position=0, **came, **moment))
    page = open_desk(size)
    page.goto(f"/desk/conversations/{talk.conversation.id}")
    box = page.locator("audio").bounding_box()
    assert box is not None
    assert box["width"] >= 220


def test_a_reservation_that_is_over_fits_beside_its_conversation(
    open_desk: Open, scene: Scene
) -> None:
    talk = scene["Julie"]
    talk.reserves(sku="RF-2847-40", size="40", state="expired", ended_at=NOW - timedelta(days=1))
    page = open_desk(PORTRAIT)
    page.goto(f"/desk/conversations/{talk.conversation.id}")
    expect(page.locator(".held-expired")).to_be_visible()
    wide, room = page.locator("#person").evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert wide <= room


def test_everything_is_reached_by_keyboard_and_focus_is_seen(open_desk: Open) -> None:
    page = open_desk()
    page.goto("/desk/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Aller au contenu")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement);"
            " return [document.activeElement.innerText || document.activeElement.name,"
            " s.outlineStyle, parseFloat(s.outlineWidth)]; }"
        )
        reached.append(style[0])
        assert style[1] == "solid", style
        assert style[2] >= 2, style
    assert any("Julie Mercier" in name for name in reached)
    row = page.locator("#row-4 a")
    row.focus()
    page.wait_for_timeout(1800)  # a round of asking again
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/conversations/4*")


def test_without_scripts_the_desk_works_by_reloading(open_desk: Open) -> None:
    page = open_desk(scripts=False)
    page.goto("/desk/conversations/4")
    page.get_by_label("Répondre à Marine").fill("Sans scripts")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.locator("#log")).to_contain_text("Sans scripts")
    page.goto("/desk/notifications")
    page.get_by_role("button", name="Tout marquer comme lu").click()
    expect(page.locator(".told.unread")).to_have_count(0)


def test_the_shop_is_changed_by_choosing_it(open_desk: Open) -> None:
    page = open_desk(email="olga@example.com")
    page.get_by_label("Boutique").select_option("CoolLibri")
    expect(page).to_have_title(re.compile("CoolLibri"))
    expect(page.locator("#list")).to_contain_text("Aucune conversation pour l’instant")


def test_a_lost_connection_is_said_and_found_again(open_desk: Open, scene: Scene) -> None:
    page = open_desk()
    page.goto("/desk/conversations/1")
    page.context.set_offline(True)
    expect(page.get_by_text("Connexion perdue")).to_be_visible(timeout=12000)
    page.context.set_offline(False)
    scene["Julie"].says("Toujours là ?", NOW + timedelta(seconds=5))
    expect(page.locator("#log")).to_contain_text("Toujours là ?", timeout=15000)
    expect(page.get_by_text("Connexion perdue")).to_be_hidden()


def test_hostile_words_do_not_run(open_desk: Open, scene: Scene) -> None:
    page = open_desk()
    page.goto("/desk/conversations/1")
    hostile = (
        "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    )
    scene["Julie"].says(hostile, NOW + timedelta(seconds=5))
    expect(page.locator("#log").get_by_text("onerror")).to_be_visible(timeout=2500)
    assert "taken" not in page.title()
    assert page.locator("#log img").count() == 0


def test_the_title_counts_what_is_to_do(open_desk: Open) -> None:
    expect(open_desk()).to_have_title(re.compile(r"^\(3\) Messages"))


@pytest.fixture
def troubled(cast: Cast, scene: Scene) -> None:
    make_trouble(cast, scene)


def test_a_retried_message_leaves_the_incidents_without_reloading(
    open_desk: Open, troubled: None
) -> None:
    page = open_desk()
    page.goto("/desk/incidents")
    expect(page.locator("#incidents article")).to_have_count(5)
    expect(page.locator("#menu")).to_contain_text("5 incidents")
    page.get_by_role("button", name="Réessayer").first.click()
    expect(page.locator("#incidents article")).to_have_count(4, timeout=3000)
    expect(page.locator("#menu")).to_contain_text("4 incidents")


@pytest.mark.parametrize("size", [DESKTOP, LANDSCAPE, PORTRAIT, PHONE])
def test_nothing_is_cut_off_and_everything_can_be_touched(
    open_desk: Open, troubled: None, size: tuple[int, int]
) -> None:
    page = open_desk(size, email="olga@example.com")
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
        small = page.evaluate(
            "() => [...document.querySelectorAll('button, .button, .menu a, input, select, textarea')]"
            ".filter(e => e.offsetParent && !e.closest('.unseen') && !e.matches('.unseen'))"
            ".map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect().height])"
            ".filter(([, height]) => height < 44)"
        )
        assert small == [], path


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        (DESKTOP, "light"),
        (LANDSCAPE, "dark"),
        (PORTRAIT, "light"),
        (PHONE, "light"),
        (PHONE, "dark"),
    ],
)
def test_axe_finds_nothing(
    open_desk: Open, troubled: None, size: tuple[int, int], scheme: str
) -> None:
    page = open_desk(size, email="olga@example.com", scheme=scheme)
    axe = Axe()
    for path in PAGES:
        page.goto(path)
        page.wait_for_timeout(100)
        found = axe.run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"


def test_axe_finds_nothing_at_the_door(browser: Browser, desk: str) -> None:
    context = browser.new_context(base_url=desk, locale="en-GB")
    page = context.new_page()
    page.goto("/sign-in")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    assert Axe().run(page).violations_count == 0
    page.get_by_label("E-mail address").fill("sarah@example.com")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert Axe().run(page).violations_count == 0
    context.close()
