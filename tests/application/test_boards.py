"""The board that staff see of a queue, and how many are called before a patient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from qure.application.queueing.board import Place
from qure.domain.actor import Actor
from qure.domain.errors import Forbidden, NotFound
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Priority, Token, TokenStatus
from qure.domain.waiting.wait import Unknown
from tests.application.world import World, acting, holding
from tests.support.builders import (
    build_display,
    build_display_user,
    build_guest,
    build_token,
    new_id,
)


@dataclass
class Desk:
    """A queue with its staff, in which so many have taken a number."""

    world: World
    queue: Queue
    staff: Actor

    async def token(self, number: int) -> Token:
        return (await self.world.tokens_of(self.queue.id))[number - 1]

    async def order(self) -> list[int]:
        """The board's numbers, in the order in which it shows them."""
        snapshot = await self.world.use.boards.read(self.queue.id, actor=self.staff)
        return [token.number for token in snapshot.board.order]

    async def ahead(self, number: int, actor: Actor | None = None) -> int | None:
        token = await self.token(number)
        place = await self.world.use.boards.place_of(token.id, actor=actor or holding(token))
        version = (await self.world.queue_of(self.queue.id)).version
        assert place == Place(token.id, self.queue.id, place.ahead, place.wait, version)
        return place.ahead


async def queue_of(world: World, number: int) -> Desk:
    queue = await world.queue()
    desk = Desk(world, queue, await world.staff_of(queue.clinic_id))
    await world.waiting_in(queue, number)
    return desk


async def test_the_board_shows_the_active_and_the_skipped_ones_in_the_order_of_work(
    world: World,
) -> None:
    desk = await queue_of(world, 9)
    colleague, moves = await world.staff_of(desk.queue.clinic_id), world.use.moves
    for who in (desk.staff, colleague):
        world.clock.advance(minutes=1)
        await world.use.calling.call_next(desk.queue.id, actor=who)
    await moves.change_priority(
        (await desk.token(8)).id, priority=Priority.PRIORITY, actor=desk.staff
    )
    await moves.hold((await desk.token(6)).id, actor=desk.staff)
    await moves.hold((await desk.token(4)).id, actor=desk.staff)
    for number in (7, 3):
        await moves.skip((await desk.token(number)).id, actor=desk.staff)
    await moves.cancel((await desk.token(9)).id, actor=desk.staff)
    assert await desk.order() == [1, 2, 8, 5, 4, 6, 3, 7]
    snapshot = await world.use.boards.read(desk.queue.id, actor=await world.admin())
    assert snapshot.queue == await world.queue_of(desk.queue.id)
    assert snapshot.board.version == snapshot.queue.version
    numbers = {token.id: token.number for token in snapshot.board.tokens.values()}
    assert {numbers[id]: ahead for id, ahead in snapshot.board.ahead.items()} == {8: 0, 5: 1}


async def test_the_board_is_not_for_patients_guests_displays_nor_another_clinics_staff(
    world: World,
) -> None:
    desk = await queue_of(world, 1)
    elsewhere = await world.clinic()
    for actor in (
        holding(await desk.token(1)),
        await world.actor(build_guest()),
        acting(build_display_user(build_display(desk.queue.clinic_id))),
        await world.staff_of(elsewhere.id),
    ):
        with pytest.raises(Forbidden):
            await world.use.boards.read(desk.queue.id, actor=actor)


