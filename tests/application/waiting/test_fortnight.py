"""A fortnight of a clinic, put through the use cases with a clock that the test moves on."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import exp, log
from statistics import median

from qure.application.announcing.live_boards import LiveBoards
from qure.application.ports.waiting import Accuracy
from qure.application.waiting.forecasts import Forecasts
from qure.domain.actor import Actor
from qure.domain.errors import Conflict
from qure.domain.ids import TokenId
from qure.domain.queue import Queue
from qure.domain.token import Token
from qure.domain.waiting.promise import Promise
from tests.application.waiting.practice import Practice, is_settled
from tests.application.world import AT_ONCE, World
from tests.support.builders import build_actor
from tests.support.fakes import Hearing
from tests.support.waiting import loop_turns

DAYS = 14
PATIENTS = 30
SERVICE_MINUTES = 8.0
MINUTE = timedelta(minutes=1)

Moment = tuple[datetime, int, str, int]


class Fortnight:
    """A clinic with one desk on some days and two on others. Patients come all day; a visit is
    lognormal, and at its true end the next one is called."""

    def __init__(self, practice: Practice, seed: int) -> None:
        self.practice = practice
        self.world = practice.world
        self.chance = random.Random(seed)
        self.tokens: list[Token] = []
        self.called_at: dict[TokenId, datetime] = {}

    async def play(self) -> None:
        opened = self.practice.queue.start_time
        for day in range(DAYS):
            await self.day(opened + timedelta(days=day), desks=1 + day % 2)

    async def day(self, opens: datetime, *, desks: int) -> None:
        self.world.clock.set(opens)
        queue = self.practice.queue
        if not queue.is_of_day(opens):
            queue = await self.world.use.queues.open(
                self.practice.clinic.id, actor=self.practice.staff
            )
        callers = self.practice.callers[:desks]
        for desk, caller in zip(self.practice.desks, callers, strict=False):
            await self.world.use.desks.open(desk.id, actor=caller)
        await self.run(queue, callers, opens)
        for desk, caller in zip(self.practice.desks, callers, strict=False):
            await self.world.use.desks.close(desk.id, actor=caller)
        await self.world.use.closing.close(queue.id, actor=self.practice.staff)
        await self.settle()

    async def run(self, queue: Queue, callers: Sequence[Actor], opens: datetime) -> None:
        number = PATIENTS * len(callers)
        length = PATIENTS * SERVICE_MINUTES * 1.15
        arrivals = [opens + self.chance.uniform(0, length) * MINUTE for _ in range(number)]
        moments: list[Moment] = [(at, index, "comes", 0) for index, at in enumerate(arrivals)]
        moments += [(opens, number + index, "is free", index) for index in range(len(callers))]
        heapq.heapify(moments)
        free: list[int] = []
        in_hand: dict[int, Token] = {}
        number *= 2
        settled_at = opens
        while moments:
            at, _, what, caller = heapq.heappop(moments)
            while at - settled_at >= MINUTE:
                settled_at += MINUTE
                self.world.clock.set(settled_at)
                await self.world.use.promises.settle()
            self.world.clock.set(at)
            if what == "comes":
                token = await self.world.use.issuing.issue(queue.id, actor=build_actor())
                self.tokens.append(token)
                await self.told()  # Before anybody calls them.
            else:
                free.append(caller)
                if (seen := in_hand.pop(caller, None)) is not None:
                    await self.world.use.moves.complete(seen.id, actor=callers[caller])
            if free and (called := await self.call(queue, callers[free[0]])) is not None:
                number += 1
                in_hand[free[0]] = called
                done = at + self.visit() * MINUTE
                heapq.heappush(moments, (done, number, "is free", free.pop(0)))

    async def call(self, queue: Queue, caller: Actor) -> Token | None:
        """The next one; None while nobody waits."""
        try:
            token = await self.world.use.calling.call_next(queue.id, actor=caller)
        except Conflict:
            return None
        self.called_at[token.id] = self.world.clock.now()
        return token

    def visit(self) -> float:
        """Lognormal with a mean of 8 minutes and a coefficient of variation of 0.5."""
        sigma2 = log(1.25)
        return SERVICE_MINUTES * exp(self.chance.gauss(-sigma2 / 2, sigma2**0.5))

    async def told(self) -> None:
        """Everybody has been told how it stands now, and what they were told first is kept."""
        kept = await self.practice.forecasts.clinic(self.practice.clinic.id)
        while kept.joined or not is_settled(kept):
            await loop_turns(1)

    async def settle(self) -> None:
        self.world.clock.advance(minutes=1)
        await self.world.use.promises.settle()

    async def promises(self) -> list[Promise]:
        """What each was told at joining; of some it is looked up as staff would."""
        async with self.world.storage.read() as uow:
            found = [await uow.promises.get(token.id) for token in self.tokens]
        for token, promise in list(zip(self.tokens, found, strict=True))[::50]:
            history = await self.world.use.tokens.history_of(token.id, actor=self.practice.staff)
            assert history.promise == promise
        return [one for one in found if one is not None]


def recount(promises: list[Promise], called_at: dict[TokenId, datetime]) -> Accuracy:
    """From what was told, and when each was called."""
    called = [(one, called_at[one.token_id]) for one in promises if one.token_id in called_at]
    return Accuracy(
        None,
        len(called),
        sum(at <= one.high for one, at in called),
        sum(at < one.low for one, at in called),
        median(abs((at - one.likely).total_seconds()) for one, at in called),
    )


async def test_after_a_fortnight_the_figures_are_true_and_so_was_what_was_told(
    world: World,
) -> None:
    practice = await Practice(world).set_up(desks=2, max_queue_size=200)
    fortnight = Fortnight(practice, seed=20_260_101)
    await fortnight.play()
    promises = await fortnight.promises()
    assert len(fortnight.called_at) == len(fortnight.tokens) == len(promises)
    for one in promises:
        assert (one.is_open, one.called_at) == (False, fortnight.called_at[one.token_id])

    whole, of_service = await world.use.waits.accuracy(
        practice.clinic.id, days=DAYS + 1, actor=await world.patient()
    )
    assert whole == recount(promises, fortnight.called_at)
    assert (of_service.samples, of_service.service_id) == (
        whole.samples,
        practice.queue.service_id,
    )
    assert 0.7 <= whole.before_high / whole.samples <= 0.9

    # What was learned outlives the process.
    restarted = LiveBoards(world.storage, generation=Hearing())
    forecasts = Forecasts(world.storage, world.clock, restarted, rhythm=AT_ONCE)
    kept = await forecasts.clinic(practice.clinic.id)
    assert kept.day is not None
    assert sum(one.samples for one in kept.day.calibrations.values()) == whole.samples
    async with world.storage.read() as uow:
        assert kept.day.calibrations == await uow.calibrations.of_services(
            [practice.queue.service_id]
        )
    await forecasts.close()
