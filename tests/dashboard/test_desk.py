"""What the team sees and does at the desk."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from bot.db import transaction
from bot.models.conversations import Conversation
from bot.models.deliveries import Delivery
from bot.models.escalations import Escalation
from bot.models.media import Media
from bot.models.messages import Message
from bot.models.notifications import Notification
from tests.dashboard.cast import NOW, Cast, Person, Talk, make_trouble
from tests.dashboard.conftest import Begin

Scene = dict[str, Talk]


def page_of(talk: Talk) -> str:
    return f"/desk/conversations/{talk.conversation.id}"


def words(html: str) -> str:
    """What a reader sees, spaces folded."""
    bare = re.sub(r"<[^>]+>", " ", html)
    return re.sub(r"\s+", " ", bare).replace("&#39;", "'")


def row_of(html: str, talk: Talk) -> str:
    found = re.search(rf'<li id="row-{talk.conversation.id}">(.*?)</li>', html, re.DOTALL)
    assert found, "the conversation is in the list"
    return words(found[1])


# --- the inbox ---------------------------------------------------------------------------


def test_the_inbox_says_of_each_conversation_whether_anything_is_to_be_done(
    sarah: Person, scene: Scene
) -> None:
    html = sarah.get("/desk/").text
    julie = row_of(html, scene["Julie"])
    assert "Julie Mercier VIP SMS · il y a 2 min" in julie
    assert "Assistant : Parfait ! À ce soir Julie 👋" in julie
    assert "L’assistant a répondu · Aucune action requise" in julie
    assert "Validation requise" in row_of(html, scene["Emma"])
    assert "À vous de répondre" in row_of(html, scene["Marine"])
    assert "Alerte urgence" in row_of(html, scene["Léa"])
    assert "06 39 98 12 34" in row_of(html, scene[""])


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda talk: talk.says("Bonjour"), "Lu par l’assistant · Aucune action requise"),
        (lambda talk: talk.answers("Bonjour", author="adviser"), "L’équipe a répondu"),
        (lambda talk: talk.answers("Bonjour", state="failed"), "Message non remis"),
        (lambda talk: talk.answers("Promo", state="withheld"), "Message retenu"),
        (lambda talk: change(talk, answer_after=NOW), "L’assistant répond…"),
        (lambda talk: change(talk, state="closed"), "Terminée"),
    ],
)
def test_the_other_states_of_a_conversation(
    sarah: Person, begin: Begin, at_noon: datetime, prepare: Any, says: str
) -> None:
    talk = begin()
    prepare(talk)
    assert says in row_of(sarah.get("/desk/").text, talk)


def change(talk: Talk, **values: Any) -> None:
    with transaction() as db:
        row = db.get_one(Conversation, talk.conversation.id)
        for name, value in values.items():
            setattr(row, name, value)


def test_the_filters_keep_what_is_to_do_and_what_is_active(
    sarah: Person, scene: Scene, begin: Begin
) -> None:
    change(scene[""], state="closed")
    quiet = begin("Nina", phone="+33611111112", at=NOW - timedelta(hours=73))
    todo = sarah.get("/desk/?show=todo").text
    assert {n for n in scene if f'id="row-{scene[n].conversation.id}"' in todo} == {
        "Emma",
        "Léa",
        "Marine",
    }
    active = sarah.get("/desk/?show=active").text
    assert f'id="row-{scene[""].conversation.id}"' not in active
    assert f'id="row-{quiet.conversation.id}"' not in active
    assert f'id="row-{scene["Julie"].conversation.id}"' in active


@pytest.mark.parametrize(
    "typed", ["léa mar", "LEA", "Martin", "06 45 78 11 22", "+33645781122", "4578 1122", " lea "]
)
def test_a_customer_is_found_by_name_or_number_as_people_write_them(
    sarah: Person, scene: Scene, typed: str
) -> None:
    html = sarah.get("/desk/", query_string={"words": typed}).text
    assert re.findall(r'<li id="row-(\d+)"', html) == [str(scene["Léa"].conversation.id)]


@pytest.mark.parametrize("typed", ["%", "_", "'; drop table users; --", "\0", "((", "zzz"])
def test_odd_words_find_nobody(sarah: Person, scene: Scene, typed: str) -> None:
    answer = sarah.get("/desk/", query_string={"words": "x" + typed})
    assert answer.status_code == 200
    assert "Personne de ce nom" in answer.text


def test_long_lists_come_in_pages(sarah: Person, begin: Begin, at_noon: datetime) -> None:
    talks = [
        begin(f"N {n}", phone=f"+3363998{n:04}", at=NOW - timedelta(minutes=n)) for n in range(65)
    ]
    seen: list[str] = []
    path: str | None = "/desk/"
    while path:
        html = sarah.get(path).text
        seen += re.findall(r'<li id="row-(\d+)"', html)
        more = re.search(r'href="([^"]+)" rel="next"', html)
        path = more[1].replace("&amp;", "&") if more else None
    assert seen == [str(t.conversation.id) for t in talks]


@pytest.mark.parametrize("cursor", ["x", "1", "1.", "9" * 30 + ".1", "-1.2", "1.2.3"])
def test_a_made_up_page_is_not_found(sarah: Person, cursor: str) -> None:
    assert sarah.get("/desk/", query_string={"before": cursor}).status_code == 404


@pytest.mark.parametrize("id", ["0", "99999999999999999999999", "9223372036854775807", "-1", "x"])
def test_a_made_up_id_is_not_found(sarah: Person, id: str) -> None:
    assert sarah.get(f"/desk/conversations/{id}").status_code == 404


def test_the_days_figures_are_those_of_the_tables(sarah: Person, scene: Scene) -> None:
    html = words(sarah.get("/desk/").text)
    assert "Aujourd’hui lundi 13 janvier 2025" in html
    assert "6 messages reçus" in html
    assert "2 33 % traités par l’assistant" in html
    assert "3 transmis à l’équipe" in html
    assert "6 s temps de réponse médian" in html  # of 8 s, 6 s and 5 s
    assert "1 réservation active" in html


def test_yesterday_is_not_today(sarah: Person, begin: Begin, at_noon: datetime) -> None:
    talk = begin()
    turn = talk.turn()
    late = datetime(2025, 1, 12, 22, 59, tzinfo=UTC)  # 23:59 in Paris
    talk.says("Hier", late, turn_id=turn.id)
    talk.says("Aujourd'hui", late + timedelta(minutes=2))
    html = words(sarah.get("/desk/").text)
    assert "1 message reçu" in html
    assert "temps de réponse" not in html  # nothing was answered today: no figure


# --- a conversation ----------------------------------------------------------------------


def test_a_conversation_shows_what_was_said_understood_and_done(
    sarah: Person, scene: Scene
) -> None:
    html = words(sarah.get(page_of(scene["Julie"])).text)
    assert "lundi 13 janvier 2025" in html
    assert "Julie SMS · 10 h 15" in html
    assert "Assistant SMS · 10 h 15 · lu" in html
    assert "Compris : disponibilité d’un article" in html
    assert "sûr à 94 %" in html
    assert "Article la robe fleurie bleue (RF-2847)" in html
    assert "Heure de venue aujourd’hui à 17 h" in html
    assert "Robe Fleurie Bleue T38 mise de côté jusqu’au 14/01 18h" in html
    assert "Quantité" not in html  # nothing was said of it


def test_the_customer_stands_beside_the_conversation(sarah: Person, scene: Scene) -> None:
    html = words(sarah.get(page_of(scene["Julie"])).text)
    assert "Téléphone · SMS 06 45 78 90 12" in html
    assert "E-mail julie.mercier@gmail.com" in html
    assert "Commandes 8" in html
    assert "Total dépensé 1 720,00 €" in html
    assert "Taille habituelle 38" in html
    assert "Canal préféré SMS" in html
    assert "Retrait prévu : aujourd’hui à 17 h" in html
    assert "Mise de côté jusqu’à demain à 18 h" in html


def test_a_message_that_did_not_arrive_says_why_in_plain_words(
    sarah: Person, scene: Scene, begin: Begin
) -> None:
    html = words(sarah.get(page_of(scene["Léa"])).text)
    assert "échec" in html
    assert "Code 30003. Le téléphone est éteint ou hors de portée." in html
    talk = begin(phone="+33611111111")
    talk.answers("Peut-être", state="unknown", code="20500")
    html = words(sarah.get(page_of(talk)).text)
    assert "incertain" in html
    assert "On ne sait pas si l’opérateur a ce message." in html
    assert "Code 20500." in html


def test_a_message_that_is_kept_back_or_waits_says_why(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    talk = begin()
    talk.answers("Promo", state="withheld", plan={"how": "never", "why": "no_consent"})
    talk.answers(
        "Plus tard",
        state="queued",
        plan={"how": "wait", "why": "service_hours"},
        send_after=NOW + timedelta(hours=21),
    )
    talk.answers("Par SMS", plan={"how": "text", "why": "other_channel"})
    html = words(sarah.get(page_of(talk)).text)
    assert "n’est pas envoyé : la personne n’a pas accepté les messages commerciaux." in html
    assert "Partira demain à 8 h 20 : pas de message la nuit." in html
    assert "Envoyé par un autre canal" in html


def test_an_escalation_shows_its_facts_deadline_and_suggestion(sarah: Person, scene: Scene) -> None:
    for path in (page_of(scene["Marine"]), "/desk/alerts"):
        html = words(sarah.get(path).text)
        assert "Conseil requis" in html
        assert "Occasion Dîner chic" in html
        assert (
            "Idées Blazer Beige Élégant (BL-445), taille 38 : 4 en stock, Perfecto Noir (PF-229)"
            in html
        )
        assert "Échéance : aujourd’hui à 14 h 20" in html
        assert "Excellent choix cette robe !" in html
        assert "Envoyer la réponse suggérée" in html


def test_urgent_alerts_stand_first(sarah: Person, scene: Scene) -> None:
    html = words(sarah.get("/desk/alerts").text)
    assert html.index("Léa Martin") < html.index("Marine Durand")
    assert "Alerte urgence · Problème de livraison" in html


def test_long_conversations_come_in_pages(sarah: Person, begin: Begin, at_noon: datetime) -> None:
    talk = begin()
    for n in range(70):
        talk.says(f"message {n:03}")
    html = sarah.get(page_of(talk)).text
    assert "message 069" in html
    assert "message 009" not in html
    earlier = re.search(r'href="([^"]+earlier=\d+)"', html)
    assert earlier
    assert "message 009" in sarah.get(earlier[1]).text


HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>"><svg onload=alert(3)>{{7*7}}'


def test_hostile_words_are_only_words(sarah: Person, begin: Begin, at_noon: datetime) -> None:
    talk = begin(HOSTILE, profile={"segment": HOSTILE, "usual_size": HOSTILE, "email": HOSTILE})
    turn = talk.turn(done=(HOSTILE,), intents=[HOSTILE], entities={"sizes": [HOSTILE]})
    talk.says(HOSTILE, turn_id=turn.id, subject=HOSTILE)
    talk.answers(HOSTILE, code=HOSTILE, state="failed")
    talk.answers(HOSTILE, state="draft")
    talk.escalates(
        summary=HOSTILE, suggestion=HOSTILE, facts={"occasion": HOSTILE}, priority="high"
    )
    talk.reserves(title=HOSTILE, size=HOSTILE)
    talk.tells(HOSTILE, HOSTILE)
    for path in (
        "/desk/",
        page_of(talk),
        "/desk/alerts",
        "/desk/reservations",
        "/desk/notifications",
        "/demo/phone",
    ):
        for query in ("", "?live=1"):
            html = sarah.get(path + query).text
            assert "<script>" not in html
            assert "<img src=x" not in html
            assert "<svg onload" not in html
            assert "49" not in re.findall(r"svg onload=alert\(3\)&gt;(\d+)", html)
            assert "javascript:" not in re.findall(r'href="([^"]*)"', html)
            assert path == "/demo/phone" or "&lt;script&gt;" in html


# --- what an adviser does ----------------------------------------------------------------


def sent(talk: Talk) -> list[tuple[str, str, int | None]]:
    with transaction() as db:
        rows = db.scalars(
            select(Message)
            .where(Message.conversation_id == talk.conversation.id, Message.direction == "out")
            .order_by(Message.id)
        )
        return [(m.body, m.state, m.user_id) for m in rows]


def escalation_states(talk: Talk) -> list[str]:
    with transaction() as db:
        return list(
            db.scalars(
                select(Escalation.state).where(Escalation.conversation_id == talk.conversation.id)
            )
        )


def test_an_adviser_answers_and_the_escalation_is_dealt_with(
    sarah: Person, scene: Scene, cast: Cast
) -> None:
    talk = scene["Marine"]
    answer = sarah.post(f"{page_of(talk)}/answer", {"text": " Le blazer\r\nbeige ! "})
    assert answer.location == page_of(talk)
    assert sent(talk) == [("Le blazer\nbeige !", "queued", cast.users["Sarah"].id)]
    assert escalation_states(talk) == ["closed"]
    html = words(sarah.get(page_of(talk)).text)
    assert "Votre réponse part." in html
    assert "Sarah SMS" in html
    assert "en attente d’envoi" in html


def test_the_suggestion_goes_as_it_is_once(sarah: Person, scene: Scene) -> None:
    talk = scene["Marine"]
    with transaction() as db:
        suggested = db.scalars(
            select(Escalation).where(Escalation.conversation_id == talk.conversation.id)
        ).one()
    for _ in range(2):
        sarah.post(f"/desk/escalations/{suggested.id}/send")
    assert [body for body, _, _ in sent(talk)] == [suggested.suggestion]


def test_a_suggestion_can_be_changed_first_without_scripts(sarah: Person, scene: Scene) -> None:
    html = sarah.get("/desk/alerts").text
    edit = re.search(r'href="([^"]+edit=e\d+)#text"', html)
    assert edit
    assert re.search(r"<textarea[^>]*>Bonjour Marine !", sarah.get(edit[1]).text)


def test_a_draft_is_approved_as_it_is(sarah: Person, scene: Scene) -> None:
    talk = scene["Emma"]
    action = re.search(r'action="(/desk/messages/\d+/approve)"', sarah.get(page_of(talk)).text)
    assert action
    assert [state for _, state, _ in sent(talk)] == ["draft"]
    sarah.post(action[1])
    assert [state for _, state, _ in sent(talk)] == ["queued"]
    sarah.post(action[1])  # again: nothing more
    assert [state for _, state, _ in sent(talk)] == ["queued"]
    assert "Validation requise" not in row_of(sarah.get("/desk/").text, talk)


def test_a_draft_that_is_rewritten_is_replaced(sarah: Person, scene: Scene) -> None:
    talk = scene["Emma"]
    html = sarah.get(page_of(talk)).text
    edit = re.search(r'href="([^"]+edit=(m\d+))#text"', html)
    assert edit
    editing = sarah.get(edit[1]).text
    assert f'name="instead" value="{edit[2]}"' in editing
    sarah.post(f"{page_of(talk)}/answer", {"text": "Avec plaisir", "instead": edit[2]})
    assert [(body, state) for body, state, _ in sent(talk)] == [("Avec plaisir", "queued")]


def test_a_draft_nobody_wants_is_discarded(sarah: Person, scene: Scene) -> None:
    talk = scene["Emma"]
    action = re.search(r'action="(/desk/messages/\d+/discard)"', sarah.get(page_of(talk)).text)
    assert action
    sarah.post(action[1])
    assert sent(talk) == []


def test_a_message_already_said_is_not_discarded(sarah: Person, scene: Scene) -> None:
    talk = scene["Julie"]
    with transaction() as db:
        message = db.scalars(
            select(Message).where(Message.conversation_id == talk.conversation.id)
        ).first()
        assert message
    sarah.post(f"/desk/messages/{message.id}/discard")
    with transaction() as db:
        assert db.get(Message, message.id)


def test_a_second_click_says_nothing_twice(sarah: Person, scene: Scene) -> None:
    talk = scene["Marine"]
    for _ in range(2):
        sarah.post(f"{page_of(talk)}/answer", {"text": "Le blazer"})
    assert len(sent(talk)) == 1
    sarah.post(f"{page_of(talk)}/answer", {"text": "Et les escarpins"})
    assert len(sent(talk)) == 2


@pytest.mark.parametrize(
    ("text", "said"), [("   ", "Écrivez d’abord"), ("\0", "Écrivez d’abord"), ("a" * 4001, "4000")]
)
def test_an_answer_is_neither_empty_nor_endless(
    sarah: Person, scene: Scene, text: str, said: str
) -> None:
    talk = scene["Marine"]
    live = sarah.post(f"{page_of(talk)}/answer", {"text": text}, headers={"X-Live": "1"})
    assert live.status_code == 422
    assert said in live.text
    sarah.post(f"{page_of(talk)}/answer", {"text": text})
    assert said in sarah.get(page_of(talk)).text
    assert sent(talk) == []


def test_nobody_can_be_answered_who_has_not_written(
    sarah: Person, begin: Begin, at_noon: datetime
) -> None:
    answer = sarah.post(f"{page_of(begin())}/answer", {"text": "Bonjour"})
    assert answer.status_code == 409


def test_an_escalation_is_marked_as_dealt_with(sarah: Person, scene: Scene) -> None:
    talk = scene["Léa"]
    sarah.post(f"{page_of(talk)}/settle")
    assert escalation_states(talk) == ["closed"]
    with transaction() as db:
        assert db.get_one(Conversation, talk.conversation.id).state == "open"


def test_a_conversation_is_closed(sarah: Person, scene: Scene) -> None:
    talk = scene["Léa"]
    sarah.post(f"{page_of(talk)}/close")
    html = sarah.get(page_of(talk)).text
    assert "Cette conversation est terminée." in html
    assert "<textarea" not in html
    assert escalation_states(talk) == ["closed"]


def test_notifications_say_whether_anything_is_to_be_done_and_are_marked_read(
    sarah: Person, scene: Scene
) -> None:
    html = words(sarah.get("/desk/notifications").text)
    assert "NOUVELLE RÉSERVATION (Automatique)" in html
    assert "Retrait prévu : Aujourd'hui 17h" in html
    assert "TOUT OK — Aucune action requise" in html
    assert "Action requise" in html
    assert "2 non lues" in html
    sarah.post("/desk/notifications/1/read")
    assert "1 non lue" in words(sarah.get("/desk/").text)
    sarah.post("/desk/notifications/read")
    assert "non lue" not in words(sarah.get("/desk/").text)
    with transaction() as db:
        times = set(db.scalars(select(Notification.read_at)))
    assert None not in times


def test_reservations_that_ended_stand_below(sarah: Person, scene: Scene) -> None:
    talk = scene["Julie"]
    ends = {"cancelled": "Annulée", "expired": "Échue", "collected": "Retirée", "undone": ""}
    for state in ends:
        talk.reserves(state=state, sku=state, title=f"Article {state}", ended_at=NOW)
    html = words(sarah.get("/desk/reservations").text)
    assert "1 réservation active" in html
    for state, said in ends.items():
        assert (f"Article {state}" in html) == bool(said)
        assert said in html


# --- whose things they are ---------------------------------------------------------------


def test_nothing_of_another_shop_is_seen_or_touched(
    charlie: Person, cast: Cast, scene: Scene, app: Flask
) -> None:
    """Every route that takes an id, with the ids of Sarah's shop."""
    make_trouble(cast, scene)
    message = scene["Julie"].says("Voilà la photo")
    times = {"next_try_at": NOW, "created_at": NOW}
    kept = {"state": "kept", "content_type": "image/png", "bytes": 9, "key": "k", **times}
    media = Media(tenant_id=message.tenant_id, message_id=message.id, position=0, **kept)
    with transaction() as db:
        db.add(media)
        db.flush()
        ids = {
            "conversations": scene["Léa"].conversation.id,
            "customers": scene["Léa"].customer.id,
            "escalations": db.scalars(select(Escalation.id)).first(),
            "messages": db.scalars(select(Message.id).where(Message.state == "draft")).one(),
            "notifications": db.scalars(select(Notification.id)).first(),
            "deliveries": db.scalars(select(Delivery.id)).first(),
            "media": media.id,
        }
    tried = 0
    for rule in app.url_map.iter_rules():
        if "<id:" not in rule.rule:
            continue
        tried += 1
        family = rule.rule.split("/")[2]
        path = re.sub(r"<id:[^>]+>", str(ids[family]), rule.rule)
        if "POST" in (rule.methods or set()):
            answer = charlie.post(path, {"text": "Bonjour", "tenant": "1"})
        else:
            answer = charlie.get(path)
            assert charlie.get(f"{path}?live=1").status_code == 404
        assert answer.status_code == 404, path
        assert not re.search("Julie|Léa|Emma|Marine", answer.text)
    assert tried >= 11
    assert [state for _, state, _ in sent(scene["Emma"])] == ["draft"]
    assert escalation_states(scene["Léa"]) == ["open", "open"]
    with transaction() as db:
        assert set(db.scalars(select(Delivery.state))) == {"failed"}


