"""What a failed HTTP request teaches: whether it can have reached the other side."""

from __future__ import annotations

import os
import ssl
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.utils import get_environ_proxies

from connectors.errors import BadConfig


def never_left(error: requests.RequestException) -> bool:
    """Whether the request surely did not go out, because no connection was made.

    Anything else (a read timeout, a connection dropped while waiting) may have been
    carried out.
    """
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, urllib3.exceptions.SSLError):
        return bool(reason.args) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def settle_environment(session: requests.Session, *urls: str) -> None:
    """Read the environment's proxies and certificates now, for these addresses: a session
    reads them at every request, a tenth of its cost."""
    for url in urls:
        parts = urlsplit(url)
        for scheme, proxy in get_environ_proxies(url).items():
            if scheme in {parts.scheme, "all"}:
                session.proxies.setdefault(f"{parts.scheme}://{parts.hostname}", proxy)
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    session.verify = bundle or True
    session.trust_env = False


def parse_seconds(text: str) -> float:
    """A timeout from a setting. Raises BadConfig unless it is more than 0, at most 120."""
    try:
        seconds = float(text)
    except ValueError:
        raise BadConfig(f"timeout: {text!r} is not a number of seconds") from None
    if not 0 < seconds <= 120:
        raise BadConfig("timeout: expected more than 0 and at most 120 seconds")
    return seconds
