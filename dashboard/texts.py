"""Every text of the desk, by language, from texts/*.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "texts"
LANGUAGES = ("fr", "en")


class Texts:
    """The texts of one language. `texts("menu.inbox")` raises KeyError for a key that is
    not in the file: a test looks all of them up."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self._texts = _load(self.language)

    def __call__(self, key: str, **facts: Any) -> str:
        """The text, its {names} filled in. Where it has a singular and a plural (`one`,
        `other`), `count` chooses."""
        if "count" in facts:
            singular = abs(facts["count"]) < 2 if self.language == "fr" else facts["count"] == 1
            key = f"{key}.{'one' if singular else 'other'}"
        text = self._texts[key]
        return text.format(**facts) if facts else text

    def word(self, family: str, value: Any) -> str:
        """The text of one of a family's values; the value itself where the family is open
        and has no word for it (a carrier's code, a fact that a new flow brings)."""
        return self._texts.get(f"{family}.{value}", str(value))

    def has(self, key: str) -> bool:
        return key in self._texts

    def names(self) -> set[str]:
        return set(self._texts)


@lru_cache
def _load(language: str) -> dict[str, str]:
    tree = yaml.safe_load((FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    flat = dict(_flatten(tree))
    return {k: _set_french(v) for k, v in flat.items()} if language == "fr" else flat


def _flatten(tree: Mapping[Any, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        found += _flatten(value, f"{name}.") if isinstance(value, Mapping) else [(name, value)]
    return found


def _set_french(text: str) -> str:
    """French spaces: narrow before ! ? ;, non-breaking before : and inside « »."""
    text = re.sub(r" ([!?;])", "\u202f\\1", text)
    text = re.sub(r" (:(?:\s|$)|»)", "\u00a0\\1", text)
    return text.replace("« ", "«\u00a0")
