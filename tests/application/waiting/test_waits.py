"""Asking about waits: of a queue and of a clinic, and what if; and who may ask."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from qure.application.waiting.waits import WhatIf
from qure.domain.actor import Actor
from qure.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from qure.domain.ids import ClinicId, QueueId
from qure.domain.waiting.wait import Unknown, Wait, WaitState
from tests.application.waiting.practice import Practice
from tests.application.world import World, acting, holding
from tests.support.builders import NOW, build_display, build_display_user, build_guest, new_id


def minutes(wait: Wait | None) -> float:
    """From now to the likely instant."""
    assert wait is not None
    assert wait.likely is not None
    return (wait.likely - NOW) / timedelta(minutes=1)


async def what_if(
    practice: Practice,
    desks: int,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    actor: Actor | None = None,
) -> WhatIf:
    return await practice.world.use.waits.what_if(
        practice.queue.id, desks=desks, begin=begin, end=end, actor=actor or practice.staff
    )


@pytest.fixture
async def practice(world: World) -> Practice:
    """Ten wait, and nobody has been called."""
    practice = await Practice(world).set_up()
    for _ in range(10):
        await practice.take()
    return practice


# Of a queue, of a clinic


async def test_everybody_may_ask_what_who_joins_is_told(practice: Practice) -> None:
    display = acting(build_display_user(build_display(practice.clinic.id)))
    for actor in (await practice.world.patient(), practice.staff, display):
        waits = await practice.world.use.waits.of_queue(practice.queue.id, actor=actor)
        assert waits is not None
        assert waits.if_joined.state is WaitState.ESTIMATED
        assert waits.before_closing == 1


async def test_the_display_of_another_clinic_may_not(practice: Practice) -> None:
    elsewhere = acting(build_display_user(build_display()))
    with pytest.raises(Forbidden):
        await practice.world.use.waits.of_queue(practice.queue.id, actor=elsewhere)
    with pytest.raises(Forbidden):
        await practice.world.use.waits.accuracy(practice.clinic.id, days=14, actor=elsewhere)


async def test_of_a_queue_that_is_not_there_nobody_is_told_anything(practice: Practice) -> None:
    waits = practice.world.use.waits
    with pytest.raises(NotFound):
        await waits.of_queue(QueueId(new_id()), actor=practice.staff)
    with pytest.raises(NotFound):
        await waits.accuracy(ClinicId(new_id()), days=14, actor=practice.staff)
    with pytest.raises(NotFound):
        await waits.what_if(QueueId(new_id()), desks=1, begin=None, end=None, actor=practice.staff)


async def test_a_clinic_tells_of_all_its_queues(practice: Practice) -> None:
    found = await practice.world.use.waits.of_clinic(practice.clinic.id)
    assert found.keys() == {practice.queue.id}


async def test_boards_and_places_say_what_is_told(practice: Practice) -> None:
    boards = practice.world.use.boards
    await practice.kept()
    snapshot = await boards.read(practice.queue.id, actor=practice.staff)
    waits = await practice.waits()
    assert snapshot.waits == waits
    for token in await practice.world.tokens_of(practice.queue.id):
        place = await boards.place_of(token.id, actor=holding(token))
        assert place.wait == waits.of(token)


# What if


async def test_as_it_is_is_what_everybody_is_told(practice: Practice) -> None:
    waits = await practice.waits()
    found = await what_if(practice, 1)
    assert found.now.waiting == waits.waiting
    last = max(waits.ahead, key=lambda id: waits.ahead[id])
    assert found.now.finish == waits.waiting[last]
    assert list(found.now.waiting) == [
        one.id for one in await practice.world.tokens_of(practice.queue.id)
    ]


async def test_as_many_desks_as_there_are_change_nothing(practice: Practice) -> None:
    found = await what_if(practice, 1)
    assert found.then == found.now


async def test_more_desks_are_done_sooner(practice: Practice) -> None:
    found = await what_if(practice, 3)
    now, then = minutes(found.now.finish), minutes(found.then.finish)
    assert then == pytest.approx(now / 3, rel=0.35)
    assert found.then.waiting.keys() == found.now.waiting.keys()


async def test_fewer_desks_take_longer_and_without_any_nothing_is_known(world: World) -> None:
    practice = await Practice(world).set_up(desks=2)
    for _ in range(10):
        await practice.take()
    fewer = await what_if(practice, 1)
    assert minutes(fewer.then.finish) > 1.5 * minutes(fewer.now.finish)
    none = await what_if(practice, 0)
    assert none.now == fewer.now
    assert none.then.waiting.keys() == none.now.waiting.keys(), "the same people on both sides"
    assert {one.unknown for one in none.then.waiting.values()} == {Unknown.NO_DESK}
    assert none.then.finish == list(none.then.waiting.values())[-1]


async def test_a_desk_where_there_is_none_calls_everybody(world: World) -> None:
    practice = await Practice(world).set_up(desks=0)
    for _ in range(3):
        await practice.take()
    found = await what_if(practice, 1)
    assert found.now.waiting.keys() == found.then.waiting.keys()
    assert {one.unknown for one in found.now.waiting.values()} == {Unknown.NO_DESK}
    assert minutes(found.then.finish) > 0


async def test_whoever_sees_nobody_leaves_before_who_does(world: World) -> None:
    practice = await Practice(world).set_up(desks=2)
    for _ in range(6):
        await practice.take()
    await practice.call(1)
    first = (await world.tokens_of(practice.queue.id))[1]
    found = await what_if(practice, 1)
    assert found.now.waiting[first.id].state is WaitState.NEXT
    assert found.then.waiting[first.id].state is WaitState.ESTIMATED


async def test_desks_may_come_for_a_while_only(practice: Practice) -> None:
    for_good = minutes((await what_if(practice, 2)).then.finish)
    as_it_is = minutes((await what_if(practice, 1)).then.finish)
    spans: list[dict[str, Any]] = [
        {"end": NOW + timedelta(minutes=20)},
        {"begin": NOW + timedelta(minutes=20)},
        {"begin": NOW + timedelta(minutes=10), "end": NOW + timedelta(minutes=30)},
        {"begin": NOW - timedelta(hours=1), "end": NOW + timedelta(minutes=20)},
    ]
    for span in spans:
        assert for_good < minutes((await what_if(practice, 2, **span)).then.finish) < as_it_is
    later = await what_if(practice, 2, begin=NOW + timedelta(hours=5))
    assert later.then == later.now


async def test_in_an_empty_queue_nobody_is_the_last_one(world: World) -> None:
    practice = await Practice(world).set_up()
    found = await what_if(practice, 2)
    assert (found.now.finish, found.then.waiting) == (None, {})


@pytest.mark.parametrize(
    "change",
    [
        {"end": NOW},
        {"end": NOW - timedelta(minutes=1)},
        {"begin": NOW + timedelta(minutes=5), "end": NOW + timedelta(minutes=5)},
        {"begin": NOW + timedelta(minutes=5), "end": NOW + timedelta(minutes=4)},
        {"begin": NOW - timedelta(minutes=9), "end": NOW - timedelta(minutes=4)},
    ],
)
async def test_an_end_that_is_past_or_not_after_the_beginning_is_wrong(
    practice: Practice, change: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        await what_if(practice, 2, **change)
    assert [one.path for one in refused.value.errors] == ["until"]


async def test_of_another_day_and_while_nothing_is_known_there_is_no_answer(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = await practice.world.queue(practice.clinic, at=NOW - timedelta(days=1))
    with pytest.raises(Conflict, match="over"):
        await practice.world.use.waits.what_if(
            yesterday.id, desks=1, begin=None, end=None, actor=practice.staff
        )
    kept = await practice.kept()
    monkeypatch.setattr(kept, "open_queues", lambda: None)
    with pytest.raises(Unavailable):
        await what_if(practice, 1)
    monkeypatch.setattr(kept, "day", None)
    with pytest.raises(Unavailable):
        await what_if(practice, 1)


async def test_only_the_clinics_staff_and_admins_may_ask_what_if(practice: Practice) -> None:
    assert await what_if(practice, 1, actor=practice.admin) is not None
    elsewhere = await practice.world.clinic()
    for actor in (
        await practice.world.patient(),
        await practice.world.actor(build_guest()),
        await practice.world.staff_of(elsewhere.id),
        acting(build_display_user(build_display(practice.clinic.id))),
    ):
        with pytest.raises(Forbidden):
            await what_if(practice, 1, actor=actor)
