"""A service has one queue a day, kept with all its counters and what it shows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from qure.application.ports.storage import Storage
from qure.domain import calling, issuing, moves
from qure.domain.actor import SYSTEM
from qure.domain.calling_order import Line
from qure.domain.clinic import Clinic
from qure.domain.errors import Conflict
from qure.domain.ids import ClinicId, DeskId, QueueId, ServiceId, TokenId
from qure.domain.issuing import Holder
from qure.domain.queue import Queue
from qure.domain.queue_status import Call, Notice, NoticeKind, Upcoming
from qure.domain.token import Priority
from tests.contracts.storage.given import given, given_patients, given_queue
from tests.support.builders import (
    NOW,
    TODAY,
    build_actor,
    build_clinic,
    build_queue,
    build_service,
    new_id,
)

DAY = timedelta(days=1)
A_MOMENT = timedelta(milliseconds=1)


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


async def test_a_service_cannot_have_two_queues_on_one_day(storage: Storage) -> None:
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


def a_call(number: int, **fields: Any) -> Call:
    defaults: dict[str, Any] = {
        "token_id": TokenId(new_id()),
        "label": f"B{number:03}",
        "number": number,
        "desk_id": DeskId(new_id()),
        "desk_name": "Schalter Ä",
        "called_at": NOW + timedelta(milliseconds=number),
        "recall_count": 2,
    }
    return Call(**(defaults | fields))


def everything_that_changes() -> dict[str, Any]:
    """Every field that changes in the life of a queue, and none as it is when it is opened."""
    return {
        "service_name": "Vaccinations",
        "max_size": 99,
        "is_active": False,
        "last_issued_number": 12,
        "last_place": 1 << 50,
        "waiting_count": 5,
        "on_hold_count": 2,
        "open_desks": 3,
        "now_serving": 7,
        "last_served_number": 6,
        "priority_run": 1,
        "upcoming": (Upcoming("B008", Priority.URGENT), Upcoming("B009", Priority.NORMAL)),
        "calls": (a_call(7), a_call(6, desk_id=None, desk_name=None, recall_count=0)),
        "notice": Notice(
            kind=NoticeKind.DELAY,
            minutes=20,
            until=NOW + timedelta(hours=1),
            text="Dr Ñandú is late — “sorry”",
            at=NOW + A_MOMENT,
        ),
        "closed_at": NOW + timedelta(hours=8),
        "ended_at": NOW + timedelta(hours=9),
        "version": 30,
        "updated_at": NOW + A_MOMENT,
    }


async def test_a_queue_comes_back_with_what_it_shows_as_added_and_as_saved(
    storage: Storage,
) -> None:
    clinic = build_clinic()
    fields = everything_that_changes()
    full, bare = build_queue(clinic, **fields), build_queue(clinic, at=NOW + DAY)
    await given(storage, clinic, full, bare)
    async with storage.write() as db:
        assert await db.queues.get(full.id) == full
        assert await db.queues.get(bare.id) == bare
        for queue in (full, bare):
            opened = build_queue(clinic)
            for name in fields:
                setattr(queue, name, fields[name] if queue is bare else getattr(opened, name))
            await db.queues.save(queue)
        await db.commit()
    async with storage.read() as db:
        assert await db.queues.get(full.id) == full
        assert await db.queues.get(bare.id) == bare
    assert (full.notice, full.calls, full.closed_at) == (None, (), None)


@pytest.mark.parametrize(
    "notice",
    [
        Notice(kind=NoticeKind.NOTE, text="Bring your card.", at=NOW),
        Notice(kind=NoticeKind.PAUSE, until=NOW + DAY, at=NOW),
        Notice(kind=NoticeKind.DELAY, minutes=5, at=NOW),
    ],
)
async def test_every_kind_of_notice_comes_back(storage: Storage, notice: Notice) -> None:
    queue = await given_queue(storage)
    async with storage.write() as db:
        found = await db.queues.get(queue.id, lock=True)
        assert found is not None
        found.give_notice(notice, by=SYSTEM, at=NOW)
        await db.queues.save(found)
        await db.commit()
    async with storage.read() as db:
        kept = await db.queues.get(queue.id)
    assert kept is not None
    assert kept.notice == notice


async def test_saving_a_queue_keeps_what_moves_have_made_of_it(storage: Storage) -> None:
    queue, untouched = await given_queue(storage), await given_queue(storage)
    first, second = await given_patients(storage, 2)
    staff = build_actor(first)
    async with storage.write() as db:
        changed = await db.queues.get(queue.id, lock=True)
        assert changed is not None
        later = NOW + timedelta(seconds=1)
        one, two = (
            issuing.issue(
                changed,
                id=TokenId(new_id()),
                holder=Holder(patient_id=each.id),
                by=build_actor(each),
                taken=(),
                max_active=1,
                at=later,
            )
            for each in (first, second)
        )
        called, _ = calling.call(changed, one, Line([one, two]), by=staff, at=later)
        moves.complete(changed, called, by=staff, at=later)
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
    assert found.upcoming == (Upcoming("2", Priority.NORMAL),)


# --- several --------------------------------------------------------------------------------


async def test_several_queues_are_locked_by_id_and_the_unknown_passed_over(
    storage: Storage,
) -> None:
    queues = [await given_queue(storage) for _ in range(5)]
    ids = [queue.id for queue in queues]
    async with storage.write() as db:
        assert await db.queues.lock([]) == []
        assert await db.queues.lock(ids[:1]) == queues[:1]
        assert await db.queues.lock([*ids[::-1], QueueId(new_id()), ids[0]]) == queues
        assert all(queue.events == [] for queue in await db.queues.lock(set(ids)))


async def with_services(storage: Storage, timezone: str = "UTC") -> tuple[Clinic, list[Queue]]:
    """A clinic with three services, the default one in the middle, and their queues of today in
    the order of positions; yesterday's and tomorrow's are there too."""
    clinic = build_clinic(timezone=timezone)
    clinic.service.position = 2
    last, first = build_service(clinic.id, position=3), build_service(clinic.id, position=1)
    services = [first, clinic.service, last]
    queues = [build_queue(clinic, service=service) for service in services]
    others = [
        build_queue(clinic, service=service, at=at)
        for service in services
        for at in (NOW - DAY, NOW + DAY)
    ]
    await given(storage, clinic, first, last, *others, *queues)
    return clinic, queues


@pytest.mark.parametrize("timezone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu"])
async def test_the_queues_of_a_clinic_are_those_of_now_by_position_of_the_service(
    storage: Storage, timezone: str
) -> None:
    clinic, queues = await with_services(storage, timezone)
    await with_services(storage, timezone)
    async with storage.read() as db:
        for at in (NOW, queues[0].day_starts_at, queues[0].day_ends_at - A_MOMENT):
            assert await db.queues.of_clinic(clinic.id, now=at) == queues
            for queue in queues:
                assert await db.queues.of_services([queue.service_id], now=at) == [queue]
        tomorrow = await db.queues.of_clinic(clinic.id, now=queues[0].day_ends_at)
        assert [queue.date for queue in tomorrow] == [queues[0].date + DAY] * 3
        yesterday = await db.queues.of_clinic(clinic.id, now=queues[0].day_starts_at - A_MOMENT)
        assert [queue.date for queue in yesterday] == [queues[0].date - DAY] * 3
        assert await db.queues.of_clinic(clinic.id, now=NOW + 9 * DAY) == []
        assert await db.queues.of_clinic(ClinicId(new_id()), now=NOW) == []


async def test_the_queues_of_services_are_those_of_now_by_id(storage: Storage) -> None:
    _, queues = await with_services(storage)
    _, elsewhere = await with_services(storage)
    wanted = [queues[2], queues[0], elsewhere[1]]
    expected = sorted(wanted, key=lambda queue: queue.id)
    services = [*(queue.service_id for queue in wanted), ServiceId(new_id())]
    async with storage.write() as db:
        for lock in (False, True):
            assert await db.queues.of_services(services, now=NOW, lock=lock) == expected
            assert await db.queues.of_services([], now=NOW, lock=lock) == []
            over = await db.queues.of_services(services, now=NOW + 9 * DAY, lock=lock)
            assert over == []


# --- what the clock sees to -----------------------------------------------------------------


async def test_queues_to_end_are_over_or_closed_and_have_not_been_seen_to(
    storage: Storage,
) -> None:
    clinics = [build_clinic(timezone="UTC") for _ in range(6)]
    ends = build_queue(clinics[0]).day_ends_at
    over, ended, running = (
        build_queue(clinics[0]),
        build_queue(clinics[1], ended_at=NOW),
        build_queue(clinics[2], at=NOW + DAY),
    )
    closed = build_queue(clinics[3], at=NOW + DAY, closed_at=NOW, is_active=False)
    closed_and_ended = build_queue(
        clinics[4], at=NOW + DAY, closed_at=NOW, ended_at=NOW, is_active=False
    )
    older = build_queue(clinics[5], at=NOW - DAY)
    await given(storage, *clinics, over, ended, running, closed, closed_and_ended, older)
    async with storage.read() as db:
        due = [older.id, over.id, closed.id]
        assert await db.queues.to_end(now=ends, limit=10) == due
        assert await db.queues.to_end(now=ends, limit=2) == due[:2]
        assert await db.queues.to_end(now=ends - A_MOMENT, limit=10) == [older.id, closed.id]


async def test_notices_are_over_when_their_end_has_come(storage: Storage) -> None:
    clinics = [build_clinic() for _ in range(4)]

    def noticed(clinic: Clinic, until: timedelta | None) -> Queue:
        ends = None if until is None else NOW + until
        notice = Notice(kind=NoticeKind.PAUSE, until=ends, at=NOW - DAY)
        return build_queue(clinic, notice=notice)

    now_over, over = noticed(clinics[0], timedelta()), noticed(clinics[1], -DAY)
    queues = [now_over, over, noticed(clinics[2], A_MOMENT), noticed(clinics[3], None)]
    await given_queue(storage)
    await given(storage, *clinics, *queues)
    async with storage.read() as db:
        assert await db.queues.with_notice_over(now=NOW, limit=10) == [over.id, now_over.id]
        assert await db.queues.with_notice_over(now=NOW, limit=1) == [over.id]
        assert await db.queues.with_notice_over(now=NOW - 2 * DAY, limit=10) == []
    async with storage.write() as db:
        found = await db.queues.get(over.id, lock=True)
        assert found is not None
        found.give_notice(None, by=SYSTEM, at=NOW)
        await db.queues.save(found)
        await db.commit()
    async with storage.read() as db:
        assert await db.queues.with_notice_over(now=NOW, limit=10) == [now_over.id]
