"""What holds for the memory storage beyond the suite that it shares with the databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy

import pytest

from qure.application.ports.journal import JournalEntry
from qure.domain.actor import SYSTEM
from qure.domain.clinic import Clinic
from qure.domain.errors import Conflict, Unavailable
from qure.domain.image import StagedImage
from qure.domain.session import RefreshSecret, Session
from qure.domain.token import ActiveTokenExists, TokenStatus
from qure.domain.user import User
from tests.support.builders import (
    NOW,
    FixedClock,
    SequentialIds,
    build_clinic,
    build_queue,
    build_secret,
    build_session,
    build_staged_image,
    build_token,
    build_user,
)
from tests.support.memory.storage import MemoryStorage, MemoryUnitOfWork, OnCommit


async def tell_nobody(entry: JournalEntry) -> None:
    """There is nobody to tell."""


def make_storage(*, on_commit: OnCommit = tell_nobody, lock_seconds: float = 5.0) -> MemoryStorage:
    return MemoryStorage(
        clock=FixedClock(),
        ids=SequentialIds(),
        on_commit=on_commit,
        lock_seconds=lock_seconds,
    )


@asynccontextmanager
async def committed(storage: MemoryStorage) -> AsyncIterator[MemoryUnitOfWork]:
    async with storage.write() as work:
        yield work
        await work.commit()


Kept = tuple[User, Clinic, Session, RefreshSecret, StagedImage]


async def read_all(storage: MemoryStorage, kept: Kept) -> Kept:
    user, clinic, session, secret, image = kept
    async with storage.read() as work:
        found = (
            await work.users.get(user.id),
            await work.clinics.get(clinic.id),
            await work.sessions.get(session.id),
            await work.sessions.secret(secret.digest),
            await work.staged_images.get(image.id),
        )
    assert None not in found
    return found  # type: ignore[return-value]


def spoil(things: Kept) -> None:
    """Change everything that can be changed, without saving."""
    user, clinic, session, secret, image = things
    user.first_name = "Mallory"
    clinic.name = "Spoilt"
    session.revoked_at = NOW
    secret.spent_at = NOW
    image.attempts = 99


async def test_what_a_caller_does_to_its_copy_changes_nothing_that_is_kept() -> None:
    storage = make_storage()
    user = build_user()
    session = build_session(user.id)
    kept = (user, build_clinic(), session, build_secret(session), build_staged_image())
    async with committed(storage) as work:
        await work.users.add(kept[0])
        await work.clinics.add(kept[1])
        await work.sessions.add(kept[2], kept[3])
        await work.staged_images.add([kept[4]])
    as_it_was = deepcopy(kept)
    spoil(kept)
    spoil(await read_all(storage, kept))
    assert await read_all(storage, kept) == as_it_was


async def test_nothing_is_changed_through_a_reader_or_after_the_end() -> None:
    storage = make_storage()
    async with storage.read() as work:
        with pytest.raises(RuntimeError, match="changes anything"):
            await work.users.add(build_user())
    async with storage.write() as work:
        pass
    with pytest.raises(RuntimeError, match="changes anything"):
        await work.users.add(build_user())
    async with committed(storage) as work:
        pass
    with pytest.raises(RuntimeError, match="changes anything"):
        await work.users.add(build_user())


async def test_who_is_told_of_a_commit_may_write_in_turn() -> None:
    async def write_too(entry: JournalEntry) -> None:
        async with committed(storage) as work:
            await work.journal.mark_announced([entry.id])

    storage = make_storage(on_commit=write_too, lock_seconds=0.2)
    clinic = build_clinic()
    clinic.changed(by=SYSTEM, at=NOW)
    async with committed(storage) as work:
        await work.clinics.add(clinic)
    async with storage.read() as reading:
        assert await reading.journal.depth() == 0


async def test_a_writer_that_waits_too_long_is_told_that_the_storage_is_busy() -> None:
    storage = make_storage(lock_seconds=0.05)
    async with storage.write():
        with pytest.raises(Unavailable) as refusal:
            async with storage.write():
                pass
    assert refusal.value.code == "busy"
    async with committed(storage):
        pass


async def test_a_number_is_given_once_and_a_patient_stands_once_in_a_queue() -> None:
    storage = make_storage()
    queue = build_queue()
    first = build_token(queue)
    async with committed(storage) as work:
        await work.tokens.add([first])
    async with storage.write() as work:
        with pytest.raises(Conflict, match="Number 1"):
            await work.tokens.add([build_token(queue)])
        with pytest.raises(ActiveTokenExists) as refusal:
            await work.tokens.add([build_token(queue, number=2, patient_id=first.patient_id)])
        assert refusal.value.token == first
        gone = build_token(
            queue, number=2, patient_id=first.patient_id, status=TokenStatus.CANCELLED
        )
        await work.tokens.add([gone])
        with pytest.raises(ActiveTokenExists):
            await work.tokens.save([build_token(queue, id=gone.id, patient_id=first.patient_id)])


async def test_a_changed_address_is_found_and_the_old_one_is_free() -> None:
    storage = make_storage()
    ada, grace = build_user(email="ada@example.org"), build_user(email="grace@example.org")
    async with committed(storage) as work:
        await work.users.add(ada)
        await work.users.add(grace)
        ada.email = "grace@example.org"
        with pytest.raises(Conflict, match="already registered"):
            await work.users.save(ada)
        ada.email = "ada@example.net"
        await work.users.save(ada)
        await work.users.add(build_user(email="ada@example.org"))
    async with storage.read() as work:
        assert await work.users.by_email("ada@example.net") == ada


async def test_what_was_never_added_cannot_be_saved() -> None:
    async with make_storage().write() as work:
        with pytest.raises(LookupError):
            await work.users.save(build_user())
        with pytest.raises(LookupError):
            await work.clinics.save(build_clinic())
        with pytest.raises(LookupError):
            await work.queues.save(build_queue())
        with pytest.raises(LookupError):
            await work.tokens.save([build_token()])
