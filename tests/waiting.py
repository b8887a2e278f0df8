"""Waiting in tests: for a condition and with a deadline, never for a fixed time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic


async def eventually(condition: Callable[[], bool], *, within: float = 5.0) -> None:
    """Return as soon as the condition holds; fails the test after ``within`` seconds."""
    deadline = monotonic() + within
    while not condition():
        assert monotonic() < deadline, f"it did not come true within {within:g} s"
        await asyncio.sleep(0.005)
