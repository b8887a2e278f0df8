"""All or nothing, seen only when committed, and told only when committed."""

from __future__ import annotations

import asyncio

import pytest

from qure.application.ports.storage import Storage
from qure.domain.errors import Conflict, Unavailable
from tests.contracts.storage.conftest import Announced
from tests.contracts.storage.given import changed_user, given, given_queue
from tests.support.builders import NOW, build_actor, build_user


async def test_nothing_is_kept_or_told_without_commit(
    storage: Storage, announced: Announced
) -> None:
    user = changed_user()
    async with storage.write() as db:
        await db.users.add(user)
        assert await db.users.get(user.id) == user
    async with storage.read() as db:
        assert await db.users.get(user.id) is None
        assert await db.journal.depth() == 0
    assert announced.entries == []


async def test_nothing_is_kept_or_told_when_the_work_fails(
    storage: Storage, announced: Announced
) -> None:
    user = changed_user()
    with pytest.raises(LookupError):
        async with storage.write() as db:
            await db.users.add(user)
            raise LookupError
    async with storage.read() as db:
        assert await db.users.get(user.id) is None
        assert await db.journal.depth() == 0
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
    taken, user = build_user(), changed_user()
    await given(storage, taken)
    with pytest.raises(Conflict):
        async with storage.write() as db:
            await db.users.add(user)
            await db.users.add(build_user(email=taken.email))
    async with storage.write() as db:
        assert await db.users.get(user.id) is None
        assert await db.journal.depth() == 0
        assert announced.entries == []
        await db.users.add(user)
        await db.commit()
    assert len(announced.entries) == 1


async def test_a_commit_without_events_tells_nothing(
    storage: Storage, announced: Announced
) -> None:
    await given(storage, build_user())
    async with storage.read() as db:
        assert await db.journal.depth() == 0
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
    user = changed_user()
    async with storage.write() as db:
        await db.users.add(user)
        await db.commit()
    async with storage.read() as db:
        assert await db.users.get(user.id) == user
        assert await db.journal.depth() == 1


async def test_a_unit_of_work_commits_once_and_changes_nothing_afterwards(
    storage: Storage, announced: Announced
) -> None:
    late = changed_user()
    async with storage.write() as db:
        await db.users.add(changed_user())
        await db.commit()
        with pytest.raises(RuntimeError):
            await db.commit()
        with pytest.raises(RuntimeError):
            await db.users.add(late)
    async with storage.read() as db:
        assert await db.users.get(late.id) is None
        assert await db.journal.depth() == 1
    assert len(announced.entries) == 1


async def test_a_reading_unit_of_work_neither_changes_nor_commits(
    storage: Storage, announced: Announced
) -> None:
    user = changed_user()
    async with storage.read() as db:
        with pytest.raises(RuntimeError):
            await db.commit()
        with pytest.raises((RuntimeError, Unavailable)):
            await db.users.add(user)
        with pytest.raises(RuntimeError):
            await db.commit()
    async with storage.read() as db:
        assert await db.users.get(user.id) is None
        assert await db.journal.depth() == 0
    assert announced.entries == []


async def test_a_reader_waits_for_no_writer_and_sees_only_what_is_committed(
    storage: Storage,
) -> None:
    queue = await given_queue(storage)
    async with storage.write() as writing:
        locked = await writing.queues.get(queue.id, lock=True)
        assert locked is not None
        locked.set_active(False, by=build_actor(), at=NOW)
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
            locked.set_active(False, by=build_actor(), at=NOW)
            await writing.queues.save(locked)
            await writing.commit()
        assert await reading.queues.get(queue.id) == queue
    async with storage.read() as reading:
        assert await reading.queues.get(queue.id) == locked


async def test_a_storage_that_is_there_answers_a_ping(storage: Storage) -> None:
    await storage.ping()
