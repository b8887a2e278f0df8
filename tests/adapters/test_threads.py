"""Blocking work is bounded, and a caller who goes away does not make room that is not there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from qure.adapters.threads import BoundedThreads
from qure.domain.errors import Unavailable


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


async def test_over_the_bound_the_answer_is_busy_and_comes_at_once(gate: threading.Event) -> None:
    threads = BoundedThreads("tests", threads=1, queue_limit=2)
    admitted = [asyncio.ensure_future(threads.run(gate.wait, 20)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refusal:
        await threads.run(gate.wait, 20)
    assert refusal.value.code == "busy"
    assert refusal.value.retry_after == 1
    gate.set()
    assert await asyncio.gather(*admitted) == [True, True, True]


async def test_what_is_done_makes_room() -> None:
    threads = BoundedThreads("tests", threads=1, queue_limit=0)
    for number in range(20):
        assert await threads.run(abs, -number) == number


async def test_an_error_makes_room_and_reaches_the_caller() -> None:
    threads = BoundedThreads("tests", threads=1, queue_limit=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await threads.run(divmod, 1, 0)


async def test_work_cancelled_while_it_waits_never_starts(gate: threading.Event) -> None:
    threads = BoundedThreads("tests", threads=1, queue_limit=1)
    started: list[str] = []
    first = asyncio.ensure_future(threads.run(gate.wait, 20))
    second = asyncio.ensure_future(threads.run(started.append, "second"))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    third = asyncio.ensure_future(threads.run(started.append, "third"))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, third)
    assert started == ["third"]


async def test_work_abandoned_while_it_runs_still_takes_its_place(gate: threading.Event) -> None:
    threads = BoundedThreads("tests", threads=1, queue_limit=0)
    running = threading.Event()

    def hang() -> None:
        running.set()
        gate.wait(20)

    abandoned = asyncio.ensure_future(threads.run(hang))
    await asyncio.to_thread(running.wait, 20)
    abandoned.cancel()
    await asyncio.wait([abandoned], timeout=1)
    assert abandoned.cancelled()
    with pytest.raises(Unavailable):
        await threads.run(gate.wait, 20)


async def test_after_closing_nothing_starts_and_nobody_is_left_waiting(
    gate: threading.Event,
) -> None:
    threads = BoundedThreads("tests", threads=1, queue_limit=1)
    running = asyncio.ensure_future(threads.run(gate.wait, 20))
    waiting = asyncio.ensure_future(threads.run(gate.wait, 20))
    await asyncio.sleep(0)
    threads.close()
    await asyncio.wait([waiting], timeout=5)
    assert waiting.cancelled()
    with pytest.raises(Unavailable, match="about to stop"):
        await threads.run(gate.wait, 20)
    gate.set()
    assert await running
