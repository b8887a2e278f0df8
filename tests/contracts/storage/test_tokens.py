"""Tokens are kept with their history, and every question about a queue has its exact answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.application.ports.storage import Storage
from qure.domain.calling_order import Line
from qure.domain.errors import Conflict
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.token import Priority, Token, TokenStatus
from tests.contracts.storage.given import (
    given,
    given_patients,
    given_queue,
    given_tokens,
    numbers,
)
from tests.support.builders import NOW, build_actor, build_clinic, build_queue, build_token, new_id


async def test_a_token_comes_back_as_kept_with_every_field(storage: Storage) -> None:
    queue = await given_queue(storage)
    patient, staff = await given_patients(storage, 2)
    token = build_token(
        queue,
        patient_id=patient.id,
        number=3,
        place=-(1 << 50),
        priority=Priority.URGENT,
        status=TokenStatus.COMPLETED,
        version=5,
        called_at=NOW + timedelta(seconds=1),
        started_at=NOW + timedelta(seconds=2, milliseconds=5),
        completed_at=NOW + timedelta(seconds=3),
        skipped_at=NOW + timedelta(seconds=4),
        cancelled_at=NOW + timedelta(seconds=5),
        assigned_to=staff.id,
    )
    await given(storage, token)
    async with storage.read() as db:
        assert await db.tokens.get(token.id) == token
        assert await db.tokens.get(TokenId(new_id())) is None


@pytest.mark.parametrize("count", [1, 5, 11, 12, 200])
async def test_many_tokens_are_added_and_saved_at_once(storage: Storage, count: int) -> None:
    queue = await given_queue(storage, max_size=200)
    patients = await given_patients(storage, count)
    tokens = [
        build_token(queue, patient_id=patient.id, number=number)
        for number, patient in enumerate(patients, start=1)
    ]
    async with storage.write() as db:
        await db.tokens.add(tokens)
        await db.commit()
    staff = build_actor(patients[0])
    called = [token.moved_to(TokenStatus.CALLED, at=NOW, by=staff) for token in tokens[1:]]
    assert len(called) == count - 1
    async with storage.write() as db:
        await db.tokens.save(called)
        await db.commit()
    async with storage.read() as db:
        assert await db.tokens.of_queue(queue.id) == [tokens[0], *called]


async def test_of_many_tokens_of_which_one_is_refused_none_is_kept(storage: Storage) -> None:
    queue = await given_queue(storage)
    standing, *_ = await given_tokens(storage, queue, {"status": TokenStatus.CALLED})
    patients = await given_patients(storage, 20)
    tokens = [
        build_token(queue, patient_id=patient.id, number=number)
        for number, patient in enumerate(patients, start=2)
    ]
    again = build_token(queue, patient_id=standing.patient_id, number=30)
    with pytest.raises(Conflict) as refusal:
        async with storage.write() as db:
            await db.tokens.add([*tokens, again])
    assert refusal.value.code == "active_token_exists"
    async with storage.read() as db:
        assert await db.tokens.of_queue(queue.id) == [standing]


async def test_adding_or_saving_no_tokens_does_nothing(storage: Storage) -> None:
    queue = await given_queue(storage)
    async with storage.write() as db:
        await db.tokens.add([])
        await db.tokens.save([])
        await db.commit()
    async with storage.read() as db:
        assert await db.tokens.of_queue(queue.id) == []


async def test_the_heads_of_a_line_are_who_waits_at_the_first_place_of_each_class(
    storage: Storage,
) -> None:
    elsewhere = await given_queue(storage)
    await given_tokens(storage, elsewhere, {})
    queue = await given_queue(storage)
    nobody = UserId(new_id())
    async with storage.read() as db:
        assert await db.tokens.line_for(queue.id, nobody) == Line(heads=())
    tokens = await given_tokens(
        storage,
        queue,
        {"status": TokenStatus.CANCELLED},
        {"status": TokenStatus.CALLED},
        {"number": 4},
        {"number": 3},
        {"number": 5, "priority": Priority.PRIORITY},
        {"number": 6, "priority": Priority.PRIORITY, "place": 1},
        {"number": 7, "priority": Priority.URGENT, "status": TokenStatus.SKIPPED, "place": 0},
        {"number": 8, "priority": Priority.URGENT},
        {"number": 9, "priority": Priority.URGENT},
    )
    async with storage.read() as db:
        line = await db.tokens.line_for(queue.id, nobody)
    assert sorted(line.heads, key=lambda token: token.number) == [tokens[3], tokens[5], tokens[7]]
    assert line.assigned == ()


async def test_the_place_and_not_the_number_says_who_is_first(storage: Storage) -> None:
    queue = await given_queue(storage)
    _, second, *_ = await given_tokens(storage, queue, {"place": 1 << 60}, {"place": -1}, {})
    async with storage.read() as db:
        line = await db.tokens.line_for(queue.id, UserId(new_id()))
    assert line.heads == (second,)


async def test_assigned_is_what_that_staff_member_has_called_or_started_there(
    storage: Storage,
) -> None:
    queue, elsewhere = await given_queue(storage), await given_queue(storage)
    staff, colleague = await given_patients(storage, 2)
    hers = {"assigned_to": staff.id}
    *_, waiting = await given_tokens(
        storage,
        queue,
        {**hers, "number": 5, "status": TokenStatus.IN_PROGRESS},
        {**hers, "number": 4, "status": TokenStatus.CALLED, "priority": Priority.URGENT},
        {**hers, "number": 3, "status": TokenStatus.COMPLETED},
        {"assigned_to": colleague.id, "number": 2, "status": TokenStatus.CALLED},
        {**hers, "number": 1},
    )
    await given_tokens(storage, elsewhere, {**hers, "status": TokenStatus.CALLED})
    async with storage.read() as db:
        for who, expected in ((staff.id, [4, 5]), (colleague.id, [2]), (UserId(new_id()), [])):
            line = await db.tokens.line_for(queue.id, who)
            assert numbers(line.assigned) == expected
            assert line.heads == (waiting,)


async def test_taken_is_all_that_patients_took_there_and_what_is_active_elsewhere_today(
    storage: Storage,
) -> None:
    clinics = [build_clinic(timezone="UTC") for _ in range(3)]
    here, elsewhere, another = (build_queue(clinic) for clinic in clinics)
    yesterday = build_queue(clinics[1], at=NOW - timedelta(days=1))
    await given(storage, *clinics, here, elsewhere, another, yesterday)
    ada, grace, newcomer = await given_patients(storage, 3)

    def token(queue: Queue, number: int, status: TokenStatus = TokenStatus.WAITING) -> Token:
        return build_token(queue, patient_id=ada.id, number=number, status=status)

    expected = [
        token(here, 1, TokenStatus.CANCELLED),
        token(here, 2, TokenStatus.SKIPPED),
        token(here, 3, TokenStatus.COMPLETED),
        token(here, 4),
        token(elsewhere, 1),
        token(another, 1, TokenStatus.IN_PROGRESS),
    ]
    over = [token(elsewhere, 2, TokenStatus.COMPLETED), token(yesterday, 1)]
    of_grace = build_token(here, patient_id=grace.id, number=5)
    await given(storage, *expected, *over, of_grace)
    async with storage.read() as db:
        taken = await db.tokens.taken_by({ada.id, newcomer.id}, queue_id=here.id, now=NOW)
        assert set(taken.pop(ada.id)) == set(expected)
        assert taken == {newcomer.id: []}
        of_hers = await db.tokens.taken_by([grace.id], queue_id=here.id, now=NOW)
        assert of_hers == {grace.id: [of_grace]}
        assert await db.tokens.taken_by([], queue_id=here.id, now=NOW) == {}


@pytest.mark.parametrize("count", [1, 2, 3, 31, 32, 33, 500])
async def test_what_however_many_who_ask_at_once_have_taken_is_found(
    storage: Storage, count: int
) -> None:
    queue = await given_queue(storage, max_size=1000)
    tokens = await given_tokens(storage, queue, *({} for _ in range(count)))
    patients = [token.patient_id for token in tokens]
    async with storage.write() as db:
        await db.users.lock(patients)
        taken = await db.tokens.taken_by(patients, queue_id=queue.id, now=NOW)
    assert taken == {token.patient_id: [token] for token in tokens}


async def test_a_patient_whose_token_ended_may_stand_again(storage: Storage) -> None:
    queue = await given_queue(storage)
    (cancelled,) = await given_tokens(storage, queue, {"status": TokenStatus.CANCELLED})
    again = build_token(queue, number=2, patient_id=cancelled.patient_id)
    await given(storage, again)
    async with storage.read() as db:
        assert await db.tokens.active_of(cancelled.patient_id, now=NOW) == [again]


async def test_a_patients_active_tokens_are_those_in_queues_of_now(storage: Storage) -> None:
    clinics = [build_clinic(timezone=zone) for zone in ("Asia/Tokyo", "UTC", "UTC")]
    yesterday = build_queue(clinics[1], at=NOW - timedelta(days=1))
    queues = [build_queue(clinic) for clinic in clinics]
    await given(storage, *clinics, yesterday, *queues)
    (patient,) = await given_patients(storage, 1)
    mine = {"patient_id": patient.id}
    third = build_token(queues[0], **mine, number=9)
    second = build_token(queues[1], **mine, number=2, created_at=NOW + timedelta(seconds=1))
    first = build_token(queues[2], **mine, number=2, status=TokenStatus.IN_PROGRESS)
    ended = build_token(queues[2], **mine, number=1, status=TokenStatus.SKIPPED)
    old = build_token(yesterday, **mine, number=1)
    await given(storage, third, second, first, ended, old)
    await given_tokens(storage, queues[0], {})
    async with storage.read() as db:
        assert await db.tokens.active_of(patient.id, now=NOW) == [first, second, third]
        # The day ends with its last millisecond.
        ends = queues[1].day_ends_at
        last = await db.tokens.active_of(patient.id, now=ends - timedelta(milliseconds=1))
        assert second in last
        assert second not in await db.tokens.active_of(patient.id, now=ends)
        assert second in await db.tokens.active_of(patient.id, now=queues[1].day_starts_at)


async def test_the_tokens_of_a_queue_come_by_number_and_by_what_is_asked(
    storage: Storage,
) -> None:
    queue, elsewhere = await given_queue(storage), await given_queue(storage)
    await given_tokens(storage, elsewhere, {})
    tokens = await given_tokens(
        storage,
        queue,
        {"number": 3},
        {"number": 1, "status": TokenStatus.SKIPPED},
        {"number": 2, "status": TokenStatus.CALLED},
        {"number": 4},
    )
    async with storage.read() as db:
        assert numbers(await db.tokens.of_queue(queue.id)) == [1, 2, 3, 4]
        waiting = await db.tokens.of_queue(queue.id, status=TokenStatus.WAITING)
        assert numbers(waiting) == [3, 4]
        assert await db.tokens.of_queue(queue.id, number=2) == [tokens[2]]
        assert await db.tokens.of_queue(queue.id, number=2, status=TokenStatus.WAITING) == []
        assert await db.tokens.of_queue(queue.id, number=99) == []
        assert await db.tokens.of_queue(QueueId(new_id())) == []
