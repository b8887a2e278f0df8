"""SAQ on a real Redis: workers that die, and a Redis that goes away."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from saq.job import Status
from saq.queue.redis import RedisQueue
from saq.utils import now

from qure.adapters.jobs import saq_queue
from qure.adapters.jobs.handling import RetryPolicy
from qure.adapters.jobs.saq import SaqJobs
from qure.adapters.jobs.saq_queue import Queue, connect, decode, encode
from qure.adapters.jobs.saq_worker import SaqWorker
from qure.application.ports.gateways import DeleteImage, Job, ProcessImage
from qure.domain.errors import Unavailable
from qure.domain.ids import ImageId
from tests.support.servers.redis import RedisServer
from tests.support.waiting import loop_turns

AT_ONCE = RetryPolicy(attempts=3, timeout=30, first_delay=0)
ROOT = Path(__file__).parents[2]
PROGRAM = "tests.adapters.saq_worker_process"


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


@asynccontextmanager
async def working(worker: SaqWorker) -> AsyncIterator[None]:
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await running


class WorkerProcess:
    """A worker in a process of its own, and what it wrote into the journal."""

    def __init__(self, url: str, queue_name: str, journal: Path, way: str) -> None:
        self.journal = journal
        self.process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM, url, queue_name, str(journal), way],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )

    def noted(self, what: str) -> int:
        """How often this very process noted it."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return lines.count(f"{what} {self.process.pid}")


StartWorker = Callable[[str, str], Awaitable[WorkerProcess]]


@pytest.fixture
def start_worker(redis_server: str, tmp_path: Path) -> Iterator[StartWorker]:
    started: list[WorkerProcess] = []

    async def start(queue_name: str, way: str) -> WorkerProcess:
        worker = WorkerProcess(redis_server, queue_name, tmp_path / "journal", way)
        started.append(worker)
        # On a busy machine an interpreter takes longer to start than a job may be waited for.
        await eventually(lambda: worker.noted("started") == 1, seconds=60)
        return worker

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()


async def test_a_job_whose_worker_was_killed_is_done_by_another_one(
    redis_server: str, start_worker: StartWorker
) -> None:
    name = f"test-{uuid4()}"
    jobs = SaqJobs(redis_server, queue_name=name, policy=AT_ONCE, heartbeat=2)
    await jobs.enqueue([picture() for _ in range(4)])
    doomed = await start_worker(name, "hang")
    await eventually(lambda: doomed.noted("began") == 4)
    other = await start_worker(name, "finish")
    os.kill(doomed.process.pid, signal.SIGKILL)
    killed = time.monotonic()
    await eventually(lambda: other.noted("did") == 4)
    assert time.monotonic() - killed < 15
    assert other.noted("began") == 4
    await jobs.close()


