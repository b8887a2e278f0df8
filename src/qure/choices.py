"""Which adapter each setting asks for. What is not asked for is not loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qure.adapters.jobs.inprocess import InProcessJobs
from qure.adapters.media.cloudinary import CloudinaryStore
from qure.adapters.media.local_disk import LocalDiskStore
from qure.adapters.memory.bus import MemoryBus
from qure.adapters.memory.throttle import MemoryThrottle
from qure.application.jobs.images import ImageJobs
from qure.application.ports.gateways import Cache, EventBus, Jobs, Throttle
from qure.application.ports.storage import Storage
from qure.container import Container, Part, ProcessRole
from qure.settings import Settings, SettingsError

if TYPE_CHECKING:
    from qure.adapters.jobs.saq_worker import SaqWorker
    from qure.adapters.tracing.spans import Tracing


def traced(
    storage: Storage, settings: Settings, role: ProcessRole, parts: list[Part]
) -> tuple[Storage, Tracing | None]:
    """The storage, watched if there is a collector; what has to end is added to ``parts``."""
    if settings.otlp_endpoint is None:
        return storage, None
    from qure.adapters.tracing.spans import TracedStorage, Tracing

    tracing = Tracing(endpoint=settings.otlp_endpoint, role=role.value)
    parts.append(Part(tracing.close))
    return TracedStorage(storage, tracing), tracing


def shared_by_processes(
    redis: str | None, parts: list[Part]
) -> tuple[EventBus, Cache | None, Throttle]:
    """What several processes share through Redis; without it, what one process needs."""
    if redis is None:
        return MemoryBus(), None, MemoryThrottle()
    from qure.adapters.redis.bus import RedisBus
    from qure.adapters.redis.cache import RedisCache
    from qure.adapters.redis.throttle import RedisThrottle

    cache, throttle = RedisCache(redis), RedisThrottle(redis, own=MemoryThrottle())
    parts += [Part(throttle.close), Part(cache.close)]
    return RedisBus(redis), cache, throttle


def jobs_on(redis: str | None, image_jobs: ImageJobs) -> Jobs:
    """Jobs for workers of their own, or in this process."""
    if redis is None:
        return InProcessJobs(image_jobs.do)
    from qure.adapters.jobs.saq import SaqJobs

    return SaqJobs(redis)


def media_store(settings: Settings) -> LocalDiskStore | CloudinaryStore:
    """Where images are shown from."""
    if settings.cloudinary_url is not None:
        return CloudinaryStore(settings.cloudinary_url)
    return LocalDiskStore(settings.media_dir, base_url=f"{settings.public_url}/media")


def build_worker(container: Container) -> SaqWorker:
    """What does the jobs of a ``ProcessRole.WORKER`` container.

    Raises ``SettingsError`` for an embedded service, which does them itself.
    """
    if container.settings.redis_url is None:
        raise SettingsError("REDIS_URL is not set, and without Redis the server does its own jobs.")
    from qure.adapters.jobs.saq_worker import SaqWorker

    return SaqWorker(container.settings.redis_url, container.image_jobs.do)
