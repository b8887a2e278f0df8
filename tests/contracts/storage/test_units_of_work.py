"""All or nothing, seen only when committed, and told only when committed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from qure.application.ports.storage import Storage
from qure.domain.errors import Conflict
from qure.domain.events import ClinicChanged, QueueOpened, UserChanged
from qure.domain.ids import EntryId
from tests.builders import NOW, FixedClock, build_clinic, build_queue, build_user, new_id
from tests.contracts.storage.conftest import Announced
from tests.contracts.storage.given import given, given_queue


def user_changed() -> UserChanged:
    return UserChanged(actor_id=None, at=NOW, user_id=build_user().id, is_active=True)


async def test_nothing_is_kept_or_told_without_commit(
    storage: Storage, announced: Announced
) -> None:
    user = build_user()
    async with storage.write() as db:
        await db.users.add(user)
        db.record(user_changed())
        assert await db.users.get(user.id) == user
    async with storage.read() as db:
        assert await db.users.get(user.id) is None
        assert await db.outbox.depth() == 0
    assert announced.entries == []


async def test_nothing_is_kept_or_told_when_the_work_fails(
    storage: Storage, announced: Announced
) -> None:
    user = build_user()
    with pytest.raises(LookupError):
        async with storage.write() as db:
            await db.users.add(user)
            db.record(user_changed())
            raise LookupError
    async with storage.read() as db:
        assert await db.users.get(user.id) is None
        assert await db.outbox.depth() == 0
    assert announced.entries == []


async def test_nothing_is_kept_when_the_task_is_cancelled(storage: Storage) -> None:
    user = build_user()
    inside = asyncio.Event()

    async def work() -> None:
        async with storage.write() as db:
            await db.users.add(user)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with storage.write() as db:
        assert await db.users.get(user.id) is None
        await db.users.add(user)
        await db.commit()


async def test_a_conflict_leaves_nothing_of_the_unit_of_work(
    storage: Storage, announced: Announced
) -> None:
    taken, user = build_user(), build_user()
    await given(storage, taken)
    with pytest.raises(Conflict):
        async with storage.write() as db:
            await db.users.add(user)
            db.record(user_changed())
            await db.users.add(build_user(email=taken.email))
    async with storage.write() as db:
        assert await db.users.get(user.id) is None
        await db.users.add(user)
        await db.commit()
    assert announced.entries == []


async def test_recorded_events_are_one_entry_in_their_order_stamped_at_commit(
    storage: Storage, announced: Announced, clock: FixedClock
) -> None:
    clinic = build_clinic()
    queue = build_queue(clinic)
    opened = QueueOpened(actor_id=None, at=NOW, queue=queue.status())
    changed = ClinicChanged(actor_id=None, at=NOW, clinic_id=clinic.id)
    async with storage.write() as db:
        await db.clinics.add(clinic)
        db.record(changed)
        await db.queues.add(queue)
        db.record(opened, user_changed())
        clock.advance(seconds=3)
        await db.commit()
    (entry,) = announced.entries
    assert entry.events[:2] == (changed, opened)
    assert len(entry.events) == 3
    assert entry.created_at == NOW + timedelta(seconds=3)
    async with storage.read() as db:
        assert await db.outbox.pending(before=clock.now(), limit=10) == [entry]


async def test_a_commit_without_events_tells_nothing(
    storage: Storage, announced: Announced
) -> None:
    await given(storage, build_user())
    async with storage.read() as db:
        assert await db.outbox.depth() == 0
    assert announced.entries == []


async def test_after_the_commit_everyone_sees_it_and_may_write(storage: Storage) -> None:
    user, follower = build_user(), build_user()

    async with storage.write() as db:
        await db.users.add(user)
        await db.commit()
        # The unit of work has not been left yet, but it is over.
        async with storage.read() as other:
            assert await other.users.get(user.id) == user
        async with storage.write() as other:
            await other.users.add(follower)
            await other.commit()
    async with storage.read() as db:
        assert await db.users.get(follower.id) == follower


async def test_a_failed_announcement_does_not_make_the_commit_look_failed(
    storage: Storage, announced: Announced
) -> None:
    announced.failure = OSError("nobody listens")
    user = build_user()
    async with storage.write() as db:
        await db.users.add(user)
        db.record(user_changed())
        await db.commit()
    async with storage.read() as db:
        assert await db.users.get(user.id) == user
        assert await db.outbox.depth() == 1


async def test_a_unit_of_work_commits_once_and_records_nothing_afterwards(
    storage: Storage,
) -> None:
    async with storage.write() as db:
        await db.users.add(build_user())
        await db.commit()
        with pytest.raises(RuntimeError):
            await db.commit()
        with pytest.raises(RuntimeError):
            db.record(user_changed())


async def test_a_reading_unit_of_work_neither_records_nor_commits(storage: Storage) -> None:
    async with storage.read() as db:
        with pytest.raises(RuntimeError):
            db.record(user_changed())
        with pytest.raises(RuntimeError):
            await db.commit()


async def test_a_reader_waits_for_no_writer_and_sees_only_what_is_committed(
    storage: Storage,
) -> None:
    queue = await given_queue(storage)
    async with storage.write() as writing:
        locked = await writing.queues.get(queue.id, lock=True)
        assert locked is not None
        locked.set_active(False, by=build_user().id, at=NOW)
        await writing.queues.save(locked)
        async with asyncio.timeout(1), storage.read() as reading:
            assert await reading.queues.get(queue.id) == queue
        await writing.commit()
    async with storage.read() as reading:
        assert await reading.queues.get(queue.id) == locked


async def test_a_reader_sees_one_state_however_long_it_looks(storage: Storage) -> None:
    queue = await given_queue(storage)
    async with storage.read() as reading:
        assert await reading.queues.get(queue.id) == queue
        async with storage.write() as writing:
            locked = await writing.queues.get(queue.id, lock=True)
            assert locked is not None
            locked.set_active(False, by=build_user().id, at=NOW)
            await writing.queues.save(locked)
            await writing.commit()
        assert await reading.queues.get(queue.id) == queue
    async with storage.read() as reading:
        assert await reading.queues.get(queue.id) == locked


async def test_pending_entries_come_oldest_first_until_marked_as_sent(
    storage: Storage, clock: FixedClock, announced: Announced
) -> None:
    for _ in range(3):
        async with storage.write() as db:
            db.record(user_changed())
            await db.commit()
        clock.advance(milliseconds=1)
    first, second, third = announced.entries
    async with storage.write() as db:
        assert await db.outbox.pending(before=NOW, limit=10) == [first]
        assert await db.outbox.pending(before=clock.now(), limit=2) == [first, second]
        assert await db.outbox.depth() == 3
        await db.outbox.mark_announced([third.id, first.id, EntryId(new_id())], at=clock.now())
        await db.outbox.mark_announced([], at=clock.now())
        await db.commit()
    async with storage.read() as db:
        assert await db.outbox.pending(before=clock.now(), limit=10) == [second]
        assert await db.outbox.depth() == 1


async def test_announced_entries_are_kept_for_who_missed_them_until_they_are_deleted(
    storage: Storage, clock: FixedClock, announced: Announced
) -> None:
    for _ in range(3):
        async with storage.write() as db:
            db.record(user_changed())
            await db.commit()
        clock.advance(milliseconds=1)
    first, second, third = announced.entries
    async with storage.write() as db:
        await db.outbox.mark_announced([first.id], at=NOW)
        await db.outbox.mark_announced([second.id], at=clock.now())
        await db.commit()
    async with storage.read() as db:
        just_before = NOW - timedelta(milliseconds=1)
        assert await db.outbox.kept(after=just_before, limit=10) == [first, second, third]
        assert await db.outbox.kept(after=NOW, limit=10) == [second, third]
        assert await db.outbox.kept(after=just_before, limit=2) == [second, third]
    async with storage.write() as db:
        assert await db.outbox.delete_sent(before=clock.now()) == 1
        await db.commit()
    async with storage.read() as db:
        assert await db.outbox.kept(after=just_before, limit=10) == [second, third]
        assert await db.outbox.pending(before=clock.now(), limit=10) == [third]


async def test_a_storage_that_is_there_answers_a_ping(storage: Storage) -> None:
    await storage.ping()
