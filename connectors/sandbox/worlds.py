"""The worlds that the sandbox keeps apart, and their files.

All of a world is in `World.state`, plain JSON data that is read and changed under
`World.lock`; nothing waits while it holds the lock.
"""

from __future__ import annotations

import atexit
import json
import logging
import re
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.sandbox.documents import State, build_state

log = logging.getLogger(__name__)

SYSTEMS = ("twilio", "shopify", "hubspot", "resend", "openai", "colissimo")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

# The logs of a world keep this many entries.
LOG_LENGTH = 5000

# A world is written at most this often, and rarer when writing it takes long (seconds).
SAVE_EVERY = 0.5
SAVE_SHARE = 20


class World:
    def __init__(self, name: str, state: State) -> None:
        self.name = name
        self.state = state
        self.lock = threading.RLock()
        self.running_keys: set[str] = set()
        self.bucket: tuple[float, float] | None = None
        self.sendings: dict[str, deque[float]] = {}
        self.version = 0

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        settings: dict[str, dict[str, Any]] = self.state["settings"]
        return settings

    def now(self) -> datetime:
        """The world's time: ours, moved by its clock. Vendors' own dates stay ours."""
        return datetime.now(UTC) + timedelta(seconds=self.state["clock_offset"])

    def touch(self) -> None:
        """Say that the state changed. Called under the lock."""
        self.version += 1

    def count(self, system: str, operation: str) -> None:
        with self.lock:
            requests, operations = self.state["requests"], self.state["operations"]
            requests[system] = requests.get(system, 0) + 1
            name = f"{system}.{operation}"
            operations[name] = operations.get(name, 0) + 1
            self.log("calls", {"system": system, "operation": operation})

    def log(self, kind: str, entry: State) -> None:
        """Append to "calls", "inventory_changes" or "webhooks". Called under the lock."""
        entries: list[State] = self.state[kind]
        entries.append(entry)
        if len(entries) > LOG_LENGTH:
            del entries[: len(entries) - LOG_LENGTH]
        self.touch()


class Worlds:
    """The worlds of one process, kept in `folder` when there is one."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._worlds: dict[str, World] = {}
        self._saved: dict[str, int] = {}
        self._saving = threading.Lock()
        self._saver: threading.Thread | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.json")):
                # A file of an older version lacks what came since.
                state = {**build_state({}), **json.loads(path.read_text("utf-8"))}
                self._worlds[path.stem] = World(path.stem, state)
            atexit.register(self.save)

    def get(self, name: str) -> World | None:
        self._start_saver()
        return self._worlds.get(name)

    def all(self) -> list[World]:
        with self._lock:
            return sorted(self._worlds.values(), key=lambda w: w.name)

    def replace(self, name: str, document: dict[str, Any]) -> World:
        """Raises BadDocument."""
        world = World(name, build_state(document))
        world.touch()
        with self._lock:
            self._worlds[name] = world
            self._saved.pop(name, None)
        self._start_saver()
        return world

    def remove(self, name: str) -> bool:
        with self._lock:
            found = self._worlds.pop(name, None) is not None
            self._saved.pop(name, None)
        if self._folder is not None:
            with self._saving:
                (self._folder / f"{name}.json").unlink(missing_ok=True)
        return found

    def save(self) -> None:
        """Write every world that changed since it was written."""
        for world in self.all():
            self._save_world(world)

    def _save_world(self, world: World) -> None:
        assert self._folder is not None
        with self._saving:
            with world.lock:
                version = world.version
                replaced = self._worlds.get(world.name) is not world
                if replaced or self._saved.get(world.name) == version:
                    return
                text = json.dumps(world.state, ensure_ascii=False)
            path = self._folder / f"{world.name}.json"
            draft = path.with_suffix(".tmp")
            draft.write_text(text, "utf-8")
            draft.replace(path)
            self._saved[world.name] = version

    def _start_saver(self) -> None:
        """Started by the first request, not with the app: gunicorn may fork in between."""
        if self._folder is None or (self._saver and self._saver.is_alive()):
            return
        with self._lock:
            if self._saver and self._saver.is_alive():
                return
            self._saver = threading.Thread(target=self._save_always, daemon=True)
            self._saver.start()

    def _save_always(self) -> None:
        pause = SAVE_EVERY
        while True:
            time.sleep(pause)
            started = time.monotonic()
            try:
                self.save()
            except OSError:
                log.exception("the sandbox could not write its worlds")
            pause = max(SAVE_EVERY, SAVE_SHARE * (time.monotonic() - started))
