"""Counts failures for all processes together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from hashlib import blake2b

from qure.adapters.redis.connection import BestEffort, connect

SECONDS = 0.3

_FAIL = """
local failures = redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return failures
"""

_LEFT = """
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then
  return -1
end
return redis.call('PTTL', KEYS[1])
"""


class RedisThrottle:
    """See ``Throttle``. Without Redis nothing is counted and nobody waits: logins go on.

    Keys are stored as digests, so no address can be read in Redis.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "qure:",
        connections: int = 4,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = f"{prefix}throttle:"
        self._redis = connect(url, seconds=SECONDS, connections=connections)
        self._effort = BestEffort("the throttle", seconds=SECONDS, monotonic=monotonic)
        self._fail = self._redis.register_script(_FAIL)
        self._left = self._redis.register_script(_LEFT)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def retry_after(self, key: str, *, limit: int) -> int | None:
        """Whole seconds, at least 1; None when Redis is away."""
        milliseconds: int | None = await self._effort.call(
            lambda: self._left(keys=[self._key(key)], args=[limit])
        )
        if milliseconds is None or milliseconds < 0:
            return None
        return max(1, math.ceil(milliseconds / 1000))

    async def fail(self, key: str, *, window_seconds: int) -> None:
        """Count one failure; the window starts with the first. Not counted when Redis is away."""
        await self._effort.call(
            lambda: self._fail(keys=[self._key(key)], args=[window_seconds * 1000])
        )

    def _key(self, key: str) -> str:
        return self._prefix + blake2b(key.encode(), digest_size=16).hexdigest()
