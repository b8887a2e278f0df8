"""SAQ's queue on Redis, and how a job is written into it.

What is mended here are ways of SAQ to lose a job, each with a test that loses it without us.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from saq.job import Job as SaqJob
from saq.job import Status
from saq.queue.redis import RedisQueue
from saq.utils import now

from qure.application.ports.gateways import DeleteImage, Job, ProcessImage
from qure.domain.ids import ImageId

PROCESS_IMAGE = "process_image"
DELETE_MEDIA = "delete_media"

FAULTS = (RedisError, OSError, TimeoutError)
"""What is raised when Redis is away, too slow, or refuses (out of memory, read only)."""

_UNMARKED_SECONDS = 3.0

_TAKE_BACK = """
-- Only if it is still as it was seen: a heartbeat, or another sweep, may have come first.
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
if redis.call('LREM', KEYS[1], 1, KEYS[4]) == 0 then return 0 end
if ARGV[3] == '1' then
    redis.call('SET', KEYS[4], ARGV[2])
    redis.call('ZADD', KEYS[2], 0, KEYS[4])
    redis.call('RPUSH', KEYS[3], KEYS[4])
else
    redis.call('ZREM', KEYS[2], KEYS[4])
    redis.call('SETEX', KEYS[4], ARGV[4], ARGV[2])
end
return 1
"""

logger = logging.getLogger(__name__)


def encode(job: Job) -> tuple[str, dict[str, str], str]:
    """The function's name, its arguments (ids, never bytes), and the key that makes it unique."""
    match job:
        case ProcessImage(image_id):
            return PROCESS_IMAGE, {"image_id": str(image_id)}, f"{PROCESS_IMAGE}:{image_id}"
        case DeleteImage(url):
            digest = hashlib.sha256(url.encode()).hexdigest()[:32]
            return DELETE_MEDIA, {"url": url}, f"{DELETE_MEDIA}:{digest}"


def decode(function: str, arguments: dict[str, str]) -> Job:
    """The job that was encoded so. Raises ``KeyError`` and ``ValueError`` for any other."""
    if function == PROCESS_IMAGE:
        return ProcessImage(ImageId(UUID(arguments["image_id"])))
    if function == DELETE_MEDIA:
        return DeleteImage(arguments["url"])
    raise ValueError(f"no such job: {function}")


def connect(url: str, *, seconds: float) -> Redis:
    """A client that waits that long for a connection or an answer, and does not try again."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )
    return client


class Queue(RedisQueue):
    """SAQ's queue, with some of its ways mended: what it does about the dead, and without Redis."""

    def __init__(self, redis: Redis, *, name: str) -> None:
        super().__init__(redis, name=name)
        self._take_back = redis.register_script(_TAKE_BACK)
        self._unmarked_since: dict[bytes, float] = {}
        self._away = False

    async def sweep(self, lock: int = 60, abort: float = 5.0) -> list[str]:  # noqa: ARG002
        """Put jobs whose worker has died back into the queue; their ids.

        SAQ's own sweep first takes the job out of everything, then waits five seconds for each,
        and only then puts it back: a worker killed meanwhile loses the job. It also takes jobs
        that a living worker fetched a moment ago. Here each job is moved in one step, by
        whichever worker comes first, and only when it has been silent for its heartbeat.
        """
        try:
            active = await self._active_jobs()
            here = {id for id, _ in active}
            self._unmarked_since = {
                id: since for id, since in self._unmarked_since.items() if id in here
            }
            return [id.decode() for id, payload in active if await self._swept(id, payload)]
        except FAULTS as fault:
            logger.debug("no sweep until Redis is back: %r", fault)
            return []

    async def give_back(self, worker_id: str) -> None:
        """Put what that worker has begun and not ended back into the queue.

        Only for a worker that fetches no more: it would be the first to get it again.
        """
        for id, payload in await self._active_jobs():
            job = self.deserialize(payload)
            if payload is None or job is None:  # done, and expired since
                continue
            if job.status == Status.ACTIVE and job.worker_id == worker_id:
                await self._put_back(id, payload, job, again=True, error="its worker was stopped")

    async def _active_jobs(self) -> list[tuple[bytes, bytes | None]]:
        ids = await self._call("LRANGE", self._active, 0, -1)
        payloads = await self._call("MGET", *ids) if ids else []
        return list(zip(ids, payloads, strict=True))

    async def _swept(self, id: bytes, payload: bytes | None) -> bool:
        job = self.deserialize(payload)
        if payload is None or job is None:  # it was done, and its record has expired since
            await self._call("LREM", self._active, 1, id)
            return True
        if not self._is_abandoned(id, job):
            return False
        again = job.retryable
        taken = await self._put_back(id, payload, job, again=again, error="its worker died")
        if taken:
            logger.warning("the worker of job %s died: %s", job.key, "again" if again else "failed")
            self.retried += again
            self.aborted += not again
        return taken

    async def _put_back(
        self, id: bytes, payload: bytes, job: SaqJob, *, again: bool, error: str
    ) -> bool:
        """Whether it was still as it was seen, and is now queued or, if not ``again``, given up."""
        job.status = Status.QUEUED if again else Status.ABORTED
        job.touched = now()
        job.error = error
        taken = await self._take_back(
            keys=[self._active, self._incomplete, self._queued, id],
            args=[payload, self.serialize(job), int(again), job.ttl],
        )
        return bool(taken)

    def _is_abandoned(self, id: bytes, job: SaqJob) -> bool:
        if job.status == Status.ACTIVE:
            self._unmarked_since.pop(id, None)
            return now() - job.touched > job.heartbeat * 1000
        # Fetched, but not marked as running: either this moment, or its worker died in between.
        since = self._unmarked_since.setdefault(id, time.monotonic())
        if time.monotonic() - since < _UNMARKED_SECONDS:
            return False
        del self._unmarked_since[id]
        return True

    async def _call(self, *command: str | bytes | int) -> Any:
        return await self.redis.execute_command(*command)  # type: ignore[no-untyped-call]

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> SaqJob | None:
        """The next job, or None after ``timeout`` seconds, or when Redis is away.

        Of an outage SAQ says nothing, and asks again at once, for ever.
        """
        try:
            job = await super().dequeue(timeout, poll_interval)
        except FAULTS as fault:
            if not self._away:
                logger.warning("Redis is away: no jobs are done", exc_info=fault)
            self._away = True
            await asyncio.sleep(0.25 + random.random() / 2)
            return None
        if self._away:
            logger.warning("Redis is back: jobs are done again")
        self._away = False
        return job

    async def disconnect(self) -> None:
        """Close the connections.

        SAQ would open one for it, to end a subscription that never was, and fail without Redis.
        """
        await self.redis.aclose(close_connection_pool=True)

    async def counted(self) -> dict[str, int]:
        """How many are queued, active and scheduled, and what the living workers have done."""
        info: dict[str, Any] = dict(await self.info())
        stats = [worker["stats"] or {} for worker in info["workers"].values()]
        return {
            "queued": info["queued"],
            "active": info["active"],
            "scheduled": max(0, info["scheduled"]),
            "complete": sum(one.get("complete", 0) for one in stats),
            "failed": sum(one.get("failed", 0) + one.get("aborted", 0) for one in stats),
        }
