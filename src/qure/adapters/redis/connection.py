"""How this package talks to Redis: never waiting long, and never retrying behind our back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

FAULTS = (RedisError, OSError, TimeoutError)
"""What is raised when Redis is away, too slow, or refuses (out of memory, read only)."""

_log = logging.getLogger(__name__)


def connect(url: str, *, seconds: float, connections: int, **options: Any) -> Redis:
    """A client that waits ``seconds`` for a free connection, a connect, a write or an answer.

    redis-py's own three retries with backoff are off: who calls knows what a failure means.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=seconds,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        **options,
    )
    return Redis.from_pool(pool)


def new_connection(client: Redis) -> AbstractConnection:
    """A connection of the client's kind, outside its pool, not open yet."""
    connection: AbstractConnection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    return connection


class BestEffort:
    """Calls whose failure is an answer too, so that losing Redis slows and breaks nothing.

    After a failure Redis is left alone for ``pause`` seconds, then one caller tries again: most
    calls pay nothing for an outage. It is logged once when it begins and once when it ends.
    """

    def __init__(
        self,
        what: str,
        *,
        seconds: float,
        pause: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._seconds = seconds
        self._pause = pause
        self._monotonic = monotonic
        self._next_try: float | None = None

    async def call(self, command: Callable[[], Awaitable[Any]]) -> Any | None:
        """What the command answers, or None when Redis is away."""
        if not self._may_try():
            return None
        try:
            async with asyncio.timeout(self._seconds):
                answer = await command()
        except FAULTS as error:
            self.failed(error)
            return None
        self.succeeded()
        return answer

    def failed(self, error: BaseException) -> None:
        """Redis was tried and is away."""
        if self._next_try is None:
            _log.warning("Redis is away: %s does without (%s)", self._what, error)
        self._next_try = self._monotonic() + self._pause

    def succeeded(self) -> None:
        """Redis was tried and is there."""
        if self._next_try is not None:
            _log.warning("Redis is back: %s uses it again", self._what)
        self._next_try = None

    def _may_try(self) -> bool:
        if self._next_try is None:
            return True
        now = self._monotonic()
        if now < self._next_try:
            return False
        self._next_try = now + self._pause
        return True
