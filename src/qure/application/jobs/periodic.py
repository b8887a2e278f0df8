"""What is done again and again: opening queues, sweeping, taking up what was forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from qure.domain.errors import Unavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """Something to ``do`` again and again, about ``every_seconds``.

    Any number of processes may do it at once: each task sees to it that this does no harm.
    """

    name: str
    every_seconds: int
    do: Callable[[], Awaitable[object]]


class Schedule:
    """Does ``first``, then each task at once and in its rhythm, until closed."""

    def __init__(
        self,
        periodic_tasks: Sequence[PeriodicTask],
        *,
        first: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._periodic_tasks = periodic_tasks
        self._first = first
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin."""
        if self._first is not None:
            await self._first()
        self._tasks = [
            asyncio.create_task(self._repeat(task), name=f"task {task.name}")
            for task in self._periodic_tasks
        ]

    async def close(self) -> None:
        """Stop, in the middle of a task if need be: every one of them is a transaction."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, task: PeriodicTask) -> None:
        while True:
            try:
                await task.do()
            except Unavailable as error:
                logger.warning("%s has to wait: %s", task.name, error.message)
            except Exception:
                logger.exception("%s failed and is tried again", task.name)
            await asyncio.sleep(task.every_seconds)
