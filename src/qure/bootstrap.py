"""The composition root: settings in, a container of chosen and connected parts out.

The only place that knows the adapters. To add one: a file in its folder, a line here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from qure.adapters.jobs.inprocess import InProcessJobs
from qure.adapters.media.cloudinary import CloudinaryStore
from qure.adapters.media.images import PillowImages
from qure.adapters.media.local_disk import LocalDiskStore
from qure.adapters.memory.bus import MemoryBus
from qure.adapters.memory.cache import MemoryCache
from qure.adapters.memory.throttle import MemoryThrottle
from qure.adapters.security.access_jwts import RsaAccessJwts
from qure.adapters.security.keyed_digests import HmacDigests
from qure.adapters.security.passwords import BcryptHasher
from qure.adapters.security.signing_keys import BadSigningKey, SigningKeys
from qure.adapters.sockets.edge import SocketEdge
from qure.adapters.sockets.hub import Hub
from qure.adapters.sql.migrations import revision
from qure.adapters.sql.unit_of_work import SqlStorage, open_storage
from qure.adapters.system.clock import SystemClock
from qure.adapters.system.randomness import SystemRandomness
from qure.application.cached_reads import CachedReads
from qure.application.freshness import Freshness
from qure.application.live_status import LiveStatus
from qure.application.media import resume_images, run_job, sweep_expired
from qure.application.observers import Observers
from qure.application.places import Places
from qure.application.ports.gateways import Clock, Job, Randomness
from qure.application.ports.storage import OutboxEntry
from qure.application.principals import Principals
from qure.application.queues import open_due_queues, read_status
from qure.application.relay import Relay
from qure.application.schedule import Chore, Schedule
from qure.application.tokens import IssueLine, held_tokens_of
from qure.settings import Settings, SettingsError
from qure.wire.responses import clinic_stem

if TYPE_CHECKING:  # Loaded where Redis is set: they are a sixth of an embedded service's start.
    from qure.adapters.jobs.saq import SaqJobs
    from qure.adapters.jobs.saq_worker import SaqWorker
    from qure.adapters.redis.bus import RedisBus
    from qure.adapters.redis.cache import RedisCache
    from qure.adapters.redis.throttle import RedisThrottle


class SetupError(SettingsError):
    """What the settings name cannot be used; the message is one sentence that says what."""


class Role(Enum):
    """What a process is for."""

    SERVER = "server"
    """Answers clients; announces what it commits, and hears what everyone announces."""

    WORKER = "worker"
    """Does jobs and chores; announces what it commits."""

    COMMAND = "command"
    """Does one thing and ends; what it commits is announced by the service's sweep."""


class _Part(Protocol):
    async def start(self) -> None: ...
    async def close(self) -> None: ...


