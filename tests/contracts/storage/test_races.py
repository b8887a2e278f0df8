"""Many at once on the real thing: each rule that a race could break."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import NamedTuple

import pytest

from qure.application.ports.lines import KeptAnswer
from qure.application.ports.storage import Page, Storage, TransactionConflict, UnitOfWork
from qure.application.transact import transact
from qure.domain import calling, issuing
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.display import Display, DisplayPairing
from qure.domain.errors import Conflict
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.issuing import Holder
from qure.domain.queue import Queue
from qure.domain.queue_status import SHOWN_CALLS
from qure.domain.session import Session
from qure.domain.token import ActiveTokenExists, Token, TokenStatus
from qure.domain.user import User
from tests.contracts.storage.conftest import Announced
from tests.contracts.storage.given import (
    changed_user,
    given,
    given_patients,
    given_queue,
    given_tokens,
    numbers,
)
from tests.support.builders import (
    NOW,
    TODAY,
    build_actor,
    build_clinic,
    build_desk,
    build_display,
    build_kept_answer,
    build_pairing,
    build_queue,
    build_secret,
    build_service,
    build_session,
    build_user,
    new_id,
)

MAX_ACTIVE = 3


async def issue(storage: Storage, queue_id: QueueId, patient_id: UserId) -> Token:
    async with storage.write() as db:
        queue = await db.queues.get(queue_id, lock=True)
        assert queue is not None
        await db.users.lock([patient_id])
        taken = await db.tokens.taken_by([patient_id], queue_id=queue_id, now=NOW)
        token = issuing.issue(
            queue,
            id=TokenId(new_id()),
            holder=Holder(patient_id=patient_id),
            by=build_actor(patient_id),
            taken=taken[patient_id],
            max_active=MAX_ACTIVE,
            at=NOW,
        )
        await db.tokens.add([token])
        await db.queues.save(queue)
        await db.commit()
        return token


async def test_however_many_ask_at_once_numbers_run_from_one_without_gap(
    storage: Storage,
) -> None:
    queue = await given_queue(storage)
    patients = await given_patients(storage, 40)
    tokens = await asyncio.gather(*(issue(storage, queue.id, patient.id) for patient in patients))
    assert sorted(numbers(tokens)) == list(range(1, 41))
    async with storage.read() as db:
        assert numbers(await db.tokens.of_queue(queue.id)) == list(range(1, 41))
        after = await db.queues.get(queue.id)
        assert after is not None
        assert (after.last_issued_number, after.waiting_count, after.version) == (40, 40, 41)
        assert await db.journal.depth() == 40


async def test_exactly_as_many_are_issued_as_there_is_room(storage: Storage) -> None:
    queue = await given_queue(storage, max_size=15)
    patients = await given_patients(storage, 25)
    results = await asyncio.gather(
        *(issue(storage, queue.id, patient.id) for patient in patients), return_exceptions=True
    )
    tokens = [result for result in results if isinstance(result, Token)]
    refusals = [result for result in results if isinstance(result, Conflict)]
    assert sorted(numbers(tokens)) == list(range(1, 16))
    assert {refusal.code for refusal in refusals} == {"queue_full"}
    assert len(refusals) == 10


async def test_a_patient_who_asks_many_times_at_once_gets_one_token(storage: Storage) -> None:
    queue = await given_queue(storage)
    (patient,) = await given_patients(storage, 1)
    results = await asyncio.gather(
        *(issue(storage, queue.id, patient.id) for _ in range(10)), return_exceptions=True
    )
    assert len([result for result in results if isinstance(result, Token)]) == 1
    assert len([result for result in results if isinstance(result, ActiveTokenExists)]) == 9


async def test_a_patient_who_asks_in_many_queues_at_once_gets_as_many_tokens_as_one_may_have(
    storage: Storage,
) -> None:
    queues = [await given_queue(storage) for _ in range(8)]
    for patient in await given_patients(storage, 4):
        results = await asyncio.gather(
            *(issue(storage, queue.id, patient.id) for queue in queues), return_exceptions=True
        )
        refusals = [result for result in results if isinstance(result, Conflict)]
        assert len([result for result in results if isinstance(result, Token)]) == MAX_ACTIVE
        assert [refusal.code for refusal in refusals] == ["too_many_active_tokens"] * 5


async def test_who_lock_many_users_never_wait_in_a_circle(storage: Storage) -> None:
    users = [user.id for user in await given_patients(storage, 50)]

    async def lock(chance: random.Random) -> None:
        async with storage.write() as db:
            await db.users.lock(chance.sample(users, 40))
            await asyncio.sleep(0)

    await asyncio.gather(*(lock(random.Random(seed)) for seed in range(60)))


@pytest.mark.parametrize("by", ["queue", "service"])
async def test_who_lock_many_queues_never_wait_in_a_circle(storage: Storage, by: str) -> None:
    queues = [await given_queue(storage) for _ in range(20)]

    async def lock(chance: random.Random) -> None:
        some = chance.sample(queues, 15)
        async with storage.write() as db:
            if by == "queue":
                found = await db.queues.lock([queue.id for queue in some])
            else:
                services = [queue.service_id for queue in some]
                found = await db.queues.of_services(services, now=NOW, lock=True)
            assert len(found) == len(some)
            await asyncio.sleep(0)

    await asyncio.gather(*(lock(random.Random(seed)) for seed in range(60)))


async def test_who_mark_the_same_entries_never_wait_in_a_circle(
    storage: Storage, announced: Announced
) -> None:
    for _ in range(50):
        await given(storage, changed_user())
    entries = [entry.id for entry in announced.entries]

    async def mark(chance: random.Random) -> None:
        async with storage.write() as db:
            await db.journal.mark_announced(chance.sample(entries, 40))
            await asyncio.sleep(0)

    await asyncio.gather(*(mark(random.Random(seed)) for seed in range(60)))


async def test_callers_who_go_away_in_the_middle_leave_neither_gaps_nor_locks(
    storage: Storage,
) -> None:
    chance = random.Random(7)
    queue = await given_queue(storage, max_size=200)
    patients = await given_patients(storage, 60)
    tasks = [asyncio.create_task(issue(storage, queue.id, patient.id)) for patient in patients]
    for task in chance.sample(tasks, 30):
        for _ in range(chance.randrange(40)):
            await asyncio.sleep(0)
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    issued = [result for result in results if isinstance(result, Token)]
    assert {type(result) for result in results} <= {Token, asyncio.CancelledError}
    async with storage.read() as db:
        tokens = await db.tokens.of_queue(queue.id)
        after = await db.queues.get(queue.id)
        assert await db.journal.depth() == len(tokens)
    assert numbers(tokens) == list(range(1, len(tokens) + 1))
    assert {token.id for token in issued} <= {token.id for token in tokens}
    assert after is not None
    assert (after.last_issued_number, after.waiting_count) == (len(tokens), len(tokens))
    # And the next one is served at once.
    (patient,) = await given_patients(storage, 1)
    assert (await issue(storage, queue.id, patient.id)).number == len(tokens) + 1


async def test_two_callers_never_get_the_same_token(storage: Storage) -> None:
    queue = await given_queue(storage)
    await given_tokens(storage, queue, *({} for _ in range(20)))
    async with storage.write() as db:
        counted = await db.queues.get(queue.id, lock=True)
        assert counted is not None
        counted.last_issued_number = counted.waiting_count = 20
        counted.look_at(await db.tokens.line_for(queue.id, None))
        await db.queues.save(counted)
        await db.commit()
    doctors = await given_patients(storage, 4)

    async def call(staff_id: UserId) -> int | None:
        async with storage.write() as db:
            locked = await db.queues.get(queue.id, lock=True)
            line = await db.tokens.line_for(queue.id, staff_id)
            if locked is None or not line.heads:
                return None
            called, finished = calling.call_next(locked, line, by=build_actor(staff_id), at=NOW)
            await db.tokens.save([called, *finished])
            await db.queues.save(locked)
            await db.commit()
            return called.number

    calls = await asyncio.gather(*(call(doctor.id) for doctor in doctors * 6))
    assert sorted(number for number in calls if number) == list(range(1, 21))
    async with storage.read() as db:
        after = await db.queues.get(queue.id)
        assert after is not None
        assert after.waiting_count == 0
        assert after.upcoming == ()
        assert len(after.calls) == SHOWN_CALLS
        completed = await db.tokens.of_queue(queue.id, status=TokenStatus.COMPLETED)
        assert len(completed) == 16


async def test_one_of_many_registrations_of_one_address_succeeds(storage: Storage) -> None:
    async def register() -> None:
        async with storage.write() as db:
            await db.users.add(build_user(email="ada@example.org"))
            await db.commit()

    results = await asyncio.gather(*(register() for _ in range(10)), return_exceptions=True)
    refusals = [result for result in results if isinstance(result, Conflict)]
    assert results.count(None) == 1
    assert {refusal.code for refusal in refusals} == {"email_taken"}
    assert len(refusals) == 9
    async with storage.read() as db:
        assert (await db.users.search(query=None, role=None, page=Page()))[1] == 1


async def test_one_of_many_openings_of_one_day_succeeds(storage: Storage) -> None:
    clinic = build_clinic()
    await given(storage, clinic)

    async def open_queue() -> None:
        async with storage.write() as db:
            await db.queues.add(build_queue(clinic))
            await db.commit()

    results = await asyncio.gather(*(open_queue() for _ in range(10)), return_exceptions=True)
    refusals = [result for result in results if isinstance(result, Conflict)]
    assert results.count(None) == 1
    assert [refusal.code for refusal in refusals] == ["queue_exists"] * 9
    async with storage.read() as db:
        assert await db.queues.of_day(clinic.service.id, TODAY) is not None


async def test_whoever_sits_down_at_many_desks_at_once_gets_one(storage: Storage) -> None:
    clinic, staff = build_clinic(), build_user()
    desks = [build_desk(clinic.id) for _ in range(8)]
    await given(storage, clinic, staff, *desks)

    async def sit_down(desk: Desk) -> None:
        async with storage.write() as db:
            locked = await db.desks.get(desk.id, lock=True)
            assert locked is not None
            locked.open(
                staff_name="Ada",
                service_ids=(),
                closes_at=NOW + timedelta(hours=8),
                by=build_actor(staff),
                at=NOW,
            )
            await db.desks.save(locked)
            await db.commit()

    results = await asyncio.gather(*map(sit_down, desks), return_exceptions=True)
    assert results.count(None) == 1
    lost = [result for result in results if isinstance(result, TransactionConflict)]
    assert len(lost) == 7
    async with storage.read() as db:
        seat = await db.desks.of_staff(staff.id)
        assert seat is not None
        assert seat.id == desks[results.index(None)].id


async def test_of_many_answers_to_one_key_at_once_all_get_the_one_that_is_kept(
    storage: Storage,
) -> None:
    async def ask(number: int) -> KeptAnswer:
        async def answer(db: UnitOfWork) -> KeptAnswer:
            kept = await db.kept_answers.get("ada", "key")
            if kept is None:
                kept = build_kept_answer(scope="ada", key="key", asked=f"asked {number}")
                await db.kept_answers.add([kept])
                await db.commit()
            return kept

        return await transact(storage, answer)

    answers = await asyncio.gather(*(ask(number) for number in range(10)))
    assert answers == answers[:1] * 10


async def test_of_many_pairings_that_show_one_code_at_once_one_is_kept(storage: Storage) -> None:
    pairings = [build_pairing(user_code="BCDFGHJK") for _ in range(10)]
    results = await asyncio.gather(
        *(given(storage, pairing) for pairing in pairings), return_exceptions=True
    )
    assert results.count(None) == 1
    lost = [result for result in results if isinstance(result, TransactionConflict)]
    assert len(lost) == 9
    async with storage.read() as db:
        kept = await db.displays.pairing_by_code("BCDFGHJK")
    assert kept == pairings[results.index(None)]


@pytest.mark.parametrize(
    ("same", "code"), [({"name": "X-Ray"}, "service_exists"), ({"prefix": "X"}, "prefix_taken")]
)
async def test_one_of_many_services_of_one_name_or_prefix_is_kept(
    storage: Storage, same: dict[str, str], code: str
) -> None:
    clinic = build_clinic()
    await given(storage, clinic)
    results = await asyncio.gather(
        *(given(storage, build_service(clinic.id, **same)) for _ in range(8)),
        return_exceptions=True,
    )
    refusals = [result for result in results if isinstance(result, Conflict)]
    assert results.count(None) == 1
    assert [refusal.code for refusal in refusals] == [code] * 7


async def test_one_of_many_spends_a_refresh_secret(storage: Storage) -> None:
    user = build_user()
    session = build_session(user.id)
    secret = build_secret(session)
    await given(storage, user, (session, secret))

    async def spend(number: int) -> bool:
        async with storage.write() as db:
            at = NOW + timedelta(milliseconds=number)
            first = await db.sessions.spend_secret(secret.digest, at=at)
            await db.commit()
            return first

    spent = await asyncio.gather(*(spend(number) for number in range(20)))
    assert sorted(spent) == [False] * 19 + [True]
    async with storage.read() as db:
        kept = await db.sessions.secret(secret.digest)
    assert kept is not None
    assert kept.spent_at == NOW + timedelta(milliseconds=spent.index(True))


async def _lock_and_mark(db: UnitOfWork, kind: str, made: Made, mark: str) -> None:
    """Lock it in that way, and write the mark behind those that it has."""
    match kind:
        case "clinic":
            clinic = await db.clinics.get(made.clinic.id, lock=True)
            assert clinic is not None
            clinic.description = f"{clinic.description or ''}{mark}"
            clinic.service.prefix += mark
            await db.clinics.save(clinic)
        case "queue" | "several queues" | "queues of services":
            queue = await _locked_queue(db, kind, made.queue)
            assert queue is not None
            queue.service_name += mark
            await db.queues.save(queue)
        case "desk" | "desk of staff":
            desk = await (
                db.desks.get(made.desk.id, lock=True)
                if kind == "desk"
                else db.desks.of_staff(made.user.id, lock=True)
            )
            assert desk is not None
            desk.name += mark
            await db.desks.save(desk)
        case "user" | "user by email" | "several users":
            user = await _locked_user(db, kind, made.user)
            assert user is not None
            user.first_name += mark
            await db.users.save(user)
        case "session":
            session = await db.sessions.get(made.session.id, lock=True)
            assert session is not None
            session.user_agent = f"{session.user_agent}{mark}"
            await db.sessions.save(session)
        case "display":
            display = await db.displays.get(made.display.id, lock=True)
            assert display is not None
            display.name += mark
            await db.displays.save(display)
        case _:
            pairing = await (
                db.displays.pairing(made.pairing.digest, lock=True)
                if kind == "pairing"
                else db.displays.pairing_by_code(made.pairing.user_code, lock=True)
            )
            assert pairing is not None
            pairing.expires_at += timedelta(days=int(mark))
            await db.displays.save_pairing(pairing)


async def _locked_queue(db: UnitOfWork, kind: str, queue: Queue) -> Queue | None:
    match kind:
        case "queue":
            return await db.queues.get(queue.id, lock=True)
        case "several queues":
            (found,) = await db.queues.lock([queue.id])
        case _:
            (found,) = await db.queues.of_services([queue.service_id], now=NOW, lock=True)
    return found


async def _locked_user(db: UnitOfWork, kind: str, user: User) -> User | None:
    match kind:
        case "user":
            return await db.users.get(user.id, lock=True)
        case "user by email":
            assert user.email is not None
            return await db.users.by_email(user.email, lock=True)
        case _:
            names = await db.users.lock([user.id])
            found = await db.users.get(user.id)
            assert found is not None
            assert names[user.id] == found.full_name
            return found


async def _is_marked_twice(db: UnitOfWork, made: Made) -> set[str]:
    """The tables in which both marks are found."""
    clinic, queue = await db.clinics.get(made.clinic.id), await db.queues.get(made.queue.id)
    desk, user = await db.desks.get(made.desk.id), await db.users.get(made.user.id)
    session, display = (
        await db.sessions.get(made.session.id),
        await db.displays.get(made.display.id),
    )
    pairing = await db.displays.pairing(made.pairing.digest)
    assert clinic
    assert queue
    assert desk
    assert user
    assert session
    assert display
    assert pairing
    marked = {
        "clinic": (clinic.description, clinic.service.prefix) == ("12", "12"),
        "queue": queue.service_name.endswith("12"),
        "desk": desk.name == f"{made.desk.name}12",
        "user": user.first_name == f"{made.user.first_name}12",
        "session": session.user_agent == f"{made.session.user_agent}12",
        "display": display.name == f"{made.display.name}12",
        "pairing": pairing.expires_at == made.pairing.expires_at + timedelta(days=3),
    }
    return {name for name, is_marked in marked.items() if is_marked}


class Made(NamedTuple):
    """One thing of each table that has locks."""

    clinic: Clinic
    queue: Queue
    desk: Desk
    user: User
    session: Session
    display: Display
    pairing: DisplayPairing


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("clinic", "clinic"),
        ("queue", "queue"),
        ("several queues", "queue"),
        ("queues of services", "queue"),
        ("desk", "desk"),
        ("desk of staff", "desk"),
        ("user", "user"),
        ("user by email", "user"),
        ("several users", "user"),
        ("session", "session"),
        ("display", "display"),
        ("pairing", "pairing"),
        ("pairing by code", "pairing"),
    ],
)
async def test_a_lock_makes_the_next_writer_wait_and_see_what_was_done(
    storage: Storage, kind: str, table: str
) -> None:
    clinic, user = build_clinic(), build_user()
    made = Made(
        clinic,
        build_queue(clinic),
        build_desk(clinic.id, user),
        user,
        build_session(user.id),
        build_display(clinic.id),
        build_pairing(),
    )
    await given(
        storage,
        clinic,
        made.queue,
        user,
        made.desk,
        (made.session, None),
        made.display,
        made.pairing,
    )
    order: list[str] = []
    has_it = asyncio.Event()

    async def change(mark: str, *, until: asyncio.Event | None = None) -> None:
        async with storage.write() as db:
            await _lock_and_mark(db, kind, made, mark)
            order.append(f"{mark} has it")
            has_it.set()
            if until is not None:
                await until.wait()
            order.append(f"{mark} is done")
            await db.commit()

    go_on = asyncio.Event()
    first = asyncio.create_task(change("1", until=go_on))
    await has_it.wait()
    second = asyncio.create_task(change("2"))
    # It cannot be shown that somebody waits for ever: a fifth of a second is a hundred times
    # what the change takes when nobody stands in the way.
    await asyncio.wait([second], timeout=0.2)
    assert order == ["1 has it"]
    go_on.set()
    await asyncio.gather(first, second)
    assert order == ["1 has it", "1 is done", "2 has it", "2 is done"]
    async with storage.read() as db:
        assert await _is_marked_twice(db, made) == {table}
