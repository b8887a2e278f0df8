"""Jobs in the server's own process: nothing else to run, nothing that outlives it.

A job that was not done when the process ended is enqueued again by whoever starts it next: what
it is about lies in the database, and that row is the truth. Tasks of the event loop are enough.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from qure.adapters.jobs.handling import Handler, RetryPolicy
from qure.application.ports.gateways import Job, JobCounts
from qure.domain.errors import Unavailable

logger = logging.getLogger(__name__)


class InProcessJobs:
    """Does jobs in the order they came, ``concurrency`` at once, until ``close``.

    A job that waits, runs, or waits for another attempt is not taken a second time.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        concurrency: int = 10,
        policy: RetryPolicy | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._handler = handler
        self._policy = policy or RetryPolicy()
        self._chance = chance
        self._room = asyncio.Semaphore(concurrency)
        self._tasks: dict[Job, asyncio.Task[None]] = {}
        self._running: set[Job] = set()
        self._retrying: set[Job] = set()
        self._done = 0
        self._failed = 0
        self._closed = False

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        """Raises ``Unavailable`` when they are closed."""
        await self.ping()
        for job in jobs:
            if job not in self._tasks:
                self._tasks[job] = asyncio.create_task(self._see_through(job))

    async def ping(self) -> None:
        """Raises ``Unavailable`` when they are closed."""
        if self._closed:
            raise Unavailable("The server is about to stop.")

    async def counts(self) -> JobCounts:
        """Since the process started."""
        running, retrying = len(self._running), len(self._retrying)
        return JobCounts(
            queued=len(self._tasks) - running - retrying,
            running=running,
            retrying=retrying,
            done=self._done,
            failed=self._failed,
        )

    async def close(self, *, seconds: float = 5.0) -> None:
        """Take no more, start no more, give what runs that long to finish, and end the rest."""
        self._closed = True
        for job, task in self._tasks.items():
            if job not in self._running:
                task.cancel()
        tasks = set(self._tasks.values())
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=seconds)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _see_through(self, job: Job) -> None:
        try:
            for attempt in range(1, self._policy.attempts + 1):
                async with self._room:
                    if await self._attempt(job, attempt) or self._closed:
                        return
                if attempt < self._policy.attempts:
                    await self._wait_after(job, attempt)
            self._failed += 1
        finally:
            del self._tasks[job]

    async def _attempt(self, job: Job, attempt: int) -> bool:
        self._running.add(job)
        try:
            async with asyncio.timeout(self._policy.timeout):
                await self._handler(job, attempt == self._policy.attempts)
        except Exception:
            # A job's failure is its own: it is logged, counted and tried again, and nobody waits
            # for it who could be told.
            logger.warning(
                "attempt %d of %d of %s failed", attempt, self._policy.attempts, job, exc_info=True
            )
            return False
        finally:
            self._running.discard(job)
        self._done += 1
        return True

    async def _wait_after(self, job: Job, attempt: int) -> None:
        self._retrying.add(job)
        try:
            await asyncio.sleep(self._policy.delay_after(attempt, self._chance()))
        finally:
            self._retrying.discard(job)
