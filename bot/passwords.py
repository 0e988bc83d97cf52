"""Passwords of the people who sign in to the desk, hashed with Argon2id."""

from __future__ import annotations

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """The hash to keep; it carries its own salt and parameters."""
    return _hasher.hash(password)


def check_password(kept: str | None, password: str) -> bool:
    """Whether `password` is the one that `kept` came from.

    Without a kept hash (no such account) the same work is done for nothing, so that the time
    taken does not tell which accounts exist.
    """
    try:
        return _hasher.verify(kept or _nobodys(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


@lru_cache
def _nobodys() -> str:
    return _hasher.hash("nobody signs in with this")
