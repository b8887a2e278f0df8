"""Desks: made by admins, opened, paused and left by whoever sits there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from qure.application.clinics.desks import MAX_DESKS, DeskFields
from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.errors import Conflict, Forbidden, Invalid, NotFound
from qure.domain.events import DeskState
from qure.domain.ids import ClinicId, DeskId, ServiceId, UserId
from qure.domain.queue import Queue
from qure.domain.service import Service
from tests.application.world import World, acting, outcomes
from tests.support.builders import (
    NOW,
    build_desk,
    build_display,
    build_display_user,
    build_guest,
    new_id,
)
from tests.support.memory.places import MemoryDesks


@dataclass
class Floor:
    """A clinic with two services and a queue of each, two desks, and two of its staff."""

    world: World
    clinic: Clinic
    blood: Service
    queues: tuple[Queue, Queue]
    one: Desk
    other: Desk
    ada: Actor
    grace: Actor

    async def open(self, desk: Desk, who: Actor, *services: Service) -> Desk:
        """For these services, or all."""
        wanted = [service.id for service in services] or None
        return await self.world.use.desks.open(desk.id, service_ids=wanted, actor=who)

    async def counts(self) -> tuple[int, int]:
        """How many desks are open for the default service, and for the other one."""
        general, blood = [await self.world.queue_of(queue.id) for queue in self.queues]
        return general.open_desks, blood.open_desks

    async def stored(self, desk: Desk) -> Desk:
        return await self.world.desk_of(desk.id)


@pytest.fixture
async def floor(world: World) -> Floor:
    clinic = await world.clinic()
    blood = await world.service(clinic, name="Blood tests", prefix="B")
    return Floor(
        world,
        clinic,
        blood,
        (await world.queue(clinic), await world.queue(clinic, service=blood)),
        await world.desk(clinic.id, name="Room 1"),
        await world.desk(clinic.id, name="Room 2"),
        await world.staff_of(clinic.id, first_name="Ada"),
        await world.staff_of(clinic.id, first_name="Grace"),
    )


# Making them


async def test_an_admin_makes_a_desk_at_which_nobody_sits_yet(world: World) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    desk = await world.use.desks.create(clinic.id, name="Room 3", actor=admin)
    assert await world.desk_of(desk.id) == desk
    assert (desk.name, desk.is_active, desk.state) == ("Room 3", True, DeskState.CLOSED)
    assert (desk.staff_id, desk.service_ids, desk.since) == (None, (), NOW)
    (told,) = world.events
    assert isinstance(told, events.DeskChanged)
    assert (told.desk_id, told.clinic_id, told.actor) == (desk.id, clinic.id, admin)


async def test_a_clinic_has_so_many_desks_those_out_of_use_too(world: World) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    desks = [build_desk(clinic.id, is_active=bool(number % 2)) for number in range(MAX_DESKS)]
    await world.keep(*desks)
    with pytest.raises(Conflict) as refused:
        await world.use.desks.create(clinic.id, name="One more", actor=admin)
    assert refused.value.code == "too_many_desks"


async def test_an_admin_renames_a_desk_while_somebody_sits_there(floor: Floor) -> None:
    await floor.open(floor.one, floor.ada)
    renamed = await floor.world.use.desks.update(
        floor.one.id, fields=DeskFields(name="Room 1a"), actor=await floor.world.admin()
    )
    assert (renamed.name, renamed.state, renamed.staff_name) == (
        "Room 1a",
        DeskState.OPEN,
        "Ada",
    )
    assert await floor.counts() == (1, 1)


async def test_a_desk_that_is_taken_out_of_use_closes_and_cannot_be_opened(
    floor: Floor,
) -> None:
    admin = await floor.world.admin()
    await floor.open(floor.one, floor.ada)
    retired = await floor.world.use.desks.update(
        floor.one.id, fields=DeskFields(is_active=False), actor=admin
    )
    assert (retired.is_active, retired.state, retired.staff_id) == (False, DeskState.CLOSED, None)
    assert await floor.counts() == (0, 0)
    with pytest.raises(Conflict) as refused:
        await floor.open(floor.one, floor.ada)
    assert refused.value.code == "desk_retired"
    await floor.world.use.desks.update(floor.one.id, fields=DeskFields(is_active=True), actor=admin)
    await floor.open(floor.one, floor.ada)
    assert await floor.counts() == (1, 1)


async def test_staff_see_the_desks_by_name_admins_those_out_of_use_too(floor: Floor) -> None:
    await floor.world.desk(floor.clinic.id, name="Cellar", is_active=False)
    await floor.world.desk((await floor.world.clinic()).id)

    async def seen_by(actor: Actor) -> list[str]:
        desks = await floor.world.use.desks.list_all(floor.clinic.id, actor=actor)
        return [desk.name for desk in desks]

    assert await seen_by(floor.ada) == ["Room 1", "Room 2"]
    assert await seen_by(await floor.world.admin()) == ["Cellar", "Room 1", "Room 2"]


# Sitting down


async def test_whoever_opens_a_desk_sits_there_for_all_active_services_until_the_day_ends(
    floor: Floor,
) -> None:
    await floor.world.service(floor.clinic, name="Retired", is_active=False)
    at = floor.world.clock.advance(minutes=1)
    opened = await floor.open(floor.one, floor.ada)
    assert opened == replace(
        floor.one,
        state=DeskState.OPEN,
        staff_id=floor.ada.user_id,
        staff_name="Ada",
        service_ids=(floor.clinic.service.id, floor.blood.id),
        since=at,
        closes_at=datetime(2025, 12, 31, 5, tzinfo=UTC),
        updated_at=at,
    )
    assert await floor.stored(floor.one) == opened
    assert await floor.counts() == (1, 1)
    (entry,) = floor.world.told
    assert [type(event) for event in entry.events] == [
        events.DeskOpened,
        events.QueueDesksChanged,
        events.QueueDesksChanged,
    ]


async def test_whoever_opens_it_again_changes_the_services_and_ends_the_pause(
    floor: Floor,
) -> None:
    await floor.open(floor.one, floor.ada, floor.clinic.service)
    assert await floor.counts() == (1, 0)
    await floor.world.use.desks.pause(floor.one.id, actor=floor.ada)
    assert await floor.counts() == (0, 0)
    opened = await floor.open(floor.one, floor.ada, floor.blood)
    assert (opened.state, opened.service_ids) == (DeskState.OPEN, (floor.blood.id,))
    assert await floor.counts() == (0, 1)


async def test_services_are_kept_in_the_clinics_order_each_once(floor: Floor) -> None:
    general = floor.clinic.service
    opened = await floor.open(floor.one, floor.ada, floor.blood, general, floor.blood)
    assert opened.service_ids == (general.id, floor.blood.id)


async def test_a_desk_is_not_opened_for_what_the_clinic_does_not_offer(floor: Floor) -> None:
    retired = await floor.world.service(floor.clinic, is_active=False)
    theirs = await floor.world.service(await floor.world.clinic())
    with pytest.raises(Invalid) as refused:
        await floor.world.use.desks.open(
            floor.one.id,
            service_ids=[retired.id, floor.blood.id, theirs.id, ServiceId(new_id())],
            actor=floor.ada,
        )
    assert [error.path for error in refused.value.errors] == [
        "serviceIds.0",
        "serviceIds.2",
        "serviceIds.3",
    ]
    with pytest.raises(Invalid) as refused:
        await floor.world.use.desks.open(floor.one.id, service_ids=[], actor=floor.ada)
    assert [error.path for error in refused.value.errors] == ["serviceIds"]
    assert await floor.stored(floor.one) == floor.one


async def test_a_desk_at_which_somebody_sits_is_taken_for_everybody_else(floor: Floor) -> None:
    opened = await floor.open(floor.one, floor.ada)
    for who in (floor.grace, await floor.world.admin()):
        with pytest.raises(Conflict) as refused:
            await floor.open(floor.one, who)
        assert refused.value.code == "desk_taken"
    await floor.world.use.desks.pause(floor.one.id, actor=floor.ada)
    with pytest.raises(Conflict) as refused:
        await floor.open(floor.one, floor.grace)
    assert refused.value.code == "desk_taken"
    assert (await floor.stored(floor.one)).staff_id == opened.staff_id


async def test_of_many_who_open_one_desk_at_once_one_sits_there(floor: Floor) -> None:
    people = [await floor.world.staff_of(floor.clinic.id) for _ in range(5)]
    opened, refused = await outcomes(floor.open(floor.one, who) for who in people)
    assert [error.code for error in refused] == ["desk_taken"] * 4
    assert await floor.stored(floor.one) == opened[0]
    assert await floor.counts() == (1, 1)


async def test_a_queue_that_opens_as_people_sit_down_counts_them_all(world: World) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    desks = [await world.desk(clinic.id) for _ in range(4)]
    people = [await world.staff_of(clinic.id) for _ in desks]
    sits = [
        world.use.desks.open(desk.id, actor=who) for desk, who in zip(desks, people, strict=True)
    ]
    opens: list[Awaitable[object]] = [*sits[:2], world.use.queues.open(clinic.id, actor=admin)]
    _, refused = await outcomes([*opens, *sits[2:]])
    assert refused == []
    queue = await world.use.queues.of_today(clinic.id, actor=admin)
    assert queue.open_desks == 4


# Leaving the first by opening a second


async def test_whoever_opens_a_second_desk_leaves_the_first(floor: Floor) -> None:
    await floor.open(floor.one, floor.ada, floor.clinic.service)
    floor.world.forget_events()
    at = floor.world.clock.advance(minutes=1)
    await floor.open(floor.other, floor.ada, floor.blood)
    left = await floor.stored(floor.one)
    assert (left.state, left.staff_id, left.since) == (DeskState.CLOSED, None, at)
    assert await floor.counts() == (0, 1)
    (entry,) = floor.world.told
    told = [event for event in entry.events if isinstance(event, events.DeskChanged)]
    assert [(type(one), one.desk_id) for one in told] == [
        (events.DeskClosed, floor.one.id),
        (events.DeskOpened, floor.other.id),
    ]


async def test_whoever_does_not_get_the_second_desk_keeps_the_first(floor: Floor) -> None:
    first = await floor.open(floor.one, floor.ada)
    await floor.open(floor.other, floor.grace)
    with pytest.raises(Conflict) as refused:
        await floor.open(floor.other, floor.ada)
    assert refused.value.code == "desk_taken"
    assert await floor.stored(floor.one) == first
    assert await floor.counts() == (2, 2)


async def test_whoever_opens_many_at_once_sits_at_one(floor: Floor) -> None:
    desks = [await floor.world.desk(floor.clinic.id) for _ in range(4)]
    _, refused = await outcomes(floor.open(desk, floor.ada) for desk in desks)
    assert refused == []
    open_now = [desk for desk in desks if (await floor.stored(desk)).state is DeskState.OPEN]
    assert len(open_now) == 1
    assert await floor.counts() == (1, 1)


async def test_two_who_change_places_at_once_sit_at_one_desk_each(floor: Floor) -> None:
    for _ in range(3):
        await floor.open(floor.one, floor.ada)
        await floor.open(floor.other, floor.grace)
        await floor.world.use.desks.close(floor.other.id, actor=floor.grace)
        await outcomes([floor.open(floor.other, floor.ada), floor.open(floor.one, floor.grace)])
        seats = {(await floor.stored(desk)).staff_id for desk in (floor.one, floor.other)}
        assert seats == {floor.ada.id, floor.grace.id}
        assert await floor.counts() == (2, 2)
        for desk in (floor.one, floor.other):
            await floor.world.use.desks.close(desk.id, actor=await floor.world.admin())


async def test_an_admin_who_comes_from_another_clinics_desk_is_counted_there_no_more(
    floor: Floor,
) -> None:
    world, admin = floor.world, await floor.world.admin()
    there = await world.clinic()
    queue = await world.queue(there)
    desk, colleagues = await world.desk(there.id), await world.desk(there.id)
    await world.use.desks.open(desk.id, actor=admin)
    await world.use.desks.open(colleagues.id, actor=await world.staff_of(there.id))
    assert (await world.queue_of(queue.id)).open_desks == 2
    await floor.open(floor.one, admin)
    assert (await world.desk_of(desk.id)).state is DeskState.CLOSED
    assert (await world.queue_of(queue.id)).open_desks == 1
    assert await floor.counts() == (1, 1)


async def test_whoever_sits_down_elsewhere_before_it_is_locked_is_looked_at_once_more(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, there = await floor.world.admin(), await floor.world.clinic()
    desk = await floor.world.desk(there.id)
    await floor.world.use.desks.open(desk.id, actor=admin)
    of_staff: Callable[..., Awaitable[Desk | None]] = MemoryDesks.of_staff
    looks: list[Desk | None] = []

    async def see_nothing_first(
        desks: MemoryDesks, user_id: UserId, *, lock: bool = False
    ) -> Desk | None:
        looks.append(await of_staff(desks, user_id, lock=lock))
        return None if len(looks) == 1 else looks[-1]

    monkeypatch.setattr(MemoryDesks, "of_staff", see_nothing_first)
    await floor.open(floor.one, admin)
    assert len(looks) == 4
    assert (await floor.world.desk_of(desk.id)).state is DeskState.CLOSED


# Pausing, resuming, leaving


async def test_at_a_desk_that_pauses_nobody_is_called_for_and_it_says_until_when(
    floor: Floor,
) -> None:
    await floor.open(floor.one, floor.ada)
    await floor.open(floor.other, floor.grace, floor.blood)
    assert await floor.counts() == (1, 2)
    at = floor.world.clock.advance(minutes=1)
    until = at + timedelta(minutes=15)
    paused = await floor.world.use.desks.pause(floor.one.id, until=until, actor=floor.ada)
    assert (paused.state, paused.since, paused.paused_until) == (DeskState.PAUSED, at, until)
    assert paused.staff_id == floor.ada.id
    assert await floor.counts() == (0, 1)
    later = floor.world.clock.advance(minutes=5)
    resumed = await floor.world.use.desks.resume(floor.one.id, actor=floor.ada)
    assert (resumed.state, resumed.since, resumed.paused_until) == (DeskState.OPEN, later, None)
    assert await floor.counts() == (1, 2)


async def test_pausing_again_says_another_end_and_goes_on_since_the_first(floor: Floor) -> None:
    await floor.open(floor.one, floor.ada)
    first = await floor.world.use.desks.pause(floor.one.id, actor=floor.ada)
    floor.world.clock.advance(minutes=5)
    until = floor.world.clock.now() + timedelta(minutes=5)
    again = await floor.world.use.desks.pause(floor.one.id, until=until, actor=floor.ada)
    assert (again.since, again.paused_until) == (first.since, until)


async def test_a_pause_does_not_end_in_the_past(floor: Floor) -> None:
    opened = await floor.open(floor.one, floor.ada)
    with pytest.raises(Invalid) as refused:
        await floor.world.use.desks.pause(
            floor.one.id, until=floor.world.clock.now(), actor=floor.ada
        )
    assert [error.path for error in refused.value.errors] == ["until"]
    assert await floor.stored(floor.one) == opened


async def test_resuming_what_does_not_pause_and_closing_what_is_closed_changes_nothing(
    floor: Floor,
) -> None:
    opened = await floor.open(floor.one, floor.ada)
    floor.world.forget_events()
    assert await floor.world.use.desks.resume(floor.one.id, actor=floor.ada) == opened
    assert await floor.world.use.desks.close(floor.other.id, actor=floor.ada) == floor.other
    assert floor.world.told == []


async def test_a_desk_at_which_nobody_sits_is_neither_paused_nor_resumed(floor: Floor) -> None:
    for who in (floor.ada, await floor.world.admin()):
        for move in (floor.world.use.desks.pause, floor.world.use.desks.resume):
            with pytest.raises(Conflict) as refused:
                await move(floor.one.id, actor=who)
            assert refused.value.code == "desk_closed"


async def test_whoever_leaves_is_counted_no_more(floor: Floor) -> None:
    await floor.open(floor.one, floor.ada)
    await floor.open(floor.other, floor.grace, floor.blood)
    at = floor.world.clock.advance(minutes=1)
    closed = await floor.world.use.desks.close(floor.one.id, actor=floor.ada)
    assert closed == replace(floor.one, since=at, updated_at=at)
    assert await floor.counts() == (0, 1)
    assert (await floor.stored(floor.other)).state is DeskState.OPEN


async def test_a_colleague_may_not_touch_the_desk_and_an_admin_may(floor: Floor) -> None:
    desks, admin = floor.world.use.desks, await floor.world.admin()
    opened = await floor.open(floor.one, floor.ada)
    for move in (desks.pause, desks.resume, desks.close):
        with pytest.raises(Forbidden):
            await move(floor.one.id, actor=floor.grace)
    assert await floor.stored(floor.one) == opened
    assert (await desks.pause(floor.one.id, actor=admin)).state is DeskState.PAUSED
    assert (await desks.resume(floor.one.id, actor=admin)).state is DeskState.OPEN
    assert (await floor.stored(floor.one)).staff_id == floor.ada.id
    assert (await desks.close(floor.one.id, actor=admin)).state is DeskState.CLOSED
    assert await floor.counts() == (0, 0)


# Who may at all


async def test_desks_are_not_for_patients_guests_displays_nor_another_clinics_staff(
    floor: Floor,
) -> None:
    world, desks = floor.world, floor.world.use.desks
    elsewhere = await world.clinic()
    for actor in (
        await world.patient(),
        await world.actor(build_guest()),
        acting(build_display_user(build_display(floor.clinic.id))),
        await world.staff_of(elsewhere.id),
    ):
        with pytest.raises(Forbidden):
            await desks.list_all(floor.clinic.id, actor=actor)
        for move in (desks.open, desks.pause, desks.resume, desks.close):
            with pytest.raises(Forbidden):
                await move(floor.one.id, actor=actor)
    assert await floor.stored(floor.one) == floor.one


async def test_only_an_admin_makes_renames_and_retires_desks(floor: Floor) -> None:
    desks = floor.world.use.desks
    for actor in (floor.ada, await floor.world.patient()):
        with pytest.raises(Forbidden):
            await desks.create(floor.clinic.id, name="Mine", actor=actor)
        with pytest.raises(Forbidden):
            await desks.update(floor.one.id, fields=DeskFields(name="Mine"), actor=actor)
    assert await floor.stored(floor.one) == floor.one


async def test_what_does_not_exist_is_not_found(floor: Floor) -> None:
    desks, admin = floor.world.use.desks, await floor.world.admin()
    with pytest.raises(NotFound) as refused:
        await desks.create(ClinicId(new_id()), name="Room 3", actor=admin)
    assert refused.value.code == "clinic_not_found"
    with pytest.raises(NotFound) as refused:
        await desks.list_all(ClinicId(new_id()), actor=admin)
    assert refused.value.code == "clinic_not_found"
    for move in (desks.open, desks.pause, desks.resume, desks.close):
        with pytest.raises(NotFound) as refused:
            await move(DeskId(new_id()), actor=admin)
        assert refused.value.code == "desk_not_found"
    with pytest.raises(NotFound) as refused:
        await desks.update(DeskId(new_id()), fields=DeskFields(), actor=admin)
    assert refused.value.code == "desk_not_found"


async def test_a_change_that_lost_a_race_is_made_again_as_one(floor: Floor) -> None:
    moves: list[Callable[[], Awaitable[Desk]]] = [
        lambda: floor.open(floor.one, floor.ada),
        lambda: floor.world.use.desks.pause(floor.one.id, actor=floor.ada),
        lambda: floor.world.use.desks.close(floor.one.id, actor=floor.ada),
    ]
    for move in moves:
        floor.world.forget_events()
        floor.world.storage.commit_errors.append(TransactionConflict())
        await move()
        assert len(floor.world.told) == 1
    assert await floor.counts() == (0, 0)
