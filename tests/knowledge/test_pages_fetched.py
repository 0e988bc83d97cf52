"""Pages of the web: read when public, refused when they lead inside."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bot.knowledge import fetching
from bot.knowledge.blocks import CannotRead
from bot.knowledge.fetching import fetch_page, is_public
from tests.knowledge.shelf import Shelf

PAGE = b"<title>Aide</title><h1>Envoi</h1><p>Par Colissimo, en deux jours.</p>"


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Host"]))  # type: ignore[attr-defined]
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        kind = "image/png" if self.path == "/picture" else "text/html; charset=utf-8"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(PAGE * (100_000 if self.path == "/huge" else 1))

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def address(site: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{site.server_port}"


def anywhere(_: str) -> bool:
    """For tests: this machine plays the internet."""
    return True


def test_a_page_is_read_and_found_again_by_its_address(
    shelf: Shelf, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching.fetch_page, "__defaults__", (anywhere,))
    done = shelf.run("add", "ici", f"{address}/aide")
    assert done.exit_code == 0, done.output
    assert shelf.passages() == [("Envoi", "Par Colissimo, en deux jours.")]
    assert f"{address}/aide" in shelf.run("search", "ici", "--json", "Colissimo").output
    assert shelf.run("add", "ici", f"{address}/aide").exit_code == 0
    assert len(shelf.passages()) == 1
    assert "unknown format (image/png)" in shelf.run("add", "ici", f"{address}/picture").output


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
     "224.0.0.1", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
     "2002:7f00:1::", "ff02::1", "255.255.255.255", "64:ff9b::7f00:1"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_known(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_known(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"],
)
def test_this_machine_is_not_asked_however_it_is_written(
    site: ThreadingHTTPServer, host: str
) -> None:
    with pytest.raises(CannotRead, match=r"not a public address|no such host"):
        fetch_page(f"http://{host}:{site.server_port}/", 1000)
    assert site.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "place",
    ["file:///etc/passwd", "ftp://example.org/a", "gopher://example.org", "http:///a",
     "http://user:word@example.org/", "http://example.org:port/"],
)  # fmt: skip
def test_other_kinds_of_address_are_refused(shelf: Shelf, place: str) -> None:
    done = shelf.run("add", "ici", place)
    assert done.exit_code == 1
    assert place in done.output


def test_a_redirect_is_checked_like_an_address(site: ThreadingHTTPServer, address: str) -> None:
    def only_by_name(ip: str) -> bool:
        return len(site.asked) == 0  # type: ignore[attr-defined]

    with pytest.raises(CannotRead, match="not a public address"):
        fetch_page(f"{address}/to/{address}/aide", 10_000, only_by_name)
    assert [path for path, _ in site.asked] == [f"/to/{address}/aide"]  # type: ignore[attr-defined]
    with pytest.raises(CannotRead, match="only http"):
        fetch_page(f"{address}/to/file:///etc/passwd", 10_000, anywhere)


def test_the_connection_goes_to_the_address_that_was_checked(
    site: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers a public address first and an inner one then gains nothing."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    real = socket.getaddrinfo

    def lie(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if host == "rebind.example":
            return real(next(answers), port, *args, **kwargs)
        return real(host, port, *args, **kwargs)

    asked: list[str] = []

    def refuse(ip: str) -> bool:
        asked.append(ip)
        return False

    monkeypatch.setattr(socket, "getaddrinfo", lie)
    with pytest.raises(CannotRead, match="not a public address"):
        fetch_page(f"http://rebind.example:{site.server_port}/", 1000, refuse)
    assert asked == ["93.184.216.34"]
    fetch_page(f"http://rebind.example:{site.server_port}/aide", 1000, anywhere)
    assert site.asked == [("/aide", f"rebind.example:{site.server_port}")]  # type: ignore[attr-defined]


def test_a_page_that_is_missing_too_large_or_turns_in_circles_is_refused(address: str) -> None:
    with pytest.raises(CannotRead, match="answered 404"):
        fetch_page(f"{address}/missing", 1000, anywhere)
    with pytest.raises(CannotRead, match="larger than"):
        fetch_page(f"{address}/huge", 1024**2, anywhere)
    with pytest.raises(CannotRead, match="redirects"):
        fetch_page(f"{address}" + "/to/" * 10 + "aide", 1000, anywhere)


def test_a_host_that_does_not_exist_is_named() -> None:
    with pytest.raises(CannotRead, match=r"no such host \(nowhere\.invalid\)"):
        fetch_page("http://nowhere.invalid/", 1000)