@dataclass(slots=True)
class Container:
    """Everything a process is made of, connected but not started."""

    settings: Settings
    role: Role
    clock: Clock
    randomness: Randomness
    storage: SqlStorage
    passwords: BcryptHasher
    registration_passwords: BcryptHasher
    jwts: RsaAccessJwts
    digests: HmacDigests
    images: PillowImages
    media: LocalDiskStore | CloudinaryStore
    bus: MemoryBus | RedisBus
    far_cache: RedisCache | None
    throttle: MemoryThrottle | RedisThrottle
    jobs: InProcessJobs | SaqJobs
    principals: Principals
    live_status: LiveStatus
    reads: CachedReads
    places: Places
    issue_line: IssueLine
    hub: Hub
    sockets: SocketEdge
    relay: Relay
    run_job: Callable[[Job, bool], Awaitable[None]]
    observers: Observers
    chores: tuple[Chore, ...]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Container]:
        """Start what this role needs, in order; stop it in reverse, whatever happens."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.storage.close)
            stack.push_async_callback(self.places.close)
            stack.callback(self.passwords.close)
            stack.callback(self.registration_passwords.close)
            stack.callback(self.images.close)
            stack.callback(self.media.close)
            if not isinstance(self.throttle, MemoryThrottle):
                stack.push_async_callback(self.throttle.close)
            if self.far_cache is not None:
                stack.push_async_callback(self.far_cache.close)
            stack.push_async_callback(self.jobs.close)
            if self.role is not Role.COMMAND:
                await self.passwords.warm_up()
                parts: list[_Part] = [self.bus, self.relay]
                if isinstance(self.jobs, InProcessJobs):
                    # Nobody else does them: take up what an earlier process left behind.
                    await resume_images(
                        storage=self.storage, jobs=self.jobs, clock=self.clock, all=True
                    )
                if isinstance(self.jobs, InProcessJobs) or self.role is Role.WORKER:
                    parts.append(Schedule(self.chores))
                for part in parts:
                    stack.push_async_callback(part.close)
                    await part.start()
            yield self


def build(
    settings: Settings,
    *,
    role: Role = Role.SERVER,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
) -> Container:
    """Choose the adapters that the settings ask for. Raises ``SettingsError``, ``SetupError``.

    Nothing is connected yet. Time and chance are the system's unless given.
    """
    clock = clock or SystemClock()
    randomness = randomness or SystemRandomness()
    _make_data_folder(settings)
    observers = Observers()
    relay: Relay
    hub: Hub

    async def announce(entry: OutboxEntry) -> None:
        observers.committed(entry)
        # This process's own clients need not wait for the way round over the bus: the hub hears
        # of it once ``announce`` has brought its memory up to date, and passes the echo over.
        asyncio.get_running_loop().call_soon(hub.receive, entry)
        await relay.announce(entry)

    storage = open_storage(
        database_url(settings),
        clock=clock,
        randomness=randomness,
        on_commit=announce,
        pool_size=settings.database_pool_size,
    )
    redis = settings.redis_url
    bus, far_cache, throttle = _shared_by_processes(redis)

    def hearing() -> int | None:
        return bus.gaps() if bus.is_live() else None

    principals = Principals(storage=storage, clock=clock, hearing=hearing)
    live_status = LiveStatus(hearing=hearing)
    reads = CachedReads(near=MemoryCache(), far=far_cache, hearing=hearing)
    places = Places(storage=storage, hearing=hearing, body=clinic_stem)
    freshness = Freshness(
        principals=principals, live_status=live_status, reads=reads, places=places
    )
    images = PillowImages(max_bytes=settings.max_image_bytes)
    media = _media(settings)

    async def do_job(job: Job, last_attempt: bool) -> None:
        with observers.doing(job):
            await run_job(
                job, last_attempt, storage=storage, images=images, media=media, clock=clock
            )

    jobs = InProcessJobs(do_job) if redis is None else _saq_jobs(redis)
    relay = Relay(
        storage=storage,
        bus=bus,
        jobs=jobs,
        far_cache=far_cache,
        clock=clock,
        apply_here=freshness.apply,
    )
    hub = Hub(
        status_of=partial(read_status, live_status=live_status, storage=storage),
        held_tokens_of=partial(held_tokens_of, storage=storage, clock=clock),
        principal_of=principals.of,
        max_connections_per_user=settings.max_connections_per_user,
        on_lag=observers.delivered,
    )

    def on_entry(entry: OutboxEntry) -> None:
        freshness.apply(entry)
        hub.receive(entry)

    keys = _signing_keys(settings)
    built_at = clock.now()

    async def on_gap() -> None:
        await relay.catch_up()
        for entry in await relay.kept_entries(after=built_at):
            on_entry(entry)
        await hub.reread()
        if role is Role.WORKER:
            # A Redis that keeps nothing on disk has come back without the jobs.
            await resume_images(storage=storage, jobs=jobs, clock=clock, all=True)

    bus.subscribe(on_entry, on_gap)
    chores = (
        Chore(
            "opening queues",
            5,
            partial(open_due_queues, storage=storage, clock=clock, randomness=randomness),
        ),
        Chore(
            "resuming pictures",
            60,
            partial(resume_images, storage=storage, jobs=jobs, clock=clock),
        ),
        Chore("forgetting what was announced", 60, relay.forget_sent),
        Chore("sweeping", 600, partial(sweep_expired, storage=storage, clock=clock)),
    )
    return Container(
        settings=settings,
        role=role,
        clock=clock,
        randomness=randomness,
        storage=storage,
        passwords=BcryptHasher(rounds=settings.bcrypt_rounds),
        # A thread of its own: however many register, those who log in keep theirs.
        registration_passwords=BcryptHasher(rounds=settings.bcrypt_rounds, threads=1),
        jwts=RsaAccessJwts(keys, life=settings.jwt_life),
        digests=HmacDigests(keys),
        images=images,
        media=media,
        bus=bus,
        far_cache=far_cache,
        throttle=throttle,
        jobs=jobs,
        principals=principals,
        live_status=live_status,
        reads=reads,
        issue_line=IssueLine(
            storage=storage,
            clock=clock,
            randomness=randomness,
            max_active=settings.max_active_tokens,
        ),
        places=places,
        hub=hub,
        sockets=SocketEdge(
            hub,
            allowed_origins=settings.cors_origins,
            process_mark=f"{settings.process_mark}." if settings.process_mark else "",
            max_events_per_second=settings.max_events_per_second,
        ),
        relay=relay,
        run_job=do_job,
        observers=observers,
        chores=chores,
    )


def build_worker(container: Container) -> SaqWorker:
    """What does the jobs of a ``Role.WORKER`` container.

    Raises ``SettingsError`` for an embedded service, which does them itself.
    """
    if container.settings.redis_url is None:
        raise SettingsError("REDIS_URL is not set, and without Redis the server does its own jobs.")
    from qure.adapters.jobs.saq_worker import SaqWorker

    return SaqWorker(container.settings.redis_url, container.run_job, concurrency=10)


def _shared_by_processes(
    redis: str | None,
) -> tuple[MemoryBus | RedisBus, RedisCache | None, MemoryThrottle | RedisThrottle]:
    if redis is None:
        return MemoryBus(), None, MemoryThrottle()
    from qure.adapters.redis.bus import RedisBus
    from qure.adapters.redis.cache import RedisCache
    from qure.adapters.redis.throttle import RedisThrottle

    throttle = RedisThrottle(redis, own=MemoryThrottle())
    return RedisBus(redis), RedisCache(redis), throttle


def _saq_jobs(redis: str) -> SaqJobs:
    from qure.adapters.jobs.saq import SaqJobs

    return SaqJobs(redis)


@dataclass(frozen=True, slots=True)
class Revisions:
    """Which version of the schema a database has (None: empty), and which it has to have."""

    before: str | None
    after: str | None


async def migrate_database(settings: Settings) -> Revisions:
    """Bring the database to the schema that this program works with.

    Returns what was before. Any number of processes may do it at once: one of them does it, the
    others wait. Raises ``SetupError``; nothing was changed then.
    """
    found = await database_revisions(settings)
    if found.before == found.after:
        return found
    if found.before is not None and found.before not in revision.known():
        raise SetupError(
            f"The database's schema ({found.before}) is unknown to this version of Qure: "
            "was it migrated by a newer one?"
        )
    from qure.adapters.sql.migrations.migrate import migrate

    try:
        await migrate(database_url(settings, direct=True))
    except (SQLAlchemyError, OSError) as error:
        raise SetupError(f"The database cannot be used: {_reason(error)}.") from error
    return found


async def database_revisions(settings: Settings) -> Revisions:
    """The version of the schema now (None: empty), and the one this program works with.

    Raises ``SetupError`` when the database cannot be reached.
    """
    _make_data_folder(settings)
    try:
        now = await revision.current(database_url(settings, direct=True))
    except (SQLAlchemyError, OSError) as error:
        raise SetupError(f"The database cannot be used: {_reason(error)}.") from error
    return Revisions(now, revision.head())


def _reason(error: Exception) -> str:
    told = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(told).strip().partition("\n")[0] or type(told).__name__).rstrip(".")


def _make_data_folder(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The data folder {settings.data_dir} cannot be made: {error.strerror}."
        ) from error


def database_url(settings: Settings, *, direct: bool = False) -> str:
    """Where the data is; ``direct`` goes round a pooler, as migrations must."""
    if settings.database_url is None:
        return f"sqlite:///{settings.sqlite_path.absolute()}"
    return (settings.database_direct_url if direct else None) or settings.database_url


def _signing_keys(settings: Settings) -> SigningKeys:
    if settings.jwt_private_key is None or settings.jwt_public_key is None:
        try:
            return SigningKeys.kept_in(settings.data_dir)
        except (BadSigningKey, OSError) as error:
            raise SetupError(f"The keys in {settings.data_dir} cannot be used: {error}") from error
    try:
        return SigningKeys.from_pem(settings.jwt_private_key, settings.jwt_public_key)
    except BadSigningKey as error:
        raise SettingsError(f"JWT_PRIVATE_KEY and JWT_PUBLIC_KEY: {error}") from error


def _media(settings: Settings) -> LocalDiskStore | CloudinaryStore:
    if settings.cloudinary_url is not None:
        return CloudinaryStore(settings.cloudinary_url)
    return LocalDiskStore(settings.media_dir, base_url=f"{settings.public_url}/media")
