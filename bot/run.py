"""`make run`: the whole product on a machine that has nothing but Python, with a demo.

Starts PostgreSQL and Redis of our own (unless DATABASE_URL and REDIS_URL name others), migrates,
starts the Procfile's lines, loads the demo, says where to go, and looks after the two servers.
Ctrl-C, SIGTERM or a closed terminal stop it all, in the reverse order. `python -m bot.run reset`
forgets the data.
"""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import psutil
import requests
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from bot.db import engine, migrate
from bot.embedded import CannotStart, Server, start_postgres, start_redis
from bot.embedded.lock import take
from bot.procfile import ENDED_BY_ITSELF
from bot.settings import ROOT, Settings, settings, sockets_of
from bot.supervise import STOP_SIGNALS, adopt_orphans, dying_with_parent, end

LOGIN = "sarah@elegance-paris.com"  # of the demo's desk
LINES = ("web", "worker", "clock", "sandbox")
LONGEST_START = 60.0  # seconds until everything answers
LINES_GRACE = 10.0  # honcho needs 5 at worst


class Stopped(BaseException):
    """A signal asks for the end."""


def run() -> int:
    """0 when a signal ended it, 1 when something in it did. Raises CannotStart."""
    for signum in STOP_SIGNALS:
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:  # nohup
            signal.signal(signum, _stop)
    adopt_orphans()
    try:
        with ExitStack() as stack:
            _run(stack)
    except Stopped:
        _say("Tout est arrêté. Les données sont gardées : `make run` les retrouvera.")
        return 0
    return 1


