"""Use cases at one moment, on the real databases: nobody is called twice, nobody waits in a circle,
and what comes twice is done once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import pytest

from qure.adapters.memory.throttle import MemoryThrottle
from qure.adapters.sql.unit_of_work import SqlStorage, SqlUnitOfWork
from qure.application.announcing.live_boards import LiveBoards
from qure.application.queueing.once import Once
from qure.application.use_cases import Rules, UseCases
from qure.application.waiting.forecasts import Forecasts
from qure.domain.actor import Actor
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.errors import Conflict
from qure.domain.ids import QueueId, ServiceId
from qure.domain.queue import Queue
from qure.domain.token import ACTIVE, Token, TokenStatus
from tests.contracts.storage.given import given, given_patients
from tests.support.builders import (
    FixedClock,
    SequentialIds,
    build_actor,
    build_admin,
    build_clinic,
    build_desk,
    build_queue,
    build_secret,
    build_service,
    build_session,
    build_staff,
)
from tests.support.fakes import FakeDigests, FakeJwts, FakePasswords

T = TypeVar("T")

PATIENTS = 24


class Counting:
    """The storage, and how many transactions were begun in it to write."""

    def __init__(self, storage: SqlStorage) -> None:
        self._storage = storage
        self.writes = 0

    @asynccontextmanager
    async def write(self, purpose: str = "write") -> AsyncIterator[SqlUnitOfWork]:
        self.writes += 1
        async with self._storage.write(purpose) as uow:
            yield uow

    def read(self, purpose: str = "read") -> Any:
        return self._storage.read(purpose)

    async def ping(self) -> None:
        await self._storage.ping()


@dataclass
class House:
    """A clinic with three services and a queue of each, and people who work there."""

    storage: Counting
    clock: FixedClock
    use: UseCases
    clinic: Clinic
    queues: list[Queue]
    staff: list[Actor]
    desks: list[Desk]
    admin: Actor

    @property
    def services(self) -> list[ServiceId]:
        return [queue.service_id for queue in self.queues]

    async def tokens(self) -> list[Token]:
        async with self.storage.read() as uow:
            return [one for queue in self.queues for one in await uow.tokens.of_queue(queue.id)]

    async def queue_of(self, id: QueueId) -> Queue:
        async with self.storage.read() as uow:
            queue: Queue | None = await uow.queues.get(id)
        assert queue is not None
        return queue

    async def patients_wait(self, queue: Queue, count: int) -> list[Actor]:
        users = await given_patients(self.storage, count)
        actors = [build_actor(user) for user in users]
        await asyncio.gather(*(self.use.issuing.issue(queue.id, actor=one) for one in actors))
        return actors

    async def counters_are_true(self) -> None:
        """What each queue carries equals a recount."""
        tokens = await self.tokens()
        async with self.storage.read() as uow:
            desks = await uow.desks.of_clinic(self.clinic.id)
        for before in self.queues:
            queue = await self.queue_of(before.id)
            here = [one for one in tokens if one.queue_id == queue.id]
            waiting = [one for one in here if one.status is TokenStatus.WAITING]
            assert queue.waiting_count == len(waiting)
            assert queue.on_hold_count == sum(one.on_hold for one in waiting)
            assert sorted(one.number for one in here) == list(range(1, len(here) + 1))
            assert queue.open_desks == sum(desk.serves(queue.service_id) for desk in desks)
            holders = Counter(one.patient_id for one in here if one.status in ACTIVE)
            assert all(count == 1 for count in holders.values())


@pytest.fixture
async def house(sql_storage: SqlStorage, clock: FixedClock) -> House:
    storage = Counting(sql_storage)
    ids = SequentialIds(1_000_000)
    live_boards = LiveBoards(storage, generation=lambda: 1)
    use = UseCases.on(
        storage,
        clock,
        ids,
        ids,
        passwords=FakePasswords(),
        registration_passwords=FakePasswords(),
        jwts=FakeJwts(),
        digests=FakeDigests(),
        throttle=MemoryThrottle(),
        live_boards=live_boards,
        forecasts=Forecasts(storage, clock, live_boards),
        generation=lambda: 1,
        rules=Rules(registrations_per_ten_minutes=30, default_timezone="UTC", max_active_tokens=5),
    )
    clinic = build_clinic(guest_join=False, max_queue_size=100)
    others = [build_service(clinic.id, max_queue_size=100) for _ in range(2)]
    queues = [build_queue(clinic), *(build_queue(clinic, service=one) for one in others)]
    people = [build_staff(clinic.id) for _ in range(4)]
    desks = [build_desk(clinic.id) for _ in range(4)]
    admin = build_admin()
    await given(sql_storage, clinic)
    async with sql_storage.write() as uow:
        for service in others:
            await uow.services.add(service)
        for queue in queues:
            await uow.queues.add(queue)
        for person in (*people, admin):
            await uow.users.add(person)
            session = build_session(person.id)
            await uow.sessions.add(session, build_secret(session))
        for desk in desks:
            await uow.desks.add(desk)
        await uow.commit()
    actors = [build_actor(person) for person in people]
    return House(storage, clock, use, clinic, queues, actors, desks, build_actor(admin))


def serving(house: House, *numbers: int) -> list[ServiceId]:
    return [house.services[number] for number in numbers]


async def all_called(ask: Callable[[], Awaitable[Token]]) -> list[Token]:
    """Call until nobody waits."""
    called: list[Token] = []
    while (token := await unless_refused(ask(), "queue_empty")) is not None:
        called.append(token)
    return called


async def unless_refused(work: Awaitable[T], *codes: str) -> T | None:
    """What came of it; None for one of these refusals."""
    try:
        return await work
    except Conflict as refusal:
        if refusal.code not in codes:
            raise
        return None


async def test_desks_that_serve_overlapping_services_never_call_the_same_patient_nor_in_a_circle(
    house: House,
) -> None:
    for queue in house.queues:
        await house.patients_wait(queue, PATIENTS)
    overlapping = [(0, 1), (2, 1), (2, 0), (0, 1, 2)]
    for desk, person, numbers in zip(house.desks, house.staff, overlapping, strict=True):
        await house.use.desks.open(desk.id, service_ids=serving(house, *numbers), actor=person)
    house.storage.writes = 0
    called = [
        token
        for calls in await asyncio.gather(
            *(
                all_called(partial(house.use.calling.call_next_at, desk.id, actor=person))
                for desk, person in zip(house.desks, house.staff, strict=True)
            )
        )
        for token in calls
    ]
    assert len({token.id for token in called}) == len(called) == 3 * PATIENTS
    # Whoever had lost a race, by a deadlock say, would have begun again.
    assert house.storage.writes == len(called) + len(house.desks)
    await house.counters_are_true()


async def test_calls_transfers_and_people_who_change_desks_never_wait_in_a_circle(
    house: House,
) -> None:
    for queue in house.queues:
        await house.patients_wait(queue, PATIENTS)

    async def change_desks(person: Actor, chance: random.Random) -> None:
        for _ in range(8):
            desk = chance.choice(house.desks)
            wanted = chance.sample(house.services, 2)
            opened = house.use.desks.open(desk.id, service_ids=wanted, actor=person)
            if await unless_refused(opened, "desk_taken") is None:
                continue
            if chance.random() < 0.3:
                await house.use.desks.pause(desk.id, actor=person)
            await unless_refused(
                house.use.calling.call_next_at(desk.id, actor=person), "queue_empty"
            )
            if chance.random() < 0.3:
                await house.use.desks.close(desk.id, actor=person)

    async def transfer(chance: random.Random) -> None:
        waiting = [one for one in await house.tokens() if one.status is TokenStatus.WAITING]
        for token in chance.sample(waiting, 8):
            (to,) = chance.sample([one for one in house.services if one != token.service_id], 1)
            transferred = house.use.transferring.transfer(
                token.id, service_id=to, actor=house.admin
            )
            # It may be completed meanwhile, or transferred by the other one.
            await unless_refused(transferred, "illegal_transition", "active_token_exists")

    await asyncio.gather(
        *(change_desks(one, random.Random(n)) for n, one in enumerate(house.staff)),
        *(transfer(random.Random(n)) for n in (10, 11)),
    )
    await house.counters_are_true()


async def test_the_same_key_at_one_moment_is_done_once_and_answered_alike(house: House) -> None:
    queue, other = house.queues[:2]
    await house.patients_wait(queue, 10)
    person, use = house.staff[0], house.use
    first = await use.calling.call_next(queue.id, actor=person)
    (patient,) = await given_patients(house.storage, 1)
    requests: dict[str, Callable[[], Awaitable[object]]] = {
        "call": lambda: use.calling.call_next(queue.id, actor=person, once=Once(key="call")),
        "issue": lambda: use.issuing.issue(
            queue.id, actor=build_actor(patient), once=Once(key="issue")
        ),
        "walk-in": lambda: use.guests.admit_walk_in(
            queue.id, name="Ada", actor=person, once=Once(key="walk-in")
        ),
        "transfer": lambda: use.transferring.transfer(
            first.id, service_id=other.service_id, actor=house.admin, once=Once(key="transfer")
        ),
    }
    # The first was completed by the second call: it is transferred before that.
    for name in ("transfer", "call", "issue", "walk-in"):
        before = len(await house.tokens())
        answers = await asyncio.gather(*(requests[name]() for _ in range(10)))
        assert len({repr(one) for one in answers}) == 1, name
        assert len(await house.tokens()) - before == (0 if name == "call" else 1), name
    undo = [use.undoing.undo(queue.id, actor=person, once=Once(key="undo")) for _ in range(10)]
    assert len({repr(one) for one in await asyncio.gather(*undo)}) == 1
    await house.counters_are_true()


async def test_one_key_for_two_requests_at_one_moment_does_one_and_refuses_the_other(
    house: House,
) -> None:
    queue, other = house.queues[:2]
    await house.patients_wait(queue, 3)
    await house.patients_wait(other, 3)
    person = house.staff[0]
    answers = await asyncio.gather(
        *(
            house.use.calling.call_next(one.id, actor=person, once=Once(key="one"))
            for one in (queue, other) * 5
        ),
        return_exceptions=True,
    )
    assert all(isinstance(one, Token | Conflict) for one in answers), answers
    called = {one.id for one in answers if isinstance(one, Token)}
    refused = {one.code for one in answers if isinstance(one, Conflict)}
    assert len(called) == 1
    assert refused == {"idempotency_key_reused"}
    await house.counters_are_true()


async def test_what_the_clock_does_is_done_once_however_many_processes_do_it(
    house: House, clock: FixedClock
) -> None:
    queue = house.queues[0]
    await house.patients_wait(queue, 5)
    async with house.storage.write() as uow:
        clinic = await uow.clinics.get(house.clinic.id, lock=True)
        assert clinic is not None
        clinic.no_show_minutes = 5
        await uow.clinics.save(clinic)
        await uow.commit()
    called = [await house.use.calling.call_next(queue.id, actor=one) for one in house.staff[:3]]
    clock.advance(minutes=5)
    skipped = await asyncio.gather(*(house.use.closing.skip_no_shows() for _ in range(6)))
    assert sum(skipped) == len(called)
    clock.advance(days=1)
    ended = await asyncio.gather(*(house.use.closing.end_days() for _ in range(6)))
    assert sum(ended) == len(house.queues)
    tokens = await house.tokens()
    assert {one.status for one in tokens} == {TokenStatus.SKIPPED, TokenStatus.CANCELLED}
    async with house.storage.read() as uow:
        for token in tokens:
            events = [one.event for one in await uow.journal.of_token(token.id)]
            assert len(events) == len(set(events)), events
    await house.counters_are_true()


async def test_a_move_and_its_undoing_at_one_moment_leave_one_truth(house: House) -> None:
    queue = house.queues[0]
    await house.patients_wait(queue, 12)
    first, second = house.staff[:2]
    for _ in range(10):
        called = await house.use.calling.call_next(queue.id, actor=first)
        results = await asyncio.gather(
            house.use.undoing.undo(queue.id, actor=first),
            house.use.moves.start(called.id, actor=second),
            return_exceptions=True,
        )
        refusals = [
            one.code if isinstance(one, Conflict) else repr(one)
            for one in results
            if isinstance(one, Exception)
        ]
        assert refusals in (["nothing_to_undo"], ["illegal_transition"])
        await house.counters_are_true()
