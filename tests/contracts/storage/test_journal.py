"""What happened is kept for good, exactly as it happened, and is announced until it is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle
from uuid import UUID

import pytest

from qure.application.correlation import request_id
from qure.application.ports.journal import JournalEntry, JournalRecord
from qure.application.ports.storage import Storage, TransactionConflict, UnitOfWork
from qure.application.transact import transact
from qure.domain import calling, events, issuing, moves
from qure.domain.actor import SYSTEM, ActorKind
from qure.domain.clinic import Clinic
from qure.domain.events import Event
from qure.domain.ids import ClinicId, EntryId, TokenId
from qure.domain.issuing import Holder
from qure.domain.queue import Queue
from qure.domain.token import Comeback, Token, TokenStatus
from qure.domain.user import User
from tests.contracts.storage.conftest import Announced
from tests.contracts.storage.given import changed_user, given, given_patients
from tests.support.builders import (
    NOW,
    FixedClock,
    build_actor,
    build_admin,
    build_clinic,
    build_desk,
    build_display,
    build_display_user,
    build_guest,
    build_queue,
    build_secret,
    build_session,
    build_staff,
    build_staged_image,
    build_status,
    build_token,
    build_user,
    new_id,
)
from tests.wire.test_stored_events import every_event

END_OF_TIME = NOW + timedelta(days=1000)
BEFORE_ALL = EntryId(UUID(int=0))


async def tell(storage: Storage, clock: FixedClock, count: int) -> None:
    """So many entries, a millisecond apart."""
    for _ in range(count):
        await given(storage, changed_user())
        clock.advance(milliseconds=1)


async def opened_queue(storage: Storage) -> tuple[Clinic, Queue, User, User]:
    """A queue of a clinic with one staff member, and a patient; nothing is told of them yet."""
    clinic = build_clinic()
    queue, staff, patient = build_queue(clinic), build_staff(clinic.id), build_user()
    await given(storage, clinic, queue, staff, patient)
    return clinic, queue, staff, patient


@asynccontextmanager
async def locked(storage: Storage, queue: Queue) -> AsyncIterator[tuple[UnitOfWork, Queue]]:
    """The queue to be changed; it is saved and committed in the end."""
    async with storage.write() as db:
        found = await db.queues.get(queue.id, lock=True)
        assert found is not None
        yield db, found
        await db.queues.save(found)
        await db.commit()


async def issued(storage: Storage, queue: Queue, patient: User, *, at: datetime = NOW) -> Token:
    async with locked(storage, queue) as (db, found):
        token = issue(found, patient, at=at)
        await db.tokens.add([token])
    return token


def issue(queue: Queue, patient: User, *, at: datetime = NOW) -> Token:
    return issuing.issue(
        queue,
        id=TokenId(new_id()),
        holder=Holder(patient_id=patient.id),
        by=build_actor(patient),
        taken=(),
        max_active=1,
        at=at,
    )


async def pending(storage: Storage) -> list[JournalEntry]:
    async with storage.read() as db:
        return await db.journal.pending(before=END_OF_TIME, limit=100)


async def of_token(storage: Storage, id: TokenId) -> list[JournalRecord]:
    async with storage.read() as db:
        return await db.journal.of_token(id)


# --- written by the commit ------------------------------------------------------------------


async def test_what_a_transaction_saved_is_one_entry_in_the_order_of_saving(
    storage: Storage, announced: Announced, clock: FixedClock
) -> None:
    clinic = build_clinic()
    clinic.changed(by=SYSTEM, at=NOW)
    queue = Queue.open(
        clinic, clinic.service, id=build_queue().id, max_size=None, by=SYSTEM, at=NOW
    )
    user, session, image = changed_user(), build_session(build_user().id), build_staged_image()
    session.user_id = user.id
    session.revoke(by=build_actor(user), at=NOW)
    image.stage(by=build_actor(user))
    expected = [event for one in (clinic, queue, user, session, image) for event in one.events]
    async with storage.write() as db:
        await db.clinics.add(clinic)
        await db.queues.add(queue)
        await db.users.add(user)
        await db.sessions.add(session, build_secret(session))
        await db.staged_images.add([image])
        clock.advance(seconds=3)
        await db.commit()
    (entry,) = announced.entries
    assert [type(event).__name__ for event in entry.events] == [
        "ClinicChanged",
        "QueueOpened",
        "UserChanged",
        "SessionRevoked",
        "ImageStaged",
    ]
    assert list(entry.events) == expected
    assert entry.created_at == NOW + timedelta(seconds=3)
    assert await pending(storage) == [entry]


@pytest.mark.parametrize("how", ["saved", "deleted"])
async def test_what_happened_to_a_thing_before_it_went_or_changed_is_told(
    storage: Storage, announced: Announced, how: str
) -> None:
    image, user = build_staged_image(), build_user()
    await given(storage, image, user)
    async with storage.write() as db:
        if how == "deleted":
            image.overtaken("https://example.org/old.jpg", at=NOW)
            await db.staged_images.delete(image)
        else:
            user.events.append(
                events.UserChanged(actor=SYSTEM, at=NOW, user_id=user.id, is_active=True)
            )
            await db.users.save(user)
        await db.commit()
    (entry,) = announced.entries
    assert await pending(storage) == [entry]
    assert len(entry.events) == 1


async def test_what_is_saved_twice_is_told_once_and_never_again(
    storage: Storage, announced: Announced
) -> None:
    user = changed_user()
    async with storage.write() as db:
        await db.users.add(user)
        user.first_name = "Grace"
        await db.users.save(user)
        await db.commit()
    assert user.events == []
    async with storage.write() as db:
        await db.users.save(user)
        await db.commit()
    (entry,) = announced.entries
    assert len(entry.events) == 1
    assert await pending(storage) == [entry]


async def test_what_is_rolled_back_leaves_nothing(storage: Storage, announced: Announced) -> None:
    clinic, queue, _, patient = await opened_queue(storage)
    with pytest.raises(LookupError):
        async with locked(storage, queue) as (_, found):
            token = issue(found, patient)
            raise LookupError
    assert await of_token(storage, token.id) == []
    async with storage.read() as db:
        assert await db.journal.after(BEFORE_ALL, limit=10) == []
        day = await db.journal.of_clinic(clinic.id, since=NOW, until=END_OF_TIME)
        assert day == []
        assert await db.journal.depth() == 0
    assert announced.entries == []


async def test_a_transaction_that_lost_a_race_and_is_done_again_tells_once(
    storage: Storage, announced: Announced
) -> None:
    user = changed_user()
    attempts: list[int] = []

    async def add(db: UnitOfWork) -> None:
        attempts.append(1)
        await db.users.add(user)
        if len(attempts) < 3:
            raise TransactionConflict
        await db.commit()

    await transact(storage, add)
    (entry,) = announced.entries
    assert len(entry.events) == 1
    assert await pending(storage) == [entry]


def one_of_each() -> list[Event]:
    """Every kind of event, by every kind of actor, with every field filled."""
    actors = [
        SYSTEM,
        build_actor(build_admin()),
        build_actor(build_staff(ClinicId(new_id()))),
        build_actor(build_guest()),
        build_actor(build_display_user(build_display())),
    ]
    at = NOW + timedelta(microseconds=1)
    return [
        replace(event, actor=actor, at=at)
        for event, actor in zip(every_event(), cycle(actors), strict=False)
    ]


async def test_every_kind_of_event_comes_back_as_it_was_in_its_order(
    storage: Storage, announced: Announced
) -> None:
    happened = one_of_each()
    await given(storage, build_user(events=list(happened)))
    (entry,) = announced.entries
    assert entry.events == tuple(happened)
    assert await pending(storage) == [entry]
    async with storage.read() as db:
        assert await db.journal.after(BEFORE_ALL, limit=10) == [entry]
        assert await db.journal.kept(after=NOW - timedelta(seconds=1), limit=10) == [entry]


# --- asked ----------------------------------------------------------------------------------


async def test_the_history_of_a_token_says_who_did_what_when_and_for_which_request(
    storage: Storage, announced: Announced, clock: FixedClock
) -> None:
    clinic, queue, staff, patient = await opened_queue(storage)
    (other,) = await given_patients(storage, 1)
    desk = build_desk(clinic.id, name="Room 2")
    token = await issued(storage, queue, patient)
    at = clock.advance(minutes=1)
    context = request_id.set("request-1")
    try:
        async with locked(storage, queue) as (db, found):
            line = await db.tokens.line_for(queue.id, staff.id)
            called, _ = calling.call_next(found, line, by=build_actor(staff), at=at, desk=desk)
            await db.tokens.save([called])
    finally:
        request_id.reset(context)
    untouched = await issued(storage, queue, other, at=at)
    at = clock.advance(minutes=1)
    async with locked(storage, queue) as (db, found):
        started = moves.start(found, called, by=build_actor(staff), at=at)
        done = moves.complete(found, started, by=build_actor(staff), at=at)
        await db.tokens.save([done])
    history = await of_token(storage, token.id)
    assert [(one.event, one.from_status, one.to_status) for one in history] == [
        ("TokenIssued", None, TokenStatus.WAITING),
        ("TokenCalled", TokenStatus.WAITING, TokenStatus.CALLED),
        ("TokenStarted", TokenStatus.CALLED, TokenStatus.IN_PROGRESS),
        ("TokenCompleted", TokenStatus.IN_PROGRESS, TokenStatus.COMPLETED),
    ]
    assert [(one.actor_id, one.actor_role) for one in history] == [
        (patient.id, patient.role),
        *[(staff.id, staff.role)] * 3,
    ]
    assert {one.actor_kind for one in history} == {ActorKind.USER}
    assert [one.created_at for one in history] == [
        NOW,
        NOW + timedelta(minutes=1),
        *[NOW + timedelta(minutes=2)] * 2,
    ]
    assert [one.number for one in history] == [0, 0, 0, 1]
    assert [(one.desk_id, one.desk_name) for one in history] == [
        (None, None),
        *[(desk.id, "Room 2")] * 3,
    ]
    assert [one.request_id for one in history] == [None, "request-1", None, None]
    assert {(one.clinic_id, one.queue_id, one.token_id) for one in history} == {
        (clinic.id, queue.id, token.id)
    }
    told = [announced.entries[number] for number in (0, 1, 3)]
    assert [one.entry_id for one in history] == [told[n].id for n in (0, 1, 2, 2)]
    assert history[0] == JournalRecord.of(told[0], 0, request_id=None)
    assert [one.event for one in await of_token(storage, untouched.id)] == ["TokenIssued"]
    assert await of_token(storage, TokenId(new_id())) == []


async def test_the_reason_of_a_move_is_kept(storage: Storage) -> None:
    token = build_token(status=TokenStatus.SKIPPED)
    skipped = events.TokenSkipped(
        actor=SYSTEM,
        at=NOW,
        queue=build_status(),
        token=token,
        from_status=TokenStatus.WAITING,
        reason="closed early",
    )
    await given(storage, build_user(events=[skipped]))
    (record,) = await of_token(storage, token.id)
    assert record.reason == "closed early"
    assert (record.actor_kind, record.actor_id, record.actor_role) == (SYSTEM.kind, None, None)


async def test_a_clinics_day_is_what_happened_to_it_and_in_its_queues(
    storage: Storage, clock: FixedClock
) -> None:
    clinic, queue, _, patient = await opened_queue(storage)
    _, elsewhere, _, stranger = await opened_queue(storage)
    await issued(storage, queue, patient)
    await issued(storage, elsewhere, stranger)
    await given(storage, changed_user())
    clock.advance(milliseconds=1)
    async with locked(storage, queue) as (_, found):
        found.set_active(False, by=SYSTEM, at=clock.now())
    clock.advance(milliseconds=1)
    desk = build_desk(clinic.id, name="Room 2")
    desk.edit(name="Room 3", is_active=True, by=SYSTEM, at=clock.now())
    clinic.changed(by=SYSTEM, at=clock.now())
    async with storage.write() as db:
        await db.clinics.save(clinic)
        await db.desks.add(desk)
        await db.commit()
    last = clock.now()

    async def day(since: datetime, until: datetime) -> list[str]:
        async with storage.read() as db:
            records = await db.journal.of_clinic(clinic.id, since=since, until=until)
        assert {record.clinic_id for record in records} <= {clinic.id}
        return [record.event for record in records]

    everything = ["TokenIssued", "QueueDeactivated", "ClinicChanged", "DeskChanged"]
    assert await day(NOW, END_OF_TIME) == everything
    assert await day(NOW, last) == everything[:2]
    assert await day(NOW + timedelta(milliseconds=1), last) == everything[1:2]
    assert await day(last + timedelta(milliseconds=1), END_OF_TIME) == []
    async with storage.read() as db:
        *_, record = await db.journal.of_clinic(clinic.id, since=last, until=END_OF_TIME)
    assert (record.desk_id, record.desk_name) == (desk.id, "Room 3")


# --- the last move --------------------------------------------------------------------------


async def last_move(
    storage: Storage, queue: Queue, who: User, *, since: datetime = NOW
) -> JournalEntry | None:
    async with storage.read() as db:
        return await db.journal.last_move(queue, who.id, since=since)


async def test_the_last_move_is_the_newest_of_that_person_in_that_queue_with_all_it_did(
    storage: Storage, announced: Announced, clock: FixedClock
) -> None:
    clinic, queue, staff, patient = await opened_queue(storage)
    colleague, other = build_staff(clinic.id), build_user()
    elsewhere = build_queue(clinic, at=NOW + timedelta(days=1))
    await given(storage, colleague, other, elsewhere)
    await issued(storage, queue, patient)
    await issued(storage, queue, other)
    await issued(storage, elsewhere, other, at=NOW + timedelta(days=1))
    # Nobody has moved anything: taking a number is no move.
    assert await last_move(storage, queue, staff) is None
    assert await last_move(storage, queue, patient) is None

    async def call_next(queue: Queue, by: User) -> JournalEntry:
        at = clock.advance(milliseconds=1)
        async with locked(storage, queue) as (db, found):
            line = await db.tokens.line_for(queue.id, by.id)
            called, done = calling.call_next(found, line, by=build_actor(by), at=at)
            await db.tokens.save([called, *done])
        return announced.entries[-1]

    first = await call_next(queue, staff)
    assert await last_move(storage, queue, staff) == first
    second = await call_next(queue, staff)
    assert [type(event).__name__ for event in second.events] == ["TokenCompleted", "TokenCalled"]
    in_other_queue = await call_next(elsewhere, staff)
    await given(storage, changed_user())
    clock.advance(milliseconds=1)
    async with locked(storage, queue) as (_, found):
        found.set_active(False, by=build_actor(staff), at=clock.now())
    assert await last_move(storage, queue, staff) == second
    assert await last_move(storage, elsewhere, staff) == in_other_queue
    assert await last_move(storage, queue, colleague) is None
    assert await last_move(storage, queue, staff, since=second.created_at) == second
    after = second.created_at + timedelta(milliseconds=1)
    assert await last_move(storage, queue, staff, since=after) is None


async def test_what_undoing_needs_comes_back_with_the_last_move(
    storage: Storage, announced: Announced
) -> None:
    _, queue, staff, patient = await opened_queue(storage)
    token = await issued(storage, queue, patient)
    async with locked(storage, queue) as (db, found):
        line = await db.tokens.line_for(queue.id, None)
        moves.skip(found, token, line, comeback=Comeback(), by=build_actor(staff), at=NOW)
    entry = await last_move(storage, queue, staff)
    assert entry == announced.entries[-1]
    (skipped,) = entry.events
    assert isinstance(skipped, events.TokenSkipped)
    assert skipped.before is not None
    assert skipped.before.token == token


# --- in pieces ------------------------------------------------------------------------------


async def test_entries_are_read_from_a_position_on_in_pieces(
    storage: Storage, clock: FixedClock, announced: Announced
) -> None:
    await tell(storage, clock, 3)
    # A clock that was set back: the order is that of the ids.
    clock.set(NOW - timedelta(hours=1))
    await given(storage, changed_user())
    first, second, third, fourth = announced.entries
    async with storage.write() as db:
        await db.journal.mark_announced([second.id])
        await db.commit()
    async with storage.read() as db:
        assert await db.journal.after(BEFORE_ALL, limit=10) == [first, second, third, fourth]
        assert await db.journal.after(first.id, limit=2) == [second, third]
        assert await db.journal.after(third.id, limit=10) == [fourth]
        assert await db.journal.after(fourth.id, limit=10) == []


# --- announced ------------------------------------------------------------------------------


async def test_pending_entries_come_oldest_first_until_they_are_marked(
    storage: Storage, clock: FixedClock, announced: Announced
) -> None:
    await tell(storage, clock, 3)
    first, second, third = announced.entries
    async with storage.write() as db:
        assert await db.journal.pending(before=NOW, limit=10) == [first]
        assert await db.journal.pending(before=clock.now(), limit=2) == [first, second]
        assert await db.journal.depth() == 3
        await db.journal.mark_announced([third.id, first.id, EntryId(new_id())])
        await db.journal.mark_announced([])
        await db.commit()
    async with storage.read() as db:
        assert await db.journal.pending(before=clock.now(), limit=10) == [second]
        assert await db.journal.depth() == 1


async def test_an_entry_of_many_events_counts_as_one(
    storage: Storage, announced: Announced
) -> None:
    await given(storage, build_user(events=one_of_each()))
    await given(storage, changed_user())
    entry, other = announced.entries
    async with storage.write() as db:
        assert await db.journal.depth() == 2
        assert await db.journal.pending(before=NOW, limit=1) == [entry]
        assert await db.journal.kept(after=NOW - timedelta(seconds=1), limit=1) == [other]
        await db.journal.mark_announced([entry.id])
        await db.commit()
    assert await pending(storage) == [other]


async def test_announced_entries_are_kept_for_who_missed_them(
    storage: Storage, clock: FixedClock, announced: Announced
) -> None:
    await tell(storage, clock, 3)
    first, second, third = announced.entries
    async with storage.write() as db:
        await db.journal.mark_announced([first.id, second.id])
        await db.commit()
    async with storage.read() as db:
        just_before = NOW - timedelta(milliseconds=1)
        assert await db.journal.kept(after=just_before, limit=10) == [first, second, third]
        assert await db.journal.kept(after=NOW, limit=10) == [second, third]
        assert await db.journal.kept(after=just_before, limit=2) == [second, third]
        assert await db.journal.pending(before=clock.now(), limit=10) == [third]
