"""A world for use cases: everything in memory, time and chance under control."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from qure.adapters.memory.throttle import MemoryThrottle
from qure.application.announcing.live_boards import LiveBoards
from qure.application.jobs.images import ImageJobs, ImageResumption
from qure.application.jobs.sweeping import Sweeping
from qure.application.observers import Observers
from qure.application.ports.journal import JournalEntry, JournalRecord
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.use_cases import Rules, UseCases
from qure.application.waiting.forecasts import Forecasts
from qure.application.waiting.making import Rhythm
from qure.domain.actor import Actor
from qure.domain.calling_order import call_order
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.display import Display
from qure.domain.errors import DomainError
from qure.domain.events import Event
from qure.domain.ids import ClinicId, DeskId, QueueId, ServiceId, SessionId, TokenId, UserId
from qure.domain.image import StagedImage
from qure.domain.queue import Queue
from qure.domain.service import Service
from qure.domain.session import Session
from qure.domain.token import Token
from qure.domain.user import User
from tests.support.builders import (
    FixedClock,
    SequentialIds,
    build_actor,
    build_admin,
    build_clinic,
    build_desk,
    build_display_user,
    build_queue,
    build_secret,
    build_service,
    build_session,
    build_staff,
    build_user,
    new_id,
)
from tests.support.fakes import (
    FakeDigests,
    FakeImages,
    FakeJobs,
    FakeJwts,
    FakeMediaStore,
    FakePasswords,
    Hearing,
    WatchedStorage,
)
from tests.support.memory.storage import MemoryStorage

T = TypeVar("T")

MAX_ACTIVE = 5
REGISTRATIONS = 30

AT_ONCE = Rhythm(soon=0, pause=0, rest=0, patience=5)
"""A forecast is made as soon as something has changed."""


Thing = Clinic | Desk | Display | Queue | Service | Session | StagedImage | Token | User


class Interleaved:
    """A storage that gives everybody else a turn wherever a database would be waited for, so that
    what is done at one moment runs into each other."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @asynccontextmanager
    async def write(self, purpose: str = "write") -> AsyncIterator[UnitOfWork]:
        await asyncio.sleep(0)
        async with self._storage.write(purpose) as uow:
            await asyncio.sleep(0)
            yield uow

    @asynccontextmanager
    async def read(self, purpose: str = "read") -> AsyncIterator[UnitOfWork]:
        async with self._storage.read(purpose) as uow:
            await asyncio.sleep(0)
            yield uow

    async def ping(self) -> None:
        await self._storage.ping()


