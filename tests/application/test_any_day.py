"""Whatever staff and patients do in whatever order: what a queue carries is the truth of its
tokens, and the last move of staff can be taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from qure.application.queueing.moves import ReturnTo
from qure.domain.actor import Actor
from qure.domain.desk import Desk
from qure.domain.errors import DomainError
from qure.domain.ids import QueueId
from qure.domain.queue import Queue
from qure.domain.queue_status import SHOWN_NEXT
from qure.domain.token import Priority, Token, TokenStatus
from tests.application.world import World, holding
from tests.support.builders import build_actor

NUMBERS = st.integers(0, 30)


class Day:
    """A clinic with two services, two desks that serve both, and two of its staff."""

    def __init__(self, world: World, queues: list[Queue], desks: list[Desk], staff: list[Actor]):
        self.world = world
        self.queues, self.desks, self.staff = queues, desks, staff

    @classmethod
    async def begin(cls) -> Day:
        world = World()
        clinic = await world.clinic()
        blood = await world.service(clinic, prefix="B")
        queues = [await world.queue(clinic), await world.queue(clinic, service=blood)]
        desks = [await world.desk(clinic.id) for _ in range(2)]
        staff = [await world.staff_of(clinic.id) for _ in range(2)]
        for queue in queues:
            await world.waiting_in(queue, 4)
        await world.use.desks.open(desks[0].id, actor=staff[0])
        return cls(world, queues, desks, staff)

    async def tokens(self) -> list[Token]:
        return [token for queue in self.queues for token in await self.world.tokens_of(queue.id)]

    async def token_for(self, action: str, which: int) -> Token:
        """One with which it is possible, if there is any, so that much happens."""
        tokens = await self.tokens()
        fitting = [token for token in tokens if token.status in FITTING.get(action, ())]
        return (fitting or tokens)[which % len(fitting or tokens)]

    async def do(self, action: str, which: int, how: int) -> object:
        """What came of it, None if it is not possible. ``how`` is read as needed."""
        self.world.clock.advance(seconds=1)
        token, who = await self.token_for(action, which), self.staff[how % 2]
        try:
            return await ACTIONS[action](self, token, who, how)
        except DomainError:
            return None

    async def is_true(self) -> None:
        """What each queue carries, and each board that is carried on, is what the tokens say."""
        for queue in self.queues:
            stored = await self.world.queue_of(queue.id)
            tokens = await self.world.tokens_of(queue.id)
            waiting = [token for token in tokens if token.status is TokenStatus.WAITING]
            assert stored.waiting_count == len(waiting)
            assert stored.on_hold_count == sum(token.on_hold for token in tokens)
            line = await self.world.line_of(queue.id)
            labels = {token.number: token.label for token in tokens}
            assert stored.status().next == tuple(labels[one] for one in line[:SHOWN_NEXT])
            await self.board_is_true(queue.id)
        desks = [await self.world.desk_of(desk.id) for desk in self.desks]
        for queue in self.queues:
            is_open = sum(desk.serves(queue.service_id) for desk in desks)
            assert (await self.world.queue_of(queue.id)).open_desks == is_open

    async def board_is_true(self, queue_id: QueueId) -> None:
        fresh = (await self.world.use.boards.read(queue_id, actor=self.staff[0])).board
        live = await self.world.live_boards.of(queue_id)
        assert (live.version, list(live.order)) == (fresh.version, list(fresh.order))
        assert live.ahead == fresh.ahead

    async def snapshot(self) -> dict[str, Any]:
        """All that undoing gives back, of every token and both queues."""
        seen: dict[str, Any] = {}
        for queue in self.queues:
            stored = asdict(await self.world.queue_of(queue.id))
            for name in ("version", "updated_at", "last_place", "last_issued_number", "events"):
                del stored[name]
            seen[f"queue {queue.prefix}"] = stored
            for token in await self.world.tokens_of(queue.id):
                seen[f"token {token.label}"] = asdict(token) | {"version": None}
        return seen


Action = Callable[[Day, Token, Actor, int], Awaitable[object]]

ACTIONS: dict[str, Action] = {
    "call next": lambda day, token, who, _: day.world.use.calling.call_next(
        token.queue_id, actor=who
    ),
    "call next at a desk": lambda day, _, who, how: day.world.use.calling.call_next_at(
        day.desks[how // 2 % 2].id, actor=who
    ),
    "call": lambda day, token, who, _: day.world.use.calling.call(token.id, actor=who),
    "recall": lambda day, token, who, _: day.world.use.calling.recall(token.id, actor=who),
    "start": lambda day, token, who, _: day.world.use.moves.start(token.id, actor=who),
    "complete": lambda day, token, who, _: day.world.use.moves.complete(token.id, actor=who),
    "skip": lambda day, token, who, _: day.world.use.moves.skip(token.id, actor=who),
    "return": lambda day, token, who, how: day.world.use.moves.return_to_line(
        token.id, to=list(ReturnTo)[how % 3], after=how % 4, actor=who
    ),
    "rejoin": lambda day, token, who, _: day.world.use.moves.rejoin(token.id, actor=who),
    "hold": lambda day, token, who, _: day.world.use.moves.hold(token.id, actor=who),
    "resume": lambda day, token, who, _: day.world.use.moves.resume(token.id, actor=who),
    "priority": lambda day, token, who, how: day.world.use.moves.change_priority(
        token.id, priority=list(Priority)[how % 3], actor=who
    ),
    "cancel": lambda day, token, who, _: day.world.use.moves.cancel(token.id, actor=who),
    "transfer": lambda day, token, who, how: day.world.use.transferring.transfer(
        token.id,
        service_id=next(q.service_id for q in day.queues if q.id != token.queue_id),
        first=how % 3 == 0,
        actor=who,
    ),
    "undo": lambda day, token, who, _: day.world.use.undoing.undo(token.queue_id, actor=who),
}
"""What staff do that can be taken back, and taking it back."""

PATIENTS: dict[str, Action] = {
    "take": lambda day, token, _, __: day.world.use.issuing.issue(
        token.queue_id, actor=build_actor()
    ),
    "take again": lambda day, token, _, __: day.world.use.issuing.issue(
        token.queue_id, actor=holding(token)
    ),
    "walk in": lambda day, token, who, how: day.world.use.guests.admit_walk_in(
        token.queue_id, priority=list(Priority)[how % 3], actor=who
    ),
    "come back": lambda day, token, _, __: day.world.use.moves.rejoin(
        token.id, actor=holding(token)
    ),
    "step out": lambda day, token, _, __: day.world.use.moves.hold(token.id, actor=holding(token)),
    "let pass": lambda day, token, _, how: day.world.use.moves.postpone(
        token.id, passing=how % 4 + 1, actor=holding(token)
    ),
    "leave": lambda day, token, _, __: day.world.use.moves.cancel(token.id, actor=holding(token)),
}

DESKS: dict[str, Action] = {
    "sit down": lambda day, token, who, how: day.world.use.desks.open(
        day.desks[how // 2 % 2].id,
        service_ids=[token.service_id] if how % 3 else None,
        actor=who,
    ),
    "pause": lambda day, _, who, how: day.world.use.desks.pause(
        day.desks[how // 2 % 2].id, actor=who
    ),
    "resume the desk": lambda day, _, who, how: day.world.use.desks.resume(
        day.desks[how // 2 % 2].id, actor=who
    ),
    "leave the desk": lambda day, _, who, how: day.world.use.desks.close(
        day.desks[how // 2 % 2].id, actor=who
    ),
}

CALLED, IN_PROGRESS = TokenStatus.CALLED, TokenStatus.IN_PROGRESS
FITTING = {
    "recall": (CALLED,),
    "start": (CALLED,),
    "complete": (CALLED, IN_PROGRESS),
    "return": (CALLED, IN_PROGRESS),
    "transfer": (TokenStatus.WAITING, CALLED, IN_PROGRESS),
    "rejoin": (TokenStatus.SKIPPED,),
    "come back": (TokenStatus.SKIPPED,),
    "take again": (TokenStatus.SKIPPED, TokenStatus.CANCELLED),
}

OF_STAFF = sorted(ACTIONS.keys() - {"undo"})
ACTIONS |= PATIENTS | DESKS

steps = st.lists(
    st.tuples(st.sampled_from(sorted(ACTIONS)), NUMBERS, NUMBERS), min_size=5, max_size=30
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_counters_shown_labels_boards_and_desks_are_true_after_every_step(
    done: list[tuple[str, int, int]],
) -> None:
    async def play() -> None:
        day = await Day.begin()
        for action, which, how in done:
            if await day.do(action, which, how):
                await day.is_true()

    asyncio.run(play())


@settings(max_examples=40, deadline=None)
@given(steps, st.sampled_from(OF_STAFF), NUMBERS, NUMBERS)
def test_the_last_move_of_staff_is_taken_back_whatever_was_before(
    before: list[tuple[str, int, int]], action: str, which: int, how: int
) -> None:
    async def play() -> None:
        day = await Day.begin()
        for one in before:
            await day.do(*one)
        # Only what changes a desk as well is not taken back altogether: the desk goes on.
        for desk in day.desks:
            if (await day.world.desk_of(desk.id)).staff_id is not None:
                await day.world.use.desks.resume(desk.id, actor=await day.world.admin())
        seen = await day.snapshot()
        moved = await day.do(action, which, how)
        if moved is None:
            return
        assert isinstance(moved, Token)
        await day.world.use.undoing.undo(moved.queue_id, actor=day.staff[how % 2])
        after = await day.snapshot()
        assert {name: after[name] for name in seen} == seen
        await day.is_true()

    asyncio.run(play())