def test_lists_and_counts_are_the_shops_own(charlie: Person, cast: Cast, scene: Scene) -> None:
    make_trouble(cast, scene)
    pages = ("alerts", "reservations", "notifications", "incidents", "templates")
    for path in ("/desk/", *(f"/desk/{page}" for page in pages)):
        html = charlie.get(path).text
        assert not re.search("Julie|Léa|Emma|Marine|NOUVELLE", html)
        assert 'class="count' not in html
    assert "0 message" in words(charlie.get("/desk/").text)
    assert "Personne" in charlie.get("/desk/?words=Julie").text


def test_marking_all_as_read_leaves_another_shops_notifications(
    charlie: Person, scene: Scene
) -> None:
    charlie.post("/desk/notifications/read")
    with transaction() as db:
        assert set(db.scalars(select(Notification.read_at))) == {None}


def test_who_works_at_two_shops_sees_one_at_a_time(
    app: Flask, scene: Scene, begin: Begin, cast: Cast
) -> None:
    other = begin("Mina RAMI", shop=cast.coollibri, phone="+33600000001", profile={})
    olga = Person(app.test_client())
    olga.sign_in("olga@example.com")
    assert "Julie" in olga.get("/desk/").text
    assert olga.get(page_of(other)).status_code == 404
    assert olga.post("/desk/tenant", {"tenant": cast.coollibri.id}).status_code == 302
    html = olga.get("/desk/").text
    assert "Mina RAMI" in html
    assert "Julie" not in html
    assert olga.get(page_of(scene["Julie"])).status_code == 404


