"""What becomes of what was told: settled once, and learned from where a call followed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from qure.application.ports.waiting import Due
from qure.application.waiting.promises import Promises, learned
from qure.domain.ids import ServiceId
from qure.domain.token import Token
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.promise import Promise
from tests.application.waiting.practice import Practice
from tests.application.world import World, holding
from tests.support.builders import NOW, build_promise, build_token, new_id

Known = dict[tuple[ServiceId, int], Calibration]


async def promised(practice: Practice, ahead: int = 3) -> tuple[Token, Promise]:
    """Somebody who has joined and been promised a call in 20 minutes, give or take 10."""
    token = await practice.take()
    promise = build_promise(
        token, clinic_id=practice.clinic.id, ahead=ahead, as_of=practice.world.clock.now()
    )
    async with practice.world.storage.write() as uow:
        await uow.promises.add([promise])
        await uow.commit()
    return token, promise


async def learned_so_far(practice: Practice) -> Known:
    async with practice.world.storage.read() as uow:
        return await uow.calibrations.of_services([practice.queue.service_id])


async def settle_later(practice: Practice, **later: float) -> int:
    practice.world.clock.advance(**(later or {"seconds": 60}))
    return await practice.world.use.promises.settle()


@pytest.fixture
async def practice(world: World) -> Practice:
    """One whose forecasts promise nothing themselves."""
    practice = await Practice(world).set_up()
    world.listeners.remove(world.forecasts.committed)
    return practice


async def test_a_call_settles_a_promise_and_is_learned_from(practice: Practice) -> None:
    token, promise = await promised(practice)
    called_at = practice.world.clock.advance(minutes=35)
    await practice.call()
    assert await settle_later(practice) == 1
    kept = await practice.promise(token.id)
    assert kept is not None
    assert (kept.is_open, kept.called_at) == (False, called_at)
    told_at = promise.as_of.timestamp()
    expected = Calibration().learned(
        promise.range, told_at=told_at, called_at=called_at.timestamp()
    )
    assert await learned_so_far(practice) == {(token.service_id, 1): expected}
    assert expected.late > 0


async def test_while_they_wait_nothing_is_settled(practice: Practice) -> None:
    token, _ = await promised(practice)
    assert await settle_later(practice, hours=2) == 0
    promise = await practice.promise(token.id)
    assert promise is not None
    assert promise.is_open
    assert practice.world.storage.writes > 0


async def test_a_call_counts_when_it_can_no_longer_be_undone(practice: Practice) -> None:
    token, promise = await promised(practice)
    await practice.call()
    assert await settle_later(practice, seconds=59.9) == 0
    await practice.world.use.undoing.undo(practice.queue.id, actor=practice.staff)
    assert await settle_later(practice, minutes=10) == 0
    assert await practice.promise(token.id) == promise
    assert await learned_so_far(practice) == {}
    called_at = practice.world.clock.now()
    await practice.call()
    assert await settle_later(practice) == 1
    kept = await practice.promise(token.id)
    assert kept is not None
    assert kept.called_at == called_at


async def test_what_is_settled_is_settled_once(practice: Practice) -> None:
    await promised(practice)
    await practice.call()
    assert await settle_later(practice) == 1
    known = await learned_so_far(practice)
    assert await settle_later(practice) == 0
    assert await learned_so_far(practice) == known


async def test_two_processes_at_one_moment_settle_each_promise_once(practice: Practice) -> None:
    for _ in range(6):
        await promised(practice)
    for _ in range(6):
        await practice.serve(4)
    practice.world.clock.advance(minutes=1)
    there = Promises(practice.world.storage, practice.world.clock)
    settled = await asyncio.gather(
        *(process.settle(batch=2) for process in (practice.world.use.promises, there))
    )
    assert sum(settled) == 6
    assert [one.samples for one in (await learned_so_far(practice)).values()] == [6]


async def test_however_many_are_due_all_are_settled_a_batch_at_a_time(
    practice: Practice,
) -> None:
    for _ in range(5):
        await promised(practice)
    for _ in range(5):
        await practice.serve(4)
    practice.world.clock.advance(minutes=1)
    writes = practice.world.storage.writes
    assert await practice.world.use.promises.settle(batch=2) == 5
    assert practice.world.storage.writes == writes + 3
    expected = Calibration()
    for number in range(5):
        called_at = NOW + timedelta(minutes=4 * number)
        expected = expected.learned(
            build_promise(build_token()).range,
            told_at=NOW.timestamp(),
            called_at=called_at.timestamp(),
        )
    assert list((await learned_so_far(practice)).values()) == [expected]


async def leave(practice: Practice, token: Token) -> None:
    await practice.world.use.moves.cancel(token.id, actor=practice.staff)


async def step_out(practice: Practice, token: Token) -> None:
    await practice.world.use.moves.hold(token.id, actor=practice.staff)


async def let_others_pass(practice: Practice, token: Token) -> None:
    await practice.world.use.moves.postpone(token.id, passing=1, actor=holding(token))


async def come_back(practice: Practice, token: Token) -> None:
    await practice.call()
    await practice.world.use.moves.skip(token.id, actor=practice.staff)
    await practice.world.use.moves.rejoin(token.id, actor=holding(token))


@pytest.mark.parametrize("move", [leave, step_out, let_others_pass, come_back])
async def test_who_does_not_wait_as_they_did_teaches_nothing(
    practice: Practice, move: Callable[[Practice, Token], Awaitable[None]]
) -> None:
    token, _ = await promised(practice)
    await practice.take()
    await move(practice, token)
    assert await settle_later(practice, minutes=5) == 1
    kept = await practice.promise(token.id)
    assert kept is not None
    assert (kept.is_open, kept.called_at) == (False, None)
    assert await learned_so_far(practice) == {}


async def test_who_was_called_and_did_not_come_was_called_as_promised(
    practice: Practice,
) -> None:
    token, _ = await promised(practice)
    called_at = practice.world.clock.now()
    await practice.call()
    await practice.world.use.moves.skip(token.id, actor=practice.staff)
    assert await settle_later(practice) == 1
    kept = await practice.promise(token.id)
    assert kept is not None
    assert kept.called_at == called_at


# Learning


def called(minutes: float, *, ahead: int = 0, service: ServiceId | None = None) -> Due:
    """A promise that was made now, of a call in 20 minutes, and when it came."""
    token = build_token(service_id=service or ServiceId(new_id()))
    at: datetime = NOW + timedelta(minutes=minutes)
    return Due(build_promise(token, ahead=ahead), at)


def after(known: Calibration, *minutes: float) -> Calibration:
    """Having learned of calls that came then."""
    for one in minutes:
        promise = build_promise(build_token())
        called_at = NOW + timedelta(minutes=one)
        known = known.learned(
            promise.range, told_at=NOW.timestamp(), called_at=called_at.timestamp()
        )
    return known


def test_calls_teach_in_the_order_in_which_they_were_made() -> None:
    service = build_token().service_id
    dues = [called(minutes, service=service) for minutes in (50, 4, 25)]
    assert learned(dues, {}) == {(service, 0): after(Calibration(), 4, 25, 50)}
    assert learned(dues[::-1], {}) == learned(dues, {})


def test_each_service_and_part_of_the_line_learns_of_its_own_calls() -> None:
    one, other = build_token().service_id, build_token().service_id
    dues = [
        called(4, service=one),
        called(5, ahead=3, service=one),
        called(6, ahead=11, service=other),
        called(7, ahead=2, service=one),
    ]
    known = {(one, 0): Calibration(bias=1.2, samples=60), (other, 2): Calibration(samples=5)}
    assert learned(dues, known) == {
        (one, 0): after(known[one, 0], 4, 7),
        (one, 1): after(Calibration(), 5),
        (other, 3): after(Calibration(), 6),
    }, "and nothing else is written"
