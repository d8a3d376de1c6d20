"""How often a client may ask: a sliding window, kept in memory or in a Redis that several services share."""

import asyncio
import logging
import math
import time
from http import HTTPStatus

import limits
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from serving.breaker import Breaker
from serving.problems import RefusedError

log = logging.getLogger(__name__)

PATIENCE = 0.05
"""Seconds that Redis has; where it hasn't answered, this process alone counts."""


class RateLimits:
    """Counts what clients ask for; with a `redis_url`, for all services that count there."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else _shared(redis_url)
        self._breaker = Breaker()

    async def charge(self, client: str, limit: str, cost: int = 1) -> None:
        """Count `cost` requests of a client whose `limit` is as 600/minute.

        Raises:
            RefusedError: they are more than it has left (429); says when to come back.
        """
        item = limits.parse(limit)
        now = time.monotonic()
        if self._shared is not None and self._breaker.lets_through(now):
            try:
                async with asyncio.timeout(PATIENCE):
                    await _charge(self._shared, item, client, cost)
                self._breaker = self._breaker.succeeded()
                return
            except (OSError, TimeoutError, limits.errors.StorageError) as error:
                self._breaker = self._breaker.failed(now)
                log.warning("Rate limits are counted by this process alone: %s", type(error).__name__)
        await _charge(self._own, item, client, cost)


async def _charge(limiter: SlidingWindowCounterRateLimiter, item: limits.RateLimitItem, client: str, cost: int) -> None:
    if await limiter.hit(item, client, cost=cost):
        return
    resets_at = (await limiter.get_window_stats(item, client)).reset_time
    detail = f"More was asked than this client's {item}; a list of requests counts as each of them."
    refused = RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "E_RATE_LIMIT", detail)
    refused.headers = {"retry-after": str(max(1, math.ceil(resets_at - time.time())))}
    raise refused


def _shared(redis_url: str) -> SlidingWindowCounterRateLimiter:
    storage = RedisStorage(
        f"async+{redis_url}",
        wrap_exceptions=True,
        implementation="redispy",
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
    )
    return SlidingWindowCounterRateLimiter(storage)
