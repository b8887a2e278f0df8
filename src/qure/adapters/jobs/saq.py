"""Jobs handed to workers of their own through SAQ on Redis."""

from __future__ import annotations

from collections.abc import Sequence

from qure.adapters.jobs.handling import RetryPolicy
from qure.adapters.jobs.saq_queue import FAULTS, Queue, connect, encode
from qure.application.ports.gateways import Job, JobCounts
from qure.domain.errors import Unavailable

QUEUE_NAME = "qure"
HEARTBEAT_SECONDS = 10


class SaqJobs:
    """Enqueues; a worker (``SaqWorker`` with the same ``queue_name``) does the work.

    A job that is queued, running, or waiting for another attempt is not taken a second time.
    Redis gets ``seconds`` to answer. A job whose worker dies is taken over by another one some
    ``heartbeat`` seconds later.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        queue_name: str = QUEUE_NAME,
        policy: RetryPolicy | None = None,
        heartbeat: int = HEARTBEAT_SECONDS,
        seconds: float = 1.0,
    ) -> None:
        self._policy = policy or RetryPolicy()
        self._heartbeat = heartbeat
        self._redis = connect(redis_url, seconds=seconds)
        self._queue = Queue(self._redis, name=queue_name)

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        """Raises ``Unavailable`` when Redis did not take all of them."""
        try:
            for job in jobs:
                function, arguments, key = encode(job)
                await self._queue.enqueue(
                    function,
                    key=key,
                    retries=self._policy.attempts,
                    timeout=self._policy.timeout,
                    heartbeat=self._heartbeat,
                    retry_delay=self._policy.first_delay,
                    retry_backoff=self._policy.longest_delay,
                    **arguments,
                )
        except FAULTS as fault:
            raise _away() from fault

    async def ping(self) -> None:
        """Raises ``Unavailable`` when Redis does not answer."""
        try:
            await self._redis.execute_command("PING")  # type: ignore[no-untyped-call]
        except FAULTS as fault:
            raise _away() from fault

    async def counts(self) -> JobCounts:
        """Over all workers; what they did is counted since each started.

        Raises ``Unavailable``.
        """
        try:
            counted = await self._queue.counted()
        except FAULTS as fault:
            raise _away() from fault
        return JobCounts(
            queued=counted["queued"],
            running=counted["active"],
            retrying=counted["scheduled"],
            done=counted["complete"],
            failed=counted["failed"],
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._queue.disconnect()


def _away() -> Unavailable:
    return Unavailable("Jobs cannot be handed over at the moment.")
