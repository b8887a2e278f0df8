"""Chores that come round: opening queues at midnight, sweeping, taking up what was forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from qure.domain.errors import Unavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to ``do`` again and again, about ``every_seconds``.

    Any number of processes may do it at once: each chore sees to it that this does no harm.
    """

    name: str
    every_seconds: int
    do: Callable[[], Awaitable[object]]


class Schedule:
    """Does each chore at once and then in its rhythm, until closed."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores = chores
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin."""
        self._tasks = [
            asyncio.create_task(self._repeat(chore), name=f"chore {chore.name}")
            for chore in self._chores
        ]

    async def close(self) -> None:
        """Stop, in the middle of a chore if need be: every one of them is a transaction."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, chore: Chore) -> None:
        while True:
            try:
                await chore.do()
            except Unavailable as error:
                logger.warning("%s has to wait: %s", chore.name, error.message)
            except Exception:
                logger.exception("%s failed and is tried again", chore.name)
            await asyncio.sleep(chore.every_seconds)
