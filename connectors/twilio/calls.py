"""Asking Twilio, with its errors put into ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import requests
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]  # no types

from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.transport import never_left

T = TypeVar("T")

VENDOR_NAME = "twilio"


def call(ask: Callable[[], T], *, sends: bool) -> T:
    """Ask through the SDK. Raises Unavailable, OutcomeUnknown (only if it `sends`), Refused.

    Their texts quote numbers and bodies, so neither they nor their causes are passed on.
    """
    lost = OutcomeUnknown if sends else Unavailable
    try:
        return ask()
    except TwilioException as error:
        raise _refusal(error, sends=sends) from None
    except requests.RequestException as error:
        kind = Unavailable if never_left(error) else lost
        raise kind(f"twilio: {type(error).__name__}", vendor=VENDOR_NAME) from None
    except ValueError:
        raise lost("twilio: the answer is not JSON", vendor=VENDOR_NAME) from None


def _refusal(error: TwilioException, *, sends: bool) -> Exception:
    """429 and 503 turn a request away; after any other 5xx it may have been carried out.

    A page of a list that cannot be had raises the SDK's plainest error, with no more than
    the answer in it.
    """
    answered = error.args[-1] if error.args else None
    status = int(getattr(error, "status", 0) or getattr(answered, "status_code", 0))
    code = str(getattr(error, "code", None) or status)
    text = f"twilio: HTTP {status}, code {code}"
    if status in {429, 503}:
        return Unavailable(text, vendor=VENDOR_NAME, code=code)
    if status >= 500:
        return (OutcomeUnknown if sends else Unavailable)(text, vendor=VENDOR_NAME, code=code)
    return Refused(text, vendor=VENDOR_NAME, code=code)
