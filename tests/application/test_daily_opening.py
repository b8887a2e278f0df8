"""Queues open by themselves at the clinic's local midnight, each once, whatever happens."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

import pytest

from qure.application.clinics.clinics import ClinicFields
from qure.application.clinics.services import ServiceFields
from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.clinic import Clinic
from qure.domain.errors import NotFound, Unavailable
from qure.domain.ids import ClinicId
from qure.domain.queue import Queue
from qure.domain.service import Service
from tests.application.world import World, outcomes
from tests.support.builders import NOW, build_clinic, build_service

MIDNIGHT = datetime(2025, 12, 31, 5, tzinfo=UTC)
"""The first midnight after `NOW` in New York."""


async def wishing(world: World, **fields: object) -> Clinic:
    """A clinic that wishes, now, that its queue be opened every day."""
    clinic = build_clinic(**({"auto_open_queue": True} | fields))
    clinic.plan_opening(clinic.service, world.clock.now())
    await world.keep(clinic)
    return clinic


async def todays(world: World, clinic: Clinic) -> Queue:
    return await world.use.queues.of_today(clinic.id, actor=await world.admin())


async def opened_by_the_clock(world: World) -> list[tuple[ClinicId, date]]:
    """Let the task run; which queues it opened."""
    world.forget_events()
    count = await world.use.queues.open_due()
    opened = [event for event in world.events if isinstance(event, events.QueueOpened)]
    assert count == len(opened) == len(world.events)
    assert all(event.actor is SYSTEM for event in opened)
    stored = [await world.queue_of(event.queue.queue_id) for event in opened]
    return [(queue.clinic_id, queue.date) for queue in stored]


async def test_who_wishes_at_noon_has_the_first_queue_tomorrow_at_midnight(
    world: World,
) -> None:
    clinic = await wishing(world, max_queue_size=17)
    assert await opened_by_the_clock(world) == []
    world.clock.set(MIDNIGHT - timedelta(milliseconds=1))
    assert await opened_by_the_clock(world) == []
    world.clock.set(MIDNIGHT)
    assert await opened_by_the_clock(world) == [(clinic.id, date(2025, 12, 31))]
    queue = await todays(world, clinic)
    assert (queue.max_size, queue.is_active) == (17, True)
    assert await opened_by_the_clock(world) == []
    world.clock.advance(days=1)
    assert await opened_by_the_clock(world) == [(clinic.id, date(2026, 1, 1))]


async def test_after_three_days_of_silence_only_todays_queue_is_opened(world: World) -> None:
    clinic = await wishing(world)
    world.clock.advance(days=3)
    assert await opened_by_the_clock(world) == [(clinic.id, date(2026, 1, 2))]
    stored = await world.clinic_of(clinic.id)
    assert stored.service.next_opening_at == datetime(2026, 1, 3, 5, tzinfo=UTC)


async def test_several_processes_at_once_open_each_queue_once(world: World) -> None:
    clinics = [await wishing(world) for _ in range(5)]
    world.clock.set(MIDNIGHT)
    world.forget_events()
    counts, refused = await outcomes(world.use.queues.open_due() for _ in range(4))
    assert (sum(counts), refused) == (5, [])
    assert len(world.events) == 5
    assert {event.queue.clinic_id for event in world.events} == {one.id for one in clinics}  # type: ignore[attr-defined]


async def test_a_queue_that_staff_have_opened_is_left_as_it_is(world: World) -> None:
    clinic = await wishing(world)
    world.clock.set(MIDNIGHT + timedelta(hours=1))
    mine = await world.use.queues.open(clinic.id, max_size=3, actor=await world.admin())
    assert await opened_by_the_clock(world) == []
    assert await todays(world, clinic) == mine
    stored = await world.clinic_of(clinic.id)
    assert stored.service.next_opening_at == MIDNIGHT + timedelta(days=1)


async def test_staff_and_the_clock_open_at_the_same_moment_and_one_of_them_does(
    world: World,
) -> None:
    clinic, admin = await wishing(world), await world.admin()
    world.clock.set(MIDNIGHT)

    async def by_hand() -> int:
        await world.use.queues.open(clinic.id, max_size=3, actor=admin)
        return 1

    counts, refused = await outcomes((by_hand(), world.use.queues.open_due()))
    assert sum(counts) == 1
    assert [error.code for error in refused] in ([], ["queue_exists"])


async def test_each_clinic_has_its_own_midnight(world: World) -> None:
    east = await wishing(world, timezone="Pacific/Apia")
    west = await wishing(world, timezone="America/Los_Angeles")
    world.clock.set(datetime(2025, 12, 31, 7, 59, tzinfo=UTC))
    # At 15:00 UTC it is the 31st in Apia already: its next midnight is that of New Year's day.
    assert await opened_by_the_clock(world) == []
    world.clock.set(datetime(2025, 12, 31, 8, tzinfo=UTC))
    assert await opened_by_the_clock(world) == [(west.id, date(2025, 12, 31))]
    world.clock.set(datetime(2025, 12, 31, 11, tzinfo=UTC))
    assert await opened_by_the_clock(world) == [(east.id, date(2026, 1, 1))]


async def test_the_daily_opening_goes_through_the_days_on_which_clocks_change(
    world: World,
) -> None:
    world.clock.set(datetime(2025, 3, 7, 12, tzinfo=UTC))
    clinic = await wishing(world)
    opened: list[date] = []
    while world.clock.advance(hours=1) < datetime(2025, 3, 12, 12, tzinfo=UTC):
        opened += [day for _, day in await opened_by_the_clock(world)]
        midnight = (await world.clinic_of(clinic.id)).service.next_opening_at
        assert midnight is not None
        assert clinic.local_date(midnight) == clinic.local_date(world.clock.now()) + timedelta(1)
    assert opened == [date(2025, 3, day) for day in (8, 9, 10, 11, 12)]


async def changed(world: World, clinic: Clinic, **fields: object) -> Clinic:
    """An admin changes the clinic."""
    return await world.use.clinics.update(
        clinic.id,
        fields=ClinicFields(**fields),  # type: ignore[typeddict-item]
        logo=None,
        drop_logo=False,
        images=None,
        actor=await world.admin(),
        reader=world.images,
    )


async def test_a_clinic_that_changes_its_time_zone_opens_at_its_new_midnight(
    world: World,
) -> None:
    clinic = await wishing(world)
    await changed(world, clinic, timezone="America/Los_Angeles")
    world.clock.set(MIDNIGHT)
    assert await opened_by_the_clock(world) == []
    world.clock.set(MIDNIGHT + timedelta(hours=3))
    assert await opened_by_the_clock(world) == [(clinic.id, date(2025, 12, 31))]


async def test_a_change_of_the_time_zone_does_not_lose_an_opening_that_is_overdue(
    world: World,
) -> None:
    clinic = await wishing(world)
    world.clock.set(MIDNIGHT + timedelta(hours=3))
    await changed(world, clinic, timezone="America/Chicago")
    assert await opened_by_the_clock(world) == [(clinic.id, date(2025, 12, 31))]


async def test_a_change_of_something_else_leaves_the_plan_alone(world: World) -> None:
    clinic = await wishing(world)
    world.clock.set(MIDNIGHT + timedelta(hours=3))
    await changed(world, clinic, name="Renamed", max_queue_size=5)
    assert await opened_by_the_clock(world) == [(clinic.id, date(2025, 12, 31))]


async def test_a_retired_clinic_opens_nothing_and_a_reactivated_one_the_day_after(
    world: World,
) -> None:
    clinic = await wishing(world)
    await changed(world, clinic, is_active=False)
    world.clock.advance(days=2)
    assert await opened_by_the_clock(world) == []
    await changed(world, clinic, is_active=True)
    assert await opened_by_the_clock(world) == []
    world.clock.advance(days=1)
    assert await opened_by_the_clock(world) == [(clinic.id, date(2026, 1, 2))]


async def test_who_no_longer_wishes_it_opens_by_hand_again(world: World) -> None:
    clinic = await wishing(world)
    await changed(world, clinic, auto_open_queue=False)
    world.clock.advance(days=2)
    assert await opened_by_the_clock(world) == []


async def test_one_clinic_that_cannot_be_opened_holds_up_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken = build_clinic(
        auto_open_queue=True, timezone="Mars/Olympus", next_opening_at=NOW - timedelta(days=1)
    )
    await world.keep(broken)
    sound = await wishing(world)
    world.clock.set(MIDNIGHT)
    with caplog.at_level(logging.ERROR):
        assert await opened_by_the_clock(world) == [(sound.id, date(2025, 12, 31))]
    assert str(broken.service.id) in caplog.text


async def test_however_many_are_due_at_one_midnight_all_are_opened(world: World) -> None:
    clinics = [await wishing(world) for _ in range(7)]
    world.clock.set(MIDNIGHT)
    assert await world.use.queues.open_due(batch=3) == 7
    assert {event.queue.clinic_id for event in world.events} == {one.id for one in clinics}  # type: ignore[attr-defined]


async def test_a_batch_of_clinics_that_cannot_be_opened_is_not_tried_for_ever(world: World) -> None:
    for _ in range(2):
        await world.keep(build_clinic(timezone="Mars/Olympus", next_opening_at=NOW))
    assert await world.use.queues.open_due(batch=2) == 0


async def test_an_absent_backend_ends_the_round(world: World) -> None:
    await wishing(world)
    world.clock.set(MIDNIGHT)
    world.storage.write_errors.append(Unavailable("The database is away."))
    with pytest.raises(Unavailable):
        await world.use.queues.open_due()
    assert await world.use.queues.open_due() == 1


async def test_an_opening_that_lost_a_race_is_tried_again(world: World) -> None:
    await wishing(world)
    world.clock.set(MIDNIGHT)
    world.storage.commit_errors.append(TransactionConflict())
    assert await world.use.queues.open_due() == 1
    assert isinstance(world.events[0], events.QueueOpened)


async def test_a_clinic_another_process_has_seen_to_meanwhile_is_passed_over(
    world: World,
) -> None:
    clinic = await wishing(world)
    world.clock.set(MIDNIGHT)

    async def retire() -> None:
        await changed(world, clinic, is_active=False)

    world.storage.before_read = retire
    assert await world.use.queues.open_due() == 0
    with pytest.raises(NotFound):
        await todays(world, clinic)


async def test_a_clinic_that_has_wished_anew_meanwhile_waits_for_its_next_midnight(
    world: World,
) -> None:
    clinic = await wishing(world)
    world.clock.set(MIDNIGHT)

    async def wish_anew() -> None:
        await changed(world, clinic, auto_open_queue=False)
        await changed(world, clinic, auto_open_queue=True)

    world.storage.before_read = wish_anew
    assert await world.use.queues.open_due() == 0
    world.clock.advance(days=1)
    assert await opened_by_the_clock(world) == [(clinic.id, date(2026, 1, 1))]


# Several services


async def offering(world: World, clinic: Clinic, **fields: object) -> Service:
    """A service beside the default one that wishes, now, that its queue be opened every day."""
    service = build_service(clinic.id, **({"auto_open_queue": True} | fields))
    clinic.plan_opening(service, world.clock.now())
    await world.keep(service)
    return service


async def services_opened(world: World) -> set[str]:
    """Let the task run; the names of the services whose queues it opened."""
    await opened_by_the_clock(world)
    opened = [event for event in world.events if isinstance(event, events.QueueOpened)]
    names = {event.queue.service_name for event in opened}
    assert len(names) == len(opened)
    return names


async def test_each_service_wishes_for_itself_and_has_its_own_size(world: World) -> None:
    clinic = await world.clinic(auto_open_queue=False)
    blood = await offering(world, clinic, name="Blood tests", prefix="B", max_queue_size=7)
    await offering(world, clinic, name="Dr Okafor")
    await world.service(clinic, name="By appointment")
    world.clock.set(MIDNIGHT)
    assert await services_opened(world) == {"Blood tests", "Dr Okafor"}
    queue = await world.use.queues.of_today(
        clinic.id, service_id=blood.id, actor=await world.admin()
    )
    assert (queue.max_size, queue.prefix) == (7, "B")
    assert await services_opened(world) == set()
    assert (await world.service_of(blood.id)).next_opening_at == MIDNIGHT + timedelta(days=1)


async def test_a_service_that_staff_have_opened_by_hand_is_left_alone_the_others_are_not(
    world: World,
) -> None:
    clinic = await wishing(world)
    blood = await offering(world, clinic, name="Blood tests")
    world.clock.set(MIDNIGHT)
    await world.use.queues.open(clinic.id, service_id=blood.id, actor=await world.admin())
    assert await services_opened(world) == {"General"}
    assert (await world.service_of(blood.id)).next_opening_at == MIDNIGHT + timedelta(days=1)


async def changed_service(world: World, service: Service, **fields: object) -> None:
    await world.use.services.update(
        service.id,
        fields=ServiceFields(**fields),  # type: ignore[typeddict-item]
        actor=await world.admin(),
    )


async def test_a_retired_service_opens_no_queue_and_one_that_is_back_the_day_after(
    world: World,
) -> None:
    clinic = await world.clinic()
    blood = await offering(world, clinic, name="Blood tests")
    await changed_service(world, blood, is_active=False)
    world.clock.set(MIDNIGHT)
    assert await services_opened(world) == set()
    await changed_service(world, blood, is_active=True)
    assert await services_opened(world) == set()
    world.clock.advance(days=1)
    assert await services_opened(world) == {"Blood tests"}


async def test_a_service_begins_to_wish_and_wishes_no_more(world: World) -> None:
    clinic = await world.clinic()
    blood = await world.service(clinic, name="Blood tests")
    await changed_service(world, blood, auto_open_queue=True)
    world.clock.set(MIDNIGHT)
    assert await services_opened(world) == {"Blood tests"}
    await changed_service(world, blood, auto_open_queue=False)
    world.clock.advance(days=1)
    assert await services_opened(world) == set()


async def test_when_the_clinic_moves_to_another_time_zone_all_its_services_do(
    world: World,
) -> None:
    clinic = await wishing(world)
    await offering(world, clinic, name="Blood tests")
    await changed(world, clinic, timezone="America/Los_Angeles")
    world.clock.set(MIDNIGHT)
    assert await services_opened(world) == set()
    world.clock.set(MIDNIGHT + timedelta(hours=3))
    assert await services_opened(world) == {"General", "Blood tests"}


async def test_a_retired_clinic_opens_none_of_its_services(world: World) -> None:
    clinic = await wishing(world)
    await offering(world, clinic, name="Blood tests")
    await changed(world, clinic, is_active=False)
    world.clock.set(MIDNIGHT)
    assert await services_opened(world) == set()


async def test_after_days_of_silence_each_service_opens_todays_queue_only(world: World) -> None:
    clinic = await wishing(world)
    await offering(world, clinic, name="Blood tests")
    world.clock.advance(days=5)
    counts, refused = await outcomes(world.use.queues.open_due() for _ in range(3))
    assert (sum(counts), refused) == (2, [])
    queues = await world.use.queues.all_of_today(clinic.id, actor=await world.admin())
    assert {queue.date for queue in queues} == {clinic.local_date(world.clock.now())}


async def test_in_a_zone_of_half_hours_midnight_is_where_its_clocks_say(world: World) -> None:
    # On the 5th of April 2026 Lord Howe Island sets its clocks back by half an hour at two.
    world.clock.set(datetime(2026, 4, 3, 0, tzinfo=UTC))
    await wishing(world, timezone="Australia/Lord_Howe")
    opened: list[datetime] = []
    while world.clock.advance(minutes=30) < datetime(2026, 4, 7, 0, tzinfo=UTC):
        opened += [world.clock.now() for _ in await opened_by_the_clock(world)]
    assert opened == [
        datetime(2026, 4, 3, 13, tzinfo=UTC),
        datetime(2026, 4, 4, 13, tzinfo=UTC),
        datetime(2026, 4, 5, 13, 30, tzinfo=UTC),
        datetime(2026, 4, 6, 13, 30, tzinfo=UTC),
    ]
