"""What staff tell everyone who watches a queue, and that it ends by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.errors import Conflict, Forbidden, Invalid, NotFound
from qure.domain.ids import QueueId
from qure.domain.queue import Queue
from qure.domain.queue_status import Notice, NoticeKind
from tests.application.world import World, outcomes
from tests.support.builders import NOW, build_guest, new_id


async def test_staff_tell_everyone_who_watches_and_take_it_back(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    at = world.clock.advance(minutes=1)
    noticed = await world.use.queues.give_notice(
        queue.id, kind=NoticeKind.NOTE, text="The lift is out of order.", actor=staff
    )
    notice = Notice(kind=NoticeKind.NOTE, text="The lift is out of order.", at=at)
    assert noticed.notice == notice
    stored = await world.queue_of(queue.id)
    assert (stored.notice, stored.version) == (notice, queue.version + 1)
    assert world.events == [events.QueueNoticeChanged(actor=staff, at=at, queue=stored.status())]
    world.forget_events()
    gone = await world.use.queues.take_notice_away(queue.id, actor=staff)
    assert gone.notice is None
    assert [type(event) for event in world.events] == [events.QueueNoticeChanged]


@pytest.mark.parametrize(
    ("kind", "minutes", "until", "ends"),
    [
        (NoticeKind.DELAY, 20, None, NOW + timedelta(minutes=20)),
        (NoticeKind.DELAY, 20, NOW + timedelta(hours=1), NOW + timedelta(hours=1)),
        (NoticeKind.DELAY, None, None, None),
        (NoticeKind.PAUSE, None, NOW + timedelta(hours=1), NOW + timedelta(hours=1)),
        (NoticeKind.PAUSE, None, None, None),
        (NoticeKind.NOTE, None, None, None),
    ],
)
async def test_a_delay_ends_when_its_minutes_are_over_the_others_when_they_say(
    world: World,
    kind: NoticeKind,
    minutes: int | None,
    until: datetime | None,
    ends: datetime | None,
) -> None:
    queue = await world.queue()
    noticed = await world.use.queues.give_notice(
        queue.id, kind=kind, minutes=minutes, until=until, actor=await world.admin()
    )
    assert noticed.notice is not None
    assert (noticed.notice.minutes, noticed.notice.until) == (minutes, ends)


async def test_a_notice_takes_the_place_of_an_older_one(world: World) -> None:
    queue, admin = await world.queue(), await world.admin()
    await world.use.queues.give_notice(queue.id, kind=NoticeKind.DELAY, minutes=20, actor=admin)
    await world.use.queues.give_notice(queue.id, kind=NoticeKind.PAUSE, actor=admin)
    stored = await world.queue_of(queue.id)
    assert stored.notice == Notice(kind=NoticeKind.PAUSE, at=NOW)


async def test_a_notice_does_not_end_in_the_past(world: World) -> None:
    queue, admin = await world.queue(), await world.admin()
    for until in (NOW, NOW - timedelta(minutes=1)):
        with pytest.raises(Invalid) as refused:
            await world.use.queues.give_notice(
                queue.id, kind=NoticeKind.PAUSE, until=until, actor=admin
            )
        assert [error.path for error in refused.value.errors] == ["until"]
    assert (await world.queue_of(queue.id), world.told) == (queue, [])


async def test_taking_away_what_is_not_there_changes_and_tells_nothing(world: World) -> None:
    queue = await world.queue()
    assert await world.use.queues.take_notice_away(queue.id, actor=await world.admin()) == queue
    assert world.told == []


async def test_a_closed_queue_gets_no_notice_and_takes_nobody_again(world: World) -> None:
    queue, admin = await world.queue(), await world.admin()
    await world.use.queues.give_notice(queue.id, kind=NoticeKind.PAUSE, actor=admin)
    await world.use.closing.close(queue.id, actor=admin)
    with pytest.raises(Conflict) as refused:
        await world.use.queues.give_notice(queue.id, kind=NoticeKind.NOTE, actor=admin)
    assert refused.value.code == "queue_closed"
    with pytest.raises(Conflict) as refused:
        await world.use.queues.set_active(queue.id, active=True, actor=admin)
    assert refused.value.code == "queue_closed"
    assert (await world.use.queues.take_notice_away(queue.id, actor=admin)).notice is None


async def test_notices_are_not_for_patients_guests_nor_another_clinics_staff(
    world: World,
) -> None:
    queue, elsewhere = await world.queue(), await world.clinic()
    for actor in (
        await world.patient(),
        await world.actor(build_guest()),
        await world.staff_of(elsewhere.id),
    ):
        with pytest.raises(Forbidden):
            await world.use.queues.give_notice(queue.id, kind=NoticeKind.NOTE, actor=actor)
        with pytest.raises(Forbidden):
            await world.use.queues.take_notice_away(queue.id, actor=actor)
    assert await world.queue_of(queue.id) == queue


async def noticed_until(world: World, until: datetime | None) -> Queue:
    return await world.queue(notice=Notice(kind=NoticeKind.PAUSE, until=until, at=NOW))


async def test_a_notice_that_has_ended_is_taken_away_at_that_moment_and_no_other_is(
    world: World,
) -> None:
    at = NOW + timedelta(minutes=20)
    over = await noticed_until(world, at)
    later = await noticed_until(world, at + timedelta(milliseconds=1))
    for_ever = await noticed_until(world, None)
    without = await world.queue()
    world.clock.set(at - timedelta(milliseconds=1))
    assert await world.use.closing.end_notices() == 0
    world.clock.set(at)
    assert await world.use.closing.end_notices() == 1
    assert (await world.queue_of(over.id)).notice is None
    for queue in (later, for_ever, without):
        assert await world.queue_of(queue.id) == queue
    (told,) = world.events
    assert isinstance(told, events.QueueNoticeChanged)
    assert (told.actor, told.at) == (SYSTEM, at)


async def test_however_many_end_at_once_each_ends_once_whoever_sees_to_it(world: World) -> None:
    for _ in range(7):
        await noticed_until(world, NOW)
    counts, refused = await outcomes(world.use.closing.end_notices(batch=3) for _ in range(4))
    assert (sum(counts), refused) == (7, [])
    assert len(world.events) == 7


async def test_a_notice_that_staff_prolong_at_the_last_moment_stays(world: World) -> None:
    queue, admin = await noticed_until(world, NOW), await world.admin()

    async def prolong() -> None:
        await world.use.queues.give_notice(queue.id, kind=NoticeKind.DELAY, minutes=10, actor=admin)

    world.storage.before_read = prolong
    assert await world.use.closing.end_notices() == 0
    notice = (await world.queue_of(queue.id)).notice
    assert notice is not None
    assert notice.kind is NoticeKind.DELAY


async def test_a_notice_that_staff_take_away_at_the_last_moment_is_told_once(
    world: World,
) -> None:
    queue, admin = await noticed_until(world, NOW), await world.admin()

    async def take_away() -> None:
        await world.use.queues.take_notice_away(queue.id, actor=admin)

    world.storage.before_read = take_away
    assert await world.use.closing.end_notices() == 0
    assert len(world.events) == 1


async def test_a_queue_that_does_not_exist_gets_no_notice(world: World) -> None:
    admin, nowhere = await world.admin(), QueueId(new_id())
    with pytest.raises(NotFound):
        await world.use.queues.give_notice(nowhere, kind=NoticeKind.NOTE, actor=admin)
    with pytest.raises(NotFound):
        await world.use.queues.take_notice_away(nowhere, actor=admin)
