"""Reading anew what may have been missed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

FIRST_DELAY = 0.2
LONGEST_DELAY = 2.0

_log = logging.getLogger(__name__)


class Resyncs:
    """Calls ``do`` whenever it is needed, once the bus is heard again, until it has succeeded.

    A need that arises while ``do`` runs needs another run: what was read may be older than it.
    """

    def __init__(self) -> None:
        self.do: Callable[[], Awaitable[None]] | None = None
        self._needed = 0
        self._done = 0
        self._heard_again = asyncio.Event()

    @property
    def needed(self) -> int:
        """How often there was a need."""
        return self._needed

    @property
    def all_done(self) -> bool:
        """Whether nothing is missing."""
        return self._needed == self._done

    def need(self) -> None:
        """From now on something may be missed."""
        self._needed += 1
        self._heard_again.clear()

    def begin(self) -> None:
        """The bus is heard again: what was missed can be read."""
        if not self.all_done:
            self._heard_again.set()

    async def run(self) -> None:
        """Work until cancelled."""
        delay = FIRST_DELAY
        while True:
            await self._heard_again.wait()
            needed = self._needed
            try:
                if self.do is not None:
                    await self.do()
            except Exception:  # noqa: BLE001 - whatever it was, it is owed until it succeeds
                _log.exception("reading anew what was missed failed, and will be tried again")
                await asyncio.sleep(delay)
                delay = min(LONGEST_DELAY, delay * 2)
                continue
            delay = FIRST_DELAY
            self._done = needed
            if self.all_done:
                self._heard_again.clear()
