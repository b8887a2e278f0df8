"""Hands out tries for all processes together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b

from qure.adapters.redis.connection import BestEffort, connect
from qure.application.batching import Batches
from qure.application.ports.gateways import Limit, Throttle

SECONDS = 1.0
"""Longer than elsewhere: a flood that slows this process down must not switch the throttle off."""

MAX_BATCH = 100

# The generic cell rate algorithm: a key holds when it has all its tries again, in milliseconds
# of the server's clock, and expires then. Arguments, for each of those who ask: how many limits
# they have, and at_once and every_milliseconds of each. Answers: how long each has to wait.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local waits, key, argument = {}, 0, 1
while argument <= #ARGV do
  local limits, full_at, wait = tonumber(ARGV[argument]), {}, 0
  for i = 1, limits do
    local at_once = tonumber(ARGV[argument + 2 * i - 1])
    local every = tonumber(ARGV[argument + 2 * i])
    full_at[i] = math.max(tonumber(redis.call('GET', KEYS[key + i]) or '0'), now) + every
    wait = math.max(wait, full_at[i] - at_once * every - now)
  end
  if wait == 0 then
    for i = 1, limits do
      local at = string.format('%d', full_at[i])
      redis.call('SET', KEYS[key + i], at, 'PX', full_at[i] - now)
    end
  end
  waits[#waits + 1] = wait
  key, argument = key + limits, argument + 1 + 2 * limits
end
return waits
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
"""


class RedisThrottle:
    """See ``Throttle``. What this process alone would let through (``own``) is asked of Redis.

    So while Redis is away, or too slow because this process is flooded, each process still lets
    through no more than the limits say; and most of a flood never gets as far as Redis. Those who
    ask at one moment are asked for together. Keys are stored as digests, so no address can be
    read there.
    """

    def __init__(
        self,
        url: str,
        *,
        own: Throttle,
        prefix: str = "qure:",
        connections: int = 4,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = f"{prefix}tries:"
        self._own = own
        self._redis = connect(url, seconds=SECONDS, connections=connections)
        self._effort = BestEffort("the throttle", seconds=SECONDS, monotonic=monotonic)
        self._asking: Batches[None, Sequence[Limit], int] = Batches(self._ask, max_batch=MAX_BATCH)
        self._take = self._redis.register_script(_TAKE)
        self._give_back = self._redis.register_script(_GIVE_BACK)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def take(self, limits: Sequence[Limit]) -> int | None:
        """One of each or none of any; else whole seconds, at least 1."""
        seconds = await self._own.take(limits)
        if seconds is not None:
            return seconds
        wait = await self._asking.ask(None, limits)
        if wait == 0:
            return None
        await self._own.give_back(limits)
        return -(-wait // 1000)

    async def give_back(self, limits: Sequence[Limit]) -> None:
        """What was taken shall not count. Lost when Redis went away since."""
        await self._own.give_back(limits)
        every = [limit.every_milliseconds for limit in limits]
        await self._effort.call(lambda: self._give_back(keys=self._keys(limits), args=every))

    async def _ask(self, _: None, asked: Sequence[Sequence[Limit]]) -> Sequence[int]:
        keys, arguments = list[str](), list[int]()
        for limits in asked:
            keys += self._keys(limits)
            arguments.append(len(limits))
            for limit in limits:
                arguments += (limit.at_once, limit.every_milliseconds)
        waits: list[int] | None = await self._effort.call(
            lambda: self._take(keys=keys, args=arguments)
        )
        return [0] * len(asked) if waits is None else waits

    def _keys(self, limits: Sequence[Limit]) -> list[str]:
        return [
            self._prefix + blake2b(limit.key.encode(), digest_size=16).hexdigest()
            for limit in limits
        ]