class World:
    """Ports and what they keep. ``told`` are the entries that commits have handed on;
    ``when_told`` is called with each, and ``listeners`` hear it."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.ids = SequentialIds()
        self.told: list[JournalEntry] = []
        self.when_told: Callable[[], None] = lambda: None
        self.storage = WatchedStorage(
            Interleaved(MemoryStorage(clock=self.clock, ids=self.ids, on_commit=self._hear))
        )
        self.passwords = FakePasswords()
        self.jwts = FakeJwts()
        self.digests = FakeDigests()
        self.images = FakeImages()
        self.media = FakeMediaStore()
        self.jobs = FakeJobs()
        self.throttle = MemoryThrottle(monotonic=lambda: self.clock.now().timestamp())
        self.live_boards = LiveBoards(self.storage, generation=Hearing())
        self.forecasts = Forecasts(self.storage, self.clock, self.live_boards, rhythm=AT_ONCE)
        self.use = UseCases.on(
            self.storage,
            self.clock,
            self.ids,
            self.ids,
            passwords=self.passwords,
            registration_passwords=self.passwords,
            jwts=self.jwts,
            digests=self.digests,
            throttle=self.throttle,
            live_boards=self.live_boards,
            forecasts=self.forecasts,
            generation=Hearing(),
            rules=Rules(
                registrations_per_ten_minutes=REGISTRATIONS,
                default_timezone="America/New_York",
                max_active_tokens=MAX_ACTIVE,
            ),
        )
        self.listeners = [
            self.live_boards.receive,
            self.forecasts.receive,
            self.use.waits.receive,
        ]
        self.image_jobs = ImageJobs(
            self.storage,
            self.clock,
            images=self.images,
            media=self.media,
            observers=Observers(),
        )
        self.resumption = ImageResumption(self.storage, self.clock, jobs=self.jobs)
        self.sweeping = Sweeping(self.storage, self.clock)

    @property
    def events(self) -> list[Event]:
        """Everything told so far, in order."""
        return [event for entry in self.told for event in entry.events]

    def forget_events(self) -> None:
        self.told.clear()

    async def keep(self, *things: Thing) -> None:
        """Store them as they are; a session with a secret that nobody knows, a display with the
        user it acts as."""
        async with self.storage.write() as uow:
            for thing in things:
                match thing:
                    case User():
                        await uow.users.add(thing)
                    case Clinic():
                        await uow.clinics.add(thing)
                    case Service():
                        await uow.services.add(thing)
                    case Desk():
                        await uow.desks.add(thing)
                    case Display():
                        await uow.users.add(build_display_user(thing))
                        await uow.displays.add(thing)
                    case Queue():
                        await uow.queues.add(thing)
                    case Token():
                        await uow.tokens.add([thing])
                    case Session():
                        await uow.sessions.add(thing, build_secret(thing))
                    case StagedImage():
                        await uow.staged_images.add([thing])
            await uow.commit()

    async def clinic(self, **fields: Any) -> Clinic:
        clinic = build_clinic(**fields)
        await self.keep(clinic)
        return clinic

    async def queue(self, clinic: Clinic | None = None, **fields: Any) -> Queue:
        queue = build_queue(clinic or await self.clinic(), **fields)
        await self.keep(queue)
        return queue

    async def service(self, clinic: Clinic, **fields: Any) -> Service:
        service = build_service(clinic.id, **fields)
        await self.keep(service)
        return service

    async def desk(self, clinic_id: ClinicId, **fields: Any) -> Desk:
        desk = build_desk(clinic_id, **fields)
        await self.keep(desk)
        return desk

    async def waiting_in(self, queue: Queue, number: int) -> list[Token]:
        """So many patients take a number. What was told until then is forgotten."""
        patients = [build_actor() for _ in range(number)]
        tokens = [await self.use.issuing.issue(queue.id, actor=one) for one in patients]
        self.forget_events()
        return tokens

    async def patient(self, **fields: Any) -> Actor:
        return await self.actor(build_user(**fields))

    async def staff_of(self, clinic_id: ClinicId, **fields: Any) -> Actor:
        return await self.actor(build_staff(clinic_id, **fields))

    async def admin(self, **fields: Any) -> Actor:
        return await self.actor(build_admin(**fields))

    async def actor(self, user: User) -> Actor:
        await self.keep(user)
        return acting(user)

    async def not_admins(self, clinic_id: ClinicId) -> list[Actor]:
        """One of each kind: a patient, and staff of that clinic."""
        return [await self.patient(), await self.staff_of(clinic_id)]

    async def with_sessions(self, number: int = 3) -> tuple[User, list[Actor]]:
        """A user whose password is ``old``, logged in so many times."""
        user = build_user(password_hash="hash of old")
        sessions = [build_session(user.id) for _ in range(number)]
        await self.keep(user, *sessions)
        return user, [acting(user, session.id) for session in sessions]

    async def live_sessions_of(self, user: User) -> list[SessionId]:
        async with self.storage.read() as uow:
            return [one.id for one in await uow.sessions.live_of(user.id, now=self.clock.now())]

    async def user_of(self, id: UserId) -> User:
        async with self.storage.read() as uow:
            user = await uow.users.get(id)
        assert user is not None
        return user

    async def clinic_of(self, id: ClinicId) -> Clinic:
        async with self.storage.read() as uow:
            clinic = await uow.clinics.get(id)
        assert clinic is not None
        return clinic

    async def queue_of(self, id: QueueId) -> Queue:
        async with self.storage.read() as uow:
            queue = await uow.queues.get(id)
        assert queue is not None
        return queue

    async def service_of(self, id: ServiceId) -> Service:
        async with self.storage.read() as uow:
            service = await uow.services.get(id)
        assert service is not None
        return service

    async def desk_of(self, id: DeskId) -> Desk:
        async with self.storage.read() as uow:
            desk = await uow.desks.get(id)
        assert desk is not None
        return desk

    async def token_of(self, id: TokenId) -> Token:
        async with self.storage.read() as uow:
            token = await uow.tokens.get(id)
        assert token is not None
        return token

    async def session_of(self, id: SessionId) -> Session:
        async with self.storage.read() as uow:
            session = await uow.sessions.get(id)
        assert session is not None
        return session

    async def tokens_of(self, queue_id: QueueId) -> list[Token]:
        async with self.storage.read() as uow:
            return await uow.tokens.of_queue(queue_id)

    async def line_of(self, queue_id: QueueId) -> list[int]:
        """The numbers of those who may be called, in the order in which they would be."""
        queue = await self.queue_of(queue_id)
        waiting = [token for token in await self.tokens_of(queue_id) if token.waits]
        return [one.number for one in call_order(waiting, priority_run=queue.priority_run)]

    async def history_of(self, token_id: TokenId) -> list[JournalRecord]:
        async with self.storage.read() as uow:
            return await uow.journal.of_token(token_id)

    async def pending(self) -> list[JournalEntry]:
        async with self.storage.read() as uow:
            return await uow.journal.pending(before=self.clock.now(), limit=10_000)

    async def _hear(self, entry: JournalEntry) -> None:
        self.told.append(entry)
        self.when_told()
        for hear in self.listeners:
            hear(entry)


def acting(user: User, session_id: SessionId | None = None) -> Actor:
    """That user, asking."""
    return Actor(
        kind=user.kind,
        id=user.id,
        session_id=session_id or SessionId(new_id()),
        role=user.role,
        clinic_id=user.clinic_id,
    )


def holding(token: Token) -> Actor:
    """The token's patient, asking."""
    return build_actor(token.patient_id)


async def outcomes(attempts: Iterable[Awaitable[T]]) -> tuple[list[T], list[DomainError]]:
    """What came of attempts made at once: those that succeeded, and the others' refusals."""
    results = await asyncio.gather(*attempts, return_exceptions=True)
    refused = [result for result in results if isinstance(result, DomainError)]
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, DomainError):
            raise result
    return [result for result in results if not isinstance(result, BaseException)], refused
