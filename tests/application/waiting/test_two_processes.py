"""Two phones at one moment see the same, whichever process tells them and since when it listens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from qure.domain.errors import DomainError
from qure.domain.ids import TokenId
from qure.domain.queue_status import NoticeKind
from qure.domain.token import Priority, Token
from tests.application.waiting.practice import Practice, Process, is_settled
from tests.application.world import World, acting
from tests.support.builders import build_service, build_staff
from tests.support.waiting import loop_turns

Move = Callable[["Day", int], Awaitable[object]]


class Day:
    """A clinic of two services and three callers, of whom the last one has no desk."""

    def __init__(self) -> None:
        self.world = World()
        self.practice = Practice(self.world)
        self.tokens: list[TokenId] = []

    async def set_up(self) -> Day:
        practice = await self.practice.set_up(desks=2)
        service = build_service(practice.clinic.id)
        await self.world.keep(service)
        self.queues = [practice.queue]
        self.queues.append(
            await self.world.use.queues.open(
                practice.clinic.id, service_id=service.id, actor=practice.staff
            )
        )
        roving = build_staff(practice.clinic.id)
        await self.world.keep(roving)
        self.callers = [*practice.callers, acting(roving)]
        return self

    async def token(self, number: int) -> Token:
        if not self.tokens:
            await self.take(number)
        return await self.world.token_of(self.tokens[number % len(self.tokens)])

    async def take(self, number: int) -> None:
        self.tokens.append((await self.practice.take(self.queues[number % 2])).id)

    async def call(self, number: int) -> None:
        queue, caller = self.queues[number % 2], self.callers[number % 3]
        await self.world.use.calling.call_next(queue.id, actor=caller)

    async def start(self, number: int) -> None:
        await self._staff("start", number)

    async def complete(self, number: int) -> None:
        await self._staff("complete", number)

    async def skip(self, number: int) -> None:
        await self._staff("skip", number)

    async def rejoin(self, number: int) -> None:
        await self._staff("rejoin", number)

    async def hold(self, number: int) -> None:
        await self._staff("hold", number)

    async def cancel(self, number: int) -> None:
        await self._staff("cancel", number)

    async def urgent(self, number: int) -> None:
        token = await self.token(number)
        await self.world.use.moves.change_priority(
            token.id, priority=Priority.URGENT, actor=self.callers[0]
        )

    async def transfer(self, number: int) -> None:
        token = await self.token(number)
        other = self.queues[0 if token.queue_id == self.queues[1].id else 1]
        gone = await self.world.use.transferring.transfer(
            token.id, service_id=other.service_id, actor=self.callers[0]
        )
        assert gone.transferred_to is not None
        self.tokens.append(gone.transferred_to)

    async def undo(self, number: int) -> None:
        queue, caller = self.queues[number % 2], self.callers[number % 3]
        await self.world.use.undoing.undo(queue.id, actor=caller)

    async def pause(self, number: int) -> None:
        desk = self.practice.desks[number % 2]
        await self.world.use.desks.pause(desk.id, actor=self.callers[number % 2])

    async def resume(self, number: int) -> None:
        desk = self.practice.desks[number % 2]
        await self.world.use.desks.resume(desk.id, actor=self.callers[number % 2])

    async def delay(self, number: int) -> None:
        await self.world.use.queues.give_notice(
            self.queues[number % 2].id,
            kind=NoticeKind.DELAY,
            minutes=number + 1,
            actor=self.callers[0],
        )

    async def close(self, number: int) -> None:
        await self.world.use.closing.close(self.queues[1].id, actor=self.callers[0])

    async def _staff(self, move: str, number: int) -> None:
        token = await self.token(number)
        await getattr(self.world.use.moves, move)(token.id, actor=self.callers[number % 3])


COMMON: list[Move] = [Day.take, Day.take, Day.take, Day.call, Day.call, Day.complete]
RARE: list[Move] = [
    Day.start,
    Day.skip,
    Day.rejoin,
    Day.hold,
    Day.cancel,
    Day.urgent,
    Day.transfer,
    Day.undo,
    Day.pause,
    Day.resume,
    Day.delay,
    Day.close,
]


async def settled(process: Process, day: Day) -> object:
    """What it tells of every queue and everybody in it, when nothing has changed since."""
    kept = await process.forecasts.clinic(day.practice.clinic.id)
    while not is_settled(kept):
        await loop_turns(1)
    return kept.waits


@settings(max_examples=40, deadline=None)
@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(COMMON) | st.sampled_from(RARE),
            st.integers(0, 11),
            st.integers(0, 400),
        ),
        min_size=4,
        max_size=20,
    ),
    late=st.integers(0, 19),
)
def test_processes_that_heard_the_same_tell_everybody_the_same(
    moves: list[tuple[Move, int, int]], late: int
) -> None:
    """One listens from the beginning, the other one from some move on."""

    async def run() -> None:
        day = await Day().set_up()
        first = Process(day.world)
        await settled(first, day)
        second: Process | None = None
        for step, (move, number, seconds) in enumerate(moves):
            day.world.clock.advance(seconds=seconds)
            told = len(day.world.told)
            with suppress(DomainError):
                await move(day, number)
            if len(day.world.told) == told:
                continue  # Nothing has changed, but the time.
            if step == min(late, len(moves) - 1):
                second = Process(day.world)
            there = await settled(first, day)
            if second is not None:
                assert await settled(second, day) == there
        for process in (first, second, day.world):
            if process is not None:
                await process.forecasts.close()

    asyncio.run(run())
