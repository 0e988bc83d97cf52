"""A server that speaks OpenAI's API: answers in shape, vectors, prices, and all that fails."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pytest
import requests
from pydantic import BaseModel, ConfigDict
from sandbox_world import OPENAI_KEY, World

from connectors.errors import BadConfig, Refused, Unavailable, Unusable
from connectors.openai.model import parse_prices
from connectors.ports import Money, Question


class Piece(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["dress", "coat"]
    sizes: list[str]
    note: str | None


ASKED = Question("gpt-sandbox", "Say what it is.", "Julie : la robe en 38 ?", 200, 0.0)
FOUND = {"kind": "dress", "sizes": ["38"], "note": None}


def test_an_answer_comes_in_the_shape_that_was_asked_for(world: World) -> None:
    world.answer(content=FOUND)
    found, usage = world.connect("openai").complete(ASKED, Piece)
    assert found == Piece(kind="dress", sizes=["38"], note=None)
    assert usage.model == "gpt-sandbox"
    assert min(usage.prompt_tokens, usage.completion_tokens) > 0
    assert usage.cost is None


def test_the_question_is_strict_bounded_and_says_its_model(world: World) -> None:
    world.answer(content=FOUND)
    world.connect("openai").complete(ASKED, Piece)
    (asked,) = world.questions()
    form = asked["response_format"]["json_schema"]
    assert (asked["model"], asked["temperature"], asked["max_completion_tokens"]) == (
        "gpt-sandbox", 0.0, 200,
    )  # fmt: skip
    assert (form["name"], form["strict"]) == ("piece", True)
    assert form["schema"]["additionalProperties"] is False
    assert sorted(form["schema"]["required"]) == ["kind", "note", "sizes"]


def test_servers_that_know_the_older_limit_get_it_and_a_model_may_choose_its_temperature(
    world: World,
) -> None:
    world.answer(content=FOUND)
    asked = Question("gpt-sandbox", "Say.", "robe", 200)
    world.connect("openai", token_limit="max_tokens").complete(asked, Piece)
    (sent,) = world.questions()
    assert sent["max_tokens"] == 200
    assert not {"max_completion_tokens", "temperature"} & set(sent)


def test_what_it_cost_is_known_where_prices_are(world: World) -> None:
    world.answer(content=FOUND)
    model = world.connect("openai", prices="gpt-sandbox=0.25/2; other=1/1", currency="EUR")
    _, usage = model.complete(ASKED, Piece)
    expected = (Decimal("0.25") * usage.prompt_tokens + 2 * usage.completion_tokens) / Decimal(
        1_000_000
    )
    assert usage.cost == Money(expected, "EUR")
    assert model.price("unheard-of", 1000, 1000) is None


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("refusal", "refusal"),
        ("truncated", "length"),
        ("invalid_json", "rubbish"),
        ("wrong_schema", "rubbish"),
    ],
)
def test_an_answer_that_is_none_is_unusable_and_its_tokens_count(
    world: World, mode: str, code: str
) -> None:
    world.fail("openai", mode)
    with pytest.raises(Unusable) as caught:
        world.connect("openai").complete(ASKED, Piece)
    assert (caught.value.vendor, caught.value.code) == ("openai", code)
    assert min(caught.value.tokens) > 0


@pytest.mark.parametrize(
    "content",
    [
        "", "null", "[]", "{}", "{" * 5000, "\x00", "NaN",
        {**FOUND, "kind": "hat"}, {**FOUND, "sizes": "38"}, {**FOUND, "sizes": [38]},
        {**FOUND, "extra": 1}, {"kind": "dress", "sizes": []},
    ],
)  # fmt: skip
def test_rubbish_is_unusable_whatever_it_is(world: World, content: Any) -> None:
    world.answer(content=content)
    with pytest.raises(Unusable) as caught:
        world.connect("openai").complete(ASKED, Piece)
    assert caught.value.code == "rubbish"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>Bad gateway</html>", "text/html"),
        (b"{}", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"{", "application/json"),
        (b'{"choices": []}', "application/json"),
        (b'{"choices": [{"message": null, "finish_reason": "stop"}]}', "application/json"),
        (b'{"choices": [{"message": {"content": [1]}, "finish_reason": 3}]}', "application/json"),
        (b'{"choices": 7, "usage": "much", "model": 3}', "application/json"),
    ],
)
def test_a_server_that_answers_something_else_altogether_is_unusable(
    world: World, body: bytes, kind: str
) -> None:
    from flask import Flask, Response
    from sandbox_world import Server

    app = Flask("strange")
    app.add_url_rule(
        "/chat/completions", view_func=lambda: Response(body, content_type=kind), methods=["POST"]
    )
    server = Server(app)
    try:
        with pytest.raises(Unusable):
            world.connect("openai", base_url=server.url).complete(ASKED, Piece)
    finally:
        server.stop()


def test_a_filtered_answer_is_unusable(world: World) -> None:
    world.answer(content=FOUND, finish_reason="content_filter")
    with pytest.raises(Unusable) as caught:
        world.connect("openai").complete(ASKED, Piece)
    assert caught.value.code == "filtered"


@pytest.mark.parametrize(
    ("failure", "code", "wait"),
    [
        ({"mode": "throttled"}, "rate_limit_exceeded", 20.0),
        ({"mode": "over_quota"}, "insufficient_quota", None),
        ({"mode": "down"}, "503", None),
        ({"mode": "failed_attempt"}, "500", None),
        ({"mode": "slow", "ms": 600}, "slow", None),
        ({"mode": "timeout_after"}, "down", None),
    ],
    ids=["throttled", "over quota", "down", "500", "slow", "hung up"],
)
def test_a_server_that_cannot_now_is_unavailable_and_asked_once(
    world: World, failure: dict[str, Any], code: str, wait: float | None
) -> None:
    world.fail("openai", **failure)
    with pytest.raises(Unavailable) as caught:
        world.connect("openai", timeout="0.3").complete(ASKED, Piece)
    assert (caught.value.code, caught.value.retry_after) == (code, wait)
    assert world.state()["requests"]["openai"] == 1


def test_it_is_asked_again_where_the_connection_says_so(world: World) -> None:
    world.fail("openai", "failed_attempt", times=1)
    world.answer(content=FOUND)
    found, _ = world.connect("openai", max_retries="1").complete(ASKED, Piece)
    assert found.kind == "dress"
    assert world.state()["requests"]["openai"] == 2


def test_a_model_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(Refused) as caught:
        world.connect("openai").complete(Question("gpt-9", "s", "u", 50), Piece)
    assert not isinstance(caught.value, Unusable)
    assert caught.value.code == "model_not_found"


def test_errors_quote_neither_the_customer_nor_the_key(world: World) -> None:
    sentence = "Julie's number is 0645789012, key sk-elegance-1"
    world.answer(
        status=400, error={"message": sentence, "type": "x", "param": None, "code": sentence}
    )
    with pytest.raises(Refused) as caught:
        world.connect("openai").complete(ASKED, Piece)
    assert (str(caught.value), caught.value.code) == ("openai: HTTP 400, 400", "400")
    assert caught.value.__cause__ is None


# --- vectors -----------------------------------------------------------------------------


def test_each_text_gets_a_vector_in_its_order_however_many_there_are(world: World) -> None:
    texts = [f"Question {n}" for n in range(200)]
    model = world.connect("openai")
    vectors = model.embed(texts)
    assert len(vectors) == 200
    assert vectors[150] == model.embed([texts[150]])[0]
    assert len({len(v) for v in vectors}) == 1


def test_near_texts_have_near_vectors(world: World) -> None:
    found = world.connect("openai").embed(
        ["Quels sont vos horaires ?", "Vos horaires d'ouverture ?", "La robe est en viscose"]
    )
    hours, opening, dress = map(np.asarray, found)
    assert hours @ opening > hours @ dress


def test_vectors_come_as_numbers_and_packed_the_same(world: World) -> None:
    url = world.vendor_url("openai") + "/v1/embeddings"
    body = {"model": "embed-sandbox", "input": "Bonjour"}
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {OPENAI_KEY}", "X-By-Hand": "1"})
    import base64

    packed = session.post(url, json={**body, "encoding_format": "base64"}).json()
    plain = session.post(url, json=body).json()["data"][0]["embedding"]
    unpacked = np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), dtype="<f4")
    assert np.allclose(unpacked, plain)


def test_vectors_need_a_model_and_missing_ones_are_unusable(world: World) -> None:
    with pytest.raises(BadConfig):
        world.connect("openai", embedding_model="").embed(["a"])
    world.fail("openai", "wrong_schema")
    with pytest.raises(Unusable):
        world.connect("openai").embed(["a", "b"])
    assert world.connect("openai").embed([]) == []


# --- settings and the sandbox's own rules --------------------------------------------------


@pytest.mark.parametrize("text", ["gpt", "=1/2", "a=x/1", "a=-1/2", "a=1/nan", "a=1/inf"])
def test_prices_that_are_none_are_named(text: str) -> None:
    with pytest.raises(BadConfig, match="prices"):
        parse_prices(text)


def test_prices_are_read_by_model_and_vectors_have_no_price_out() -> None:
    assert parse_prices(" a = 0.25/2 ; llama3:8b=0/0; e=0.02;") == {
        "a": (Decimal("0.25"), Decimal(2)),
        "llama3:8b": (Decimal(0), Decimal(0)),
        "e": (Decimal("0.02"), Decimal(0)),
    }


@pytest.mark.parametrize(
    "settings", [{"max_retries": "6"}, {"max_retries": "x"}, {"token_limit": "n"}, {"timeout": "0"}]
)
def test_settings_that_cannot_work_are_named(world: World, settings: dict[str, str]) -> None:
    with pytest.raises(BadConfig, match=next(iter(settings))):
        world.connect("openai", **settings)


@pytest.mark.parametrize(
    "change",
    [
        {"messages": []}, {"messages": [{"role": "user"}]}, {"temperature": 3}, {"model": 7},
        {"max_tokens": 5, "max_completion_tokens": 5},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": [], "additionalProperties": False}}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"type": "object", "properties": {}, "required": []}}}},
    ],
)  # fmt: skip
def test_the_sandbox_objects_to_what_the_vendor_objects_to(
    world: World, change: dict[str, Any]
) -> None:
    body = {"model": "gpt-sandbox", "messages": [{"role": "user", "content": "Bonjour"}]}
    headers = {"Authorization": f"Bearer {OPENAI_KEY}", "X-By-Hand": "1"}
    url = world.vendor_url("openai") + "/v1/chat/completions"
    assert requests.post(url, json=body, headers=headers).status_code == 200
    assert requests.post(url, json=body | change, headers=headers).status_code == 400
