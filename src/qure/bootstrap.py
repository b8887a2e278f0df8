"""The composition root: settings in, a container of chosen and connected parts out.

The only place that knows the adapters. To add one: a file in its folder, a line here.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qure.adapters.jobs.inprocess import InProcessJobs
from qure.adapters.media.cloudinary import CloudinaryStore
from qure.adapters.media.images import PillowImages
from qure.adapters.media.local_disk import LocalDiskStore
from qure.adapters.memory.bus import MemoryBus
from qure.adapters.memory.throttle import MemoryThrottle
from qure.adapters.security.access_jwts import RsaAccessJwts
from qure.adapters.security.keyed_digests import HmacDigests
from qure.adapters.security.passwords import BcryptHasher
from qure.adapters.security.signing_keys import SigningKeys
from qure.adapters.sockets.gateway import SocketGateway
from qure.adapters.sockets.hub import Hub
from qure.adapters.sql.migrations.schema import Schema
from qure.adapters.sql.unit_of_work import open_storage
from qure.adapters.system.clock import SystemClock
from qure.adapters.system.folders import make_folder
from qure.adapters.system.ids import SystemIds, SystemSecrets
from qure.application.announcing.actors import Actors
from qure.application.announcing.cached_reads import CachedReads
from qure.application.announcing.inbox import Inbox
from qure.application.announcing.live_status import LiveStatus
from qure.application.announcing.relay import Relay
from qure.application.clinics.nearby import NearbyClinics
from qure.application.jobs.images import ImageJobs, ImageResumption
from qure.application.jobs.periodic import PeriodicTask, Schedule
from qure.application.jobs.sweeping import Sweeping
from qure.application.observers import Observers
from qure.application.ports.gateways import Cache, Clock, EventBus, Ids, Jobs, Throttle
from qure.application.use_cases import UseCases
from qure.container import Container, Part, ProcessRole
from qure.settings import Settings, SettingsError
from qure.wire.responses import clinic_stem

if TYPE_CHECKING:  # Loaded where Redis is set: a sixth of an embedded service's start.
    from qure.adapters.jobs.saq_worker import SaqWorker


def build(
    settings: Settings,
    *,
    role: ProcessRole = ProcessRole.SERVER,
    clock: Clock | None = None,
    ids: Ids | None = None,
) -> Container:
    """Choose the adapters that the settings ask for. Raises ``SettingsError``, ``SetupError``.

    Nothing is connected yet. Time and ids are the system's unless given.
    """
    clock, ids, secrets = clock or SystemClock(), ids or SystemIds(), SystemSecrets()
    make_folder(settings.data_dir)
    observers = Observers()
    storage = open_storage(
        database_url(settings), clock=clock, ids=ids, pool_size=settings.database_pool_size
    )
    parts = [Part(storage.close)]
    bus, shared_cache, throttle = _shared_by_processes(settings.redis_url, parts)
    keys = SigningKeys.given_or_kept(
        settings.jwt_private_key, settings.jwt_public_key, folder=settings.data_dir
    )
    jwts = RsaAccessJwts(keys, life=settings.jwt_life)
    passwords = BcryptHasher(rounds=settings.bcrypt_rounds)
    # A thread of its own: however many register, those who log in keep theirs.
    registration_passwords = BcryptHasher(rounds=settings.bcrypt_rounds, threads=1)
    images, media = PillowImages(max_bytes=settings.max_image_bytes), _media(settings)

    live_status = LiveStatus(storage, generation=bus.generation)
    actors = Actors(storage, clock, generation=bus.generation)
    reads = CachedReads(shared=shared_cache, generation=bus.generation)
    nearby = NearbyClinics(storage, generation=bus.generation, body=clinic_stem)
    use_cases = UseCases.on(
        storage,
        clock,
        ids,
        secrets,
        passwords=passwords,
        registration_passwords=registration_passwords,
        jwts=jwts,
        digests=HmacDigests(keys),
        throttle=throttle,
        registrations_per_ten_minutes=settings.registrations_per_address,
        default_timezone=settings.default_timezone,
        max_active_tokens=settings.max_active_tokens,
    )
    hub = Hub(
        status_of=live_status.of,
        assigned_tokens_of=use_cases.tokens.assigned_of,
        actor_of=actors.of,
        max_connections_per_user=settings.max_connections_per_user,
        on_lag=observers.delivered,
    )
    image_jobs = ImageJobs(storage, clock, images=images, media=media, observers=observers)
    jobs = _jobs(settings.redis_url, image_jobs)
    resumption = ImageResumption(storage, clock, jobs=jobs)
    resume_all = partial(resumption.resume, all=True)
    # Who hears of every change, in this order: memories before those who tell of it.
    inbox = Inbox(
        [live_status.receive, actors.receive, nearby.receive, hub.receive],
        every_time=[reads.receive],
    )
    relay = Relay(
        storage,
        clock,
        inbox=inbox,
        reads=reads,
        bus=bus,
        jobs=jobs,
        observers=observers,
        # A Redis that keeps nothing on disk has come back without the jobs.
        after_resync=(hub.reread, *([resume_all] if role is ProcessRole.WORKER else [])),
    )
    storage.subscribe(relay.announce)
    bus.subscribe(inbox.receive, relay.resync)
    periodic_tasks = (
        PeriodicTask("opening queues", 5, use_cases.queues.open_due),
        PeriodicTask("resuming images", 60, resumption.resume),
        PeriodicTask("sweeping", 600, Sweeping(storage, clock).sweep),
    )
    parts += [
        Part(nearby.close),
        Part(passwords.close, start=passwords.warm_up),
        Part(registration_passwords.close),
        Part(images.close),
        Part(media.close),
        Part(jobs.close),
        Part(bus.close, start=bus.start),
        Part(relay.close, start=relay.start),
    ]
    if settings.redis_url is None:
        # Nobody else does the jobs: take up what an earlier process left behind.
        schedule = Schedule(periodic_tasks, first=resume_all)
        parts.append(Part(schedule.close, start=schedule.start))
    return Container(
        settings=settings,
        role=role,
        clock=clock,
        ids=ids,
        secrets=secrets,
        storage=storage,
        pool_use=storage.pool_use,
        passwords=passwords,
        jwts=jwts,
        images=images,
        media=media,
        bus=bus,
        throttle=throttle,
        jobs=jobs,
        image_jobs=image_jobs,
        actors=actors,
        live_status=live_status,
        reads=reads,
        nearby=nearby,
        use_cases=use_cases,
        hub=hub,
        sockets=SocketGateway(
            hub,
            allowed_origins=settings.cors_origins,
            instance_id=f"{settings.instance_id}." if settings.instance_id else "",
            max_events_per_second=settings.max_events_per_second,
        ),
        relay=relay,
        observers=observers,
        periodic_tasks=periodic_tasks,
        parts=tuple(parts),
    )


def build_worker(container: Container) -> SaqWorker:
    """What does the jobs and periodic tasks of a ``ProcessRole.WORKER`` container.

    Raises ``SettingsError`` for an embedded service, which does them itself.
    """
    if container.settings.redis_url is None:
        raise SettingsError("REDIS_URL is not set, and without Redis the server does its own jobs.")
    from qure.adapters.jobs.saq_worker import Cron, SaqWorker

    crons = [
        Cron(name=one.name, expression=one.cron, work=one.do) for one in container.periodic_tasks
    ]
    return SaqWorker(
        container.settings.redis_url, container.image_jobs.do, crons=crons, concurrency=10
    )


def schema_of(settings: Settings) -> Schema:
    """The schema of the database that the settings name. Raises ``SetupError``."""
    make_folder(settings.data_dir)
    return Schema(database_url(settings, direct=True))


def database_url(settings: Settings, *, direct: bool = False) -> str:
    """Where the data is; ``direct`` goes round a pooler, as migrations must."""
    if settings.database_url is None:
        return f"sqlite:///{settings.sqlite_path.absolute()}"
    return (settings.database_direct_url if direct else None) or settings.database_url


def _shared_by_processes(
    redis: str | None, parts: list[Part]
) -> tuple[EventBus, Cache | None, Throttle]:
    if redis is None:
        return MemoryBus(), None, MemoryThrottle()
    from qure.adapters.redis.bus import RedisBus
    from qure.adapters.redis.cache import RedisCache
    from qure.adapters.redis.throttle import RedisThrottle

    cache, throttle = RedisCache(redis), RedisThrottle(redis, own=MemoryThrottle())
    parts += [Part(throttle.close), Part(cache.close)]
    return RedisBus(redis), cache, throttle


def _jobs(redis: str | None, image_jobs: ImageJobs) -> Jobs:
    if redis is None:
        return InProcessJobs(image_jobs.do)
    from qure.adapters.jobs.saq import SaqJobs

    return SaqJobs(redis)


def _media(settings: Settings) -> LocalDiskStore | CloudinaryStore:
    if settings.cloudinary_url is not None:
        return CloudinaryStore(settings.cloudinary_url)
    return LocalDiskStore(settings.media_dir, base_url=f"{settings.public_url}/media")
