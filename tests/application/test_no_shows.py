"""Whoever was called and does not come is skipped when the clinic waits no longer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from qure.application.clinics.clinics import ClinicFields
from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import SYSTEM, Actor
from qure.domain.errors import Unavailable
from qure.domain.queue import Queue
from qure.domain.token import SkipReason, Token, TokenStatus
from tests.application.world import World, holding, outcomes
from tests.support.builders import NOW, build_token


async def called(world: World, minutes: int | None = 5) -> tuple[Token, Actor]:
    """A patient who was called just now in a clinic that waits so long; and who called."""
    queue = await world.queue(await world.clinic(no_show_minutes=minutes, rejoin_minutes=30))
    staff = await world.staff_of(queue.clinic_id)
    await world.waiting_in(queue, 1)
    token = await world.use.calling.call_next(queue.id, actor=staff)
    world.forget_events()
    return token, staff


async def set_minutes(world: World, queue: Queue, minutes: int | None) -> None:
    await world.use.clinics.update(
        queue.clinic_id,
        fields=ClinicFields(no_show_minutes=minutes),
        reader=world.images,
        actor=await world.admin(),
    )


async def test_at_the_very_moment_and_not_before_they_are_skipped_as_a_no_show(
    world: World,
) -> None:
    token, _ = await called(world)
    world.clock.set(NOW + timedelta(minutes=5) - timedelta(milliseconds=1))
    assert await world.use.closing.skip_no_shows() == 0
    at = world.clock.advance(milliseconds=1)
    assert await world.use.closing.skip_no_shows() == 1
    skipped = await world.token_of(token.id)
    assert skipped == replace(
        token,
        status=TokenStatus.SKIPPED,
        version=token.version + 1,
        skipped_at=at,
        skip_reason=SkipReason.NO_SHOW,
        rejoin_until=at + timedelta(minutes=30),
    )
    (told,) = world.events
    assert isinstance(told, events.TokenSkipped)
    assert (told.actor, told.at, told.reason) == (SYSTEM, at, "NO_SHOW")
    assert await world.use.closing.skip_no_shows() == 0


async def test_they_may_come_back_by_themselves(world: World) -> None:
    token, _ = await called(world)
    world.clock.advance(minutes=5)
    await world.use.closing.skip_no_shows()
    back = await world.use.moves.rejoin(token.id, actor=holding(token))
    assert back.status is TokenStatus.WAITING
    world.clock.advance(hours=1)
    assert await world.use.closing.skip_no_shows() == 0


async def test_where_nothing_is_set_everybody_is_waited_for(world: World) -> None:
    token, _ = await called(world, minutes=None)
    world.clock.advance(hours=8)
    assert await world.use.closing.skip_no_shows() == 0
    assert await world.token_of(token.id) == token


async def test_a_recall_begins_the_wait_anew(world: World) -> None:
    token, staff = await called(world)
    world.clock.advance(minutes=4)
    await world.use.calling.recall(token.id, actor=staff)
    world.clock.advance(minutes=5, milliseconds=-1)
    assert await world.use.closing.skip_no_shows() == 0
    world.clock.advance(milliseconds=1)
    assert await world.use.closing.skip_no_shows() == 1


async def test_each_clinic_waits_as_long_as_it_says(world: World) -> None:
    tokens = [(await called(world, minutes))[0] for minutes in (1, 3, 60, None)]
    gone: list[int] = []
    for minute in range(1, 62):
        world.clock.set(NOW + timedelta(minutes=minute))
        gone += [minute] * await world.use.closing.skip_no_shows()
    assert gone == [1, 3, 60]
    statuses = [(await world.token_of(token.id)).status for token in tokens]
    assert statuses == [TokenStatus.SKIPPED] * 3 + [TokenStatus.CALLED]


@pytest.mark.parametrize("status", [one for one in TokenStatus if one is not TokenStatus.CALLED])
async def test_only_whoever_was_called_and_not_more_is_missed(
    world: World, status: TokenStatus
) -> None:
    queue = await world.queue(await world.clinic(no_show_minutes=1))
    token = build_token(queue, status=status, called_at=NOW, last_called_at=NOW)
    await world.keep(token)
    world.clock.advance(hours=1)
    assert await world.use.closing.skip_no_shows() == 0
    assert await world.token_of(token.id) == token


async def test_however_many_processes_look_at_once_each_is_skipped_once(world: World) -> None:
    tokens = [(await called(world))[0] for _ in range(7)]
    world.forget_events()
    world.clock.advance(minutes=5)
    counts, refused = await outcomes(world.use.closing.skip_no_shows(batch=3) for _ in range(4))
    assert (sum(counts), refused) == (7, [])
    assert len(world.events) == 7
    for token in tokens:
        assert (await world.token_of(token.id)).version == token.version + 1


async def test_a_clinic_that_waited_for_nobody_while_no_process_ran_catches_up(
    world: World,
) -> None:
    token, _ = await called(world)
    world.clock.advance(hours=6)
    assert await world.use.closing.skip_no_shows() == 1
    skipped = await world.token_of(token.id)
    assert skipped.skipped_at == world.clock.now()
    assert skipped.rejoin_until == world.clock.now() + timedelta(minutes=30)


Change = Callable[[World, Token, Actor], Awaitable[object]]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param(
            lambda world, token, staff: world.use.moves.start(token.id, actor=staff),
            TokenStatus.IN_PROGRESS,
            id="they come",
        ),
        pytest.param(
            lambda world, token, staff: world.use.calling.recall(token.id, actor=staff),
            TokenStatus.CALLED,
            id="they are called again",
        ),
        pytest.param(
            lambda world, token, staff: world.use.moves.skip(token.id, actor=staff),
            TokenStatus.SKIPPED,
            id="staff skip them",
        ),
    ],
)
async def test_what_happens_at_the_last_moment_counts(
    world: World, change: Change, status: TokenStatus, caplog: pytest.LogCaptureFixture
) -> None:
    token, staff = await called(world)
    world.clock.advance(minutes=5)

    async def change_it() -> None:
        await change(world, token, staff)

    world.storage.before_read = change_it
    assert await world.use.closing.skip_no_shows() == 0
    stored = await world.token_of(token.id)
    assert (stored.status, stored.version) == (status, token.version + 1)
    assert caplog.records == [], "that is no failure"


@pytest.mark.parametrize("minutes", [None, 6])
async def test_a_clinic_that_waits_longer_from_this_moment_on_waits_on(
    world: World, minutes: int | None
) -> None:
    token, _ = await called(world)
    queue = await world.queue_of(token.queue_id)
    world.clock.advance(minutes=5)

    async def change_it() -> None:
        await set_minutes(world, queue, minutes)

    world.storage.before_read = change_it
    assert await world.use.closing.skip_no_shows() == 0
    assert await world.token_of(token.id) == token


async def test_coming_and_being_missed_at_one_moment_is_one_of_both(world: World) -> None:
    token, staff = await called(world)
    world.clock.advance(minutes=5)

    async def start() -> int:
        await world.use.moves.start(token.id, actor=staff)
        return 0

    counts, refused = await outcomes([world.use.closing.skip_no_shows(), start()])
    stored = await world.token_of(token.id)
    if stored.status is TokenStatus.SKIPPED:
        assert (sum(counts), [one.code for one in refused]) == (1, ["illegal_transition"])
    else:
        assert (stored.status, sum(counts), refused) == (TokenStatus.IN_PROGRESS, 0, [])


async def test_one_that_cannot_be_skipped_holds_up_no_other_and_is_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    first, _ = await called(world)
    world.clock.advance(seconds=1)
    await called(world)
    world.clock.advance(minutes=5)
    world.storage.commit_errors.append(RuntimeError("a bug"))
    with caplog.at_level(logging.ERROR):
        assert await world.use.closing.skip_no_shows() == 1
    assert str(first.id) in caplog.text
    assert await world.use.closing.skip_no_shows() == 1


async def test_a_batch_of_which_none_can_be_skipped_is_not_tried_for_ever(world: World) -> None:
    for _ in range(2):
        await called(world)
    world.clock.advance(minutes=5)
    world.storage.commit_errors += [RuntimeError("a bug")] * 2
    assert await world.use.closing.skip_no_shows(batch=2) == 0
    assert await world.use.closing.skip_no_shows(batch=2) == 2


async def test_an_absent_backend_ends_the_round(world: World) -> None:
    await called(world)
    world.clock.advance(minutes=5)
    world.storage.write_errors.append(Unavailable("The database is away."))
    with pytest.raises(Unavailable):
        await world.use.closing.skip_no_shows()
    assert await world.use.closing.skip_no_shows() == 1


async def test_a_lost_race_is_run_again(world: World) -> None:
    await called(world)
    world.clock.advance(minutes=5)
    world.storage.commit_errors.append(TransactionConflict())
    assert await world.use.closing.skip_no_shows() == 1
    assert len(world.events) == 1
