"""`make run`: what it refuses and says, and a whole start of the product."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import requests

from bot.embedded import CannotStart
from bot.embedded.lock import take
from bot.run import check_ports
from bot.settings import ROOT, Settings

STARTING = 60.0  # seconds; 15 is the promise on a quiet machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def surroundings(data_dir: Path, **more: str) -> dict[str, str]:
    """The environment of a machine that has nothing of ours but Python."""
    ours = {name.upper() for name in Settings.model_fields}
    bare = {name: value for name, value in os.environ.items() if name not in ours}
    return bare | {"DATA_DIR": str(data_dir), "DATABASE_URL": "", "REDIS_URL": ""} | more


def run(data_dir: Path, *arguments: str, **more: str) -> tuple[int, str]:
    """Exit code and what it says of a run that ends by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "bot.run", *arguments],
        cwd=ROOT,
        env=surroundings(data_dir, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


@contextmanager
def busy() -> Iterator[int]:
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", 0))
        taker.listen()
        yield taker.getsockname()[1]


@pytest.mark.parametrize("setting", ["PORT", "SANDBOX_PORT"])
def test_a_busy_port_is_named_with_its_taker_and_its_setting(setting: str) -> None:
    with busy() as port:
        chosen = Settings(
            **{"port": free_port(), "sandbox_port": free_port(), setting.lower(): port}
        )
        with pytest.raises(CannotStart) as refusal:
            check_ports(chosen)
    assert f"Le port {port} est déjà pris par le processus {os.getpid()}" in str(refusal.value)
    assert f"`{setting}={port + 1} make run`" in str(refusal.value)


def test_one_port_for_two_servers_is_refused() -> None:
    with pytest.raises(CannotStart, match="PORT et SANDBOX_PORT sont tous deux 8000"):
        check_ports(Settings(port=8000, sandbox_port=8000))


def test_a_busy_port_stops_the_start_before_anything_is_made(tmp_path: Path) -> None:
    with busy() as port:
        code, said = run(tmp_path, PORT=str(port))
    assert code == 1
    assert f"Le port {port} est déjà pris" in said
    assert [made.name for made in tmp_path.iterdir()] == ["run.lock"]


def test_a_second_run_on_the_same_folder_says_who_holds_it(tmp_path: Path) -> None:
    lock = take(tmp_path / "run.lock")
    code, said = run(tmp_path)
    os.close(lock)
    assert code == 1
    assert f"déjà utilisé par le processus {os.getpid()} depuis le" in said


def test_a_half_written_data_folder_is_refused_and_reset_named(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "base").mkdir(parents=True)
    code, said = run(tmp_path, PORT=str(free_port()), SANDBOX_PORT=str(free_port()))
    assert code == 1
    assert "incomplet : `make reset`" in said


def test_a_bad_setting_is_named(tmp_path: Path) -> None:
    code, said = run(tmp_path, PORT="huit mille")
    assert code == 1
    assert said.startswith("Réglage PORT :")


def test_with_urls_given_nothing_embedded_starts(tmp_path: Path) -> None:
    code, said = run(
        tmp_path,
        PORT=str(free_port()),
        SANDBOX_PORT=str(free_port()),
        DATABASE_URL="postgresql://somebody@127.0.0.1:1/nowhere",
        REDIS_URL="redis://127.0.0.1:1/0",
    )
    assert code == 1
    assert "La base de DATABASE_URL ne répond pas" in said
    assert [made.name for made in tmp_path.iterdir()] == ["run.lock"]


def test_reset_forgets_the_data_and_only_data(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("précieux")
    code, said = run(tmp_path, "reset")
    assert code == 1
    assert "n'est pas un dossier de données" in said
    assert (tmp_path / "notes.txt").exists()
    data = tmp_path / "data"
    data.mkdir()
    lock = take(data / "run.lock")
    assert run(data, "reset")[0] == 1
    os.close(lock)
    assert run(data, "reset")[0] == 0
    assert not data.exists()


def test_a_line_that_ends_by_itself_ends_all_and_is_named(tmp_path: Path) -> None:
    procfile = tmp_path / "Procfile"
    procfile.write_text("# a comment\nsteady: exec sleep 60\nweak: sleep 0.2; exit 7\n")
    code = (
        "import sys; from pathlib import Path; from bot.procfile import run\n"
        "sys.exit(run(['steady', 'weak'], Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, procfile],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "La ligne « weak » du Procfile s'est arrêtée toute seule (code 7)." in done.stdout


def test_the_product_starts_stops_and_finds_its_data_again(tmp_path: Path) -> None:
    port, sandbox = free_port(), free_port()
    env = surroundings(tmp_path, PORT=str(port), SANDBOX_PORT=str(sandbox), WORKERS="1")
    for _ in range(2):
        product = subprocess.Popen(
            [sys.executable, "-m", "bot.run"],
            cwd=ROOT,
            env=env,
            stdout=(tmp_path / "said").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + STARTING
            while "Coccinelle est prête" not in (said := (tmp_path / "said").read_text()):
                assert product.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.1)
            everything = psutil.Process(product.pid).children(recursive=True)
            assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
            assert f"http://127.0.0.1:{port}/demo/phone" in said
            product.send_signal(signal.SIGINT)
            assert product.wait(30) == 0
            assert not [process for process in everything if lives(process)]
        finally:
            product.kill()
            product.wait(5)
