"""The process that does the jobs which ``SaqJobs`` enqueued."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from saq.job import Job as SaqJob
from saq.worker import Worker

from qure.adapters.jobs.handling import Handler
from qure.adapters.jobs.saq import QUEUE_NAME
from qure.adapters.jobs.saq_queue import (
    DELETE_MEDIA,
    FAULTS,
    PROCESS_IMAGE,
    Queue,
    connect,
    decode,
)

_ANSWER_SECONDS = 5.0
_DEQUEUE_SECONDS = 1.0  # so long a worker without work takes to stop
_END_SECONDS = 1.5  # more than the former, so that only a connection that hangs is aborted
_GIVE_BACK_SECONDS = 2.0
_NEVER = 24 * 60 * 60  # does anybody abort a job, which SAQ would look for every second
_BEATS = 3  # in the time after which a worker is taken for dead

logger = logging.getLogger(__name__)

Function = Callable[..., Awaitable[None]]


class SaqWorker:
    """Does jobs, ``concurrency`` at once.

    Every ``sweep_seconds`` it looks for jobs whose worker has died.
    """

    def __init__(
        self,
        redis_url: str,
        handler: Handler,
        *,
        concurrency: int = 10,
        queue_name: str = QUEUE_NAME,
        sweep_seconds: int = 5,
        drain_seconds: float = 5.0,
    ) -> None:
        self._queue = Queue(connect(redis_url, seconds=_ANSWER_SECONDS), name=queue_name)
        self._worker = _DrainingWorker(
            self._queue,
            [(name, _job_function(handler)) for name in (PROCESS_IMAGE, DELETE_MEDIA)],
            concurrency=concurrency,
            dequeue_timeout=_DEQUEUE_SECONDS,
            timers={"schedule": 1, "worker_info": 1, "sweep": sweep_seconds, "abort": _NEVER},
            drain_seconds=drain_seconds,
        )
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until ``stop``. What runs then may finish; the rest goes back into the queue.

        Redis may be away at any time, at the start too.
        """
        running = asyncio.create_task(self._worker.start())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            self._worker.event.set()  # upon which it calls its ``stop``
            await running
            await self._queue.disconnect()

    def stop(self) -> None:
        """Ask ``run`` to end; safe in a signal handler of the event loop."""
        self._stopping.set()


class _DrainingWorker(Worker[Any]):
    """SAQ's worker, which on stopping lets what runs finish first, and loses nothing.

    SAQ cancels all it does. That leaves a job behind which was being fetched, marked or finished
    at that moment; and as ``asyncio.wait_for`` may swallow a cancellation, a fetch can go on and
    take the very job that was given back.
    """

    SIGNALS: list[signal.Signals] = []  # whoever calls SaqWorker.run looks after them  # noqa: RUF012

    def __init__(self, queue: Queue, *args: Any, drain_seconds: float, **options: Any) -> None:
        super().__init__(queue, *args, before_process=_unless_stopping, **options)
        self._jobs = queue
        self._drain_seconds = drain_seconds

    async def stop(self) -> None:
        """Let what runs finish, end what does not, and give back what was begun."""
        self.event.set()  # from here on nothing more is fetched or begun
        await self._ended(self._drain_seconds)
        for running in list(self.job_task_contexts.values()):
            running["task"].cancel()
        await self._ended(_END_SECONDS)
        await super().stop()
        try:
            async with asyncio.timeout(_GIVE_BACK_SECONDS):
                await self._jobs.give_back(self.id)
        except FAULTS as fault:
            logger.warning("what ran is done once it is missed: Redis is away (%r)", fault)

    async def _ended(self, seconds: float) -> None:
        """Wait so long for what is being fetched or done."""
        tasks = [task for task in self.tasks if task.get_name() == "process"]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    # While Redis is away, ``Queue.dequeue`` says so once; SAQ would print a traceback for either of
    # these every second.

    async def schedule(self, lock: int = 1) -> None:
        await _quietly(super().schedule(lock))

    async def worker_info(self, ttl: int = 60) -> Any:
        return await _quietly(super().worker_info(ttl))


async def _unless_stopping(context: dict[str, Any]) -> None:
    if context["worker"].event.is_set():
        raise asyncio.CancelledError


async def _quietly(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except FAULTS as fault:
        logger.debug("left until Redis is back: %r", fault)
        return None


def _job_function(handler: Handler) -> Function:
    async def perform(context: dict[str, Any], **arguments: str) -> None:
        job: SaqJob = context["job"]
        async with _beating(job):
            await handler(decode(job.function, arguments), job.attempts >= job.retries)

    return perform


@asynccontextmanager
async def _beating(job: SaqJob) -> AsyncIterator[None]:
    """Tell Redis, while the block runs, that its worker lives."""
    done = asyncio.Event()
    beating = asyncio.create_task(_beat(job, done))
    try:
        yield
    finally:
        # Not cancelled: an update that is on its way must not arrive after the job's end.
        done.set()
        await beating


async def _beat(job: SaqJob, done: asyncio.Event) -> None:
    while not done.is_set():
        try:
            await asyncio.wait_for(done.wait(), job.heartbeat / _BEATS)
        except TimeoutError:
            await _quietly(job.update())
