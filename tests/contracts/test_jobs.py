"""What every kind of jobs promises: done at least once, bounded, tried again, given up visibly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol
from uuid import uuid4

import pytest

from qure.adapters.jobs.handling import Handler, RetryPolicy
from qure.adapters.jobs.inprocess import InProcessJobs
from qure.adapters.jobs.saq import SaqJobs
from qure.adapters.jobs.saq_worker import SaqWorker
from qure.application.ports.gateways import DeleteImage, Job, Jobs, ProcessImage
from qure.domain.errors import Unavailable
from qure.domain.ids import ImageId

AT_ONCE = RetryPolicy(attempts=3, timeout=30, first_delay=0)


class Open(Protocol):
    """Opens jobs of one kind that are done by that handler."""

    def __call__(
        self, handler: Handler, *, concurrency: int = 10, policy: RetryPolicy = AT_ONCE
    ) -> AbstractAsyncContextManager[Jobs]: ...


@asynccontextmanager
async def in_process(
    handler: Handler, *, concurrency: int = 10, policy: RetryPolicy = AT_ONCE
) -> AsyncIterator[Jobs]:
    jobs = InProcessJobs(handler, concurrency=concurrency, policy=policy)
    try:
        yield jobs
    finally:
        await jobs.close(seconds=0)


def on_redis(url: str) -> Open:
    """SAQ, with a queue of its own and one worker in this process."""

    @asynccontextmanager
    async def open_saq(
        handler: Handler, *, concurrency: int = 10, policy: RetryPolicy = AT_ONCE
    ) -> AsyncIterator[Jobs]:
        name = f"test-{uuid4()}"
        jobs = SaqJobs(url, queue_name=name, policy=policy)
        worker = SaqWorker(
            url, handler, queue_name=name, concurrency=concurrency, drain_seconds=0.1
        )
        running = asyncio.create_task(worker.run())
        try:
            yield jobs
        finally:
            worker.stop()
            await running
            await jobs.close()

    return open_saq


@pytest.fixture(params=["in process", "saq"])
def opened(request: pytest.FixtureRequest) -> Open:
    if request.param == "in process":
        return in_process
    return on_redis(request.getfixturevalue("redis_server"))


def picture() -> ProcessImage:
    return ProcessImage(ImageId(uuid4()))


async def eventually(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], *, seconds: float = 20
) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while True:
            holds = condition()
            if await holds if isinstance(holds, Awaitable) else holds:
                return
            await asyncio.sleep(0.01)


class Recorder:
    """A handler that does what it is told and remembers what it was asked."""

    def __init__(self, *, failures: int = 0) -> None:
        self.failures = failures
        self.seen: list[tuple[Job, bool]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.inside = 0
        self.most_inside = 0

    async def __call__(self, job: Job, last_attempt: bool) -> None:
        self.seen.append((job, last_attempt))
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await self.gate.wait()
        finally:
            self.inside -= 1
        if self.failures:
            self.failures -= 1
            raise Unavailable("Not now.")

    @property
    def jobs(self) -> list[Job]:
        return [job for job, _ in self.seen]


async def test_jobs_of_each_kind_reach_the_handler_as_they_were(opened: Open) -> None:
    handler = Recorder()
    jobs: list[Job] = [picture(), DeleteImage("https://res.example/ä?x=1"), picture()]
    async with opened(handler) as queue:
        await queue.enqueue(jobs)
        await eventually(lambda: len(handler.seen) == 3)
    assert set(handler.jobs) == set(jobs)
    assert not any(last for _, last in handler.seen)


async def test_nothing_to_enqueue_is_no_fault(opened: Open) -> None:
    handler, last = Recorder(), picture()
    async with opened(handler) as queue:
        await queue.enqueue([])
        await queue.ping()
        await queue.enqueue([last])
        await eventually(lambda: bool(handler.seen))
    assert handler.jobs == [last]


async def test_the_same_job_enqueued_again_before_it_is_done_is_done_once(opened: Open) -> None:
    handler = Recorder()
    handler.gate.clear()
    job, after = picture(), picture()
    async with opened(handler, concurrency=1) as queue:
        await queue.enqueue([job, job])
        await queue.enqueue([job])
        await eventually(lambda: handler.inside == 1)
        await queue.enqueue([job, after])
        handler.gate.set()
        await eventually(lambda: after in handler.jobs)
    assert handler.jobs == [job, after]


async def test_a_job_that_is_done_can_be_enqueued_anew(opened: Open) -> None:
    handler = Recorder()
    job = picture()
    async with opened(handler) as queue:
        for round in (1, 2):
            await queue.enqueue([job])
            await eventually(lambda round=round: len(handler.seen) == round)
            await eventually(_done(queue, round))


async def test_a_job_that_fails_is_tried_again_until_it_is_done(opened: Open) -> None:
    handler = Recorder(failures=2)
    job = picture()
    async with opened(handler) as queue:
        await queue.enqueue([job])
        await eventually(_done(queue, 1))
        assert (await queue.counts()).failed == 0
    assert handler.seen == [(job, False), (job, False), (job, True)]


async def test_a_job_that_never_succeeds_is_given_up_and_counted(opened: Open) -> None:
    handler = Recorder(failures=99)
    bad, good = picture(), picture()
    async with opened(handler) as queue:
        await queue.enqueue([bad])
        await eventually(_failed(queue, 1))
        assert handler.seen == [(bad, False), (bad, False), (bad, True)]
        handler.failures = 0
        await queue.enqueue([good])
        await eventually(_done(queue, 1))
        counts = await queue.counts()
    assert (counts.queued, counts.running, counts.retrying, counts.failed) == (0, 0, 0, 1)


async def test_no_more_are_done_at_once_than_the_bound(opened: Open) -> None:
    handler = Recorder()
    handler.gate.clear()
    async with opened(handler, concurrency=3) as queue:
        await queue.enqueue([picture() for _ in range(10)])
        await eventually(lambda: handler.inside == 3)
        counts = await queue.counts()
        assert (counts.queued, counts.running) == (7, 3)
        handler.gate.set()
        await eventually(_done(queue, 10))
    assert handler.most_inside == 3


async def test_a_job_that_hangs_is_given_up_and_tried_again(opened: Open) -> None:
    attempts = 0

    async def hang_once(job: Job, last_attempt: bool) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await asyncio.Event().wait()

    async with opened(hang_once, policy=RetryPolicy(timeout=1, first_delay=0)) as queue:
        await queue.enqueue([picture()])
        await eventually(_done(queue, 1))
    assert attempts == 2


def _done(queue: Jobs, number: int) -> Callable[[], Awaitable[bool]]:
    async def are_done() -> bool:
        return (await queue.counts()).done == number

    return are_done


def _failed(queue: Jobs, number: int) -> Callable[[], Awaitable[bool]]:
    async def have_failed() -> bool:
        return (await queue.counts()).failed == number

    return have_failed


# In process alone


async def test_closing_lets_what_runs_finish_and_starts_nothing_more() -> None:
    handler = Recorder()
    handler.gate.clear()
    jobs = InProcessJobs(handler, concurrency=1)
    first, second = picture(), picture()
    await jobs.enqueue([first, second])
    await eventually(lambda: handler.inside == 1)
    closing = asyncio.create_task(jobs.close(seconds=20))
    await asyncio.sleep(0)
    handler.gate.set()
    await closing
    assert handler.jobs == [first]
    assert (await jobs.counts()).done == 1
    with pytest.raises(Unavailable):
        await jobs.enqueue([second])
    with pytest.raises(Unavailable):
        await jobs.ping()


async def test_closing_ends_what_does_not_finish_in_time_and_does_not_call_it_failed() -> None:
    handler = Recorder()
    handler.gate.clear()
    jobs = InProcessJobs(handler)
    await jobs.enqueue([picture()])
    await eventually(lambda: handler.inside == 1)
    await jobs.close(seconds=0.01)
    assert handler.inside == 0
    counts = await jobs.counts()
    assert (counts.queued, counts.running, counts.done, counts.failed) == (0, 0, 0, 0)


async def test_closing_does_not_wait_for_another_attempt() -> None:
    handler = Recorder(failures=9)
    jobs = InProcessJobs(handler, policy=RetryPolicy(first_delay=3600, longest_delay=3600))
    await jobs.enqueue([picture()])

    async def waits() -> bool:
        return (await jobs.counts()).retrying == 1

    await eventually(waits)
    async with asyncio.timeout(5):
        await jobs.close(seconds=3600)


async def test_a_job_that_waits_for_another_attempt_leaves_room_for_others() -> None:
    handler = Recorder(failures=1)
    slow = RetryPolicy(first_delay=3600, longest_delay=3600)
    jobs = InProcessJobs(handler, concurrency=1, policy=slow)
    bad, good = picture(), picture()
    await jobs.enqueue([bad, good])
    await eventually(_done(jobs, 1))
    assert handler.jobs == [bad, good]
    await jobs.close(seconds=0)


def test_each_wait_is_twice_the_last_up_to_the_longest() -> None:
    policy = RetryPolicy(first_delay=2, longest_delay=10)
    assert [policy.delay_after(attempt, 1.0) for attempt in (1, 2, 3, 4, 9)] == [2, 4, 8, 10, 10]
    assert policy.delay_after(3, 0.0) == 4
