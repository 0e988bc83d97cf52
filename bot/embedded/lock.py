"""One process at a time per data folder."""

from __future__ import annotations

import fcntl
import os
import time
from datetime import datetime
from pathlib import Path

import psutil


class CannotStart(RuntimeError):
    """Why something embedded does not start, and what to do: a message to show as it is."""


def take(path: Path, patience: float = 15.0) -> int:
    """Take the lock `path` and return its file descriptor; closing it gives the lock up. A child
    that inherits it keeps the lock as long as it lives, so a server that outlives its launcher
    for a moment is waited for, `patience` seconds. Raises CannotStart, saying who holds it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 400, 0).decode(errors="replace")
            if _lives(holder) or time.monotonic() >= deadline:
                os.close(lock)
                raise CannotStart(
                    f"Le dossier {path.parent} est déjà utilisé par le processus {holder}. "
                    "Arrêtez-le, ou choisissez un autre dossier avec DATA_DIR."
                ) from None
            time.sleep(0.1)
        else:
            break
    os.ftruncate(lock, 0)
    since = datetime.now().astimezone().strftime("%d/%m/%Y %H:%M:%S")
    os.pwrite(lock, f"{os.getpid()} depuis le {since}".encode(), 0)
    return lock


def _lives(holder: str) -> bool:
    pid = holder.partition(" ")[0]
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.NoSuchProcess):
        return False
