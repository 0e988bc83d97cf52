"""PostgreSQL and Redis of our own, really started, on folders of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from redis import Redis
from sqlalchemy import Connection, NullPool, create_engine, text

from bot.embedded import (
    CannotStart,
    Server,
    create_database,
    drop_database,
    embedded_servers,
    start_postgres,
    start_redis,
)
from bot.settings import ROOT, sockets_of


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        yield connection


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def remember(url: str, word: str) -> None:
    with connect(url) as db:
        db.execute(text("CREATE TABLE IF NOT EXISTS words (word text)"))
        db.execute(text("INSERT INTO words VALUES (:word)"), {"word": word})


def recall(url: str) -> list[str]:
    with connect(url) as db:
        return list(db.scalars(text("SELECT word FROM words ORDER BY word")))


def test_data_is_found_again_after_a_stop(tmp_path: Path) -> None:
    with embedded_servers(tmp_path) as servers:
        remember(servers.database_url, "manteau")
        Redis.from_url(servers.redis_url).set("taille", "38")
    with embedded_servers(tmp_path) as servers:
        assert recall(servers.database_url) == ["manteau"]
        assert Redis.from_url(servers.redis_url).get("taille") == b"38"


def test_nothing_is_left_running_after_a_stop(tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))  # other tests' own
    with embedded_servers(tmp_path, fsync=False):
        running = set(psutil.Process().children(recursive=True)) - before
        assert running
    assert not any(map(lives, running))


def test_servers_of_two_folders_run_side_by_side(tmp_path: Path) -> None:
    first, second = start_redis(tmp_path / "a"), start_redis(tmp_path / "b")
    try:
        Redis.from_url(first.url).set("mot", "un")
        assert Redis.from_url(second.url).get("mot") is None
    finally:
        first.stop()
        second.stop()


@pytest.mark.parametrize("start", [start_postgres, start_redis])
def test_a_second_start_on_a_folder_says_who_holds_it(
    start: Callable[[Path], Server], tmp_path: Path
) -> None:
    server = start(tmp_path)
    try:
        with pytest.raises(CannotStart, match=f"{tmp_path}.* processus {os.getpid()} ") as refusal:
            start(tmp_path)
        assert "DATA_DIR" in str(refusal.value)
        assert server.alive
    finally:
        server.stop()


def test_a_half_written_cluster_is_refused_and_reset_named(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "global").mkdir(parents=True)
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    with pytest.raises(CannotStart, match="incomplet : `make reset`"):
        start_postgres(tmp_path)


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "global").mkdir(parents=True)
    (tmp_path / "postgres" / "global" / "pg_control").touch()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(CannotStart, match="PostgreSQL 16, et non 18"):
        start_postgres(tmp_path)


def test_an_interrupted_initdb_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = start_postgres(tmp_path, fsync=False)
    server.stop()
    assert not (tmp_path / "postgres.new").exists()


def test_a_refused_start_gives_its_reason_and_the_folder_back(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_bytes(b"not an append-only file\n")
    for _ in range(2):  # the second is not told that the folder is taken
        with pytest.raises(CannotStart, match=r"Redis ne démarre pas[\s\S]*[Bb]ad file format"):
            start_redis(tmp_path)


def test_a_killed_postgres_comes_back_with_what_was_committed(tmp_path: Path) -> None:
    server = start_postgres(tmp_path)
    try:
        remember(server.url, "écharpe")
        assert server.process
        server.process.kill()
        server.process.wait(5)
        assert server.revive()
        assert recall(server.url) == ["écharpe"]
        assert not server.revive()
    finally:
        server.stop()


def test_servers_end_with_a_killed_launcher_and_start_again(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from bot.embedded import embedded_servers
with embedded_servers(Path(sys.argv[1])):
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    time.sleep(60)
"""
    launcher = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert launcher.stdout
    assert launcher.stdout.readline() == b"ready\n"
    servers = psutil.Process(launcher.pid).children()
    assert len(servers) == 2
    launcher.kill()
    launcher.wait(5)
    with embedded_servers(tmp_path) as again:  # waits for the others' end
        remember(again.database_url, "gants")
        assert Redis.from_url(again.redis_url).ping()
        assert not any(map(lives, servers))


def test_a_pid_that_another_program_has_by_now_is_no_obstacle(tmp_path: Path) -> None:
    start_postgres(tmp_path).stop()
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n0\n5432\n")
    server = start_postgres(tmp_path)
    server.stop()


@pytest.mark.parametrize("name", ["long-" + "x" * 150, "été + 100 % #1 & co"])
def test_long_and_odd_folder_names_work(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    with embedded_servers(folder, fsync=False) as servers:
        remember(servers.database_url, "robe")
        assert recall(servers.database_url) == ["robe"]
        assert Redis.from_url(servers.redis_url).ping()
    assert len(str(sockets_of(folder))) < 100


def test_a_database_is_copied_from_a_template_and_dropped(tmp_path: Path) -> None:
    server = start_postgres(tmp_path, fsync=False)
    try:
        remember(create_database(server.url, "modele"), "jupe")
        copy = create_database(server.url, "copie-1", template="modele")
        assert recall(copy) == ["jupe"]
        with connect(copy):  # even under somebody's feet
            drop_database(server.url, "copie-1")
            drop_database(server.url, "copie-1")
        with connect(server.url) as db:
            left = set(db.scalars(text("SELECT datname FROM pg_database")))
        assert left == {"postgres", "template0", "template1", "coccinelle", "modele"}
    finally:
        server.stop()


def test_postgres_listens_on_no_network_port(tmp_path: Path) -> None:
    server = start_postgres(tmp_path, fsync=False)
    try:
        assert server.process
        sockets = psutil.Process(server.process.pid).net_connections("inet")
        assert sockets == []
        assert (sockets_of(tmp_path).stat().st_mode & 0o077) == 0
    finally:
        server.stop()


def test_redis_keeps_every_write_and_refuses_to_forget(tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    try:
        client = Redis.from_url(server.url)
        for name, value in {"appendonly": "yes", "maxmemory-policy": "noeviction"}.items():
            assert client.config_get(name) == {name: value}
        client.set("mot", "gardé")
        assert server.process
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(5)
        assert server.revive()
        assert client.get("mot") == "gardé".encode()
    finally:
        server.stop()