def _run(stack: ExitStack) -> None:
    began = time.monotonic()
    chosen = settings()
    data_dir = chosen.data_dir.resolve()
    with _clear_about(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        stack.callback(os.close, take(data_dir / "run.lock"))
        check_ports(chosen)
        servers = _start_servers(stack, chosen, data_dir)
    os.environ.update(environment(chosen, data_dir))
    settings.cache_clear()
    _migrate()
    lines = stack.enter_context(_lines(servers))
    _wait_for(lines, "le bac à sable", lambda: _answers(settings().sandbox_url))
    # Imported now that the settings are known to be good: it makes things by them
    demo = importlib.import_module("bot.demo")
    demo.load_demo()
    engine().dispose()
    _wait_for(lines, "l'ensemble", lambda: _answers(f"{_here()}/healthz", 200))
    _welcome(time.monotonic() - began, demo.PASSWORD)
    while lines.poll() is None:
        for server in servers:
            if server.revive():
                _say(f"{server.name} s'était arrêté ; il est reparti.")
        time.sleep(0.5)
    if lines.returncode != ENDED_BY_ITSELF:  # it has not said why itself
        _say(f"Ce qui lance le Procfile a été interrompu (code {lines.returncode}).")


def check_ports(chosen: Settings) -> None:
    """Raises CannotStart naming the port that is busy, by whom, and the setting to change."""
    if chosen.port == chosen.sandbox_port:
        raise CannotStart(f"PORT et SANDBOX_PORT sont tous deux {chosen.port} : changez l'un.")
    for setting, host, port in (
        ("PORT", chosen.host, chosen.port),
        ("SANDBOX_PORT", "127.0.0.1", chosen.sandbox_port),
    ):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                what = (
                    f"Le port {port} est déjà pris{_taker(port)}"
                    if error.errno == errno.EADDRINUSE
                    else f"Impossible d'écouter sur {host}:{port} ({error.strerror})"
                )
                advice = f"choisissez-en un autre, par exemple `{setting}={port + 1} make run`"
                raise CannotStart(f"{what} : {advice}, ou dans le fichier .env.") from None


def _taker(port: int) -> str:
    """Who listens on the port, where the system tells us."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.pid and connection.laddr and connection.laddr.port == port:
                name = psutil.Process(connection.pid).name()
                return f" par le processus {connection.pid} ({name})"
    return ""


def _start_servers(stack: ExitStack, chosen: Settings, data_dir: Path) -> list[Server]:
    starts: list[Callable[[Path], Server]] = []
    starts += [] if chosen.database_url else [start_postgres]
    starts += [] if chosen.redis_url else [start_redis]
    servers = []
    for start in starts:
        server = start(data_dir)
        stack.callback(server.stop)
        servers.append(server)
    return servers


def environment(chosen: Settings, data_dir: Path) -> dict[str, str]:
    """What the lines see, so that shell, honcho and settings agree whatever .env says."""
    binaries = Path(sys.executable).parent
    return {
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "DATABASE_URL": chosen.database,
        "REDIS_URL": chosen.redis,
        "DATA_DIR": str(data_dir),
        "DEMO": "1",
        "HOST": chosen.host,
        "PORT": str(chosen.port),
        "SANDBOX_PORT": str(chosen.sandbox_port),
        "WORKERS": str(chosen.workers),
        "LOG_FORMAT": chosen.log_format if "log_format" in chosen.model_fields_set else "console",
        "PYTHONUNBUFFERED": "1",
    }


def _migrate() -> None:
    try:
        migrate()
    except OperationalError as error:
        raise CannotStart(f"La base de DATABASE_URL ne répond pas :\n{error.orig}") from None
    finally:
        engine().dispose()


@contextmanager
def _lines(servers: Sequence[Server]) -> Iterator[subprocess.Popen[bytes]]:
    """The Procfile's lines, in a session of their own: Ctrl-C reaches them through us only."""
    lines = subprocess.Popen(  # noqa: S603  # our own module
        [sys.executable, "-m", "bot.procfile", *LINES],
        cwd=ROOT,
        start_new_session=True,
        preexec_fn=dying_with_parent(signal.SIGTERM),  # noqa: PLW1509  # only calls prctl
    )
    try:
        yield lines
    finally:
        end([lines], LINES_GRACE)
        _sweep({server.process.pid for server in servers if server.process})


def _sweep(spared: set[int]) -> None:
    """Kill what the lines may have left behind: as its adoptive parent we find it."""
    for child in psutil.Process().children():
        if child.pid not in spared:
            with suppress(psutil.NoSuchProcess):
                for process in (*child.children(recursive=True), child):
                    process.kill()


def _wait_for(lines: subprocess.Popen[bytes], what: str, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_START
    while not ready():
        if lines.poll() is not None:
            raise CannotStart(f"Arrêt avant que {what} ne réponde : la raison est ci-dessus.")
        if time.monotonic() > deadline:
            raise CannotStart(f"Après {LONGEST_START:.0f} s, {what} ne répond toujours pas.")
        time.sleep(0.1)


def _answers(url: str, status: int | None = None) -> bool:
    """Whether it answers, with this status if one is given."""
    session = requests.Session()
    session.trust_env = False  # no proxy stands between us and ourselves
    try:
        found = session.get(url, timeout=2, allow_redirects=False).status_code
    except requests.RequestException:
        return False
    return status in {None, found}


def _here() -> str:
    return f"http://{settings().host}:{settings().port}"


def _welcome(seconds: float, password: str) -> None:
    _say(
        f"""
  Coccinelle est prête ({seconds:.1f} s).

    Le bureau       {_here()}/
                    {LOGIN}, mot de passe {password}
    Le téléphone    {_here()}/demo/phone
    Le bac à sable  {settings().sandbox_url}/

  Ctrl-C arrête tout ; les données restent dans {settings().data_dir} (`make reset` les oublie).
"""
    )


def reset() -> int:
    """Forget the data folder. Raises CannotStart while something uses it."""
    data_dir = settings().data_dir.resolve()
    if not data_dir.exists():
        _say(f"Rien à oublier dans {data_dir}.")
        return 0
    if ROOT.is_relative_to(data_dir) or not list(data_dir.glob("*.lock")):
        raise CannotStart(f"{data_dir} n'est pas un dossier de données : rien n'est effacé.")
    for lock in data_dir.glob("*.lock"):
        take(lock, patience=5)  # given up when this process ends
    shutil.rmtree(data_dir)
    shutil.rmtree(sockets_of(data_dir), ignore_errors=True)  # it may be elsewhere, or nowhere
    _say(f"{data_dir} est effacé : le prochain `make run` repart de zéro.")
    return 0


@contextmanager
def _clear_about(data_dir: Path) -> Iterator[None]:
    """A folder that cannot be written becomes a message instead of a traceback."""
    try:
        yield
    except PermissionError as error:
        raise CannotStart(
            f"{error.filename} n'est pas accessible : les données de {data_dir} sont à un autre "
            "utilisateur. Reprenez-les, ou choisissez un autre dossier avec DATA_DIR."
        ) from None


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # the stopping has its own time limits
    raise Stopped


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone
        click.echo(text)


def main(arguments: Sequence[str]) -> int:
    try:
        return reset() if arguments == ["reset"] else run()
    except CannotStart as problem:
        _say(f"\n{problem}\n")
    except ValidationError as problem:
        for error in problem.errors():
            _say(f"Réglage {'.'.join(map(str, error['loc'])).upper()} : {error['msg']}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