def test_nobody_chooses_a_shop_that_is_not_theirs(charlie: Person, cast: Cast) -> None:
    assert charlie.post("/desk/tenant", {"tenant": cast.elegance.id}).status_code == 404
    assert charlie.post("/desk/tenant", {"tenant": "x"}).status_code == 404
    assert "CoolLibri" in charlie.get("/desk/").text


# --- asking again ------------------------------------------------------------------------

PAGES = ("/desk/", "/desk/alerts", "/desk/reservations", "/desk/notifications", "/demo/phone")


@pytest.mark.parametrize("path", PAGES)
def test_asking_again_costs_nothing_while_nothing_changed(
    sarah: Person, scene: Scene, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sarah.get(f"{path}?live=1")
    assert first.status_code == 200
    assert "<html" not in first.text

    def render(*_: Any, **__: Any) -> str:
        raise AssertionError("nothing is rendered for a 304")

    monkeypatch.setattr("dashboard.live.render_template", render)
    again = sarah.get(f"{path}?live=1", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.text) == (304, "")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_whatever_changes_in_a_conversation_is_seen_on_asking_again(
    sarah: Person, scene: Scene
) -> None:
    talk = scene["Julie"]
    live = f"{page_of(talk)}?live=1"
    etag = sarah.get(live).headers["ETag"]

    def changed() -> str:
        nonlocal etag
        answer = sarah.get(live, headers={"If-None-Match": etag})
        assert answer.status_code == 200
        etag = answer.headers["ETag"]
        assert sarah.get(live, headers={"If-None-Match": etag}).status_code == 304
        return words(answer.text)

    talk.says("Et en bleu marine ?", NOW + timedelta(seconds=1))
    assert "Et en bleu marine ?" in changed()
    reply = talk.answers("Non", NOW + timedelta(seconds=2), state="queued")
    assert "en attente d’envoi" in changed()
    with transaction() as db:
        db.get_one(Message, reply.id).state = "delivered"
    assert "remis" in changed()
    with transaction() as db:
        row = db.get_one(Message, reply.id)
        row.state, row.code = "failed", "30005"
    assert "Le numéro n’existe pas" in changed()
    talk.escalates("complaint", summary="Mécontente")
    assert "Mécontente" in changed()
    talk.reserves(sku="BL-445-38", title="Blazer Beige Élégant")
    assert "Blazer Beige Élégant" in changed()
    scene["Emma"].says("Alors ?", NOW + timedelta(seconds=3))
    assert "Alors ?" in changed()  # the list beside it is live too
    change(talk, state="closed")
    assert "Cette conversation est terminée." in changed()


def test_the_live_parts_are_those_of_the_page(sarah: Person, scene: Scene) -> None:
    for path in (*PAGES, page_of(scene["Léa"])):
        token = r'name="csrf_token" value="[^"]+"'
        page = re.sub(token, "", sarah.get(path).text)
        live = re.sub(token, "", sarah.get(f"{path}?live=1").text)
        parts = re.findall(r'^<(?:nav|section|div|aside)[^>]*\bid="(\w+)"', live, re.MULTILINE)
        assert parts, path
        for part in parts:
            assert f'id="{part}"' in page
        body = next(line for line in live.splitlines() if len(line) > 60)
        assert body in page


def test_relative_times_move_with_the_minute(
    sarah: Person, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = sarah.get("/desk/?live=1").headers["ETag"]
    later = NOW + timedelta(minutes=3)
    monkeypatch.setattr("bot.clock.now", lambda: later)
    answer = sarah.get("/desk/?live=1", headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert "il y a 5 min" in words(answer.text)
