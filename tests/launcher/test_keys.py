"""The keys that a machine makes for itself, when all its processes start at once."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from bot import vault
from bot.settings import settings

TOGETHER = 8


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_processes_that_start_together_agree_on_a_whole_key(data_dir: Path) -> None:
    barrier = Barrier(TOGETHER)

    def make(name: str) -> str:
        barrier.wait(5)
        return vault.kept_key(name, secrets.token_hex(32).encode())

    with ThreadPoolExecutor(TOGETHER) as pool:
        for turn in range(20):
            assert len(set(pool.map(make, [f"key{turn}"] * TOGETHER))) == 1
    keys = [key for key in (data_dir / "keys").iterdir() if key.name.startswith("key")]
    assert len(keys) == 20
    assert all(len(key.read_text()) == 64 for key in keys)
    assert {key.stat().st_mode & 0o077 for key in keys} == {0}
