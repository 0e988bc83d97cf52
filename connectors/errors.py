"""What can go wrong outside, as one family.

ConnectorError
├── Unavailable   try again: the system is down, slow, throttled or over quota
│   └── OutcomeUnknown   it may have happened: never do it again blindly
└── Refused       final: asking again gives the same answer
    ├── Stale        the quantities read before are no longer true: read and ask again
    ├── NeedsNewKey  nothing was done, and this idempotency key is spent: ask under another
    └── Unusable     a language model answered, and not what was asked for
BadSignature      a delivery that its sender did not sign
UnknownEvent      a delivery of a kind that no code handles
BadConfig         a connection whose settings cannot work; names the setting
└── NotOffered    settings that are well, and not meant for this port
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Something outside went wrong. `code` is the vendor's own, for logs and the desk."""

    def __init__(self, message: str, *, vendor: str = "", code: str = "") -> None:
        super().__init__(message)
        self.vendor = vendor
        self.code = code


class Unavailable(ConnectorError):
    """Try again later. `retry_after` is in seconds, None when the vendor does not say."""

    def __init__(
        self, message: str, *, vendor: str = "", code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, vendor=vendor, code=code)
        self.retry_after = retry_after


class OutcomeUnknown(Unavailable):
    """The request left and no answer came: it may have been carried out."""


class Refused(ConnectorError):
    """Final: the vendor understood and said no."""


class Stale(Refused):
    """A compare-and-swap failed: nothing was done, and the numbers compared are old."""


class NeedsNewKey(Refused):
    """The idempotency key is spent on an attempt that failed: nothing was done."""


class Unusable(Refused):
    """A language model refused, was cut short, or answered something else than was asked:
    `code` is "refusal", "length", "filtered" or "rubbish". The tokens count all the same."""

    def __init__(
        self, message: str, *, vendor: str = "", code: str = "", tokens: tuple[int, int] = (0, 0)
    ) -> None:
        super().__init__(message, vendor=vendor, code=code)
        self.tokens = tokens


class BadSignature(Exception):
    """The delivery was not signed by the vendor it claims to come from."""


class UnknownEvent(Exception):
    """A delivery of a kind that no code here handles."""


class BadConfig(ValueError):
    """A connection's settings are incomplete or malformed; the message names the setting."""


class NotOffered(BadConfig):
    """The connection is set up for others of its vendor's ports, and not for this one."""
