"""OpenAI's Chat Completions, Embeddings and Models: wire-faithful answers of a small reader.

What it answers: first what a test queued (`POST /<world>/model-answers`), otherwise what
model_minds.py makes of the question. Failures on order, besides those of every system:

| mode | what happens |
| --- | --- |
| over_quota | 429, `insufficient_quota` |
| refusal | 200, the model says no |
| truncated | 200, `finish_reason` is `length` and the JSON is cut |
| invalid_json | 200, the content is prose |
| wrong_schema | 200, the content is JSON of another shape |
| invents, obeys, leaks | 200, in shape: facts that nobody said, what the customer ordered it to \
say, its own instructions |
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import numpy as np
from flask import Blueprint, Response, request

from connectors.sandbox.control import refuse_strangers
from connectors.sandbox.documents import BadDocument, State
from connectors.sandbox.failures import Failure, pause_if_slow, play
from connectors.sandbox.model_minds import embed, misbehave, think
from connectors.sandbox.web import answer_json, open_world
from connectors.sandbox.worlds import World

bp = Blueprint("openai", __name__, url_prefix="/<name>/openai/v1")
control_bp = Blueprint("openai_control", __name__)
control_bp.before_request(refuse_strangers)

ANSWER_KEYS = frozenset({"content", "refusal", "finish_reason", "status", "error"})
RETRY_AFTER = "20"  # seconds, of a 429
KEPT = 200  # questions that a world remembers
MOST_INPUTS = 2048


# --- control -----------------------------------------------------------------------------


@control_bp.post("/<name>/model-answers")
def queue_answer(name: str) -> Response:
    """What the next chat answers: `{content: text or object}`, `{refusal: text}`, with a
    `finish_reason`; or `{status, error}`. They are used up in their order."""
    world, answer = open_world(name), request.get_json(silent=True)
    if not isinstance(answer, dict) or set(answer) - ANSWER_KEYS:
        raise BadDocument(f"model answer: an object of {', '.join(sorted(ANSWER_KEYS))}")
    with world.lock:
        world.state["model_answers"].append(answer)
        world.touch()
    return answer_json({"waiting": len(world.state["model_answers"])}, 201)


@control_bp.get("/<name>/model-questions")
def list_questions(name: str) -> Response:
    """The bodies of the chats so far, oldest first."""
    world = open_world(name)
    with world.lock:
        return answer_json({"questions": list(world.state["model_questions"])})


# --- the API -----------------------------------------------------------------------------


@bp.post("/chat/completions")
def complete_chat(name: str) -> Response:
    asked = request.get_json(silent=True)
    return _play(open_world(name), f"chat.{_purpose(asked)}", _complete)


@bp.post("/embeddings")
def create_embeddings(name: str) -> Response:
    return _play(open_world(name), "embeddings", _embed)


@bp.get("/models")
def list_models(name: str) -> Response:
    return _play(open_world(name), "models", _list_models)


def _play(world: World, operation: str, act: Callable[[World, str], Response]) -> Response:
    def run(failure: Failure | None) -> Response:
        pause_if_slow(failure)
        if not _knows_key(world):
            return _unauthorized()
        return act(world, failure.mode if failure else "")

    refusals = {
        "down": lambda: _refuse(503, "The server is overloaded", "server_error", None),
        "failed_attempt": lambda: _refuse(500, "The server had an error", "server_error", None),
        "throttled": _throttled,
        "over_quota": _over_quota,
        "unauthorized": _unauthorized,
    }
    return play(world, "openai", operation, run, refusals)


def _knows_key(world: World) -> bool:
    expected = f"Bearer {world.settings.get('ai', {}).get('api_key') or ''}"
    given = request.headers.get("Authorization", "")
    return len(expected) > 7 and hmac.compare_digest(given.encode(), expected.encode())


def _purpose(asked: Any) -> str:
    try:
        return str(asked["response_format"]["json_schema"]["name"])
    except (KeyError, TypeError):
        return "text"


def _complete(world: World, mode: str) -> Response:
    asked = request.get_json(silent=True)
    if problem := _find_problem(asked):
        return _refuse(400, problem, "invalid_request_error", None)
    assert isinstance(asked, dict)
    if refused := _no_such_model(world, asked["model"]):
        return refused
    with world.lock:
        questions = world.state["model_questions"]
        questions.append(asked)
        del questions[: len(questions) - KEPT]
        queued = world.state["model_answers"]
        answer = queued.pop(0) if queued else None
        world.touch()
    if answer is None:
        answer = _answer(asked, mode)
    if "status" in answer:
        return answer_json({"error": answer.get("error") or {}}, int(answer["status"]))
    return _chat(asked, answer)


def _answer(asked: Mapping[str, Any], mode: str) -> State:
    if mode == "refusal":
        return {"refusal": "I'm sorry, I can't assist with that."}
    if mode == "invalid_json":
        return {"content": "Bien sûr ! Voici ce que j'ai compris : une demande."}
    if mode == "wrong_schema":
        return {"content": {"answer": "oui", "confidence": "high"}}
    purpose = _purpose(asked)
    system, user = (_texts(asked, role) for role in ("system", "user"))
    found = think(purpose, user)
    if mode in {"invents", "obeys", "leaks"}:
        found = misbehave(mode, purpose, found, system, user)
    content = json.dumps(found, ensure_ascii=False)
    if mode == "truncated":
        return {"content": content[: len(content) // 2], "finish_reason": "length"}
    return {"content": content}


def _texts(asked: Mapping[str, Any], role: str) -> str:
    return "\n".join(str(m["content"]) for m in asked["messages"] if m["role"] == role)


def _chat(asked: Mapping[str, Any], answer: Mapping[str, Any]) -> Response:
    content, refusal = answer.get("content"), answer.get("refusal")
    if content is not None and not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False)
    prompt = sum(_tokens(str(m["content"])) + 4 for m in asked["messages"])
    written = _tokens(content or refusal or "")
    body = {
        "id": f"chatcmpl-{uuid4().hex[:29]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": content,
                    "refusal": refusal,
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": answer.get("finish_reason") or "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": written,
            "total_tokens": prompt + written,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": None,
    }
    return answer_json(body, 200, {"x-request-id": f"req_{uuid4().hex}"})


def _embed(world: World, mode: str) -> Response:
    asked = request.get_json(silent=True) or {}
    texts = asked.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        return _refuse(400, "'input' is a required property", "invalid_request_error", None)
    if len(texts) > MOST_INPUTS or not all(texts):
        return _refuse(400, "'$.input' is invalid.", "invalid_request_error", None)
    if refused := _no_such_model(world, str(asked.get("model") or "")):
        return refused
    packed = asked.get("encoding_format", "float") == "base64"
    tokens = sum(map(_tokens, texts))
    data = [
        {"object": "embedding", "index": n, "embedding": _pack(v) if packed else v}
        for n, v in enumerate(embed(text) for text in texts)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    if mode == "wrong_schema":
        data = data[:-1]
    body = {"object": "list", "data": data, "model": asked["model"], "usage": usage}
    return answer_json(body)


def _pack(vector: list[float]) -> str:
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()


def _list_models(world: World, mode: str) -> Response:
    names = world.settings["ai"].get("models") or ["gpt-sandbox"]
    data = [{"id": n, "object": "model", "created": 0, "owned_by": "sandbox"} for n in names]
    return answer_json({"object": "list", "data": data})


# --- refusals ----------------------------------------------------------------------------


def _find_problem(asked: Any) -> str:
    """What the vendor objects to in a chat; empty when nothing."""
    if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
        return "you must provide a model parameter"
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        return "Missing required parameter: 'messages'."
    if not all(isinstance(m, dict) and {"role", "content"} <= set(m) for m in messages):
        return "Invalid value: 'messages'."
    if {"max_tokens", "max_completion_tokens"} <= set(asked):
        return "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
    temperature = asked.get("temperature", 1)
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 2:
        return "Invalid 'temperature'."
    form = asked.get("response_format") or {}
    if form.get("type") == "json_schema" and form["json_schema"].get("strict"):
        return _find_looseness(form["json_schema"]["schema"])
    return ""


def _find_looseness(schema: Any) -> str:
    """What is not strict in a schema: https://platform.openai.com/docs/guides/structured-outputs"""
    if isinstance(schema, list):
        return next(filter(None, map(_find_looseness, schema)), "")
    if not isinstance(schema, dict):
        return ""
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return "Invalid schema: 'additionalProperties' is required to be false"
        if set(schema.get("required", ())) != set(schema.get("properties", {})):
            return "Invalid schema: 'required' must name every key in properties"
    return next(filter(None, map(_find_looseness, schema.values())), "")


def _no_such_model(world: World, model: str) -> Response | None:
    known = world.settings["ai"].get("models")
    if not known or model in known:
        return None
    text = f"The model `{model}` does not exist or you do not have access to it."
    return _refuse(404, text, "invalid_request_error", "model_not_found")


def _unauthorized() -> Response:
    return _refuse(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")


def _throttled() -> Response:
    text = "Rate limit reached. Please try again in 20s."
    answer = _refuse(429, text, "requests", "rate_limit_exceeded")
    answer.headers["retry-after"] = RETRY_AFTER
    return answer


def _over_quota() -> Response:
    text = "You exceeded your current quota, please check your plan and billing details."
    return _refuse(429, text, "insufficient_quota", "insufficient_quota")


def _refuse(status: int, message: str, kind: str, code: str | None) -> Response:
    error = {"message": message, "type": kind, "param": None, "code": code}
    return answer_json({"error": error}, status)


def _tokens(text: str) -> int:
    """About as many as the vendor would count."""
    return -(-len(text) // 4)
