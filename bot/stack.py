"""The whole product on free ports, in a data folder of its own: for rehearsals, tests, benches.

    with open_stack(folder) as stack:
        with adopted(stack.env):
            …  # bot.* in this process now speaks to that stack

Stands beside any running `make run`. Processes are started all at once and end with this one.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

import requests
from cryptography.fernet import Fernet
from redis import Redis
from rq import Worker
from sqlalchemy import make_url

from bot import limits, queue, tenants, vault
from bot.db import engine, migrate
from bot.embedded import CannotStart, create_database, start_postgres, start_redis
from bot.embedded.server import Server, tail
from bot.settings import ROOT, Settings, embedded_database, embedded_redis, settings
from bot.supervise import dying_with_parent, end

PARTS = ("sandbox", "web", "worker", "clock")
LONGEST_START = 60.0  # seconds until everything answers, on a busy machine
GRACE = 3.0  # seconds to end in
SETTLING = 0.05  # seconds: nobody types here


@dataclass(frozen=True)
class Stack:
    """A running product. `env` is what its processes were started with, `processes` the
    running ones by part; `logs/<part>.log` in `folder` is what they say. `servers`: "redis" and
    "postgres", which it may share with others."""

    folder: Path
    env: Mapping[str, str]
    workers: int
    servers: Mapping[str, Server]
    processes: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.env["PUBLIC_URL"]

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.env['SANDBOX_PORT']}"

    def pids(self, part: str) -> list[int]:
        return [process.pid for process in self.processes[part]]

    def log(self, part: str) -> Path:
        return self.folder / "logs" / f"{part}.log"

    def launch(self, part: str) -> None:
        """Start what is missing of a part; does not wait until it is ready."""
        running = [p for p in self.processes.get(part, []) if p.poll() is None]
        missing = (self.workers if part == "worker" else 1) - len(running)
        self.log(part).parent.mkdir(parents=True, exist_ok=True)
        with self.log(part).open("ab") as output:
            running += [self._start(_command(part, self.env), output) for _ in range(missing)]
        self.processes[part] = running

    def _start(self, command: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  # our own programs
            command,
            cwd=ROOT,
            env=_surroundings() | dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dying_with_parent(),  # noqa: PLW1509  # only calls prctl
        )

    def stop(self, *parts: str) -> None:
        stopped = {part: self.processes.pop(part, []) for part in parts}
        for part in {"web", "sandbox"} & stopped.keys():
            for process in stopped[part]:
                process.send_signal(signal.SIGQUIT)  # gunicorn: without waiting for clients
        end([process for each in stopped.values() for process in each], GRACE)

    def kill(self, part: str) -> None:
        """End it as a crash would."""
        for process in self.processes[part]:
            process.kill()
            process.wait()

    def restart(self, part: str) -> None:
        """Raises CannotStart."""
        self.stop(part)
        self.launch(part)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Raises CannotStart with the end of the log of what did not start."""
        deadline = time.monotonic() + LONGEST_START
        for part, is_ready in self._checks().items():
            while not is_ready():
                ended = [p for p in self.processes.get(part, []) if p.poll() is not None]
                if ended or time.monotonic() > deadline:
                    said = tail(self.log(part), lines=30)
                    raise CannotStart(f"{part} does not start ({self.log(part)}):\n{said}")
                time.sleep(0.02)

    def _checks(self) -> dict[str, partial[bool]]:
        return {
            "sandbox": partial(_answers, self.sandbox_url),
            "worker": partial(_work, self.env["REDIS_URL"], self.pids("worker")),
            "clock": partial(_answers, f"{self.url}/healthz", "clock"),
            "web": partial(_answers, f"{self.url}/healthz", ""),
        }


@contextmanager
def open_stack(
    folder: Path,
    *,
    workers: int = 2,
    demo: bool = True,
    fsync: bool = False,
    **more: object,
) -> Iterator[Stack]:
    """One stack; as `open_stacks`."""
    with open_stacks(folder, 1, workers=workers, demo=demo, fsync=fsync, **more) as stacks:
        yield stacks[0]


