"""Where in the line somebody comes back to, and what letting others pass and stepping out do."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from qure.application.queueing.moves import ReturnTo
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.errors import Conflict
from qure.domain.queue import Queue
from qure.domain.queue_status import SHOWN_NEXT
from qure.domain.token import MAX_POSTPONES, ActiveTokenExists, Priority, Token, TokenStatus
from tests.application.world import World, holding
from tests.support.builders import build_clinic, build_token


class Line:
    """A queue in which so many wait, seen by its staff. Tokens are named by their numbers."""

    def __init__(self, world: World, queue: Queue, staff: Actor) -> None:
        self.world, self.queue, self.staff = world, queue, staff

    async def numbers(self) -> list[int]:
        """In the order in which they would be called. What everyone is shown agrees with it."""
        line = await self.world.line_of(self.queue.id)
        shown = (await self.world.queue_of(self.queue.id)).status().next
        assert [int(label) for label in shown] == line[:SHOWN_NEXT]
        return line

    async def token(self, number: int) -> Token:
        return (await self.world.tokens_of(self.queue.id))[number - 1]

    async def called(self) -> Token:
        return await self.world.use.calling.call_next(self.queue.id, actor=self.staff)

    async def skipped(self) -> Token:
        return await self.world.use.moves.skip((await self.called()).id, actor=self.staff)

    async def returned(self, to: ReturnTo, after: int = 0) -> Token:
        """Whoever is called now comes back into the line."""
        token = await self.called()
        return await self.world.use.moves.return_to_line(
            token.id, to=to, after=after, actor=self.staff
        )

    async def postponed(self, number: int, passing: int) -> Token:
        token = await self.token(number)
        return await self.world.use.moves.postpone(token.id, passing=passing, actor=holding(token))

    async def of_class(self, number: int, priority: Priority) -> Token:
        token = await self.token(number)
        return await self.world.use.moves.change_priority(
            token.id, priority=priority, actor=self.staff
        )

    async def held(self, number: int) -> Token:
        return await self.world.use.moves.hold((await self.token(number)).id, actor=self.staff)

    async def resumed(self, number: int) -> Token:
        return await self.world.use.moves.resume((await self.token(number)).id, actor=self.staff)

    async def squeeze(self) -> None:
        """Leave no place between any two."""
        async with self.world.storage.write() as uow:
            for token in await uow.tokens.of_queue(self.queue.id):
                await uow.tokens.save([replace(token, place=token.number)])
            await uow.commit()
        self.world.forget_events()


async def line_of(world: World, number: int, **clinic_fields: object) -> Line:
    clinic = build_clinic(**clinic_fields)
    await world.keep(clinic)
    queue = await world.queue(clinic)
    staff = await world.staff_of(clinic.id)
    await world.waiting_in(queue, number)
    return Line(world, queue, staff)


# Returning


@pytest.mark.parametrize(
    ("to", "after", "order"),
    [
        (ReturnTo.FIRST, 0, [1, 2, 3, 4]),
        (ReturnTo.LAST, 0, [2, 3, 4, 1]),
        (ReturnTo.AFTER, 0, [1, 2, 3, 4]),
        (ReturnTo.AFTER, 1, [2, 1, 3, 4]),
        (ReturnTo.AFTER, 2, [2, 3, 1, 4]),
        (ReturnTo.AFTER, 3, [2, 3, 4, 1]),
        (ReturnTo.AFTER, 99, [2, 3, 4, 1]),
    ],
)
async def test_whoever_was_called_comes_back_first_last_or_after_so_many(
    world: World, to: ReturnTo, after: int, order: list[int]
) -> None:
    line = await line_of(world, 4)
    token = await line.returned(to, after)
    assert await line.numbers() == order
    assert (token.number, token.called_at, token.assigned_to) == (1, None, None)
    assert (token.last_called_at, token.recall_count, token.desk_id) == (None, 0, None)


async def test_without_a_word_they_come_back_first(world: World) -> None:
    line = await line_of(world, 3)
    called = await line.called()
    await world.use.moves.start(called.id, actor=line.staff)
    back = await world.use.moves.return_to_line(called.id, reason="wrong file", actor=line.staff)
    assert await line.numbers() == [1, 2, 3]
    assert back.started_at is None
    assert (await world.history_of(called.id))[-1].reason == "wrong file"


async def test_the_first_of_a_class_is_behind_the_better_classes(world: World) -> None:
    line = await line_of(world, 4)
    called = await line.called()
    await line.of_class(4, Priority.URGENT)
    await world.use.moves.return_to_line(called.id, actor=line.staff)
    assert await line.numbers() == [4, 1, 2, 3]


async def test_only_waiting_ones_of_the_same_class_that_are_not_held_are_counted(
    world: World,
) -> None:
    line = await line_of(world, 6)
    called = await line.called()
    await line.held(2)
    await line.of_class(3, Priority.PRIORITY)
    await world.use.moves.return_to_line(called.id, to=ReturnTo.AFTER, after=2, actor=line.staff)
    assert await line.numbers() == [3, 4, 5, 1, 6]


async def test_coming_back_again_and_again_keeps_everybody_in_place(world: World) -> None:
    line = await line_of(world, 4)
    for _ in range(50):
        await line.returned(ReturnTo.AFTER, 1)
        assert await line.numbers() in ([2, 1, 3, 4], [1, 2, 3, 4])
    for _ in range(5):
        await line.returned(ReturnTo.LAST)
    assert sorted(await line.numbers()) == [1, 2, 3, 4]


async def test_where_no_place_is_left_between_two_the_line_is_numbered_anew_in_its_order(
    world: World,
) -> None:
    line = await line_of(world, 8)
    called = await line.called()
    await line.squeeze()
    back = await world.use.moves.return_to_line(
        called.id, to=ReturnTo.AFTER, after=2, actor=line.staff
    )
    assert await line.numbers() == [2, 3, 1, 4, 5, 6, 7, 8]
    (entry,) = world.told
    assert [type(event) for event in entry.events] == [
        events.QueueSpacedOut,
        events.TokenReturned,
    ]
    assert await world.token_of(back.id) == back
    places = sorted(token.place for token in await world.tokens_of(line.queue.id))
    assert all(before < after for before, after in pairwise(places))
    assert max(places) <= (await world.queue_of(line.queue.id)).last_place


async def test_nobody_is_returned_to_a_closed_queue(world: World) -> None:
    queue = await world.queue(closed_at=world.clock.now(), is_active=False)
    token = build_token(queue, status=TokenStatus.IN_PROGRESS)
    await world.keep(token)
    with pytest.raises(Conflict) as refused:
        await world.use.moves.return_to_line(token.id, actor=await world.admin())
    assert refused.value.code == "queue_closed"
    assert await world.token_of(token.id) == token


# Rejoining


async def test_whoever_was_skipped_comes_back_behind_the_next_two(world: World) -> None:
    line = await line_of(world, 5)
    skipped = await line.skipped()
    back = await world.use.moves.rejoin(skipped.id, actor=holding(skipped))
    assert await line.numbers() == [2, 3, 1, 4, 5]
    assert (back.number, back.skip_reason, back.skipped_at) == (1, None, None)
    assert (back.rejoin_until, back.rejoins) == (None, 1)


@pytest.mark.parametrize(
    ("after", "order"), [(0, [1, 2, 3, 4]), (1, [2, 1, 3, 4]), (20, [2, 3, 4, 1])]
)
async def test_behind_how_many_is_the_clinics_own_rule(
    world: World, after: int, order: list[int]
) -> None:
    line = await line_of(world, 4, rejoin_after=after)
    skipped = await line.skipped()
    await world.use.moves.rejoin(skipped.id, actor=holding(skipped))
    assert await line.numbers() == order


async def test_a_patient_may_come_back_until_the_very_moment_that_was_granted(
    world: World,
) -> None:
    line = await line_of(world, 3, rejoin_minutes=30)
    skipped = await line.skipped()
    world.clock.advance(minutes=30, milliseconds=1)
    with pytest.raises(Conflict) as refused:
        await world.use.moves.rejoin(skipped.id, actor=holding(skipped))
    assert refused.value.code == "illegal_transition"
    world.clock.advance(milliseconds=-1)
    back = await world.use.moves.rejoin(skipped.id, actor=holding(skipped))
    assert back.status is TokenStatus.WAITING


async def test_a_patient_comes_back_so_often_and_staff_bring_anybody_back_all_day(
    world: World,
) -> None:
    line = await line_of(world, 1, max_rejoins=2)
    for times in (1, 2):
        skipped = await line.skipped()
        back = await world.use.moves.rejoin(skipped.id, actor=holding(skipped))
        assert back.rejoins == times
    skipped = await line.skipped()
    with pytest.raises(Conflict) as refused:
        await world.use.moves.rejoin(skipped.id, actor=holding(skipped))
    assert refused.value.code == "illegal_transition"
    world.clock.advance(hours=5)
    back = await world.use.moves.rejoin(skipped.id, actor=line.staff)
    assert (back.status, back.rejoins) == (TokenStatus.WAITING, 2)


async def test_where_nothing_is_granted_the_patient_does_not_come_back_alone(
    world: World,
) -> None:
    for granted in ({"max_rejoins": 0}, {"rejoin_minutes": 0}):
        line = await line_of(world, 2, **granted)
        skipped = await line.skipped()
        world.clock.advance(milliseconds=1)
        with pytest.raises(Conflict):
            await world.use.moves.rejoin(skipped.id, actor=holding(skipped))
        await world.use.moves.rejoin(skipped.id, actor=line.staff)


async def test_nobody_comes_back_with_an_old_number_while_they_have_another(
    world: World,
) -> None:
    line = await line_of(world, 1)
    skipped = await line.skipped()
    other = await world.use.issuing.issue(line.queue.id, actor=holding(skipped))
    for actor in (holding(skipped), line.staff):
        with pytest.raises(ActiveTokenExists) as refused:
            await world.use.moves.rejoin(skipped.id, actor=actor)
        assert refused.value.token == other
    assert await world.token_of(skipped.id) == skipped


async def test_nobody_comes_back_to_a_closed_queue(world: World) -> None:
    line = await line_of(world, 1)
    skipped = await line.skipped()
    await world.use.closing.close(line.queue.id, actor=line.staff)
    for actor in (holding(skipped), line.staff):
        with pytest.raises(Conflict) as refused:
            await world.use.moves.rejoin(skipped.id, actor=actor)
        assert refused.value.code == "queue_closed"


async def test_a_queue_that_takes_no_new_tokens_lets_those_back_who_had_one(
    world: World,
) -> None:
    line = await line_of(world, 2)
    skipped = await line.skipped()
    await world.use.queues.set_active(line.queue.id, active=False, actor=line.staff)
    await world.use.moves.rejoin(skipped.id, actor=holding(skipped))
    assert await line.numbers() == [2, 1]


async def test_each_comes_back_behind_the_two_who_are_next_at_that_moment(world: World) -> None:
    line = await line_of(world, 6)
    first, second = await line.skipped(), await line.skipped()
    await world.use.moves.rejoin(second.id, actor=holding(second))
    await world.use.moves.rejoin(first.id, actor=holding(first))
    assert await line.numbers() == [3, 4, 1, 2, 5, 6]


# Letting others pass


@pytest.mark.parametrize(
    ("number", "passing", "order"),
    [
        (1, 1, [2, 1, 3, 4]),
        (1, 2, [2, 3, 1, 4]),
        (1, 3, [2, 3, 4, 1]),
        (2, 20, [1, 3, 4, 2]),
        (3, 1, [1, 2, 4, 3]),
    ],
)
async def test_a_patient_lets_so_many_pass_or_all_there_are(
    world: World, number: int, passing: int, order: list[int]
) -> None:
    line = await line_of(world, 4)
    later = await line.postponed(number, passing)
    assert await line.numbers() == order
    assert (later.number, later.status, later.postpones_left) == (
        number,
        TokenStatus.WAITING,
        MAX_POSTPONES - 1,
    )


async def test_only_those_of_the_same_class_who_are_not_held_pass(world: World) -> None:
    line = await line_of(world, 5)
    await line.of_class(2, Priority.PRIORITY)
    await line.held(3)
    await line.postponed(1, 1)
    assert await line.numbers() == [2, 4, 1, 5]


async def test_the_last_one_has_nobody_to_let_pass_and_loses_no_try(world: World) -> None:
    line = await line_of(world, 2)
    before = await line.token(2)
    for _ in range(MAX_POSTPONES + 1):
        with pytest.raises(Conflict) as refused:
            await line.postponed(2, 1)
        assert refused.value.code == "nobody_behind"
    assert await line.token(2) == before
    assert world.told == []


async def test_a_patient_lets_others_pass_three_times_and_no_more(world: World) -> None:
    line = await line_of(world, 6)
    for times in range(1, MAX_POSTPONES + 1):
        assert (await line.postponed(1, 1)).postpones_left == MAX_POSTPONES - times
    with pytest.raises(Conflict) as refused:
        await line.postponed(1, 1)
    assert refused.value.code == "illegal_transition"
    assert await line.numbers() == [2, 3, 4, 1, 5, 6]


async def test_letting_others_pass_works_where_no_place_is_left_between_two(
    world: World,
) -> None:
    line = await line_of(world, 8)
    await line.squeeze()
    later = await line.postponed(2, 3)
    assert await line.numbers() == [1, 3, 4, 5, 2, 6, 7, 8]
    assert await world.token_of(later.id) == later
    (entry,) = world.told
    assert [type(event) for event in entry.events] == [
        events.QueueSpacedOut,
        events.TokenPostponed,
    ]


# Stepping out


async def test_one_who_stepped_out_keeps_the_place_and_is_counted_as_held(world: World) -> None:
    line = await line_of(world, 3)
    held = await line.held(1)
    assert await line.numbers() == [2, 3]
    queue = await world.queue_of(line.queue.id)
    assert (held.on_hold, held.status) == (True, TokenStatus.WAITING)
    assert (queue.waiting_count, queue.on_hold_count) == (3, 1)
    back = await line.resumed(1)
    assert await line.numbers() == [1, 2, 3]
    queue = await world.queue_of(line.queue.id)
    assert (back.on_hold, back.place) == (False, held.place)
    assert (queue.waiting_count, queue.on_hold_count) == (3, 0)


async def test_a_patient_steps_out_and_comes_back(world: World) -> None:
    line = await line_of(world, 2)
    token = await line.token(1)
    await world.use.moves.hold(token.id, actor=holding(token))
    back = await world.use.moves.resume(token.id, queue_id=line.queue.id, actor=holding(token))
    assert [type(event) for event in world.events] == [events.TokenHeld, events.TokenResumed]
    assert not back.on_hold


async def test_holding_a_held_one_and_resuming_one_that_is_not_are_no_moves(
    world: World,
) -> None:
    line = await line_of(world, 2)
    with pytest.raises(Conflict) as refused:
        await line.resumed(1)
    assert refused.value.code == "illegal_transition"
    held = await line.held(1)
    with pytest.raises(Conflict) as refused:
        await line.held(1)
    assert refused.value.code == "illegal_transition"
    assert await line.token(1) == held


async def test_a_held_one_that_is_skipped_or_leaves_is_held_no_more(world: World) -> None:
    line = await line_of(world, 3)
    for number in (1, 2):
        await line.held(number)
    await world.use.moves.skip((await line.token(1)).id, actor=line.staff)
    token = await line.token(2)
    await world.use.moves.cancel(token.id, actor=holding(token))
    queue = await world.queue_of(line.queue.id)
    assert (queue.waiting_count, queue.on_hold_count) == (1, 0)
    assert not any(token.on_hold for token in await world.tokens_of(queue.id))


# Classes


async def test_another_class_at_the_place_one_has(world: World) -> None:
    line = await line_of(world, 6)
    for number in (6, 4):
        await line.of_class(number, Priority.PRIORITY)
    assert await line.numbers() == [4, 6, 1, 2, 3, 5]
    await line.of_class(5, Priority.URGENT)
    assert await line.numbers() == [5, 4, 6, 1, 2, 3]
    changed = await line.of_class(4, Priority.NORMAL)
    assert await line.numbers() == [5, 6, 1, 2, 3, 4]
    assert changed.label == "4"
    assert (await world.history_of(changed.id))[-1].reason == "NORMAL"


async def test_of_two_in_the_better_class_in_a_row_the_next_is_a_normal_one(
    world: World,
) -> None:
    line = await line_of(world, 6)
    for number in (3, 4, 5, 6):
        await line.of_class(number, Priority.PRIORITY)
    called = [(await line.called()).number for _ in range(6)]
    assert called == [3, 4, 1, 5, 6, 2]


async def test_a_held_one_of_another_class_stays_held(world: World) -> None:
    line = await line_of(world, 2)
    await line.held(2)
    changed = await line.of_class(2, Priority.URGENT)
    assert changed.on_hold
    assert await line.numbers() == [1]
    assert (await world.queue_of(line.queue.id)).on_hold_count == 1
