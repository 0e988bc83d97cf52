"""A server that belongs to a data folder: started, watched and stopped by one process at a time."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IMODE

from bot.embedded.lock import CannotStart, take
from bot.settings import sockets_of

LONGEST_START = 30.0  # seconds; a crash may have left much to recover


@dataclass
class Server:
    """A running server. `url` is how to reach it, `launch` starts its process and `answers`
    tells whether it is ready. Start it from a thread that lives as long as the process: it ends
    with it."""

    name: str
    url: str
    log: Path
    lock: int
    launch: Callable[[int], subprocess.Popen[bytes]]
    answers: Callable[[], bool]
    stop_signals: Sequence[signal.Signals]
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, insist: float = 0.0) -> None:
        """Start it and wait until it answers; if it ends instead, try again for `insist` seconds.
        Raises CannotStart with the end of its log."""
        try:
            self._start(time.monotonic() + insist)
        except BaseException:  # a signal too: nothing must be left running
            self.stop()
            raise

    def _start(self, until: float) -> None:
        latest = time.monotonic() + LONGEST_START
        while True:
            self.process = self.launch(self.lock)
            while self.process.poll() is None and time.monotonic() < latest:
                if self.answers():
                    return
                time.sleep(0.02)
            if time.monotonic() >= until:
                raise CannotStart(f"{self.name} ne démarre pas ({self.log}) :\n{tail(self.log)}")
            time.sleep(0.2)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def revive(self) -> bool:
        """Start it again if it has ended. True if it had. Raises CannotStart."""
        if self.alive:
            return False
        self.start(insist=10)
        return True

    def kill(self) -> None:
        """End it as a crash would; `revive` starts it again."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End it, by gentler signals first, and give up its data folder."""
        for signum in (*self.stop_signals, signal.SIGKILL):
            if self.process is None or self.process.poll() is not None:
                break
            self.process.send_signal(signum)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        with suppress(OSError):  # stopped already
            os.close(self.lock)


@contextmanager
def locked(data_dir: Path, name: str) -> Iterator[int]:
    """Hold the lock of a server of `data_dir` through its start, and give it up on an error;
    otherwise it stays held until `Server.stop`. Raises CannotStart, saying who holds it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = take(data_dir / f"{name}.lock")
    try:
        yield lock
    except BaseException:
        with suppress(OSError):  # Server.stop closed it
            os.close(lock)
        raise


def owner() -> tuple[int, int]:
    """User and group of what PostgreSQL, which refuses to run as root, must own: ours, or those
    of `nobody` under root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def make_socket_dir(data_dir: Path) -> Path:
    """The folder of the sockets, open to its owner only: who enters it enters the servers.
    Raises CannotStart where it belongs to somebody else (it may lie in the temporary folder)."""
    folder = sockets_of(data_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid not in {os.geteuid(), owner()[0]} or S_IMODE(found.st_mode) & 0o077:
        raise CannotStart(f"Le dossier {folder} doit être à nous seuls (700) : effacez-le.")
    if os.geteuid() == 0:
        os.chown(folder, *owner())
    return folder


def tail(log: Path, lines: int = 12) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
