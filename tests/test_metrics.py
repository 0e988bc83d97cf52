"""What Prometheus reads: only who may, and what all processes counted together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from house import JULIE, House
from prometheus_client.parser import text_string_to_metric_families

from bot.settings import ROOT, settings

ASK = "Bonjour, la robe fleurie bleue, vous l'avez en 38 ?"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FlaskClient:
    """The web application, its counts kept in a folder of this test."""
    import wsgi

    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.cache_clear()
    from bot.metrics import folder

    folder().mkdir(parents=True)
    yield wsgi.app.test_client()
    monkeypatch.undo()
    settings.cache_clear()


def test_without_a_token_only_this_machine_reads_the_metrics(client: FlaskClient) -> None:
    assert _status(client, "127.0.0.1") == 200
    assert _status(client, "::1") == 200
    assert _status(client, "192.0.2.7") == 404
    assert _status(client, "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}) == 404


def test_behind_a_proxy_nobody_reads_the_metrics_without_a_token(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROXIES", "1")
    settings.cache_clear()
    assert _status(client, "127.0.0.1") == 404


def test_with_a_token_only_who_has_it_reads_the_metrics(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "a-secret")
    settings.cache_clear()
    assert _status(client, "127.0.0.1") == 404
    assert _status(client, "127.0.0.1", {"Authorization": "Bearer other"}) == 404
    assert _status(client, "127.0.0.1", {"Authorization": "Bearer sécret"}) == 404
    assert _status(client, "192.0.2.7", {"Authorization": "Bearer a-secret"}) == 200


def _status(client: FlaskClient, address: str, headers: dict[str, str] | None = None) -> int:
    answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    return answer.status_code


def test_two_processes_add_up_and_outlive_their_processes(
    client: FlaskClient, tmp_path: Path
) -> None:
    count = (
        "from datetime import timedelta\nfrom bot import metrics\n"
        "metrics.count_turn('auto', ['greeting'], timedelta(seconds=2))\n"
        "metrics.count_turn('auto', ['of another kind'], timedelta(seconds=2))\n"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=dict(os.environ), cwd=ROOT, check=True)
    assert len(list(tmp_path.glob("metrics/*/*.db"))) == 4
    for _ in range(2):  # the second time their own files are gone
        read = _values(client.get("/metrics").text)
        assert read["coccinelle_turns_total", "auto", "greeting"] == 2
        assert read["coccinelle_turns_total", "auto", "other"] == 2
        assert read["coccinelle_turn_seconds_sum",] == 8
        assert read["coccinelle_turn_seconds_count",] == 4
    assert len(list(tmp_path.glob("metrics/*/*.db"))) == 2


def test_a_message_moves_what_is_counted_from_the_door_to_the_carrier(house: House) -> None:
    before = _read(house)
    house.text(JULIE, ASK, replay=2)
    house.settle()
    requests.post(f"{house.stack.url}/webhooks/twilio/elegance-paris", data="x", timeout=10)
    requests.post(f"{house.stack.url}/webhooks/nobody/{JULIE}", data="x", timeout=10)
    requests.post(
        f"{house.stack.url}/webhooks/twilio/elegance-paris", data=b"x" * 300_000, timeout=10
    )
    after = _read(house)
    moved = {key: after[key] - before.get(key, 0) for key in after}
    for labels in (
        ("twilio", "message", "stored"),
        ("twilio", "message", "repeated"),
        ("twilio", "", "forged"),
        ("other", "", "unknown"),
        ("twilio", "", "too large"),
    ):
        assert moved["coccinelle_deliveries_total", *labels] == 1, labels
    assert moved["coccinelle_turns_total", "auto", "product_availability"] == 1
    assert moved["coccinelle_turn_seconds_count",] == 1
    assert moved["coccinelle_sends_total", "sms", "sent"] == 1
    assert moved["coccinelle_answer_seconds_count", "sms"] == 1
    assert 0 < moved["coccinelle_answer_seconds_sum", "sms"] < 60
    assert moved["coccinelle_vendor_seconds_count", "twilio", "send", "ok"] == 1
    assert moved["coccinelle_vendor_seconds_count", "shopify", "send_move", "ok"] == 1


def test_the_oldest_that_waits_is_told_and_nothing_of_anyone(house: House) -> None:
    with house.held():
        house.text(JULIE, ASK)
        assert _read(house)["coccinelle_oldest_waiting_seconds", "delivery"] > 0
    house.settle()
    told = requests.get(f"{house.stack.url}/metrics", timeout=10).text
    assert _values(told)["coccinelle_oldest_waiting_seconds", "delivery"] == 0
    assert _values(told)["coccinelle_oldest_waiting_seconds", "turn"] == 0
    assert _values(told)["coccinelle_oldest_waiting_seconds", "message"] == 0
    for secret in (JULIE[1:], "Julie", "Mercier", "fleurie", "elegance-paris"):
        assert secret not in told


def _read(house: House) -> dict[tuple[str, ...], float]:
    return _values(requests.get(f"{house.stack.url}/metrics", timeout=10).text)


def _values(text: str) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of the measure's definition) -> value."""
    order = (
        "vendor",
        "purpose",
        "kind",
        "operation",
        "handled",
        "intent",
        "channel",
        "part",
        "event",
    )
    rank = {name: number for number, name in enumerate((*order, "outcome", "what", "le"))}
    return {
        (s.name, *(s.labels[name] for name in sorted(s.labels, key=rank.__getitem__))): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }
