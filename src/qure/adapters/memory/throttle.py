"""Counts failures within this process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_KEYS = 100_000


@dataclass(slots=True)
class _Window:
    ends_at: float
    failures: int = 0


class MemoryThrottle:
    """See ``Throttle``. Bounded: over ``max_keys`` windows, the oldest are forgotten."""

    def __init__(
        self, *, max_keys: int = MAX_KEYS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_keys = max_keys
        self._monotonic = monotonic
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    async def retry_after(self, key: str, *, limit: int) -> int | None:
        """Whole seconds, at least 1."""
        window = self._windows.get(key)
        if window is None or window.failures < limit:
            return None
        left = window.ends_at - self._monotonic()
        return max(1, math.ceil(left)) if left > 0 else None

    async def fail(self, key: str, *, window_seconds: int) -> None:
        """Count one failure; the window starts with the first."""
        now = self._monotonic()
        window = self._windows.get(key)
        if window is None or window.ends_at <= now:
            self._windows.pop(key, None)
            self._forget(now)
            window = self._windows[key] = _Window(now + window_seconds)
        window.failures += 1

    def _forget(self, now: float) -> None:
        while self._windows:
            oldest = next(iter(self._windows.values()))
            if oldest.ends_at > now and len(self._windows) < self._max_keys:
                return
            self._windows.popitem(last=False)
