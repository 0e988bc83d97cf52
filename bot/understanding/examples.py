"""The training examples as written in examples/ and in folders of a tenant's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.turn import INTENTS, QUESTIONS

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
# What the features are made of, besides the code.
_CONFIGURATION = (
    "sms.yaml", "emoji.yaml", "lexicon.yaml", "concepts.yaml", "folding.py", "normalize.py",
    "features.py", "phrases.py", "clauses.py", "examples.py", "training.py", "model.py",
    "reading.py",
)  # fmt: skip


class BadExample(Exception):
    """An examples file cannot be used; the message names the file and the reason."""


@dataclass(frozen=True)
class Example:
    text: str
    intents: frozenset[str]
    asked: str | None = None


def read_examples(folders: Iterable[Path]) -> list[Example]:
    """Every example below `folders`, each (text, asked) once, in a stable order.

    `<intent>.yaml` lists texts; any other file lists {text, intents, asked?}.
    Raises BadExample.
    """
    found: dict[tuple[str, str | None], Example] = {}
    for path in _files(folders):
        for example in _read_file(path):
            found.setdefault((example.text, example.asked), example)
    return list(found.values())


def hash_of(folders: Iterable[Path]) -> str:
    """What tells one state of the examples and of the features' making from another."""
    digest = hashlib.sha256()
    for path in [*_files(folders), *(HERE / name for name in _CONFIGURATION)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(folders: Iterable[Path]) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.glob("*.yaml"))]


def _read_file(path: Path) -> Iterator[Example]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadExample(f"{path.name}: {error}") from error
    if not isinstance(content, list):
        raise BadExample(f"{path.name}: expected a list")
    for place, item in enumerate(content, start=1):
        try:
            yield _read_item(item, path.stem)
        except (ValueError, TypeError) as error:
            raise BadExample(f"{path.name}, item {place}: {error}") from error


def _read_item(item: Any, stem: str) -> Example:
    if isinstance(item, str):
        item = {"text": item, "intents": [stem]}
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise TypeError("expected a text or {text, intents, asked}")
    intents = frozenset(item.get("intents", ()))
    if not intents or not intents <= set(INTENTS):
        raise ValueError(f"unknown intents {sorted(intents - set(INTENTS))}")
    asked = item.get("asked")
    if asked is not None and asked not in QUESTIONS:
        raise ValueError(f"unknown question {asked!r}")
    return Example(item["text"], intents, asked)
