"""How often a room speaks: at once when it was quiet, and after having said much in a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

PAUSE_PER_MEMBER: Final = 50e-6
LONGEST_PAUSE: Final = 0.1
SHORTEST_PAUSE: Final = 0.001
"""Seconds. Telling a room costs so much that sending every change of a rush to a full one would
keep the process from anything else; after telling it, changes are gathered for a moment."""

Speak = Callable[[], None]


class Pausing:
    """Lets a room ``speak`` in a later turn of the loop, once for all that came meanwhile.

    It knows how only as long as something is due: a room that is let go is gone at once.
    """

    __slots__ = ("_timer",)

    def __init__(self) -> None:
        self._timer: asyncio.Handle | None = None

    def soon(self, speak: Speak) -> None:
        """There is something to say: now, or after the pause."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_soon(self._now, speak)

    def pause(self, seconds: float, speak: Speak) -> None:
        """It has spoken, and does so again after so long, ``LONGEST_PAUSE`` at most.

        Less than ``SHORTEST_PAUSE`` is none.
        """
        seconds = min(LONGEST_PAUSE, seconds)
        if seconds >= SHORTEST_PAUSE:
            self.stop()
            self._timer = asyncio.get_running_loop().call_later(seconds, self._now, speak)

    def stop(self) -> None:
        """It says nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now(self, speak: Speak) -> None:
        self._timer = None
        speak()
