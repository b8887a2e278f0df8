"""A clinic has one queue a day, kept with all its counters."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from qure.application.ports.storage import Storage
from qure.domain.errors import Conflict
from qure.domain.ids import QueueId, ServiceId, TokenId
from tests.contracts.storage.given import given, given_patients, given_queue
from tests.support.builders import NOW, TODAY, build_actor, build_clinic, build_queue, new_id


async def test_a_queue_comes_back_as_kept_and_without_events(storage: Storage) -> None:
    clinic = build_clinic(max_queue_size=7)
    queue = build_queue(clinic, at=NOW + timedelta(milliseconds=1))
    assert queue.version == 1
    await given(storage, clinic, queue)
    async with storage.write() as db:
        for found in (
            await db.queues.get(queue.id),
            await db.queues.get(queue.id, lock=True),
            await db.queues.of_day(clinic.service.id, TODAY),
        ):
            assert found == queue
            assert found.events == []


async def test_an_unknown_queue_is_none(storage: Storage) -> None:
    queue = await given_queue(storage)
    async with storage.write() as db:
        assert await db.queues.get(QueueId(new_id())) is None
        assert await db.queues.get(QueueId(new_id()), lock=True) is None
        assert await db.queues.of_day(ServiceId(new_id()), TODAY) is None
        assert await db.queues.of_day(queue.service_id, TODAY + timedelta(days=1)) is None


async def test_a_clinic_cannot_have_two_queues_on_one_day(storage: Storage) -> None:
    clinic = build_clinic()
    await given(storage, clinic, build_queue(clinic))
    async with storage.write() as db:
        with pytest.raises(Conflict) as refusal:
            await db.queues.add(build_queue(clinic))
    assert refusal.value.code == "queue_exists"


async def test_queues_of_other_days_and_other_clinics_stand_beside_it(storage: Storage) -> None:
    clinic, other = build_clinic(), build_clinic()
    today, of_other = build_queue(clinic), build_queue(other)
    tomorrow = build_queue(clinic, at=NOW + timedelta(days=1))
    await given(storage, clinic, other, today, of_other, tomorrow)
    async with storage.read() as db:
        assert await db.queues.of_day(clinic.service.id, TODAY) == today
        assert await db.queues.of_day(clinic.service.id, date(2025, 12, 31)) == tomorrow
        assert await db.queues.of_day(other.service.id, TODAY) == of_other


async def test_saving_a_queue_keeps_every_counter(storage: Storage) -> None:
    queue, untouched = await given_queue(storage), await given_queue(storage)
    first, second = await given_patients(storage, 2)
    staff = build_actor(first)
    async with storage.write() as db:
        changed = await db.queues.get(queue.id, lock=True)
        assert changed is not None
        later = NOW + timedelta(seconds=1)
        one, _ = (
            changed.issue(
                id=TokenId(new_id()),
                patient_id=one.id,
                by=build_actor(one),
                taken=(),
                max_active=1,
                at=later,
            )
            for one in (first, second)
        )
        called, _ = changed.call(one, assigned=(), by=staff, at=later)
        changed.complete(called, by=staff, at=later)
        changed.set_active(False, by=staff, at=later)
        await db.queues.save(changed)
        await db.commit()
    async with storage.read() as db:
        found = await db.queues.get(queue.id)
        assert await db.queues.get(untouched.id) == untouched
    assert found == changed
    assert found is not None
    assert (found.last_issued_number, found.waiting_count, found.version) == (2, 1, 6)
    assert (found.now_serving, found.last_served_number, found.is_active) == (1, 1, False)
