"""Many at once on the real thing: each rule that a race could break."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from qure.application.ports.storage import Page, Storage
from qure.domain.errors import Conflict
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.token import ActiveTokenExists, Token, TokenStatus
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
    build_queue,
    build_secret,
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
        token = queue.issue(
            id=TokenId(new_id()),
            patient_id=patient_id,
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
        await db.queues.save(counted)
        await db.commit()
    doctors = await given_patients(storage, 4)

    async def call(staff_id: UserId) -> int | None:
        async with storage.write() as db:
            locked = await db.queues.get(queue.id, lock=True)
            line = await db.tokens.line_for(queue.id, staff_id)
            if locked is None or not line.heads:
                return None
            called, finished = locked.call_next(line, by=build_actor(staff_id), at=NOW)
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


@pytest.mark.parametrize("kind", ["clinics", "queues", "users", "by_email", "sessions"])
async def test_a_lock_makes_the_next_writer_wait_and_see_what_was_done(
    storage: Storage, kind: str
) -> None:
    clinic, user = build_clinic(), build_user(email="ada@example.org")
    queue, session = build_queue(clinic), build_session(user.id)
    await given(storage, clinic, queue, user, (session, build_secret(session)))
    order: list[str] = []
    has_it = asyncio.Event()

    async def change(mark: str, *, until: asyncio.Event | None = None) -> None:
        async with storage.write() as db:
            match kind:
                case "clinics":
                    locked = await db.clinics.get(clinic.id, lock=True)
                    assert locked is not None
                    locked.description = f"{locked.description or ''}{mark}"
                    locked.service.prefix += mark
                    await db.clinics.save(locked)
                case "queues":
                    one = await db.queues.get(queue.id, lock=True)
                    assert one is not None
                    one.version += 1
                    await db.queues.save(one)
                case "users" | "by_email":
                    who = await (
                        db.users.get(user.id, lock=True)
                        if kind == "users"
                        else db.users.by_email(user.email, lock=True)
                    )
                    assert who is not None
                    who.first_name += mark
                    await db.users.save(who)
                case "sessions":
                    login = await db.sessions.get(session.id, lock=True)
                    assert login is not None
                    login.user_agent = f"{login.user_agent}{mark}"
                    await db.sessions.save(login)
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
        after_queue = await db.queues.get(queue.id)
        after_clinic = await db.clinics.get(clinic.id)
        after_user = await db.users.get(user.id)
        after_session = await db.sessions.get(session.id)
    assert after_queue is not None
    assert after_clinic is not None
    assert after_user is not None
    assert after_session is not None
    changed = {
        "clinics": (after_clinic.description, after_clinic.service.prefix) == ("12", "12"),
        "queues": after_queue.version == 3,
        "users": after_user.first_name == "Ada12",
        "by_email": after_user.first_name == "Ada12",
        "sessions": after_session.user_agent == f"{session.user_agent}12",
    }
    assert changed[kind]
