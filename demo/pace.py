"""How fast the day goes by, and waiting for what others do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable


class Pace:
    """Turns seconds of the day into seconds of the clock."""

    def __init__(self, speed: float) -> None:
        self._speed = speed

    def seconds(self, seconds: float) -> float:
        """So long on the clock."""
        return seconds / self._speed

    async def pause(self, seconds: float) -> None:
        """Wait that long of the day."""
        await asyncio.sleep(self.seconds(seconds))


class Bell:
    """Wakes whoever waits for something to have become true."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Something may have become true."""
        self._rung.set()

    async def until(self, is_true: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait for it, so long at most; whether it is true."""
        try:
            async with asyncio.timeout(seconds):
                while not is_true():
                    self._rung.clear()
                    await self._rung.wait()
        except TimeoutError:
            return is_true()
        return True


async def few_at_once(actions: Iterable[Callable[[], Awaitable[object]]], limit: int = 8) -> None:
    """All of them, so many at a time."""
    room = asyncio.Semaphore(limit)

    async def act(action: Callable[[], Awaitable[object]]) -> None:
        async with room:
            await action()

    async with asyncio.TaskGroup() as group:
        for action in actions:
            group.create_task(act(action))
