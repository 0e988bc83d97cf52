"""A server that speaks OpenAI's Chat Completions and Embeddings, as a LanguageModel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import openai
import pydantic
from openai import OpenAI

from connectors.config import setting
from connectors.errors import BadConfig, ConnectorError, Refused, Unavailable, Unusable
from connectors.ports import Answer, Money, Question, Usage
from connectors.transport import parse_seconds

T = TypeVar("T")

VENDOR_NAME = "openai"
LIMITS = ("max_completion_tokens", "max_tokens")
MOST_RETRIES = 5
BATCH = 96  # texts in one request for embeddings; the vendor takes 2,048 and 300,000 tokens
MILLION = Decimal(1_000_000)

# A vendor's error code that may be logged: a word, never a sentence that may quote somebody
_CODE = re.compile(r"[a-z][a-z0-9_.-]{0,39}", re.IGNORECASE)


@dataclass(frozen=True)
class Config:
    api_key: str = setting("Clé de l'API ; n'importe quel mot là où il n'en faut pas", secret=True)
    base_url: str = setting("Adresse de l'API", default="https://api.openai.com/v1")
    timeout: str = setting("Attente maximale d'une réponse, en secondes", default="8")
    max_retries: str = setting("Nouveaux essais après un échec (0 à 5)", default="0")
    token_limit: str = setting(
        "Nom de la limite de longueur : max_completion_tokens, ou max_tokens",
        default="max_completion_tokens",
    )
    embedding_model: str = setting("Modèle de vecteurs ; vide : aucun", default="")
    prices: str = setting(
        "Prix du million de jetons, « modèle=entrée/sortie ; … » ; vide : inconnus", default=""
    )
    currency: str = setting("Monnaie de ces prix", default="USD")


class OpenAIModel:
    """One account or server. Implements connectors.ports.LanguageModel.

    Every method raises Unavailable (5xx, 408, 409, 429, timeouts), Unusable (an answer that
    is none) or Refused (any other 4xx).
    """

    def __init__(self, config: Config) -> None:
        if config.token_limit not in LIMITS:
            raise BadConfig(f"token_limit: expected {' or '.join(LIMITS)}")
        self._config = config
        self._prices = parse_prices(config.prices)
        # Left unset, the package waits 600 seconds, three times.
        self._client = OpenAI(
            api_key=config.api_key,
            base_url=config.base_url.rstrip("/"),
            timeout=parse_seconds(config.timeout),
            max_retries=_parse_retries(config.max_retries),
        )

    def complete(self, question: Question, answer: type[Answer]) -> tuple[Answer, Usage]:
        asked: dict[str, Any] = {
            "model": question.model,
            "messages": [
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.user},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": answer.__name__.lower(),
                    "strict": True,
                    "schema": answer.model_json_schema(),
                },
            },
            self._config.token_limit: question.max_tokens,
        }
        if question.temperature is not None:
            asked["temperature"] = question.temperature
        got = _call(lambda: self._client.chat.completions.create(**asked))
        model, used = _read_usage(got, question.model)
        text = _read_text(got, used)
        try:
            found = answer.model_validate_json(text)
        except pydantic.ValidationError:  # its text quotes the answer
            raise _unusable("rubbish", used) from None
        return found, Usage(model, *used, cost=self.price(question.model, *used))

    @property
    def embeds(self) -> bool:
        """Whether the connection names a model for it."""
        return bool(self._config.embedding_model)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if not self._config.embedding_model:
            raise BadConfig("embedding_model: the connection names none")
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            vectors += self._embed(list(texts[start : start + BATCH]))
        if len({len(v) for v in vectors}) > 1:
            raise _unusable("rubbish", (0, 0))
        return vectors

    def _embed(self, texts: list[str]) -> list[list[float]]:
        # The package asks for base64 unless told, which not every server knows.
        got = _call(
            lambda: self._client.embeddings.create(
                model=self._config.embedding_model, input=texts, encoding_format="float"
            )
        )
        try:
            found = {item.index: [float(x) for x in item.embedding] for item in got.data}
            return [found[n] for n in range(len(texts))]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise _unusable("rubbish", (0, 0)) from None

    def price(self, model: str, prompt_tokens: int, completion_tokens: int) -> Money | None:
        if model not in self._prices:
            return None
        inward, outward = self._prices[model]
        amount = (inward * prompt_tokens + outward * completion_tokens) / MILLION
        return Money(amount, self._config.currency)


# --- settings ----------------------------------------------------------------------------


def parse_prices(text: str) -> Mapping[str, tuple[Decimal, Decimal]]:
    """`gpt-5-mini=0.25/2; …`: model -> prices of a million tokens in and out. Raises
    BadConfig."""
    prices = {}
    for part in filter(None, (p.strip() for p in text.split(";"))):
        name, _, price = part.rpartition("=")
        inward, _, outward = price.partition("/")
        try:
            pair = Decimal(inward.strip()), Decimal(outward.strip() or 0)
        except InvalidOperation:
            pair = Decimal("NaN"), Decimal("NaN")
        if not name.strip() or not all(p.is_finite() and p >= 0 for p in pair):
            raise BadConfig(f"prices: {part!r} is not model=in/out")
        prices[name.strip()] = pair
    return prices


def _parse_retries(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MOST_RETRIES:
        raise BadConfig(f"max_retries: expected 0 to {MOST_RETRIES}")
    return int(text)


# --- answers -----------------------------------------------------------------------------


def _read_usage(got: Any, asked: str) -> tuple[str, tuple[int, int]]:
    """The model that answered and its tokens in and out; servers may leave them out."""
    usage = getattr(got, "usage", None)
    counts = [getattr(usage, name, 0) for name in ("prompt_tokens", "completion_tokens")]
    inward, outward = (c if isinstance(c, int) and c >= 0 else 0 for c in counts)
    model = getattr(got, "model", None)
    return model if isinstance(model, str) and model else asked, (inward, outward)


def _read_text(got: Any, used: tuple[int, int]) -> str:
    """The words of the answer. The package does not check what a server sends."""
    try:
        choice = got.choices[0]
        reason, message = choice.finish_reason, choice.message
        content, refusal = message.content, getattr(message, "refusal", None)
    except (AttributeError, IndexError, TypeError):
        raise _unusable("rubbish", used) from None
    if refusal:
        raise _unusable("refusal", used)
    if reason == "length":
        raise _unusable("length", used)
    if reason == "content_filter":
        raise _unusable("filtered", used)
    if not isinstance(content, str):
        raise _unusable("rubbish", used)
    return content


def _unusable(code: str, tokens: tuple[int, int]) -> Unusable:
    return Unusable(
        f"{VENDOR_NAME}: unusable answer, {code}", vendor=VENDOR_NAME, code=code, tokens=tokens
    )


def _call(ask: Callable[[], T]) -> T:
    """The package's errors quote keys and prompts: neither texts nor causes go further."""
    try:
        return ask()
    except openai.APITimeoutError:
        raise Unavailable("openai: no answer in time", vendor=VENDOR_NAME, code="slow") from None
    except openai.APIConnectionError as error:
        reason = type(error.__cause__).__name__
        raise Unavailable(f"openai: {reason}", vendor=VENDOR_NAME, code="down") from None
    except openai.APIStatusError as error:
        raise _refusal(error) from None
    except (openai.OpenAIError, ValueError):  # ValueError: the answer is not JSON
        raise _unusable("rubbish", (0, 0)) from None


def _refusal(error: openai.APIStatusError) -> ConnectorError:
    status = error.status_code
    code = str(error.code or "")
    code = code if _CODE.fullmatch(code) else str(status)
    text = f"openai: HTTP {status}, {code}"
    if status in {408, 409, 429} or status >= 500:
        wait = _seconds(error.response.headers.get("retry-after", ""))
        return Unavailable(text, vendor=VENDOR_NAME, code=code, retry_after=wait)
    return Refused(text, vendor=VENDOR_NAME, code=code)


def _seconds(text: str) -> float | None:
    """Retry-After in seconds; its form as a date is not used by these servers."""
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d+)?", text) else None
