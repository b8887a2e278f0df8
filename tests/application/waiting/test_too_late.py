"""Whoever would probably not be called before closing is not let in, where the clinic says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.application.queueing.once import Once
from qure.domain.actor import Actor
from qure.domain.errors import Conflict, NotFound
from qure.domain.ids import QueueId
from qure.domain.queue_status import NoticeKind
from qure.domain.token import ActiveTokenExists
from tests.application.waiting.practice import Practice
from tests.application.world import World
from tests.support.builders import build_actor, build_service, new_id


async def is_too_late(practice: Practice) -> bool:
    await practice.kept()
    return await practice.world.use.waits.is_too_late(practice.queue.id)


async def refuse_below(practice: Practice, limit: float) -> None:
    await practice.world.use.clinics.update(
        practice.clinic.id,
        fields={"refuse_below": limit},
        reader=practice.world.images,
        actor=practice.admin,
    )


async def near_closing(practice: Practice, *, minutes: float = 10) -> None:
    """Five wait for one desk, and the clinic closes in so many minutes."""
    for _ in range(5):
        await practice.take()
    practice.world.clock.set(practice.queue.end_time - timedelta(minutes=minutes))
    await practice.forecasts.reread()
    await practice.kept()


@pytest.fixture
async def strict(world: World) -> Practice:
    """A clinic that takes nobody whom it will not probably call."""
    return await Practice(world).set_up(refuse_below=0.5, guest_join=True)


async def test_who_is_likely_to_be_called_is_let_in(strict: Practice) -> None:
    assert not await is_too_late(strict)
    assert (await strict.take()).number == 1


async def test_who_is_not_is_refused_and_gets_no_number(strict: Practice) -> None:
    await near_closing(strict)
    assert await is_too_late(strict)
    with pytest.raises(Conflict) as refused:
        await strict.take()
    assert refused.value.code == "too_late_today"
    assert len(await strict.world.tokens_of(strict.queue.id)) == 5


async def test_what_is_nearer_to_them_is_said_before(strict: Practice) -> None:
    patient = build_actor()
    issue = strict.world.use.issuing.issue
    await issue(strict.queue.id, actor=patient)
    await near_closing(strict)
    with pytest.raises(ActiveTokenExists):
        await issue(strict.queue.id, actor=patient)
    await strict.world.use.queues.set_active(strict.queue.id, active=False, actor=strict.staff)
    with pytest.raises(Conflict) as refused:
        await strict.take()
    assert refused.value.code == "queue_inactive"


async def test_a_clinic_that_does_not_say_so_refuses_nobody_and_reads_nothing(
    practice: Practice,
) -> None:
    await near_closing(practice)
    assert not await is_too_late(practice)
    reads = practice.world.storage.reads
    assert not await practice.world.use.waits.is_too_late(practice.queue.id)
    assert practice.world.storage.reads == reads


async def test_where_nothing_is_known_nobody_is_refused(strict: Practice) -> None:
    await near_closing(strict)
    await strict.world.use.queues.give_notice(
        strict.queue.id, kind=NoticeKind.PAUSE, actor=strict.staff
    )
    assert not await is_too_late(strict)
    yesterday = await strict.world.queue(
        strict.clinic, at=strict.world.clock.now() - timedelta(days=1)
    )
    assert not await strict.world.use.waits.is_too_late(yesterday.id)


async def test_of_a_queue_that_is_not_there_it_cannot_be_said(strict: Practice) -> None:
    with pytest.raises(NotFound):
        await strict.world.use.waits.is_too_late(QueueId(new_id()))


async def test_what_a_clinic_says_holds_until_it_says_otherwise(strict: Practice) -> None:
    await near_closing(strict)
    assert await is_too_late(strict)
    reads = strict.world.storage.reads
    assert await strict.world.use.waits.is_too_late(strict.queue.id)
    assert strict.world.storage.reads == reads
    await refuse_below(strict, 0)
    assert not await is_too_late(strict)
    await refuse_below(strict, 0.5)
    assert await is_too_late(strict)


# Twice is once


async def test_whoever_has_got_a_number_gets_the_same_when_it_is_too_late(
    strict: Practice,
) -> None:
    patient, once = build_actor(), Once(key="key-1")
    issue = strict.world.use.issuing.issue
    token = await issue(strict.queue.id, actor=patient, once=once)
    await near_closing(strict)
    assert await issue(strict.queue.id, actor=patient, once=once) == token
    with pytest.raises(Conflict) as refused:
        await issue(strict.queue.id, actor=build_actor(), once=Once(key="key-2"))
    assert refused.value.code == "too_late_today"


async def test_staff_let_in_whom_they_like(strict: Practice) -> None:
    await near_closing(strict)
    admitted = await strict.world.use.guests.admit_walk_in(strict.queue.id, actor=strict.staff)
    assert admitted.token.number == 6


# At the door


class Door:
    """The way in for strangers."""

    def __init__(self, practice: Practice, code: str) -> None:
        self.practice, self.code = practice, code

    async def join(self, key: str = "key-1", **fields: object) -> int:
        admitted = await self.practice.world.use.guests.join(
            self.code,
            address=None,
            once=Once(key=key),
            **fields,  # type: ignore[arg-type]
        )
        return admitted.token.number


@pytest.fixture
async def door(strict: Practice) -> Door:
    clinics = strict.world.use.clinics
    code = clinics.join_code_of(await clinics.renew_join_code(strict.clinic.id, actor=strict.admin))
    assert code is not None
    return Door(strict, code)


async def test_a_stranger_is_refused_as_anybody_else(door: Door) -> None:
    assert await door.join() == 1
    await near_closing(door.practice)
    with pytest.raises(Conflict) as refused:
        await door.join("key-2")
    assert refused.value.code == "too_late_today"
    assert await door.join() == 1, "who has a number keeps it"


async def test_at_the_door_it_counts_for_which_service_they_ask(door: Door) -> None:
    practice = door.practice
    service = build_service(practice.clinic.id)
    await practice.world.keep(service)
    await near_closing(practice, minutes=30)
    staff: Actor = await practice.world.staff_of(practice.clinic.id)
    desk = await practice.world.desk(practice.clinic.id)
    await practice.world.use.desks.open(desk.id, service_ids=[service.id], actor=staff)
    with pytest.raises(Conflict) as refused:
        await door.join(service_id=service.id)
    assert refused.value.code == "queue_not_open"
    await practice.world.use.queues.open(practice.clinic.id, service_id=service.id, actor=staff)
    await practice.kept()
    assert await door.join(service_id=service.id) == 1
    with pytest.raises(Conflict) as refused:
        await door.join("key-2")
    assert refused.value.code == "too_late_today"


async def test_an_unknown_code_is_unknown_however_late_it_is(door: Door) -> None:
    await near_closing(door.practice)
    with pytest.raises(NotFound) as refused:
        await door.practice.world.use.guests.join("another code", address=None)
    assert refused.value.code == "join_code_not_found"
