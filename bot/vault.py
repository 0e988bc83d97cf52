"""Keeps connection secrets encrypted, and the keys that a machine makes for itself."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.settings import settings
from connectors.errors import BadConfig


def kept_key(name: str, make: bytes) -> str:
    """The key kept in DATA_DIR under `name`, written there the first time."""
    path: Path = settings().data_dir / "keys" / name
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Several processes start at once: the first to link its whole file makes the key.
        with NamedTemporaryFile(dir=path.parent) as fresh, suppress(FileExistsError):
            fresh.write(make)
            fresh.flush()
            os.link(fresh.name, path)
    return path.read_text()


@lru_cache
def _fernet() -> MultiFernet:
    keys = settings().encryption_keys or kept_key("encryption", Fernet.generate_key())
    return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])


def session_key() -> str:
    """What signs sessions."""
    return settings().secret_key or kept_key("session", secrets.token_hex(32).encode())


def encrypt(values: Mapping[str, str]) -> str:
    return _fernet().encrypt(json.dumps(dict(values)).encode()).decode()


def decrypt(token: str) -> dict[str, str]:
    """The values of `encrypt`. Raises BadConfig when none of ENCRYPTION_KEYS opens it."""
    try:
        values: dict[str, str] = json.loads(_fernet().decrypt(token.encode()))
    except InvalidToken:
        raise BadConfig(
            "a connection's secrets were encrypted under another ENCRYPTION_KEYS"
        ) from None
    return values


def mask(secret: str) -> str:
    """A secret as the desk shows it: its last four characters."""
    return "••••" + secret[-4:] if len(secret) > 8 else "••••"
