"""Opening queues by hand, looking at them, and closing their door."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from qure.application.announcing.live_status import LiveStatus
from qure.domain import events
from qure.domain.errors import Conflict, Forbidden, NotFound
from qure.domain.ids import ClinicId, QueueId, ServiceId
from tests.application.world import World, acting, outcomes
from tests.support.builders import NOW, TODAY, build_display, build_display_user, new_id
from tests.support.fakes import Hearing


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
    actor = await world.patient()
    seen = await world.use.queues.of_today(clinic.id, actor=actor)
    assert seen == queue
    world.clock.set(datetime(2025, 12, 31, 11, tzinfo=UTC))
    with pytest.raises(NotFound) as refused:
        await world.use.queues.of_today(clinic.id, actor=actor)
    assert refused.value.code == "queue_not_found"


async def test_a_clinic_that_does_not_exist_has_no_queue_today(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.use.queues.of_today(ClinicId(new_id()), actor=await world.patient())
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


async def test_a_queue_is_of_one_service_by_default_of_the_clinics_own(world: World) -> None:
    clinic = await world.clinic(max_queue_size=33)
    blood = await world.service(clinic, name="Blood tests", prefix="B", max_queue_size=7)
    staff = await world.staff_of(clinic.id)
    general = await world.use.queues.open(clinic.id, actor=staff)
    assert (general.service_name, general.prefix, general.max_size) == ("General", "", 33)
    of_blood = await world.use.queues.open(clinic.id, service_id=blood.id, actor=staff)
    assert (of_blood.service_name, of_blood.prefix, of_blood.max_size) == ("Blood tests", "B", 7)
    with pytest.raises(Conflict) as refused:
        await world.use.queues.open(clinic.id, service_id=blood.id, actor=staff)
    assert refused.value.code == "queue_exists"
    with pytest.raises(Conflict) as refused:
        await world.use.queues.open(clinic.id, service_id=clinic.service.id, actor=staff)
    assert refused.value.code == "queue_exists"


async def test_a_service_that_is_retired_or_another_clinics_has_no_queue_to_open(
    world: World,
) -> None:
    clinic, elsewhere = await world.clinic(), await world.clinic()
    admin = await world.admin()
    retired = await world.service(clinic, is_active=False)
    with pytest.raises(Conflict) as conflict:
        await world.use.queues.open(clinic.id, service_id=retired.id, actor=admin)
    assert conflict.value.code == "service_retired"
    theirs = await world.service(elsewhere)
    for service_id in (theirs.id, ServiceId(new_id())):
        with pytest.raises(NotFound) as refused:
            await world.use.queues.open(clinic.id, service_id=service_id, actor=admin)
        assert refused.value.code == "service_not_found"
        with pytest.raises(NotFound) as refused:
            await world.use.queues.of_today(clinic.id, service_id=service_id, actor=admin)
        assert refused.value.code == "service_not_found"


async def test_a_new_queue_knows_how_many_desks_call_for_it_already(world: World) -> None:
    clinic = await world.clinic()
    blood = await world.service(clinic)
    for service_ids in ([clinic.service.id], [clinic.service.id, blood.id]):
        desk = await world.desk(clinic.id)
        staff = await world.staff_of(clinic.id)
        await world.use.desks.open(desk.id, service_ids=service_ids, actor=staff)
    admin = await world.admin()
    general = await world.use.queues.open(clinic.id, actor=admin)
    of_blood = await world.use.queues.open(clinic.id, service_id=blood.id, actor=admin)
    assert (general.open_desks, of_blood.open_desks) == (2, 1)
    assert (await world.queue_of(general.id)).open_desks == 2


async def test_todays_queues_of_all_services_are_listed_by_the_services_position(
    world: World,
) -> None:
    clinic = await world.clinic()
    last = await world.service(clinic, name="Last", position=9)
    first = await world.service(clinic, name="First", position=-1)
    await world.service(clinic, name="Not open today")
    for service in (last, first, clinic.service):
        await world.queue(clinic, service=service)
    await world.queue(clinic, service=first, at=NOW - timedelta(days=1))
    await world.queue()
    listed = await world.use.queues.all_of_today(clinic.id, actor=await world.patient())
    assert [queue.service_name for queue in listed] == ["First", "General", "Last"]
    with pytest.raises(NotFound) as refused:
        await world.use.queues.all_of_today(ClinicId(new_id()), actor=await world.patient())
    assert refused.value.code == "clinic_not_found"


async def test_a_display_sees_the_queues_of_its_own_clinic_only(world: World) -> None:
    clinic, elsewhere = await world.clinic(), await world.clinic()
    for one in (clinic, elsewhere):
        await world.queue(one)
    display = acting(build_display_user(build_display(clinic.id)))
    assert (await world.use.queues.of_today(clinic.id, actor=display)).clinic_id == clinic.id
    assert len(await world.use.queues.all_of_today(clinic.id, actor=display)) == 1
    with pytest.raises(Forbidden):
        await world.use.queues.of_today(elsewhere.id, actor=display)
    with pytest.raises(Forbidden):
        await world.use.queues.all_of_today(elsewhere.id, actor=display)
