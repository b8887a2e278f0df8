"""The end of a queue's day: at the clinic's local midnight, or when staff say so."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from qure.application.ports.storage import TransactionConflict
from qure.application.queueing.closing import ENDED_AT_ONCE
from qure.domain import events
from qure.domain.actor import SYSTEM, Actor
from qure.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from qure.domain.ids import QueueId
from qure.domain.queue import Queue
from qure.domain.token import ACTIVE, CancelReason, Token, TokenStatus
from tests.application.world import World, holding, outcomes
from tests.support.builders import NOW, build_actor, build_guest, build_token, new_id


async def filled(world: World, queue: Queue | None = None) -> tuple[Queue, dict[str, Token]]:
    """A queue with one token of each kind."""
    queue = queue or await world.queue()
    kinds: dict[str, dict[str, object]] = {
        "waiting": {"status": TokenStatus.WAITING},
        "held": {"status": TokenStatus.WAITING, "on_hold": True},
        "called": {"status": TokenStatus.CALLED, "last_called_at": NOW, "called_at": NOW},
        "in progress": {"status": TokenStatus.IN_PROGRESS},
        "completed": {"status": TokenStatus.COMPLETED},
        "skipped": {"status": TokenStatus.SKIPPED},
        "cancelled": {"status": TokenStatus.CANCELLED},
    }
    tokens = {
        kind: build_token(queue, number=number, **fields)
        for number, (kind, fields) in enumerate(kinds.items(), start=1)
    }
    await world.keep(*tokens.values())
    await save(
        world, replace(queue, last_issued_number=7, waiting_count=2, on_hold_count=1, now_serving=4)
    )
    return await world.queue_of(queue.id), tokens


async def crowded(world: World, number: int) -> Queue:
    """A queue in which so many wait."""
    queue = await world.queue(
        await world.clinic(max_queue_size=1000), waiting_count=number, last_issued_number=number
    )
    tokens = [build_token(queue, number=one) for one in range(1, number + 1)]
    async with world.storage.write() as uow:
        await uow.tokens.add(tokens)
        await uow.commit()
    return queue


async def save(world: World, queue: Queue) -> None:
    async with world.storage.write() as uow:
        await uow.queues.save(queue)
        await uow.commit()


async def ended(world: World, queue: Queue) -> bool:
    """Whether its day has ended altogether."""
    stored = await world.queue_of(queue.id)
    if stored.ended_at is None:
        return False
    assert (stored.is_closed, stored.is_active) == (True, False)
    assert (stored.waiting_count, stored.on_hold_count, stored.upcoming) == (0, 0, ())
    assert not any(token.status in ACTIVE for token in await world.tokens_of(queue.id))
    return True


# By the clock


async def test_at_midnight_whoever_waits_or_was_called_is_cancelled_and_who_is_seen_was_served(
    world: World,
) -> None:
    queue, tokens = await filled(world)
    world.clock.set(queue.day_ends_at - timedelta(milliseconds=1))
    assert await world.use.closing.end_days() == 0
    at = world.clock.advance(milliseconds=1)
    assert await world.use.closing.end_days() == 1
    assert await ended(world, queue)
    for kind in ("waiting", "held", "called"):
        gone = await world.token_of(tokens[kind].id)
        assert gone == replace(
            tokens[kind],
            status=TokenStatus.CANCELLED,
            cancel_reason=CancelReason.DAY_ENDED,
            cancelled_at=at,
            on_hold=False,
            version=2,
        )
    served = await world.token_of(tokens["in progress"].id)
    assert served == replace(
        tokens["in progress"], status=TokenStatus.COMPLETED, completed_at=at, version=2
    )
    for kind in ("completed", "skipped", "cancelled"):
        assert await world.token_of(tokens[kind].id) == tokens[kind]
    assert (await world.queue_of(queue.id)).last_served_number == 4
    (entry,) = world.told
    assert {(event.actor, event.at) for event in entry.events} == {(SYSTEM, at)}
    assert [type(event) for event in entry.events] == [
        events.QueueClosed,
        events.TokenCancelled,
        events.TokenCancelled,
        events.TokenCancelled,
        events.TokenCompleted,
    ]
    assert (await world.history_of(tokens["held"].id))[-1].reason == "DAY_ENDED"
    assert await world.use.closing.end_days() == 0


async def test_an_empty_queue_ends_too(world: World) -> None:
    queue = await world.queue()
    world.clock.set(queue.day_ends_at)
    assert await world.use.closing.end_days() == 1
    assert await ended(world, queue)
    assert [type(event) for event in world.events] == [events.QueueClosed]


@pytest.mark.parametrize(
    ("timezone", "noon", "midnight"),
    [
        # New York sets its clocks forward on the 8th of March 2026, back on the 1st of November.
        (
            "America/New_York",
            datetime(2026, 3, 8, 16, tzinfo=UTC),
            datetime(2026, 3, 9, 4, tzinfo=UTC),
        ),
        (
            "America/New_York",
            datetime(2026, 11, 1, 17, tzinfo=UTC),
            datetime(2026, 11, 2, 5, tzinfo=UTC),
        ),
        # Lord Howe Island by half an hour, on the 4th of October and on the 5th of April.
        (
            "Australia/Lord_Howe",
            datetime(2026, 10, 4, 1, tzinfo=UTC),
            datetime(2026, 10, 4, 13, tzinfo=UTC),
        ),
        (
            "Australia/Lord_Howe",
            datetime(2026, 4, 5, 1, 30, tzinfo=UTC),
            datetime(2026, 4, 5, 13, 30, tzinfo=UTC),
        ),
        # Havana's clocks jump from midnight to one on the 8th of March: that day begins at one.
        (
            "America/Havana",
            datetime(2026, 3, 7, 17, tzinfo=UTC),
            datetime(2026, 3, 8, 5, tzinfo=UTC),
        ),
    ],
)
async def test_the_day_ends_at_local_midnight_on_days_when_clocks_change_too(
    world: World, timezone: str, noon: datetime, midnight: datetime
) -> None:
    world.clock.set(noon)
    queue = await world.queue(await world.clinic(timezone=timezone), at=noon)
    world.clock.set(midnight - timedelta(milliseconds=1))
    assert (await world.use.issuing.issue(queue.id, actor=build_actor())).number == 1
    assert await world.use.closing.end_days() == 0
    world.clock.set(midnight)
    assert await world.use.closing.end_days() == 1
    assert await ended(world, queue)


async def test_days_that_ended_while_no_process_ran_are_made_up_for_and_todays_goes_on(
    world: World,
) -> None:
    clinic = await world.clinic()
    over = [
        await world.queue(clinic, at=NOW + timedelta(days=day), waiting_count=1) for day in range(5)
    ]
    for queue in over:
        await world.keep(build_token(queue))
    world.clock.advance(days=5)
    today = await world.queue(clinic, at=world.clock.now())
    (waits,) = await world.waiting_in(today, 1)
    assert await world.use.closing.end_days(batch=2) == 5
    assert [await ended(world, queue) for queue in over] == [True] * 5
    assert (await world.token_of(waits.id)).status is TokenStatus.WAITING
    assert not (await world.queue_of(today.id)).is_closed


async def test_each_clinic_has_its_own_midnight(world: World) -> None:
    east = await world.queue(await world.clinic(timezone="Europe/Berlin"))
    west = await world.queue(await world.clinic(timezone="America/Los_Angeles"))
    world.clock.set(east.day_ends_at)
    assert await world.use.closing.end_days() == 1
    assert [await ended(world, queue) for queue in (east, west)] == [True, False]


@pytest.mark.parametrize("number", [ENDED_AT_ONCE - 1, ENDED_AT_ONCE, 2 * ENDED_AT_ONCE + 50])
async def test_a_crowd_is_ended_piece_by_piece_so_that_nothing_else_waits_long(
    world: World, number: int
) -> None:
    queue = await crowded(world, number)
    world.clock.set(queue.day_ends_at)
    assert await world.use.closing.end_days() == 1
    assert await ended(world, queue)
    pieces = [
        sum(isinstance(event, events.TokenCancelled) for event in entry.events)
        for entry in world.told
    ]
    assert sum(pieces) == number
    assert max(pieces) <= ENDED_AT_ONCE
    assert sum(isinstance(event, events.QueueClosed) for event in world.events) == 1
    assert {token.version for token in await world.tokens_of(queue.id)} == {2}


async def test_several_processes_at_once_end_each_day_and_each_token_once(world: World) -> None:
    queues = [await crowded(world, number) for number in (0, 3, 150, 220)]
    world.clock.set(queues[0].day_ends_at)
    counts, refused = await outcomes(world.use.closing.end_days(batch=3) for _ in range(4))
    assert (sum(counts), refused) == (4, [])
    assert [await ended(world, queue) for queue in queues] == [True] * 4
    assert sum(isinstance(event, events.QueueClosed) for event in world.events) == 4
    assert sum(isinstance(event, events.TokenCancelled) for event in world.events) == 373


async def test_a_process_that_dies_in_the_middle_leaves_the_rest_to_the_next(
    world: World,
) -> None:
    queue = await crowded(world, 2 * ENDED_AT_ONCE + 50)
    world.clock.set(queue.day_ends_at)
    away = Unavailable("The database is away.")
    world.when_told = lambda: world.storage.commit_errors.append(away)
    with pytest.raises(Unavailable):
        await world.use.closing.end_days()
    statuses = [token.status for token in await world.tokens_of(queue.id)]
    assert statuses.count(TokenStatus.CANCELLED) == ENDED_AT_ONCE
    world.when_told = lambda: None
    assert await world.use.closing.end_days() == 1
    assert await ended(world, queue)


async def test_one_day_that_cannot_be_ended_holds_up_no_other_and_is_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await world.queue(), await world.queue()
    world.clock.set(first.day_ends_at)
    world.storage.commit_errors.append(RuntimeError("a bug"))
    with caplog.at_level(logging.ERROR):
        assert await world.use.closing.end_days() == 1
    assert str(first.id) in caplog.text
    assert await ended(world, second)
    assert await world.use.closing.end_days() == 1
    assert await ended(world, first)


async def test_a_lost_race_is_run_again(world: World) -> None:
    queue, _ = await filled(world)
    world.clock.set(queue.day_ends_at)
    world.storage.commit_errors.append(TransactionConflict())
    assert await world.use.closing.end_days() == 1
    assert len(world.told) == 1


async def test_calling_and_the_days_end_at_one_moment_leave_nobody_active(world: World) -> None:
    queue, _ = await filled(world)
    admin = await world.admin()
    world.clock.set(queue.day_ends_at)

    async def call() -> int:
        await world.use.calling.call_next(queue.id, actor=admin)
        return 0

    counts, refused = await outcomes([call(), world.use.closing.end_days(), call()])
    assert sum(counts) == 1
    assert [error.code for error in refused] == ["queue_empty"]
    assert await ended(world, queue)


# By staff


@pytest.mark.parametrize("by", ["staff", "admin"])
async def test_staff_end_the_day_now(world: World, by: str) -> None:
    queue, tokens = await filled(world)
    actor = await (world.staff_of(queue.clinic_id) if by == "staff" else world.admin())
    closed = await world.use.closing.close(queue.id, actor=actor)
    assert closed == await world.queue_of(queue.id)
    assert (closed.closed_at, closed.ended_at) == (NOW, NOW)
    assert await ended(world, queue)
    gone = await world.token_of(tokens["called"].id)
    assert (gone.status, gone.cancel_reason) == (TokenStatus.CANCELLED, CancelReason.DAY_ENDED)
    assert {event.actor for event in world.events} == {actor}


async def test_closing_a_closed_queue_changes_nothing_nor_does_midnight(world: World) -> None:
    queue, _ = await filled(world)
    admin = await world.admin()
    closed = await world.use.closing.close(queue.id, actor=admin)
    world.forget_events()
    world.clock.advance(minutes=1)
    assert await world.use.closing.close(queue.id, actor=admin) == closed
    world.clock.set(queue.day_ends_at)
    assert await world.use.closing.end_days() == 0
    assert (await world.queue_of(queue.id), world.told) == (closed, [])


async def test_of_many_who_close_at_once_the_day_ends_once(world: World) -> None:
    queue = await crowded(world, 250)
    admin = await world.admin()
    closed, refused = await outcomes(
        world.use.closing.close(queue.id, actor=admin) for _ in range(3)
    )
    assert (len(closed), refused) == (3, [])
    assert await ended(world, queue)
    assert sum(isinstance(event, events.TokenCancelled) for event in world.events) == 250


async def test_what_staff_began_to_close_is_closed_and_ended_by_the_clock_if_need_be(
    world: World,
) -> None:
    queue = await crowded(world, 2 * ENDED_AT_ONCE)
    away = Unavailable("The database is away.")
    world.when_told = lambda: world.storage.commit_errors.append(away)
    with pytest.raises(Unavailable):
        await world.use.closing.close(queue.id, actor=await world.admin())
    world.when_told = lambda: None
    assert not await ended(world, queue)
    with pytest.raises(Conflict) as refused:
        await world.use.issuing.issue(queue.id, actor=build_actor())
    assert refused.value.code == "queue_closed"
    assert await world.use.closing.end_days() == 1
    assert await ended(world, queue)
    assert sum(isinstance(event, events.QueueClosed) for event in world.events) == 1


async def test_patients_guests_and_another_clinics_staff_close_nothing(world: World) -> None:
    queue, _ = await filled(world)
    elsewhere = await world.clinic()
    for actor in (
        await world.patient(),
        await world.actor(build_guest()),
        await world.staff_of(elsewhere.id),
    ):
        with pytest.raises(Forbidden):
            await world.use.closing.close(queue.id, actor=actor)
    assert await world.queue_of(queue.id) == queue


async def test_a_queue_that_does_not_exist_is_not_closed(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.use.closing.close(QueueId(new_id()), actor=await world.admin())
    assert refused.value.code == "queue_not_found"


# What a closed queue does no more


async def closed_with_one_skipped(world: World) -> tuple[Queue, Token, Actor]:
    queue = await world.queue(await world.clinic(guest_join=True, join_digest="a digest"))
    staff = await world.staff_of(queue.clinic_id)
    (token,) = await world.waiting_in(queue, 1)
    await world.use.moves.skip(token.id, actor=staff)
    return await world.use.closing.close(queue.id, actor=staff), token, staff


async def test_a_closed_queue_issues_nothing_and_takes_nobody_back(world: World) -> None:
    queue, token, staff = await closed_with_one_skipped(world)
    with pytest.raises(Conflict) as issuing:
        await world.use.issuing.issue(queue.id, actor=build_actor())
    with pytest.raises(Conflict) as walking_in:
        await world.use.guests.admit_walk_in(queue.id, actor=staff)
    with pytest.raises(Conflict) as rejoining:
        await world.use.moves.rejoin(token.id, actor=holding(token))
    assert {one.value.code for one in (issuing, walking_in, rejoining)} == {"queue_closed"}
    with pytest.raises(Conflict) as calling:
        await world.use.calling.call_next(queue.id, actor=staff)
    assert calling.value.code == "queue_empty"
    with pytest.raises(Conflict) as undoing:
        await world.use.undoing.undo(queue.id, actor=staff)
    assert undoing.value.code == "nothing_to_undo"
    assert len(await world.tokens_of(queue.id)) == 1


async def test_the_next_day_has_a_queue_of_its_own(world: World) -> None:
    queue, _, staff = await closed_with_one_skipped(world)
    with pytest.raises(Conflict) as refused:
        await world.use.queues.open(queue.clinic_id, actor=staff)
    assert refused.value.code == "queue_exists"
    world.clock.advance(days=1)
    tomorrow = await world.use.queues.open(queue.clinic_id, actor=staff)
    assert (await world.use.issuing.issue(tomorrow.id, actor=build_actor())).number == 1
