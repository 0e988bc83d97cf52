"""Short tests that guard the house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from flask import Flask

from bot import cli
from bot.flows import FLOWS
from bot.queue import QUEUES
from bot.settings import Settings
from bot.turn import INTENTS

ROOT = Path(__file__).resolve().parent.parent

# Routes that need no session, and what guards them instead
OPEN_ROUTES = {
    "webhooks.deliver": "the vendor's signature",
    "health.tell_health": "says nothing of anyone",
    "exposition.tell_metrics": "a token, or this machine's own address; 404 to others",
    "media.link": "our signature, for a day or two",
    "media.label": "our signature: whoever has the link may print the label",
    "unsubscribe.page": "our signature in the address",
    "unsubscribe.leave": "our signature in the address; mail programs post here (RFC 8058)",
    "opinions.page": "our signature in the address",
    "opinions.give": "ditto; there is no session that a forged form could borrow",
    "accounts.sign_in": "it is where sessions begin",
    "assets.static": "files that are the same for all",
}


@pytest.fixture(scope="module")
def app() -> Flask:
    import wsgi

    return wsgi.app


def test_every_route_asks_who_is_there_or_is_listed(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in OPEN_ROUTES or rule.endpoint.startswith("phone."):
            continue  # the phone exists only in the demo, and there acts as anybody
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in rule.methods & {"GET", "POST"}:
            answer = app.test_client().open(path, method=method)
            # POSTs without a session have no CSRF token either
            sent_away = answer.status_code == 302 and "/sign-in" in answer.location
            assert sent_away or answer.status_code in {400, 401}, (method, rule.rule)


def test_the_queues_of_the_procfile_are_the_queues_of_the_code() -> None:
    line = next(
        line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("worker:")
    )
    assert tuple(line.split("bot.worker", 1)[1].split()) == QUEUES


def test_every_setting_is_documented() -> None:
    told = (ROOT / "docs" / "operations.md").read_text()
    names = {name.upper() for name in Settings.model_fields}
    assert {name for name in names if f"`{name}`" not in told} == set()


def test_the_demo_is_not_loaded_where_real_customers_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "settings", lambda: Settings(demo=False))
    monkeypatch.setattr(cli, "load_demo", lambda: pytest.fail("it was loaded"))
    done = CliRunner().invoke(cli.demo)
    assert done.exit_code == 1
    assert "DEMO=1" in done.output


def test_no_secret_shows_where_settings_are_printed() -> None:
    secret = "sesame"
    told = {"database_url": f"postgresql://u:{secret}@db/x", "redis_url": f"redis://:{secret}@db"}
    told |= dict.fromkeys(
        ("secret_key", "encryption_keys", "openai_api_key", "media_secret", "metrics_token"), secret
    )
    assert secret not in repr(Settings(**told))


def test_every_setting_of_the_documents_exists() -> None:
    table = (ROOT / "docs" / "operations.md").read_text().split("## In production")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`([A-Z_]+)`", " ".join(rows)))
    assert named <= {name.upper() for name in Settings.model_fields}


def _sentences(language: str) -> dict[str, object]:
    """All that is said in a language; a name stands in one file only."""
    said: dict[str, object] = {}
    for path in sorted((ROOT / "bot" / "replies" / language).glob("*.yaml")):
        read = yaml.safe_load(path.read_text())
        assert not said.keys() & read.keys(), path.name
        said |= read
    return said


def test_the_map_names_every_room_once() -> None:
    rows = re.findall(r"^\| (`.+?) \|", (ROOT / "docs/map.md").read_text(), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    street = re.findall(r"`(bot/\w+\.py)`", (ROOT / "docs/map.md").read_text())
    rooms = {f"bot/{file.name}" for file in (ROOT / "bot").glob("[a-z]*.py")}
    rooms |= {f"bot/{file.parent.name}/" for file in (ROOT / "bot").glob("*/__init__.py")}
    assert rooms - {*named, *street} == set()
    assert {name for name in named if named.count(name) > 1} == set()
    assert [name for name in named if "<" not in name and not (ROOT / name).exists()] == []


def test_both_languages_say_the_same_things() -> None:
    french, english = (_sentences(code) for code in ("fr", "en"))
    assert french.keys() == english.keys()


def test_every_sentence_uses_the_same_facts_in_both_languages_and_tones() -> None:
    french, english = (_sentences(code) for code in ("fr", "en"))
    for key, sentence in french.items():
        tones = sentence.values() if isinstance(sentence, dict) else [sentence]
        facts = {frozenset(_facts(text)) for text in tones}
        assert len(facts) == 1, f"{key}: tu and vous say different things"
        told = _facts(english[key]) if isinstance(english[key], str) else set()
        assert set(next(iter(facts))) ^ told <= {"article", "size"}, key


def _facts(template: str) -> set[str]:
    from jinja2 import Environment, meta

    from bot.replies import french

    environment = Environment(autoescape=False)
    environment.filters.update(french.FILTERS)
    return meta.find_undeclared_variables(environment.parse(template)) - {"now"}


def test_every_flow_answers_an_intent_that_exists() -> None:
    assert set(FLOWS) <= set(INTENTS)


def test_there_is_one_newest_migration() -> None:
    from alembic.script import ScriptDirectory

    from bot.db import alembic_config

    assert len(ScriptDirectory.from_config(alembic_config()).get_heads()) == 1


def test_no_tracked_text_names_a_path_of_a_machine_or_a_registry() -> None:
    hosts = ("py" + "pi.org", "npm" + "js.org", "deb." + "debian.org", "/wo" + "rk/")
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.txt")]:
        text = path.read_text()
        assert not [host for host in hosts if host in text], path.name


def test_the_engine_reads_the_answer_to_every_question_that_is_asked() -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bot.conversation import READ_AS
    from bot.hours import parse_hours
    from bot.turn import QUESTIONS, Context
    from bot.understanding.local import load_engine

    zone = ZoneInfo("Europe/Paris")
    hours = parse_hours("Europe/Paris", {"monday": ["10:00", "19:00"]})
    for question in QUESTIONS:
        asked = READ_AS.get(question, question)
        context = Context(now=datetime(2025, 1, 13, 10, tzinfo=zone), hours=hours, asked=asked)
        for text in ("oui", "non merci", "la deuxième", "en 38", "demain 11h", "2901", "???"):
            assert load_engine().understand(text, context).intents