async def test_a_queue_that_does_not_exist_has_no_board(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.use.boards.read(QueueId(new_id()), actor=await world.admin())
    assert refused.value.code == "queue_not_found"


async def test_a_patient_sees_how_many_are_called_before_them_as_things_stand(
    world: World,
) -> None:
    desk = await queue_of(world, 4)
    assert [await desk.ahead(number) for number in (1, 2, 3, 4)] == [0, 1, 2, 3]
    await world.use.calling.call_next(desk.queue.id, actor=desk.staff)
    assert [await desk.ahead(number) for number in (2, 3, 4)] == [0, 1, 2]
    await world.use.moves.change_priority(
        (await desk.token(4)).id, priority=Priority.URGENT, actor=desk.staff
    )
    assert [await desk.ahead(number) for number in (2, 3, 4)] == [1, 2, 0]


async def test_held_ones_are_not_counted_and_have_no_place(world: World) -> None:
    desk = await queue_of(world, 3)
    await world.use.moves.hold((await desk.token(2)).id, actor=desk.staff)
    assert [await desk.ahead(number) for number in (1, 2, 3)] == [0, None, 1]
    await world.use.moves.resume((await desk.token(2)).id, actor=desk.staff)
    assert [await desk.ahead(number) for number in (1, 2, 3)] == [0, 1, 2]


@pytest.mark.parametrize("status", [one for one in TokenStatus if one is not TokenStatus.WAITING])
async def test_only_whoever_waits_has_a_place(world: World, status: TokenStatus) -> None:
    queue = await world.queue()
    token = build_token(queue, status=status)
    await world.keep(token)
    place = await world.use.boards.place_of(token.id, actor=holding(token))
    assert place == Place(token.id, queue.id, None, place.wait, queue.version)
    assert place.wait is not None
    assert place.wait.unknown is Unknown.NOT_WAITING


async def test_staff_of_the_clinic_and_admins_see_a_patients_place_and_nobody_else(
    world: World,
) -> None:
    desk = await queue_of(world, 2)
    for actor in (desk.staff, await world.admin()):
        assert await desk.ahead(2, actor) == 1
    elsewhere = await world.clinic()
    for actor in (
        await world.patient(),
        holding(await desk.token(1)),
        await world.actor(build_guest()),
        acting(build_display_user(build_display(desk.queue.clinic_id))),
        await world.staff_of(elsewhere.id),
    ):
        with pytest.raises(Forbidden):
            await desk.ahead(2, actor)
    with pytest.raises(NotFound) as refused:
        await world.use.boards.place_of(TokenId(new_id()), actor=desk.staff)
    assert refused.value.code == "token_not_found"


async def test_places_of_a_whole_queue_cost_one_reading_of_its_board(world: World) -> None:
    desk = await queue_of(world, 6)
    tokens = await world.tokens_of(desk.queue.id)
    before = world.storage.reads_for["read"]
    for token in tokens:
        await world.use.boards.place_of(token.id, actor=holding(token))
    assert world.storage.reads_for["read"] == before + len(tokens) + 1


async def test_the_board_agrees_with_the_calls_that_follow(world: World) -> None:
    desk = await queue_of(world, 7)
    for number, priority in ((3, Priority.PRIORITY), (5, Priority.PRIORITY), (6, Priority.URGENT)):
        token = await desk.token(number)
        await world.use.moves.change_priority(token.id, priority=priority, actor=desk.staff)
    await world.use.moves.change_priority(
        (await desk.token(7)).id, priority=Priority.PRIORITY, actor=desk.staff
    )
    order = await desk.order()
    called = [
        (await world.use.calling.call_next(desk.queue.id, actor=desk.staff)).number for _ in order
    ]
    assert called == order == [6, 3, 5, 1, 7, 2, 4]


async def test_the_board_knows_of_the_priority_calls_there_have_been(world: World) -> None:
    desk = await queue_of(world, 3)
    async with world.storage.write() as uow:
        queue = await uow.queues.get(desk.queue.id)
        assert queue is not None
        await uow.queues.save(replace(queue, priority_run=2))
        await uow.commit()
    await world.use.moves.change_priority(
        (await desk.token(3)).id, priority=Priority.PRIORITY, actor=desk.staff
    )
    assert await desk.order() == [1, 3, 2]
    assert [await desk.ahead(number) for number in (1, 2, 3)] == [0, 2, 1]
