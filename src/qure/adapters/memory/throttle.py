"""Hands out tries within this process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from qure.application.ports.gateways import Limit

MAX_KEYS = 100_000


class MemoryThrottle:
    """See ``Throttle``. Bounded: over ``max_keys`` keys, those least lately used are forgotten."""

    def __init__(
        self, *, max_keys: int = MAX_KEYS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_keys = max_keys
        self._monotonic = monotonic
        # The generic cell rate algorithm: when, in milliseconds, a key has all its tries again.
        self._full_at: OrderedDict[str, int] = OrderedDict()

    async def take(self, limits: Sequence[Limit]) -> int | None:
        """One of each or none of any; else whole seconds, at least 1."""
        now = self._now()
        full_at = {
            limit.key: max(self._full_at.get(limit.key, now), now) + limit.every_milliseconds
            for limit in limits
        }
        wait = max(
            full_at[limit.key] - limit.at_once * limit.every_milliseconds - now for limit in limits
        )
        if wait > 0:
            return -(-wait // 1000)
        for key, at in full_at.items():
            self._full_at[key] = at
            self._full_at.move_to_end(key)
        self._forget(now)
        return None

    async def give_back(self, limits: Sequence[Limit]) -> None:
        """What was taken shall not count."""
        for limit in limits:
            if limit.key in self._full_at:
                self._full_at[limit.key] -= limit.every_milliseconds

    def __len__(self) -> int:
        return len(self._full_at)

    def _now(self) -> int:
        return int(self._monotonic() * 1000)

    def _forget(self, now: int) -> None:
        while self._full_at:
            oldest = next(iter(self._full_at.values()))
            if oldest > now and len(self._full_at) <= self._max_keys:
                return
            self._full_at.popitem(last=False)
