"""A clinic at work, and processes that keep forecasts of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from qure.application.announcing.live_boards import LiveBoards
from qure.application.ports.journal import JournalEntry
from qure.application.waiting.forecasts import Forecasts
from qure.application.waiting.kept_clinic import KeptClinic
from qure.application.waiting.making import Rhythm
from qure.application.waiting.told import QueueWaits
from qure.domain.actor import Actor
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.ids import TokenId
from qure.domain.queue import Queue
from qure.domain.token import Token
from qure.domain.waiting.promise import Promise
from tests.application.world import AT_ONCE, World
from tests.support.builders import build_actor
from tests.support.fakes import Hearing
from tests.support.waiting import eventually


class Process:
    """Forecasts as one process keeps them; it hears what is committed, unless it is deaf."""

    def __init__(self, world: World, *, rhythm: Rhythm = AT_ONCE) -> None:
        self.live_boards = LiveBoards(world.storage, generation=Hearing())
        self.forecasts = Forecasts(world.storage, world.clock, self.live_boards, rhythm=rhythm)
        self.is_deaf = False
        world.listeners.append(self.hear)

    def hear(self, entry: JournalEntry) -> None:
        if not self.is_deaf:
            self.live_boards.receive(entry)
            self.forecasts.receive(entry)


def is_settled(kept: KeptClinic) -> bool:
    """Whether all boards are there, and nothing has changed since the last forecast."""
    is_there = kept.day is not None and kept.open_queues() is not None
    return is_there and kept.task is None and not kept.is_stale


class Practice:
    """One clinic with a queue and somebody who calls at a desk.

    ``forecasts`` are the world's, which have committed all that is done.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.forecasts = world.forecasts
        world.listeners.append(world.forecasts.committed)

    async def set_up(self, *, desks: int = 1, **fields: Any) -> Practice:
        self.clinic: Clinic = await self.world.clinic(**fields)
        self.queue: Queue = await self.world.queue(self.clinic)
        self.staff: Actor = await self.world.staff_of(self.clinic.id)
        self.admin: Actor = await self.world.admin()
        self.desks: list[Desk] = []
        self.callers: list[Actor] = [self.staff]
        for number in range(desks):
            if number:
                self.callers.append(await self.world.staff_of(self.clinic.id))
            await self.open_desk(self.callers[number])
        return self

    async def open_desk(self, staff: Actor) -> Desk:
        """A new one, at which they sit down."""
        name = f"Desk {len(self.desks) + 1}"
        desk = await self.world.use.desks.create(self.clinic.id, name=name, actor=self.admin)
        self.desks.append(await self.world.use.desks.open(desk.id, actor=staff))
        return self.desks[-1]

    async def take(self, queue: Queue | None = None) -> Token:
        """A patient takes a number."""
        at = (queue or self.queue).id
        return await self.world.use.issuing.issue(at, actor=build_actor())

    async def call(self, caller: int = 0) -> Token:
        return await self.world.use.calling.call_next(self.queue.id, actor=self.callers[caller])

    async def serve(self, minutes: float, *, caller: int = 0) -> Token:
        """The next one is called, and let go after so many minutes."""
        token = await self.call(caller)
        self.world.clock.advance(minutes=minutes)
        return await self.complete(token, caller=caller)

    async def complete(self, token: Token, *, caller: int = 0) -> Token:
        return await self.world.use.moves.complete(token.id, actor=self.callers[caller])

    async def kept(self, forecasts: Forecasts | None = None) -> KeptClinic:
        """What is kept of the clinic, when nothing has changed since it was made."""
        at = self.forecasts if forecasts is None else forecasts
        kept = await at.clinic(self.clinic.id)
        await eventually(lambda: is_settled(kept))
        return kept

    async def waits(self, forecasts: Forecasts | None = None) -> QueueWaits:
        """The newest of the queue, when nothing has changed since it was made."""
        return (await self.kept(forecasts)).waits[self.queue.id]

    async def promise(self, token_id: TokenId) -> Promise | None:
        async with self.world.storage.read() as uow:
            return await uow.promises.get(token_id)

    def minutes(self, waits: QueueWaits, token: Token) -> float:
        """In how many minutes they will likely be called."""
        likely = waits.of(token).likely
        assert likely is not None
        return (likely - self.world.clock.now()) / timedelta(minutes=1)
