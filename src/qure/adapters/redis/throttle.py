"""Hands out tries for all processes together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b

from qure.adapters.redis.connection import BestEffort, connect
from qure.application.ports.gateways import Limit, Throttle

SECONDS = 0.3

# The generic cell rate algorithm: a key holds when it has all its tries again, in milliseconds
# of the server's clock, and expires then. Arguments: at_once and every_milliseconds of each key.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local full_at, wait = {}, 0
for i, key in ipairs(KEYS) do
  local at_once, every = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  full_at[i] = math.max(tonumber(redis.call('GET', key) or '0'), now) + every
  wait = math.max(wait, full_at[i] - at_once * every - now)
end
if wait > 0 then
  return wait
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%d', full_at[i]), 'PX', full_at[i] - now)
end
return 0
"""

_GIVE_BACK = """
for i, key in ipairs(KEYS) do
  local every, left = tonumber(ARGV[i]), redis.call('PTTL', key)
  if left > every then
    redis.call('DECRBY', key, every)
    redis.call('PEXPIRE', key, left - every)
  elseif left > 0 then
    redis.call('DEL', key)
  end
end
return 1
"""


class RedisThrottle:
    """See ``Throttle``. While Redis is away, each process hands out tries by ``meanwhile``.

    Keys are stored as digests, so no address can be read in Redis.
    """

    def __init__(
        self,
        url: str,
        *,
        meanwhile: Throttle,
        prefix: str = "qure:",
        connections: int = 4,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = f"{prefix}tries:"
        self._meanwhile = meanwhile
        self._redis = connect(url, seconds=SECONDS, connections=connections)
        self._effort = BestEffort("the throttle", seconds=SECONDS, monotonic=monotonic)
        self._take = self._redis.register_script(_TAKE)
        self._give_back = self._redis.register_script(_GIVE_BACK)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def take(self, limits: Sequence[Limit]) -> int | None:
        """One of each or none of any; else whole seconds, at least 1."""
        arguments = [
            number for limit in limits for number in (limit.at_once, limit.every_milliseconds)
        ]
        wait: int | None = await self._effort.call(
            lambda: self._take(keys=self._keys(limits), args=arguments)
        )
        if wait is None:
            return await self._meanwhile.take(limits)
        return -(-wait // 1000) if wait > 0 else None

    async def give_back(self, limits: Sequence[Limit]) -> None:
        """What was taken shall not count. Lost when Redis went away or came back in between."""
        every = [limit.every_milliseconds for limit in limits]
        done = await self._effort.call(lambda: self._give_back(keys=self._keys(limits), args=every))
        if done is None:
            await self._meanwhile.give_back(limits)

    def _keys(self, limits: Sequence[Limit]) -> list[str]:
        return [
            self._prefix + blake2b(limit.key.encode(), digest_size=16).hexdigest()
            for limit in limits
        ]
