"""How a vendor declares the settings and secrets of its connections.

A vendor's `Config` is a frozen dataclass whose fields are made with `setting`; forms,
masking and checks all follow from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from connectors.errors import BadConfig

C = TypeVar("C")


def setting(help: str, *, secret: bool = False, default: str | None = None) -> Any:
    """One field of a Config. A field without default is required. All values are text."""
    metadata = {"help": help, "secret": secret}
    if default is None:
        return dataclasses.field(metadata=metadata, repr=not secret)
    return dataclasses.field(default=default, metadata=metadata, repr=not secret)


def secret_names(config: type[Any]) -> frozenset[str]:
    """The fields of a Config that are kept encrypted and shown masked."""
    return frozenset(f.name for f in dataclasses.fields(config) if f.metadata.get("secret"))


def build_config(config: type[C], values: Mapping[str, str]) -> C:
    """A Config from stored values. Raises BadConfig naming what is missing or unknown."""
    fields = {f.name: f for f in dataclasses.fields(config)}  # type: ignore[arg-type]  # C is a dataclass
    if unknown := sorted(set(values) - set(fields)):
        raise BadConfig(f"{config.__module__}: unknown setting {', '.join(unknown)}")
    missing = [
        name
        for name, f in fields.items()
        if f.default is dataclasses.MISSING and not values.get(name)
    ]
    if missing:
        raise BadConfig(f"{config.__module__}: missing setting {', '.join(missing)}")
    return config(**values)