async def test_a_job_fetched_a_moment_ago_is_not_taken_and_one_forgotten_there_is(
    redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(redis_server, seconds=5)
    queue = Queue(client, name=f"test-{uuid4()}")
    function, arguments, key = encode(picture())
    await queue.enqueue(function, key=key, retries=3, heartbeat=1, **arguments)
    assert await queue.dequeue(timeout=1) is not None  # and here its worker dies
    assert await queue.sweep() == []
    monkeypatch.setattr(saq_queue, "_UNMARKED_SECONDS", 0.0)
    assert len(await queue.sweep()) == 1
    assert await queue.dequeue(timeout=1) is not None
    await queue.disconnect()


async def test_a_heartbeat_that_comes_while_it_is_swept_keeps_the_job_where_it_is(
    redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(connect(redis_server, seconds=5), name=f"test-{uuid4()}")
    function, arguments, key = encode(picture())
    await queue.enqueue(function, key=key, retries=3, heartbeat=1, **arguments)
    job = await queue.dequeue(timeout=1)
    assert job is not None
    await job.update(status=Status.ACTIVE)
    await eventually(lambda: now() - job.touched > 1000)  # silent for more than its heartbeat
    call = queue._call

    async def beat_after_reading(*command: str | bytes | int) -> object:
        answer = await call(*command)
        if command[0] == "MGET":
            await job.update()
        return answer

    monkeypatch.setattr(queue, "_call", beat_after_reading)
    assert await queue.sweep() == []
    counted = await queue.counted()
    assert (counted["queued"], counted["active"]) == (0, 1)
    await queue.disconnect()


async def test_two_sweeps_at_once_put_a_job_back_once(
    redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saq_queue, "_UNMARKED_SECONDS", 0.0)
    name = f"test-{uuid4()}"
    first, second = (Queue(connect(redis_server, seconds=5), name=name) for _ in range(2))
    function, arguments, key = encode(picture())
    await first.enqueue(function, key=key, retries=3, heartbeat=1, **arguments)
    await first.dequeue(timeout=1)
    call = first._call

    async def be_overtaken(*command: str | bytes | int) -> object:
        answer = await call(*command)
        if command[0] == "LRANGE":
            assert len(await second.sweep()) == 1
        return answer

    monkeypatch.setattr(first, "_call", be_overtaken)
    assert await first.sweep() == []
    counted = await first.counted()
    assert (counted["queued"], counted["active"]) == (1, 0)
    for queue in (first, second):
        await queue.disconnect()


async def test_an_entry_without_a_job_is_swept_away(redis_server: str) -> None:
    client = connect(redis_server, seconds=5)
    queue = Queue(client, name=f"test-{uuid4()}")
    function, arguments, key = encode(picture())
    await queue.enqueue(function, key=key, retries=3, heartbeat=1, **arguments)
    job = await queue.dequeue(timeout=1)
    assert job is not None
    await client.delete(job.id)  # as when it was done by two, and the record has expired
    assert await queue.sweep() == [job.id]
    assert (await queue.counted())["active"] == 0
    await queue.disconnect()


async def test_without_redis_nothing_is_swept_and_nothing_raised(own_redis: RedisServer) -> None:
    queue = Queue(connect(own_redis.url, seconds=5), name="test")
    own_redis.stop()
    assert await queue.sweep() == []
    await queue.disconnect()


async def test_a_job_that_kills_every_worker_is_given_up(redis_server: str) -> None:
    client = connect(redis_server, seconds=5)
    queue = Queue(client, name=f"test-{uuid4()}")
    function, arguments, key = encode(picture())
    await queue.enqueue(function, key=key, retries=2, heartbeat=1, **arguments)
    for attempt in (1, 2):
        job = await queue.dequeue(timeout=1)
        assert job is not None
        job.attempts = attempt
        await job.update(status=Status.ACTIVE)
        await eventually(partial(_is_swept, queue))
    counted = await queue.counted()
    assert (counted["queued"], counted["active"], counted["scheduled"]) == (0, 0, 0)
    assert await queue.enqueue(function, key=key, **arguments) is not None
    await queue.disconnect()


async def _is_swept(queue: Queue) -> bool:
    return len(await queue.sweep()) == 1


async def test_a_worker_asked_to_stop_gives_its_jobs_back_at_once(
    redis_server: str, start_worker: StartWorker
) -> None:
    name = f"test-{uuid4()}"
    # Sixty seconds without a heartbeat: only giving back can make another one do it in time.
    jobs = SaqJobs(redis_server, queue_name=name, policy=AT_ONCE, heartbeat=60)
    await jobs.enqueue([picture()])
    leaving = await start_worker(name, "hang")
    await eventually(lambda: leaving.noted("began") == 1)
    leaving.process.terminate()
    assert await asyncio.to_thread(leaving.process.wait, 30) == 0
    other = await start_worker(name, "finish")
    await eventually(lambda: other.noted("did") == 1)
    await jobs.close()


@pytest.mark.parametrize("moment", ["dequeue", "update", "_finish"])
async def test_a_worker_stopped_at_any_moment_leaves_no_job_behind(
    redis_server: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    name = f"test-{uuid4()}"
    began = 0
    step = getattr(RedisQueue, moment)

    async def stop_meanwhile(*args: object, **options: object) -> object:
        result = await step(*args, **options) if moment == "dequeue" else None
        if moment != "dequeue" or result is not None:
            worker.stop()
            await loop_turns()  # where SAQ would cancel it
        return result if moment == "dequeue" else await step(*args, **options)

    async def count(job: Job, last_attempt: bool) -> None:
        nonlocal began
        began += 1

    jobs = SaqJobs(redis_server, queue_name=name, heartbeat=60)
    await jobs.enqueue([picture()])
    worker = SaqWorker(redis_server, count, queue_name=name, concurrency=1, drain_seconds=0)
    monkeypatch.setattr(RedisQueue, moment, stop_meanwhile)
    await worker.run()
    counts = await jobs.counts()
    assert (counts.queued, counts.running, counts.retrying) == (1 - began, 0, 0)
    assert began == (moment == "_finish")
    await jobs.close()


async def test_a_worker_asked_to_stop_does_not_take_again_what_it_gave_back(
    redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"test-{uuid4()}"
    began = asyncio.Event()
    dequeue = RedisQueue.dequeue

    async def deaf(*args: Any) -> object:
        try:
            return await dequeue(*args)
        except asyncio.CancelledError:  # swallowed, as asyncio.wait_for does now and then
            return await dequeue(*args)

    async def hang(job: Job, last_attempt: bool) -> None:
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(RedisQueue, "dequeue", deaf)
    jobs = SaqJobs(redis_server, queue_name=name, policy=AT_ONCE, heartbeat=60)
    await jobs.enqueue([picture()])
    worker = SaqWorker(redis_server, hang, queue_name=name, drain_seconds=0)
    async with working(worker), asyncio.timeout(5):
        await began.wait()
        worker.stop()
        await eventually(partial(_all_is_queued, jobs), seconds=5)
    await jobs.close()


async def _all_is_queued(jobs: SaqJobs) -> bool:
    counts = await jobs.counts()
    return (counts.queued, counts.running, counts.retrying) == (1, 0, 0)


async def test_a_job_that_takes_longer_than_a_heartbeat_is_not_taken_away(
    redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"test-{uuid4()}"
    began = 0

    sweeps = 0
    sweep = Queue.sweep

    async def counted(*args: Any, **options: Any) -> list[str]:
        nonlocal sweeps
        swept = await sweep(*args, **options)
        sweeps += 1
        return swept

    async def slowly(job: Job, last_attempt: bool) -> None:
        nonlocal began
        began += 1
        start = time.monotonic()
        await eventually(lambda: time.monotonic() - start > 2)  # two heartbeats
        before = sweeps
        await eventually(lambda: sweeps >= before + 2)

    monkeypatch.setattr(Queue, "sweep", counted)
    jobs = SaqJobs(redis_server, queue_name=name, policy=AT_ONCE, heartbeat=1)
    first = SaqWorker(redis_server, slowly, queue_name=name, sweep_seconds=1)
    second = SaqWorker(redis_server, slowly, queue_name=name, sweep_seconds=1)
    async with working(first), working(second):
        await jobs.enqueue([picture()])

        async def is_done() -> bool:
            return (await jobs.counts()).done == 1

        await eventually(is_done)
    assert began == 1
    await jobs.close()


async def test_what_runs_may_finish_when_the_worker_is_asked_to_stop(redis_server: str) -> None:
    name = f"test-{uuid4()}"
    began, may_finish, finished = asyncio.Event(), asyncio.Event(), False

    async def handle(job: Job, last_attempt: bool) -> None:
        nonlocal finished
        began.set()
        await may_finish.wait()
        finished = True

    jobs = SaqJobs(redis_server, queue_name=name, policy=AT_ONCE)
    worker = SaqWorker(redis_server, handle, queue_name=name, drain_seconds=20)
    async with working(worker):
        await jobs.enqueue([picture()])
        await began.wait()
        worker.stop()
        await loop_turns()  # It knows that it is to stop, and lets the job run.
        may_finish.set()
    assert finished
    counts = await jobs.counts()
    assert (counts.queued, counts.running, counts.retrying) == (0, 0, 0)
    await jobs.close()


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_without_redis_everything_is_unavailable_within_a_second(
    own_redis: RedisServer, how: str
) -> None:
    jobs = SaqJobs(own_redis.url)
    await jobs.enqueue([picture()])
    if how == "stopped":
        own_redis.stop()
    else:
        own_redis.pause()
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: jobs.enqueue([picture() for _ in range(50)]),
        jobs.ping,
        jobs.counts,
    ]
    for call in calls:
        start = time.monotonic()
        with pytest.raises(Unavailable):
            await call()
        assert time.monotonic() - start < 1.5
    if how == "stopped":
        own_redis.start()
    else:
        own_redis.resume()
    await jobs.ping()
    await jobs.enqueue([picture()])
    await jobs.close()


async def test_a_worker_outlives_its_redis_and_goes_on_when_it_is_back(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Job] = []
    asked: list[float] = []
    dequeue = RedisQueue.dequeue

    async def counted(self: RedisQueue, *args: float) -> object:
        asked.append(time.monotonic())
        return await dequeue(self, *args)

    monkeypatch.setattr(RedisQueue, "dequeue", counted)

    async def handle(job: Job, last_attempt: bool) -> None:
        done.append(job)

    jobs = SaqJobs(own_redis.url, policy=AT_ONCE)
    async with working(SaqWorker(own_redis.url, handle, concurrency=3)):
        await jobs.enqueue([picture()])
        await eventually(lambda: len(done) == 1)
        own_redis.stop()
        await eventually(lambda: "Redis is away: no jobs are done" in caplog.text)
        asked.clear()
        await eventually(lambda: len(asked) >= 13)
        assert asked[12] - asked[0] > 4 * 0.25  # three of them, each waiting, none spinning
        own_redis.start()
        await jobs.enqueue([picture()])
        await eventually(lambda: len(done) == 2)
    assert caplog.text.count("Redis is away: no jobs are done") == 1
    assert caplog.text.count("Redis is back: jobs are done again") == 1
    assert "Upkeep task failed" not in caplog.text
    await jobs.close()


async def test_a_worker_may_be_started_before_its_redis(own_redis: RedisServer) -> None:
    own_redis.stop()
    done: list[Job] = []

    async def handle(job: Job, last_attempt: bool) -> None:
        done.append(job)

    async with working(SaqWorker(own_redis.url, handle)):
        own_redis.start()
        jobs = SaqJobs(own_redis.url)
        await jobs.enqueue([picture()])
        await eventually(lambda: len(done) == 1)
        await jobs.close()


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_both_ends_can_be_closed_while_redis_is_away(
    own_redis: RedisServer, how: str
) -> None:
    jobs = SaqJobs(own_redis.url)
    began = asyncio.Event()

    async def handle(job: Job, last_attempt: bool) -> None:
        began.set()
        await asyncio.Event().wait()

    worker = SaqWorker(own_redis.url, handle, drain_seconds=0.1)
    running = asyncio.create_task(worker.run())
    await jobs.enqueue([picture()])
    await began.wait()
    if how == "stopped":
        own_redis.stop()
    else:
        own_redis.pause()
    start = time.monotonic()
    worker.stop()
    await running
    await jobs.close()
    assert time.monotonic() - start < 8


def test_a_job_is_written_with_its_id_and_read_back() -> None:
    for job in (picture(), DeleteImage("https://res.example/a.jpg")):
        function, arguments, _ = encode(job)
        assert decode(function, arguments) == job
    with pytest.raises(ValueError, match="no such job"):
        decode("drop_everything", {})


def test_jobs_have_one_key_if_they_are_one_job() -> None:
    one, other = picture(), picture()
    assert encode(one)[2] == encode(ProcessImage(one.image_id))[2]
    keys = {encode(job)[2] for job in (one, other, DeleteImage("a"), DeleteImage("b"))}
    assert len(keys) == 4
