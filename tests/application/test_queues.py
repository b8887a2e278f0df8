"""Opening queues by hand and by the clock, looking at them, closing their door."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

import pytest

from qure.application.announcing.live_status import LiveStatus
from qure.application.clinics.clinics import ClinicFields
from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.clinic import Clinic
from qure.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from qure.domain.ids import ClinicId, QueueId
from qure.domain.queue import Queue
from tests.application.world import World, outcomes
from tests.support.builders import NOW, TODAY, build_clinic, new_id
from tests.support.fakes import Hearing

MIDNIGHT = datetime(2025, 12, 31, 5, tzinfo=UTC)
"""The first midnight after `NOW` in New York."""


async def test_staff_open_todays_queue_with_the_clinics_size(world: World) -> None:
    clinic = await world.clinic(max_queue_size=33)
    staff = await world.staff_of(clinic.id)
    queue = await world.use.queues.open(clinic.id, max_size=None, actor=staff)
    assert (queue.date, queue.max_size, queue.is_active) == (TODAY, 33, True)
    assert await world.queue_of(queue.id) == queue
    assert world.events == [events.QueueOpened(actor=staff, at=NOW, queue=queue.status())]


async def test_an_admin_opens_any_clinics_queue_with_a_size_of_their_choice(
    world: World,
) -> None:
    clinic = await world.clinic()
    queue = await world.use.queues.open(clinic.id, max_size=3, actor=await world.admin())
    assert queue.max_size == 3


async def test_a_clinic_has_one_queue_a_day_however_many_open_it_at_once(world: World) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    opened, refused = await outcomes(
        world.use.queues.open(clinic.id, max_size=None, actor=admin) for _ in range(5)
    )
    assert len(opened) == 1
    assert [error.code for error in refused] == ["queue_exists"] * 4
    world.clock.advance(days=1)
    tomorrows = await world.use.queues.open(clinic.id, max_size=None, actor=admin)
    assert tomorrows.date == TODAY + timedelta(days=1)


async def test_patients_and_another_clinics_staff_open_nothing(world: World) -> None:
    clinic, elsewhere = await world.clinic(), await world.clinic()
    for actor in (await world.patient(), await world.staff_of(elsewhere.id)):
        with pytest.raises(Forbidden):
            await world.use.queues.open(clinic.id, max_size=None, actor=actor)


async def test_a_clinic_that_is_unknown_or_retired_opens_no_queue(world: World) -> None:
    admin, retired = await world.admin(), await world.clinic(is_active=False)
    with pytest.raises(NotFound) as unknown:
        await world.use.queues.open(ClinicId(new_id()), max_size=None, actor=admin)
    assert unknown.value.code == "clinic_not_found"
    with pytest.raises(Conflict) as refused:
        await world.use.queues.open(retired.id, max_size=None, actor=admin)
    assert refused.value.code == "clinic_retired"


async def test_todays_queue_is_that_of_the_clinics_own_day(world: World) -> None:
    clinic = await world.clinic(timezone="Pacific/Apia")
    queue = await world.queue(clinic)
    assert queue.date == date(2025, 12, 31)
    seen = await world.use.queues.of_today(
        clinic.id,
    )
    assert seen == queue
    world.clock.set(datetime(2025, 12, 31, 11, tzinfo=UTC))
    with pytest.raises(NotFound) as refused:
        await world.use.queues.of_today(
            clinic.id,
        )
    assert refused.value.code == "queue_not_found"


async def test_a_clinic_that_does_not_exist_has_no_queue_today(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.use.queues.of_today(
            ClinicId(new_id()),
        )
    assert refused.value.code == "clinic_not_found"


async def test_staff_close_a_queue_and_open_it_again(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    for active, event in ((False, events.QueueDeactivated), (True, events.QueueActivated)):
        world.forget_events()
        changed = await world.use.queues.set_active(
            queue.id,
            active=active,
            actor=staff,
        )
        assert changed.is_active == active
        assert (await world.queue_of(queue.id)).is_active == active
        assert [type(one) for one in world.events] == [event]


async def test_setting_a_queue_as_it_is_changes_and_tells_nothing(world: World) -> None:
    queue = await world.queue()
    seen = await world.use.queues.set_active(
        queue.id,
        active=True,
        actor=await world.admin(),
    )
    assert seen == queue
    assert world.told == []


async def test_closing_a_queue_is_not_for_patients_nor_another_clinics_staff(world: World) -> None:
    queue, elsewhere = await world.queue(), await world.clinic()
    for actor in (await world.patient(), await world.staff_of(elsewhere.id)):
        with pytest.raises(Forbidden):
            await world.use.queues.set_active(
                queue.id,
                active=False,
                actor=actor,
            )
    assert (await world.queue_of(queue.id)).is_active


async def test_closing_an_unknown_queue_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.use.queues.set_active(
            QueueId(new_id()),
            active=False,
            actor=await world.admin(),
        )


async def test_a_status_is_read_once_and_then_remembered(world: World) -> None:
    queue, live = await world.queue(), LiveStatus(world.storage, generation=Hearing())
    reads = world.storage.reads
    for _ in range(3):
        seen = await live.of(queue.id)
        assert seen == queue.status()
    assert world.storage.reads == reads + 1


async def test_while_announcements_may_be_late_every_status_is_read(world: World) -> None:
    queue, hearing = await world.queue(), Hearing()
    live = LiveStatus(world.storage, generation=hearing)
    hearing.lose()
    reads = world.storage.reads
    for _ in range(3):
        await live.of(queue.id)
    assert world.storage.reads == reads + 3


async def test_the_status_of_no_queue_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await LiveStatus(world.storage, generation=Hearing()).of(QueueId(new_id()))


async def test_a_change_announced_while_the_row_was_on_its_way_wins_over_the_row(
    world: World,
) -> None:
    queue, live = await world.queue(), LiveStatus(world.storage, generation=Hearing())
    changed = await world.queue_of(queue.id)
    changed.set_active(False, by=await world.admin(), at=NOW)

    async def announce() -> None:
        live.offer(changed.status())

    world.storage.before_read = announce
    seen = await live.of(queue.id)
    assert seen == changed.status()
    assert live.get(queue.id) == changed.status()


async def wishing(world: World, **fields: object) -> Clinic:
    """A clinic that wishes, now, that its queue be opened every day."""
    clinic = build_clinic(**({"auto_open_queue": True} | fields))
    clinic.plan_opening(world.clock.now())
    await world.keep(clinic)
    return clinic


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
    queue = await world.use.queues.of_today(
        clinic.id,
    )
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
    assert (
        await world.use.queues.of_today(
            clinic.id,
        )
        == mine
    )
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
    assert str(broken.id) in caplog.text


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
        await world.use.queues.of_today(
            clinic.id,
        )


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


def test_the_default_queue_takes_fifty() -> None:
    clinic = build_clinic()
    queue = Queue.open(clinic, id=QueueId(new_id()), max_size=None, at=NOW, by=SYSTEM)
    assert queue.max_size == 50
