"""Waiting in tests: for a condition and with a deadline, never for a fixed time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import pytest


async def eventually(condition: Callable[[], bool], *, within: float = 5.0) -> None:
    """Return as soon as the condition holds; fails the test after ``within`` seconds."""
    deadline = monotonic() + within
    while not condition():
        assert monotonic() < deadline, f"it did not come true within {within:g} s"
        await asyncio.sleep(0.005)


async def loop_turns(count: int = 100) -> None:
    """Let everything that can go on without a timer or an answer from outside go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def time_passes(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every timer of the event loop that is due within so many seconds goes off now, in order.

    Its clock is moved in a hundred small steps, so that a timer may set the next, and stays ahead
    until the end of the test. Other clocks do not move.
    """
    loop = asyncio.get_running_loop()
    clock, ahead = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: clock() + ahead)
    for _ in range(100):
        ahead += seconds / 100
        await loop_turns(3)
