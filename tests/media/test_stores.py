"""One contract, two stores: a folder, and a bucket behind a real S3 API over HTTP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from moto.server import ThreadedMotoServer

from connectors.errors import BadConfig, Refused, Unavailable
from connectors.ports import MediaStore
from connectors.stores import open_store

KEY = "12/0123456789abcdef0123456789abcdef"
LARGE = bytes(range(256)) * 4096 * 16  # 16 MB


@pytest.fixture(scope="module")
def bucket_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}/media"
    assert requests.put(url, timeout=10).status_code == 200
    yield url
    server.stop()


def open_at(url: str, folder: Path, **more: str) -> MediaStore:
    chosen = {"region": "us-east-1", "key": "AKIA", "secret": "secret", **more}
    return open_store(url, folder, timeout=5.0, **chosen)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    url = request.getfixturevalue("bucket_url") if request.param == "bucket" else ""
    return open_at(url, tmp_path / "media")


def test_what_is_put_is_got_back(store: MediaStore) -> None:
    store.put(KEY, LARGE, "image/jpeg")
    assert store.get(KEY, 0, len(LARGE)) == LARGE


def test_a_part_is_got_without_the_rest(store: MediaStore) -> None:
    store.put(KEY, b"0123456789", "text/plain")
    assert store.get(KEY, 0, 1) == b"0"
    assert store.get(KEY, 4, 7) == b"456"
    assert store.get(KEY, 9, 10) == b"9"


def test_putting_again_replaces(store: MediaStore) -> None:
    store.put(KEY, b"first", "text/plain")
    store.put(KEY, b"again", "text/plain")
    assert store.get(KEY, 0, 5) == b"again"


def test_nothing_is_kept_under_another_key(store: MediaStore) -> None:
    store.put(KEY, b"x", "text/plain")
    with pytest.raises(Refused):
        store.get("12/ffffffffffffffffffffffffffffffff", 0, 1)


def test_many_put_the_same_file_at_once_and_nobody_sees_half_of_it(store: MediaStore) -> None:
    content = LARGE[: 1 << 20]
    store.put(KEY, content, "image/jpeg")

    def put_and_get(_: int) -> bool:
        store.put(KEY, content, "image/jpeg")
        return store.get(KEY, 0, len(content)) == content

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(put_and_get, range(12)))


def test_a_store_that_cannot_be_reached_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file stands where the folder should be")
    for url in ("", "http://127.0.0.1:1/media"):
        store = open_at(url, tmp_path / "media")
        with pytest.raises(Unavailable):
            store.put(KEY, b"x", "text/plain")
        with pytest.raises(Unavailable):
            store.get(KEY, 0, 1)


def test_a_bucket_that_is_not_there_is_tried_again_later(bucket_url: str, tmp_path: Path) -> None:
    store = open_at(bucket_url.replace("/media", "/none"), tmp_path)
    with pytest.raises(Unavailable):
        store.put(KEY, b"x", "text/plain")


def test_no_key_leads_out_of_the_folder(tmp_path: Path) -> None:
    store = open_at("", tmp_path / "media")
    for key in ("../x", "12/../../x", "/etc/passwd", "12/a/b", "x"):
        with pytest.raises(ValueError, match="key"):
            store.put(key, b"x", "text/plain")
        with pytest.raises(ValueError, match="key"):
            store.get(key, 0, 1)
    assert not (tmp_path / "x").exists()


def test_a_folder_keeps_nothing_but_whole_files(tmp_path: Path) -> None:
    store = open_at("", tmp_path / "media")
    store.put(KEY, b"x", "text/plain")
    assert [p.name for p in (tmp_path / "media" / "12").iterdir()] == [KEY[3:]]


@pytest.mark.parametrize(
    "url",
    [
        "s3://media",
        "https://s3.example.com",
        "https://s3.example.com/",
        "https://s3.example.com/a/b",
        "https://me:secret@s3.example.com/media",
        "https://s3.example.com/media?region=x",
    ],
)
def test_an_address_that_names_no_bucket_is_said_at_once(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="MEDIA_URL"):
        open_at(url, tmp_path)


def test_a_bucket_without_keys_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="MEDIA_KEY"):
        open_at("https://s3.example.com/media", tmp_path, key="")


def test_the_library_of_buckets_is_loaded_only_for_a_bucket() -> None:
    code = "import sys, bot.media.store; bot.media.store.media_store(); print('obstore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
