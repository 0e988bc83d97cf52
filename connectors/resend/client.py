"""Asking Resend through its SDK, for several teams in one process.

The SDK keeps its key, address and HTTP client in globals of its module. One client is put
there for good; it takes key and address from the connection that this thread is asking
for, and asks nothing when there is none. So no key is ever in the SDK's hands.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import resend
from resend.exceptions import NoContentError, ResendError
from resend.http_client import HTTPClient

from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.transport import never_left

T = TypeVar("T")

VENDOR_NAME = "resend"

# Where the SDK thinks it goes; the connection's address replaces it. Its key is no key.
resend.api_url = "https://resend.invalid"
resend.api_key = "the connection's"

# Errors after which the same request may be sent again: it was turned away.
TURNED_AWAY = frozenset({429, 503})
IN_PROGRESS = "concurrent_idempotent_requests"
SLICE = 64 * 1024


@dataclass(frozen=True)
class Connection:
    """`base_url` without a slash at its end; `timeout` in seconds."""

    api_key: str
    base_url: str
    timeout: float

    @contextmanager
    def opened(self) -> Iterator[None]:
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[Connection | None] = ContextVar("resend_connection", default=None)
_local = threading.local()


class ConnectionClient(HTTPClient):
    """The SDK's transport: every request goes out for the connection that is open."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: Any = None,
        files: Any = None,
        data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        connection = _current.get()
        if connection is None:
            raise RuntimeError("resend was asked outside a connection")
        answer = _session().request(
            method,
            connection.base_url + url.removeprefix(resend.api_url),
            headers={**headers, "Authorization": f"Bearer {connection.api_key}"},
            # The SDK gives a GET an empty object for a body.
            json=None if method == "get" else json,
            timeout=connection.timeout,
            allow_redirects=False,
        )
        return answer.content, answer.status_code, answer.headers


resend.default_http_client = ConnectionClient()


def call(connection: Connection, ask: Callable[[], T], *, sends: bool) -> T:
    """Ask Resend, with its errors put into ours.

    Their texts quote addresses, so neither they nor their causes are passed on.
    """
    try:
        with connection.opened():
            return ask()
    except ResendError as error:
        raise _refusal(error, sends=sends) from None
    except NoContentError:
        raise Unavailable("resend: an empty answer", vendor=VENDOR_NAME) from None


def download(url: str, limit: int, timeout: float, *, until: bytes = b"") -> tuple[bytes, str]:
    """What a signed address of Resend holds, and its content type; no key goes there.

    At most `limit` bytes: Refused when there are more, or, with `until`, what comes before
    these bytes and no more of it. An address that has expired or is nobody's raises
    Unavailable: asking the API again gives a new one.
    """
    host = urlsplit(url).hostname
    try:
        with _session().get(url, timeout=timeout, stream=True, allow_redirects=False) as answer:
            if answer.status_code != 200:
                text = f"resend: download from {host}: HTTP {answer.status_code}"
                raise Unavailable(text, vendor=VENDOR_NAME, code=str(answer.status_code))
            content = _read_limited(answer, limit, until)
            return content, answer.headers.get("Content-Type", "").partition(";")[0].strip()
    except requests.RequestException as error:
        text = f"resend: download from {host}: {type(error).__name__}"
        raise Unavailable(text, vendor=VENDOR_NAME) from None


def _read_limited(answer: requests.Response, limit: int, until: bytes) -> bytes:
    content = bytearray()
    for part in answer.iter_content(SLICE):
        content += part
        if until and until in content:
            return bytes(content[: content.index(until)])
        if len(content) > limit:
            if until:
                return bytes(content[:limit])
            raise Refused(f"resend: more than {limit} bytes", vendor=VENDOR_NAME, code="too_large")
    return bytes(content)


def _refusal(error: ResendError, *, sends: bool) -> Exception:
    """429 and 503 turn a request away; after any other 5xx it may have been carried out.

    The SDK calls a failure of the network a 500 of its own, with the cause as context.
    """
    lost = OutcomeUnknown if sends else Unavailable
    cause = error.__context__
    if isinstance(cause, requests.RequestException):
        kind = Unavailable if never_left(cause) else lost
        return kind(f"resend: {type(cause).__name__}", vendor=VENDOR_NAME)
    if error.error_type == "HttpClientError":
        return lost("resend: the request failed", vendor=VENDOR_NAME)
    status, code = int(error.code), str(error.error_type)
    text = f"resend: HTTP {status}, {code}"
    wait = _seconds_to_wait(error.headers)
    if status in TURNED_AWAY:
        return Unavailable(text, vendor=VENDOR_NAME, code=code, retry_after=wait)
    if code == IN_PROGRESS:
        return Unavailable(text, vendor=VENDOR_NAME, code=code, retry_after=wait or 1.0)
    if status >= 500:
        return lost(text, vendor=VENDOR_NAME, code=code)
    return Refused(text, vendor=VENDOR_NAME, code=code)


def _seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """https://resend.com/docs/api-reference/introduction#rate-limit: retry-after, and
    ratelimit-reset where it is missing, both in seconds."""
    lower = {name.lower(): value for name, value in headers.items()}
    for name in ("retry-after", "ratelimit-reset"):
        value = lower.get(name, "")
        if value.replace(".", "", 1).isdecimal() and value.isascii():
            return float(value)
    return None


def _session() -> requests.Session:
    """This thread's. It keeps no cookie: they would go from one team to the next."""
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session
