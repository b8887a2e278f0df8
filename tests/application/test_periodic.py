"""Periodic tasks come round, whatever became of them the last time."""

from __future__ import annotations

import asyncio
import logging

import pytest

from qure.application.jobs.periodic import PeriodicTask, Schedule
from qure.domain.errors import Unavailable
from tests.support.waiting import eventually


class Work:
    """Something to do that fails as often as it was told to."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.done = 0

    async def __call__(self) -> int:
        if self.errors:
            raise self.errors.pop(0)
        self.done += 1
        return self.done


async def test_each_task_is_done_at_once_and_then_again_and_again() -> None:
    often, once = Work(), Work()
    schedule = Schedule([PeriodicTask("often", 0, often), PeriodicTask("once", 3600, once)])
    await schedule.start()
    await eventually(lambda: often.done >= 5)
    await schedule.close()
    assert once.done == 1


@pytest.mark.parametrize(
    ("error", "level"), [(Unavailable("Away."), "WARNING"), (RuntimeError("a bug"), "ERROR")]
)
async def test_a_task_that_fails_is_logged_and_tried_again(
    error: Exception, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    work, other = Work(error), Work()
    schedule = Schedule([PeriodicTask("sweeping", 0, work), PeriodicTask("other", 0, other)])
    with caplog.at_level(logging.WARNING):
        await schedule.start()
        await eventually(lambda: work.done >= 2 and other.done >= 2)
        await schedule.close()
    (record,) = caplog.records
    assert (record.levelname, record.name) == (level, "qure.application.jobs.periodic")
    assert "sweeping" in record.getMessage()


async def test_closing_ends_a_task_in_the_middle() -> None:
    begun = asyncio.Event()
    ended: list[bool] = []

    async def long_work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    schedule = Schedule([PeriodicTask("long", 1, long_work)])
    await schedule.start()
    await begun.wait()
    await asyncio.wait_for(schedule.close(), timeout=5)
    assert ended == [True]


async def test_closing_what_was_never_started_does_nothing() -> None:
    await Schedule([PeriodicTask("never", 1, Work())]).close()


async def test_what_comes_first_is_done_once_before_anything_else() -> None:
    order: list[str] = []

    async def first() -> None:
        await asyncio.sleep(0)
        order.append("first")

    async def often() -> None:
        order.append("task")

    schedule = Schedule([PeriodicTask("often", 0, often)], first=first)
    await schedule.start()
    await eventually(lambda: len(order) >= 4)
    await schedule.close()
    assert order[0] == "first"
    assert set(order[1:]) == {"task"}
