"""Access tokens of the Admin API: a permanent one, or granted for a day and renewed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from connectors.errors import Refused, Unavailable

# A token is renewed this long before it ends (seconds); Shopify grants 24 hours.
MARGIN = 300.0
LONGEST = 24 * 3600.0


@dataclass(frozen=True)
class Token:
    value: str
    until: float


class PermanentToken:
    """The token of a custom app made in the shop's admin before 2026."""

    def __init__(self, value: str) -> None:
        self._value = value

    def current(self) -> str:
        return self._value

    def renew(self, refused: str) -> str | None:
        """None: there is no other."""
        return None


class GrantedToken:
    """The client credentials grant. One request for all threads that need a token."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        timeout: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._timeout = timeout
        self._now = now
        self._lock = threading.Lock()
        self._token: Token | None = None

    def current(self) -> str:
        with self._lock:
            if self._token is None or self._now() >= self._token.until:
                self._token = self._ask()
            return self._token.value

    def renew(self, refused: str) -> str | None:
        """A token other than the `refused` one, which another thread may have got already."""
        with self._lock:
            if self._token is None or self._token.value == refused:
                self._token = self._ask()
            return self._token.value

    def _ask(self) -> Token:
        """Raises Unavailable, and Refused when the app is not known to the shop."""
        asked = self._now()
        try:
            answer = requests.post(
                self._url, data=self._form, timeout=self._timeout, allow_redirects=False
            )
            if answer.status_code == 429 or answer.status_code >= 500:
                raise Unavailable(f"shopify: token, HTTP {answer.status_code}", vendor="shopify")
            if answer.status_code != 200:
                code = str(answer.status_code)
                raise Refused(f"shopify: token, HTTP {code}", vendor="shopify", code=code)
            body = answer.json()
            seconds = min(float(body.get("expires_in", LONGEST)), LONGEST)
            return Token(str(body["access_token"]), asked + max(seconds - MARGIN, 0.0))
        except requests.RequestException as error:
            name = type(error).__name__
            raise Unavailable(f"shopify: token, {name}", vendor="shopify") from None
        except (KeyError, ValueError):
            raise Unavailable("shopify: token, malformed answer", vendor="shopify") from None
