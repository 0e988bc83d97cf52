"""Fetching what came with a message, and nothing else.

The URL comes from a delivery, and redirects from whoever answers: neither may lead our
requests, or the account's token, anywhere but to Twilio.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3.exceptions

from connectors.channels import Fetched
from connectors.errors import Refused, Unavailable
from connectors.twilio.calls import VENDOR_NAME

# The API sends on to a store; https://help.twilio.com/articles/223183748
API_HOST = re.compile(r"api(\.[a-z0-9-]+){0,2}\.twilio\.com")
MEDIA_HOSTS = frozenset({"mms.twiliocdn.com", "media.twiliocdn.com", "s3-external-1.amazonaws.com"})
PLAIN_URL = re.compile(r"[!-\[\]-~]+")  # ASCII without spaces and backslash
HOST_NAME = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")

LONGEST = 60.0  # seconds for the whole of it, however slowly it drips
MOST_REDIRECTS = 3
CHUNK = 64 * 1024


def fetch(url: str, base_url: str, account: tuple[str, str], limit: int, timeout: float) -> Fetched:
    """At most `limit` bytes. `account` (sid, token) is shown to the API alone, and not again
    after a redirect. Raises Refused (another host, too many bytes, gone) and Unavailable.
    """
    end = time.monotonic() + LONGEST
    shown = account if _is_api(url, base_url) else None
    if shown is None and not _is_store(url):
        raise _refuse("the media is not on a host of Twilio's")
    with requests.Session() as http:
        for _ in range(MOST_REDIRECTS + 1):
            with _get(http, url, shown, timeout) as answer:
                if not answer.is_redirect:
                    return _read(answer, limit, end)
                url, shown = _join(url, answer.headers["Location"]), None
            if not _may_follow(url, base_url):
                raise _refuse("redirected to a host that is not public")
    raise _refuse("too many redirects")


def _is_api(url: str, base_url: str) -> bool:
    parts = _split(url)
    if parts.username is not None:
        return False
    official = _is_plain_https(parts) and API_HOST.fullmatch(parts.hostname or "")
    return bool(official) or _origin(parts) == _origin(_split(base_url))


def _is_store(url: str) -> bool:
    parts = _split(url)
    return _is_plain_https(parts) and parts.hostname in MEDIA_HOSTS


def _may_follow(url: str, base_url: str) -> bool:
    """Twilio's stores change: any named host will do, never an address or one of ours."""
    parts = _split(url)
    named = _is_plain_https(parts) and HOST_NAME.fullmatch(parts.hostname or "")
    return bool(named) or _origin(parts) == _origin(_split(base_url))


def _is_plain_https(parts: SplitResult) -> bool:
    return parts.scheme == "https" and parts.username is None and _origin(parts)[2] == 443


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return parts.scheme, parts.hostname or "", port


def _join(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise _refuse("redirected to no address at all") from None


def _split(url: str) -> SplitResult:
    """What every library reads alike, or Refused."""
    try:
        parts = urlsplit(url)
        strange = parts.port == 0  # raises when it is no number
    except ValueError:
        strange = True
    if strange or not PLAIN_URL.fullmatch(url):
        raise _refuse("the address is malformed")
    return parts


@contextmanager
def _get(
    http: requests.Session, url: str, account: tuple[str, str] | None, timeout: float
) -> Iterator[requests.Response]:
    """Without account, nobody's: not that of a .netrc either."""
    try:
        answer = http.get(
            url,
            auth=account or (lambda request: request),
            headers={"Accept-Encoding": "identity"},
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        )
    except (requests.RequestException, UnicodeError) as error:
        raise _unavailable(type(error).__name__) from None
    with answer:
        yield answer


def _read(answer: requests.Response, limit: int, end: float) -> Fetched:
    _check_status(answer.status_code)
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise _refuse("the media is compressed, which was not asked for")
    if (answer.raw.length_remaining or 0) > limit:
        raise _refuse(f"the media is larger than {limit} bytes", "too_large")
    content = bytearray()
    try:
        # read1 gives what has arrived: read would wait for a full chunk, however it drips.
        while chunk := answer.raw.read1(CHUNK):
            content += chunk
            if len(content) > limit:
                raise _refuse(f"the media is larger than {limit} bytes", "too_large")
            if time.monotonic() > end:
                raise _unavailable("the media drips")
    except urllib3.exceptions.HTTPError as error:
        raise _unavailable(type(error).__name__) from None
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Fetched(bytes(content), kind or "application/octet-stream")


def _check_status(status: int) -> None:
    if status == 200:
        return
    if status in {408, 429} or status >= 500:
        raise _unavailable(f"HTTP {status}", code=str(status))
    raise _refuse(f"HTTP {status}", code=str(status))


def _refuse(text: str, code: str = "") -> Refused:
    return Refused(f"twilio: {text}", vendor=VENDOR_NAME, code=code)


def _unavailable(text: str, code: str = "") -> Unavailable:
    return Unavailable(f"twilio: {text}", vendor=VENDOR_NAME, code=code)
