"""Times in which announcements may have been missed, and making good for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

FIRST_DELAY = 0.2
LONGEST_DELAY = 2.0

_log = logging.getLogger(__name__)


class Gaps:
    """Calls ``heal`` for each gap once the bus is heard again, until it has succeeded.

    A gap that opens while ``heal`` runs needs another run: what was read may be older than it.
    """

    def __init__(self) -> None:
        self.heal: Callable[[], Awaitable[None]] | None = None
        self._opened = 0
        self._closed = 0
        self._heard_again = asyncio.Event()

    @property
    def opened(self) -> int:
        """How many there were."""
        return self._opened

    @property
    def all_closed(self) -> bool:
        """Whether nothing is missing."""
        return self._opened == self._closed

    def open(self) -> None:
        """From now on something may be missed."""
        self._opened += 1
        self._heard_again.clear()

    def end(self) -> None:
        """The bus is heard again: what was missed can be made good."""
        if not self.all_closed:
            self._heard_again.set()

    async def run(self) -> None:
        """Make good, as long as it is not cancelled."""
        delay = FIRST_DELAY
        while True:
            await self._heard_again.wait()
            opened = self._opened
            try:
                if self.heal is not None:
                    await self.heal()
            except Exception:  # noqa: BLE001 - whatever it was, it is owed until it succeeds
                _log.exception("reading anew after a gap failed, and will be tried again")
                await asyncio.sleep(delay)
                delay = min(LONGEST_DELAY, delay * 2)
                continue
            delay = FIRST_DELAY
            self._closed = opened
            if self.all_closed:
                self._heard_again.clear()
