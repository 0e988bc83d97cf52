"""From files to rehearsals, with the lines on which things stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from bot.rehearsal.script import ONLY_BY, CustomerStep, Rehearsal, Setting, SystemStep
from connectors.sandbox.worlds import SYSTEMS


class Unreadable(ValueError):
    """`file:line: reason`"""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")


@dataclass(frozen=True)
class Written:
    """A rehearsal where it stands. `lines` are those of its steps; `unsupported` says what in
    it cannot be played yet, one a line."""

    path: Path
    line: int
    rehearsal: Rehearsal
    lines: tuple[int, ...]
    unsupported: tuple[str, ...]


def read_paths(paths: Sequence[Path]) -> list[Written]:
    """Every rehearsal of these files and of the `.yaml` files below these folders, in order.

    Raises Unreadable.
    """
    return [each for path in paths for file in _files(path) for each in read_file(file)]


def read_file(path: Path) -> list[Written]:
    """Raises Unreadable."""
    try:
        nodes = list(yaml.compose_all(path.read_text(encoding="utf-8"), yaml.SafeLoader))
    except OSError as error:
        raise Unreadable(path, 1, error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise Unreadable(path, error.object.count(b"\n", 0, error.start) + 1, "no UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(path, mark.line + 1 if mark else 1, str(error.problem)) from None
    except yaml.YAMLError as error:
        raise Unreadable(path, 1, str(error)) from None
    return [_read(path, node) for node in nodes if node is not None and not _is_empty(node)]


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.yaml")) if path.is_dir() else [path]


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _read(path: Path, node: yaml.Node) -> Written:
    for name, line in _repeated(node):
        raise Unreadable(path, line, f"{name} stands there twice")
    try:
        written = yaml.SafeLoader("").construct_document(node)
    except (ValueError, yaml.MarkedYAMLError) as wrong:
        raise Unreadable(path, _line(node), str(wrong)) from None
    if not isinstance(written, dict):
        raise Unreadable(path, _line(node), "expected name, tenant, clock and steps")
    try:
        rehearsal = Rehearsal.model_validate(written)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        place, line = _find(node, first["loc"])
        raise Unreadable(
            path, line, f"{place}: {first['msg'].removeprefix('Value error, ')}"
        ) from None
    steps = [_find(node, ("steps", n))[1] for n in range(len(rehearsal.steps))]
    unsupported = [
        f"{name} (line {_find(node, place)[1]}) is not supported yet"
        for place, name in _unsupported(rehearsal)
    ]
    return Written(path, _line(node), rehearsal, tuple(steps), tuple(unsupported))


# --- what cannot be played ---------------------------------------------------------------

Place = tuple[str | int, ...]


def _unsupported(rehearsal: Rehearsal) -> Iterator[tuple[Place, str]]:
    yield from _unknown_keys((), rehearsal)
    yield from _absent_systems(("world", "down"), rehearsal.world)
    for n, step in enumerate(rehearsal.steps):
        place = ("steps", n)
        if isinstance(step, SystemStep):
            yield from _absent_systems((*place, "which"), step)
        if isinstance(step, CustomerStep):
            yield from _absent_ways(place, step)


def _unknown_keys(place: Place, part: object) -> Iterator[tuple[Place, str]]:
    """Keys that no class of `script` names, however deep."""
    if isinstance(part, BaseModel):
        for key in part.model_extra or {}:
            yield (*place, key), key
        for name, field in type(part).model_fields.items():
            yield from _unknown_keys((*place, field.alias or name), getattr(part, name))
    elif isinstance(part, tuple):
        for n, item in enumerate(part):
            yield from _unknown_keys((*place, n), item)
    elif isinstance(part, Mapping):
        for key, item in part.items():
            yield from _unknown_keys((*place, key), item)


def _absent_ways(place: Place, step: CustomerStep) -> Iterator[tuple[Place, str]]:
    """Channels that cannot be played, and keys that a step's channel does not have."""
    if step.via == "web":
        yield (*place, "via"), "via: web"
    for key, channels in ONLY_BY.items():
        if key in step.model_fields_set and step.via not in channels:
            yield (*place, key), f"{key} by {step.via}"
    for n, companion in enumerate(step.companions):
        yield from _absent_ways((*place, "with", n), companion)


def _absent_systems(place: Place, part: Setting | SystemStep) -> Iterator[tuple[Place, str]]:
    named = part.down if isinstance(part, Setting) else part.which
    for system in named:
        if system not in SYSTEMS:
            yield place, f"{place[-1]}: {system}"


# --- lines -------------------------------------------------------------------------------


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _find(node: yaml.Node, place: Sequence[str | int]) -> tuple[str, int]:
    """The key path and line of a place; what is not in the text (a missing key, the name of a
    union's member) is told by its parent's line."""
    path, line = "", _line(node)
    for name in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
            node = node.value[name]
            path, line = f"{path}[{name + 1}]", _line(node)
        elif isinstance(node, yaml.MappingNode):
            entry = next(((k, v) for k, v in node.value if k.value == str(name)), None)
            if entry is not None:
                node, line = entry[1], _line(entry[0])
                path = f"{path}.{name}".lstrip(".")
            elif name == place[-1]:
                path = f"{path}.{name}".lstrip(".")
    return path or "rehearsal", line


def _repeated(node: yaml.Node) -> Iterator[tuple[str, int]]:
    """Keys that a mapping has twice, which YAML forbids and PyYAML lets pass."""
    if isinstance(node, yaml.MappingNode):
        seen: set[Any] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key.value, _line(key)
                seen.add(key.value)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value)
