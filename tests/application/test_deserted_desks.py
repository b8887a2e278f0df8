"""A desk closes by itself when its person has gone, or its day has."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qure.domain import events
from qure.domain.actor import SYSTEM, Actor
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.errors import DomainError
from qure.domain.events import DeskState
from qure.domain.queue import Queue
from qure.domain.session import Session
from tests.application.world import World, outcomes
from tests.support.builders import NOW, build_admin, build_session, build_staff


@dataclass
class Seat:
    """Somebody at a desk, with their one login, and the queue that the desk calls for."""

    world: World
    clinic: Clinic
    queue: Queue
    desk: Desk
    who: Actor
    session: Session

    async def is_open(self) -> bool:
        """The queue agrees with the desk."""
        desk = await self.world.desk_of(self.desk.id)
        is_open = desk.state is not DeskState.CLOSED
        assert (desk.staff_id is not None) == is_open
        queue = await self.world.queue_of(self.queue.id)
        assert queue.open_desks == int(desk.state is DeskState.OPEN)
        return is_open


async def seat(world: World, *, by_admin: bool = False, **clinic_fields: Any) -> Seat:
    clinic = await world.clinic(**clinic_fields)
    queue = await world.queue(clinic, at=world.clock.now())
    user = build_admin() if by_admin else build_staff(clinic.id)
    # A login lasts longer than any day here.
    ends = world.clock.now() + timedelta(days=30)
    session = build_session(user.id, expires_at=ends)
    actor = await world.actor(user)
    await world.keep(session)
    desk = await world.desk(clinic.id)
    await world.use.desks.open(desk.id, actor=actor)
    world.forget_events()
    return Seat(world, clinic, queue, desk, actor, session)


async def test_as_long_as_their_login_lasts_and_the_day_does_people_keep_their_desks(
    world: World,
) -> None:
    seats = [await seat(world), await seat(world, by_admin=True)]
    world.clock.advance(hours=5)
    assert await world.use.desks.close_deserted() == 0
    assert [await one.is_open() for one in seats] == [True, True]
    assert world.told == []


async def test_when_the_last_login_ends_the_desk_closes_and_not_before(world: World) -> None:
    it = await seat(world)
    second = build_session(it.who.user_id)
    await world.keep(second)
    await world.use.logins.revoke(it.session.id, actor=it.who)
    assert await world.use.desks.close_deserted() == 0
    assert await it.is_open()
    await world.use.logins.revoke(second.id, actor=it.who)
    world.forget_events()
    at = world.clock.advance(seconds=1)
    assert await world.use.desks.close_deserted() == 1
    assert not await it.is_open()
    (entry,) = world.told
    assert [type(event) for event in entry.events] == [
        events.DeskClosed,
        events.QueueDesksChanged,
    ]
    assert {(event.actor, event.at) for event in entry.events} == {(SYSTEM, at)}
    assert await world.use.desks.close_deserted() == 0


async def test_a_login_that_runs_out_ends_it_too(world: World) -> None:
    it = await seat(world)
    async with world.storage.write() as uow:
        it.session.expires_at = NOW + timedelta(hours=1)
        await uow.sessions.save(it.session)
        await uow.commit()
    world.clock.set(it.session.expires_at - timedelta(milliseconds=1))
    assert await world.use.desks.close_deserted() == 0
    world.clock.set(it.session.expires_at)
    assert await world.use.desks.close_deserted() == 1
    assert not await it.is_open()


@pytest.mark.parametrize("by_admin", [False, True])
async def test_the_desk_of_somebody_who_is_locked_out_closes(world: World, by_admin: bool) -> None:
    it = await seat(world, by_admin=by_admin)
    await world.use.users.set_active(it.who.user_id, active=False, actor=await world.admin())
    assert await world.use.desks.close_deserted() == 1
    assert not await it.is_open()


async def test_the_desk_of_somebody_who_works_elsewhere_now_closes(world: World) -> None:
    it, elsewhere, admin = await seat(world), await world.clinic(), await world.admin()
    await world.use.staff.remove(it.clinic.id, it.who.user_id, actor=admin)
    await world.use.staff.add(elsewhere.id, user_id=it.who.user_id, actor=admin)
    assert await world.use.desks.close_deserted() == 1
    assert not await it.is_open()


async def test_the_desk_of_somebody_who_is_staff_no_more_closes(world: World) -> None:
    it = await seat(world)
    await world.use.staff.remove(it.clinic.id, it.who.user_id, actor=await world.admin())
    assert await world.use.desks.close_deserted() == 1
    assert not await it.is_open()


async def test_a_pause_does_not_keep_a_desk_from_closing(world: World) -> None:
    it = await seat(world)
    await world.use.desks.pause(it.desk.id, actor=it.who)
    await world.use.logins.revoke(it.session.id, actor=it.who)
    world.forget_events()
    assert await world.use.desks.close_deserted() == 1
    assert not await it.is_open()
    assert [type(event) for event in world.events] == [events.DeskClosed]


@pytest.mark.parametrize(
    ("timezone", "opened", "midnight"),
    [
        # New York sets its clocks forward on the 8th of March 2026, back on the 1st of November.
        (
            "America/New_York",
            datetime(2026, 3, 8, 5, tzinfo=UTC),
            datetime(2026, 3, 9, 4, tzinfo=UTC),
        ),
        (
            "America/New_York",
            datetime(2026, 11, 1, 4, tzinfo=UTC),
            datetime(2026, 11, 2, 5, tzinfo=UTC),
        ),
        # Lord Howe Island by half an hour, on the 4th of October and on the 5th of April.
        (
            "Australia/Lord_Howe",
            datetime(2026, 10, 3, 13, 30, tzinfo=UTC),
            datetime(2026, 10, 4, 13, tzinfo=UTC),
        ),
        (
            "Australia/Lord_Howe",
            datetime(2026, 4, 4, 13, tzinfo=UTC),
            datetime(2026, 4, 5, 13, 30, tzinfo=UTC),
        ),
    ],
)
async def test_at_the_clinics_midnight_every_desk_closes_on_days_when_clocks_change_too(
    world: World, timezone: str, opened: datetime, midnight: datetime
) -> None:
    world.clock.set(opened)
    it = await seat(world, timezone=timezone)
    assert (await world.desk_of(it.desk.id)).closes_at == midnight == it.queue.day_ends_at
    world.clock.set(midnight - timedelta(milliseconds=1))
    assert await world.use.desks.close_deserted() == 0
    world.clock.set(midnight)
    assert await world.use.desks.close_deserted() == 1
    assert (await world.desk_of(it.desk.id)).state is DeskState.CLOSED


async def test_todays_queue_counts_a_desk_of_yesterday_only_until_it_closes(world: World) -> None:
    it = await seat(world)
    world.clock.set(it.queue.day_ends_at)
    today = await world.use.queues.open(it.clinic.id, actor=await world.admin())
    assert await world.use.desks.close_deserted() == 1
    assert (await world.queue_of(today.id)).open_desks == 0


async def test_several_processes_at_once_close_each_desk_once(world: World) -> None:
    seats = [await seat(world) for _ in range(6)]
    for one in seats[:5]:
        await world.use.logins.revoke(one.session.id, actor=one.who)
    world.forget_events()
    counts, refused = await outcomes(world.use.desks.close_deserted() for _ in range(4))
    assert (sum(counts), refused) == (5, [])
    assert [await one.is_open() for one in seats] == [False] * 5 + [True]
    closed = [event for event in world.events if isinstance(event, events.DeskClosed)]
    assert len(closed) == 5


async def test_so_many_are_closed_in_one_go_and_the_rest_in_the_next(world: World) -> None:
    for one in [await seat(world) for _ in range(5)]:
        await world.use.logins.revoke(one.session.id, actor=one.who)
    closed = [await world.use.desks.close_deserted(batch=2) for _ in range(4)]
    assert closed == [2, 2, 1, 0]


async def test_a_desk_that_cannot_be_closed_holds_up_no_other_and_is_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    seats = [await seat(world) for _ in range(2)]
    for one in seats:
        await world.use.logins.revoke(one.session.id, actor=one.who)
    world.storage.commit_errors.append(RuntimeError("a bug"))
    with caplog.at_level(logging.ERROR):
        assert await world.use.desks.close_deserted() == 1
    (stays,) = [one for one in seats if await one.is_open()]
    assert str(stays.desk.id) in caplog.text
    assert await world.use.desks.close_deserted() == 1
    assert not await stays.is_open()


async def test_whoever_has_come_back_at_the_last_moment_keeps_the_desk(world: World) -> None:
    it = await seat(world)
    await world.use.logins.revoke(it.session.id, actor=it.who)

    async def log_in_again() -> None:
        await world.keep(build_session(it.who.user_id))

    world.storage.before_read = log_in_again
    assert await world.use.desks.close_deserted() == 0
    assert await it.is_open()


async def test_leaving_and_being_closed_at_one_moment_is_leaving_once(world: World) -> None:
    it = await seat(world)
    await world.use.logins.revoke(it.session.id, actor=it.who)
    world.forget_events()

    async def leave() -> int:
        await world.use.desks.close(it.desk.id, actor=it.who)
        return 0

    _, refused = await outcomes([world.use.desks.close_deserted(), leave()])
    assert refused == list[DomainError]()
    assert not await it.is_open()
    closed = [event for event in world.events if isinstance(event, events.DeskClosed)]
    assert len(closed) == 1
