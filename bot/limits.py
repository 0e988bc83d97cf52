"""Vendors' rate limits, kept across all workers by counters in Redis.

A limit is taken before the call; what does not fit waits. Without Redis nobody waits: the
vendors' own refusals (429) are then what slows us down.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter
from redis import RedisError

from bot.logs import log
from bot.settings import settings

# vendor and what its limit is counted by -> the limit
RATES: dict[str, RateLimitItem] = {
    # Text messages have none of ours: Twilio queues by itself what is above a number's rate
    "twilio:whatsapp": RateLimitItemPerSecond(80),  # a sender (Twilio's default)
    "resend:email": RateLimitItemPerSecond(5),  # a team (Resend's rate-limit page)
    "hubspot:search": RateLimitItemPerSecond(5),  # an account (HubSpot's search API)
}


@lru_cache
def _limiter() -> MovingWindowRateLimiter:
    uri = re.sub(r"^unix:", "redis+unix:", settings().redis)
    return MovingWindowRateLimiter(storage_from_string(uri, socket_timeout=2))


def take(kind: str, holder: str) -> float:
    """Take one of `holder`'s limit of that kind (a key of RATES); 0 when it may go at once,
    otherwise the seconds until it may ask again. A kind without a limit always may."""
    rate = RATES.get(kind)
    if rate is None:
        return 0.0
    try:
        if _limiter().hit(rate, kind, holder):
            return 0.0
        reset, _ = _limiter().get_window_stats(rate, kind, holder)
    except RedisError as error:
        log().warning("limits not counted", kind=kind, error=type(error).__name__)
        return 0.0
    return max(reset - time.time(), 0.05)
