"""The composition root: settings in, a container of chosen and connected parts out.

To add an adapter: a file in its folder, a line here or, if a setting chooses it, in ``choices``.
"""

from __future__ import annotations

from functools import partial

from qure.adapters.media.images import PillowImages
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
from qure.application.announcing.inbox import Inbox
from qure.application.announcing.relay import Relay
from qure.application.jobs.images import ImageJobs, ImageResumption
from qure.application.jobs.periodic import PeriodicTask, Schedule
from qure.application.jobs.sweeping import Sweeping
from qure.application.memory import Memory
from qure.application.observers import Observers
from qure.application.ports.gateways import Clock, Ids
from qure.application.use_cases import Rules, UseCases
from qure.choices import jobs_on, media_store, shared_by_processes, traced
from qure.container import Container, Part, ProcessRole
from qure.settings import Settings
from qure.wire.responses import clinic_stem


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
    database = open_storage(
        settings.database_address(), clock=clock, ids=ids, pool_size=settings.database_pool_size
    )
    parts = [Part(database.close)]
    storage, tracing = traced(database, settings, role, parts)
    if tracing is not None:
        observers.of_jobs.append(tracing.job)
    bus, shared_cache, throttle = shared_by_processes(settings.redis_url, parts)
    keys = SigningKeys.given_or_kept(
        settings.jwt_private_key, settings.jwt_public_key, folder=settings.data_dir
    )
    jwts = RsaAccessJwts(keys, life=settings.jwt_life)
    passwords = BcryptHasher(rounds=settings.bcrypt_rounds)
    # A thread of its own: however many register, those who log in keep theirs.
    registration_passwords = BcryptHasher(rounds=settings.bcrypt_rounds, threads=1)
    images, media = PillowImages(max_bytes=settings.max_image_bytes), media_store(settings)

    memory = Memory.on(
        storage,
        clock,
        shared_cache=shared_cache,
        generation=bus.generation,
        clinic_body=clinic_stem,
    )
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
        live_boards=memory.live_boards,
        forecasts=memory.forecasts,
        generation=bus.generation,
        rules=Rules(
            registrations_per_ten_minutes=settings.registrations_per_address,
            default_timezone=settings.default_timezone,
            max_active_tokens=settings.max_active_tokens,
        ),
    )
    hub = Hub(
        status_of=memory.live_status.of,
        active_tokens_of=use_cases.tokens.all_active_of,
        actor_of=memory.actors.of,
        live_boards=memory.live_boards,
        forecasts=memory.forecasts,
        is_hearing=lambda: bus.generation() is not None,
        max_connections_per_user=settings.max_connections_per_user,
        on_lag=observers.delivered,
    )
    image_jobs = ImageJobs(storage, clock, images=images, media=media, observers=observers)
    jobs = jobs_on(settings.redis_url, image_jobs)
    resumption = ImageResumption(storage, clock, jobs=jobs)
    resume_all = partial(resumption.resume, all=True)
    # Who hears of every change, in this order: what is remembered before those who tell of it.
    inbox = Inbox(
        [memory.receive, use_cases.waits.receive, hub.receive], every_time=[memory.reads.receive]
    )
    relay = Relay(
        storage,
        clock,
        inbox=inbox,
        reads=memory.reads,
        bus=bus,
        jobs=jobs,
        observers=observers,
        # A Redis that keeps nothing on disk has come back without the jobs.
        after_resync=(
            hub.reread,
            memory.forecasts.reread,
            *([resume_all] if role is ProcessRole.WORKER else []),
        ),
    )
    observers.of_commits.append(memory.forecasts.committed)
    database.subscribe(relay.announce)
    bus.subscribe(inbox.receive, relay.resync)
    periodic_tasks = (
        PeriodicTask("opening queues", 5, use_cases.queues.open_due),
        PeriodicTask("counting no-shows", 2, use_cases.closing.skip_no_shows),
        PeriodicTask("ending days", 5, use_cases.closing.end_days),
        PeriodicTask("ending notices", 2, use_cases.closing.end_notices),
        PeriodicTask("closing desks", 2, use_cases.desks.close_deserted),
        PeriodicTask("settling promises", 10, use_cases.promises.settle),
        PeriodicTask("resuming images", 60, resumption.resume),
        PeriodicTask("sweeping", 600, Sweeping(storage, clock).sweep),
    )
    parts += [
        Part(memory.nearby.close),
        Part(passwords.close, start=passwords.warm_up),
        Part(registration_passwords.close),
        Part(images.close),
        Part(media.close),
        Part(jobs.close),
        Part(bus.close, start=bus.start),
        Part(relay.close, start=relay.start),
        Part(memory.forecasts.close),
    ]
    embedded = settings.redis_url is None
    if embedded or role is ProcessRole.WORKER:
        # Where no worker does the jobs: take up what an earlier process left behind.
        schedule = Schedule(periodic_tasks, first=resume_all if embedded else None)
        parts.append(Part(schedule.close, start=schedule.start))
    return Container(
        settings=settings,
        role=role,
        clock=clock,
        ids=ids,
        secrets=secrets,
        storage=storage,
        pool_use=database.pool_use,
        passwords=passwords,
        jwts=jwts,
        images=images,
        media=media,
        bus=bus,
        throttle=throttle,
        jobs=jobs,
        image_jobs=image_jobs,
        memory=memory,
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
        tracing=tracing,
        parts=tuple(parts),
    )


def schema_of(settings: Settings) -> Schema:
    """The schema of the database that the settings name. Raises ``SetupError``."""
    make_folder(settings.data_dir)
    return Schema(settings.database_address(direct=True))
