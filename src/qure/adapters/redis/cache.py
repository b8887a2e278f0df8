"""The cache that all processes share. Without Redis there is simply nothing in it."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoPermissionError

from qure.adapters.redis.connection import FAULTS, BestEffort, connect
from qure.application.ports.gateways import Lease
from qure.domain.errors import Unavailable

READ_SECONDS = 0.5
DROP_SECONDS = 0.5
LEASE_SECONDS = 60
MAX_KEYS_OF_A_GROUP = 1000

VOID = Lease("")
"""A lease that was never given: nothing can be put with it."""

# A group is one hash of entries and one lease id. An entry begins with the instant of its expiry,
# in 13 digits of milliseconds by the server's own clock. The lease id is a random word from the
# first miss until the group is dropped; a lease is good while its id is the group's. Dropping
# removes both, and so does emptying the server: an id that comes later is another word, so an old
# lease stays void. Losing only one of the two (eviction, expiry) loses entries or leases, which is
# allowed.

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_GET = f"""{_NOW}
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if entry and tonumber(string.sub(entry, 1, 13)) > now then
  return {{1, string.sub(entry, 14)}}
end
local lease = redis.call('GET', KEYS[2])
if not lease then
  lease = ARGV[2]
  redis.call('SET', KEYS[2], lease)
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {{0, lease}}
"""

_PUT = f"""{_NOW}
if redis.call('GET', KEYS[2]) ~= ARGV[3] then
  return 0
end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5])
    and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return 0
end
local ttl = tonumber(ARGV[4])
redis.call('HSET', KEYS[1], ARGV[1], string.format('%013.0f', now + ttl) .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < ttl then
  redis.call('PEXPIRE', KEYS[1], ttl)
end
return 1
"""

_FORGET_OTHER_RUNS = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return 0
end
local cursor = '0'
repeat
  local found = redis.call('SCAN', cursor, 'MATCH', ARGV[2], 'COUNT', 1000)
  cursor = found[1]
  for _, key in ipairs(found[2]) do
    redis.call('UNLINK', key)
  end
until cursor == '0'
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""

_log = logging.getLogger(__name__)


class RedisCache:
    """See ``Cache``. A group holds at most 1000 keys; more are refused until it has gone.

    A server that was restarted from a snapshot, or a replica that took over, may hold what had
    been dropped: each new connection therefore empties the cache unless it was filled in the
    same run of the same server, before anything is read through it.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "qure:",
        connections: int = 16,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = f"{prefix}cache:"
        self._redis = connect(
            url,
            seconds=READ_SECONDS,
            connections=connections,
            redis_connect_func=self._on_connect,
        )
        self._effort = BestEffort("the cache", seconds=READ_SECONDS, monotonic=monotonic)
        self._get = self._redis.register_script(_GET)
        self._put = self._redis.register_script(_PUT)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def get(self, group: str, key: str) -> bytes | Lease:
        """A void lease when Redis is away."""
        answer = await self._effort.call(
            lambda: self._get(
                keys=self._keys(group), args=[key, secrets.token_hex(16), LEASE_SECONDS * 1000]
            )
        )
        if answer is None:
            return VOID
        found, word = answer
        return bytes(word) if found else Lease(word.decode())

    async def put(
        self, group: str, key: str, value: bytes, *, lease: Lease, ttl_seconds: int
    ) -> None:
        """Does nothing when the lease is void, the group is full, or Redis is away."""
        if lease == VOID:
            return
        await self._effort.call(
            lambda: self._put(
                keys=self._keys(group),
                args=[key, value, lease.id, ttl_seconds * 1000, MAX_KEYS_OF_A_GROUP],
            )
        )

    async def drop(self, groups: Sequence[str]) -> None:
        """In one step. Raises ``Unavailable``: what was to be dropped may still be served then."""
        if not groups:
            return
        try:
            async with asyncio.timeout(DROP_SECONDS):
                await self._redis.unlink(*(key for group in groups for key in self._keys(group)))
        except FAULTS as error:
            self._effort.failed(error)
            raise Unavailable("The cache is away.") from error

    def _keys(self, group: str) -> list[str]:
        return [f"{self._prefix}entries:{group}", f"{self._prefix}lease:{group}"]

    async def _on_connect(self, connection: AbstractConnection) -> None:
        await connection.on_connect()
        try:
            await connection.send_command("INFO", "server")
            run_id = _run_id(await connection.read_response())
        except NoPermissionError:
            _log.warning("the Redis user may not ask INFO: restarts from a snapshot go unnoticed")
            return
        pattern = re.sub(r"([*?\[\]\\^-])", r"\\\1", self._prefix) + "*"
        await connection.send_command(
            "EVAL", _FORGET_OTHER_RUNS, 1, f"{self._prefix}run", run_id, pattern
        )
        await connection.read_response()


def _run_id(info: bytes) -> bytes:
    """The word that a server makes at random each time it starts."""
    found = re.search(rb"^run_id:(\w+)", info, re.MULTILINE)
    if found is None:
        raise ConnectionError("Redis did not say its run_id.")
    return found[1]
