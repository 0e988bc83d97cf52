"""Vendors' rate limits, kept across all workers by counters in Redis.

A limit is taken before the call; what does not fit waits. Without Redis nobody waits: the
vendors' own refusals (429) are then what slows us down.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import lru_cache

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter
from redis import RedisError

from bot.logs import log
from bot.queue import redis
from bot.settings import settings

# vendor and what its limit is counted by -> the limit
RATES: dict[str, RateLimitItem] = {
    # Text messages have none of ours: Twilio queues by itself what is above a number's rate
    "twilio:whatsapp": RateLimitItemPerSecond(80),  # a sender (Twilio's default)
    "resend:email": RateLimitItemPerSecond(5),  # a team (Resend's rate-limit page)
    "hubspot:search": RateLimitItemPerSecond(5),  # an account (HubSpot's search API)
}


# Points left now, the time they were counted (seconds), at most, refilled a second -> the
# seconds to wait for `cost` points; 0 takes them. One script, so that no two take the same.
_TAKE = """
local known = redis.call('HMGET', KEYS[1], 'left', 'at', 'most', 'rate')
if not known[1] then return '0' end
local now, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local most, rate = tonumber(known[3]), tonumber(known[4])
local left = math.min(most, tonumber(known[1]) + math.max(now - tonumber(known[2]), 0) * rate)
cost = math.min(cost, most)
if left < cost then return tostring((cost - left) / rate) end
redis.call('HSET', KEYS[1], 'left', tostring(left - cost), 'at', ARGV[1])
return '0'
"""
REMEMBERED = 3600  # seconds without a word of the vendor; then nobody knows, and nobody waits


@dataclass(frozen=True)
class SharedBudget:
    """connectors.ports.Budget for all workers, counted in Redis. Without Redis nobody waits."""

    holder: str

    def take(self, cost: float) -> float:
        try:
            wait = redis().eval(_TAKE, 1, self._key, time.time(), cost)  # type: ignore[no-untyped-call]  # redis-py left it without
        except RedisError as error:
            log().warning("budget not counted", error=type(error).__name__)
            return 0.0
        return float(wait)

    def learn(self, *, most: float, left: float, rate: float) -> None:
        kept: dict[str | bytes, bytes | float | int | str] = {
            "left": left,
            "at": time.time(),
            "most": most,
            "rate": max(rate, 1.0),
        }
        try:
            with redis().pipeline(transaction=True) as pipe:
                pipe.hset(self._key, mapping=kept)
                pipe.expire(self._key, REMEMBERED)
                pipe.execute()
        except RedisError as error:
            log().warning("budget not counted", error=type(error).__name__)

    @property
    def _key(self) -> str:
        return f"budget:{self.holder}"


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