@contextmanager
def open_stacks(
    folder: Path,
    count: int,
    *,
    workers: int = 2,
    demo: bool = True,
    fsync: bool = False,
    **more: object,
) -> Iterator[list[Stack]]:
    """`count` stacks of so many worker processes on one PostgreSQL and one Redis, a database of
    each to each. `demo`: the clock can be moved; `more`: settings by their names
    (`settling_seconds=1.0`). Call it from the main thread. Raises CannotStart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, object] = {"settling_seconds": SETTLING, "demo": int(demo), **more}
    servers: dict[str, Server] = {}
    stacks = [_plan(folder, number, workers, chosen, servers) for number in range(count)]
    try:
        servers["redis"] = start_redis(folder)
        for stack in stacks:  # they load while the database is made
            for part in ("worker", "web", "sandbox"):
                stack.launch(part)
        servers["postgres"] = start_postgres(folder, fsync=fsync)
        _make_databases(stacks)
        for stack in stacks:
            stack.launch("clock")
        for stack in stacks:
            stack.wait_until_ready()
        yield stacks
    finally:
        for stack in stacks:
            stack.stop(*PARTS)
        for server in servers.values():
            server.stop()


@contextmanager
def adopted(env: Mapping[str, str]) -> Iterator[None]:
    """This process lives in that stack: bot.settings and all that hangs on it are read anew."""
    before = {name: os.environ.get(name) for name in env}
    os.environ.update(env)
    _forget()
    try:
        yield
    finally:
        _forget()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def adopt(env: Mapping[str, str]) -> None:
    """As `adopted`, for good."""
    os.environ.update(env)
    _forget()


def _forget() -> None:
    """What this process opened or read by its settings."""
    if engine.cache_info().currsize:
        engine().dispose()
    for made in (settings, engine, queue.redis, queue.queue, vault._fernet, limits._limiter):
        made.cache_clear()
    for opened in (
        tenants.channel_at_door,
        tenants.open_channel,
        tenants.open_reader,
        tenants.find_system,
    ):
        opened.cache_clear()
    tenants._adapters.clear()  # another stack's connections may have the same ids


def _plan(
    folder: Path,
    number: int,
    workers: int,
    chosen: Mapping[str, object],
    servers: Mapping[str, Server],
) -> Stack:
    own = folder / f"stack-{number}"
    port, sandbox_port = _free_ports(2)
    database = make_url(embedded_database(folder)).set(database=f"stack_{number}")
    env = {
        "DATABASE_URL": database.render_as_string(hide_password=False),
        "REDIS_URL": f"{embedded_redis(folder)}?db={number}",
        "DATA_DIR": str(own),
        "SECRET_KEY": secrets.token_hex(16),
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SANDBOX_PORT": str(sandbox_port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PROXIES": "0",
        "WORKERS": str(workers),
        "WEB_WORKERS": "1",
        "WEB_THREADS": "8",
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
        **{name.upper(): str(value) for name, value in chosen.items()},
    }
    return Stack(own, env, workers, servers)


def _command(part: str, env: Mapping[str, str]) -> list[str]:
    """The Procfile's lines, without their supervisors: tests kill what they start."""
    python = [sys.executable, "-m"]
    return {
        "web": [*python, "gunicorn"],
        "worker": [*python, "bot.worker", *queue.QUEUES],
        "clock": [*python, "scheduler"],
        "sandbox": [
            *(*python, "gunicorn", "--bind", f"127.0.0.1:{env['SANDBOX_PORT']}"),
            *("--workers", "1", "--threads", "16", "connectors.sandbox.app:create_app()"),
        ],
    }[part]


def _make_databases(stacks: Sequence[Stack]) -> None:
    """Migrate once; every stack gets a copy."""
    server = stacks[0].env["DATABASE_URL"]
    template = create_database(server, "template_of_stacks")
    with adopted({"DATABASE_URL": template}):
        migrate()
    for stack in stacks:
        name = make_url(stack.env["DATABASE_URL"]).database
        create_database(server, str(name), template="template_of_stacks")


def _surroundings() -> dict[str, str]:
    """The environment without any setting of ours."""
    ours = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in ours}


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on. Not of those that the system gives to outgoing connections
    (32768 and up), one of which might be given away before we listen."""
    probes: list[socket.socket] = []
    while len(probes) < count:  # all are held meanwhile, so that they differ
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", 20_000 + secrets.randbelow(12_000)))
        except OSError:
            probe.close()
        else:
            probes.append(probe)
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _answers(url: str, part: str | None = None) -> bool:
    """Whether it answers; of a health page, whether that part is well ("": all are)."""
    with requests.Session() as http:
        http.trust_env = False  # no proxy stands between us and ourselves
        try:
            answer = http.get(url, timeout=5)
        except requests.RequestException:
            return False
    return answer.json().get(part) == "ok" if part else part is None or answer.status_code == 200


def _work(redis_url: str, pids: Sequence[int]) -> bool:
    """Whether all these workers listen to the queues."""
    with Redis.from_url(redis_url, socket_timeout=5) as redis:
        return set(pids) <= {worker.pid for worker in Worker.all(connection=redis)}
