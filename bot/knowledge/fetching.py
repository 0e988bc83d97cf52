"""Pages of the public web, fetched for whoever names an address.

The address is a stranger's word: only http and https, only public addresses, also behind each
redirect. The connection goes to the very address that was checked, so that a name which
answers otherwise the second time gains nothing; no proxy of the environment stands between.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import certifi
import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from bot.knowledge.blocks import CannotRead
from bot.settings import settings

MOST_REDIRECTS = 5
LONGEST = 30.0  # seconds for all of it, however slowly it trickles
_CHUNK = 65536
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052


@dataclass(frozen=True)
class Page:
    """`content_type` in lower case, without parameters; `charset` if the server says one."""

    content: bytes
    content_type: str
    charset: str


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the internet could reach; of an IPv6 address
    that stands for an IPv4 one, whether that is."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = inner or ip
    return ip.is_global and not ip.is_multicast


def fetch_page(address: str, limit: int, allowed: Callable[[str], bool] = is_public) -> Page:
    """At most `limit` bytes. `allowed` decides on IP addresses. Raises CannotRead."""
    end = time.monotonic() + LONGEST
    place = address
    for _ in range(MOST_REDIRECTS + 1):
        answer = _ask(_checked(place, address), address, allowed)
        try:
            moved = answer.headers.get("location") if 300 <= answer.status < 400 else None
            if moved is None:
                return _read(answer, address, limit, end)
            place = urljoin(place, moved)
        finally:
            answer.release_conn()
            answer.close()
    raise CannotRead(f"{address}: more than {MOST_REDIRECTS} redirects")


def _checked(place: str, address: str) -> SplitResult:
    try:
        parts = urlsplit(place)
        _ = parts.port  # raises when it is no number
    except ValueError as error:
        raise CannotRead(f"{address}: not an address ({error})") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CannotRead(f"{address}: only http:// and https:// addresses are fetched")
    if parts.username is not None:
        raise CannotRead(f"{address}: an address with a password is not fetched")
    return parts


def _ask(
    place: SplitResult, address: str, allowed: Callable[[str], bool]
) -> urllib3.BaseHTTPResponse:
    host = str(place.hostname)
    port = place.port or (443 if place.scheme == "https" else 80)
    timeout = urllib3.Timeout(settings().vendor_timeout_seconds)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotRead(f"{address}: no such host ({host})") from None
    ips = list(dict.fromkeys(str(where[4][0]) for where in found))
    if not all(map(allowed, ips)):
        raise CannotRead(f"{address}: {host} is not a public address")
    pool = (
        urllib3.HTTPSConnectionPool(
            ips[0], port, timeout=timeout, retries=False, maxsize=1,
            server_hostname=host, assert_hostname=host, ca_certs=certifi.where(),
        )
        if place.scheme == "https"
        else urllib3.HTTPConnectionPool(ips[0], port, timeout=timeout, retries=False, maxsize=1)
    )  # fmt: skip
    headers = {
        "Host": host if place.port is None else f"{host}:{port}",
        "User-Agent": "Coccinelle (reads this page for its owner's assistant)",
        "Accept": "text/html, text/markdown, text/plain, text/csv, application/pdf, */*;q=0.5",
    }
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    try:
        return pool.request("GET", path, headers=headers, preload_content=False, redirect=False)
    except (HTTPError, LocationValueError, OSError) as error:
        raise CannotRead(f"{address}: {host} does not answer ({type(error).__name__})") from None


def _read(answer: urllib3.BaseHTTPResponse, address: str, limit: int, end: float) -> Page:
    if answer.status != 200:
        raise CannotRead(f"{address}: the server answered {answer.status}")
    content = bytearray()
    try:
        for chunk in answer.stream(_CHUNK, decode_content=True):
            content += chunk
            if len(content) > limit:
                raise CannotRead(f"{address}: larger than {limit // 1024**2} MB")
            if time.monotonic() > end:
                raise CannotRead(f"{address}: too slow, given up after {LONGEST:.0f} s")
    except HTTPError as error:
        raise CannotRead(f"{address}: the answer broke off ({type(error).__name__})") from None
    kind, _, parameters = answer.headers.get("content-type", "").partition(";")
    _, _, charset = parameters.partition("charset=")
    return Page(bytes(content), kind.strip().lower(), charset.strip(" \"'").split(";")[0])
