"""Staff at the desk: who is called, whose patient is finished, what is written down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from qure.application.ports.storage import TransactionConflict
from qure.application.queueing.desk import Desk
from qure.domain import events
from qure.domain.actor import Actor, Role
from qure.domain.errors import Conflict, Forbidden, NotFound
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Token, TokenStatus
from tests.application.world import World, acting, outcomes
from tests.support.builders import build_actor, build_token, build_user, new_id

Move = Callable[..., Awaitable[Token]]


async def waiting_in(world: World, queue: Queue, number: int) -> list[Token]:
    """So many patients take a token."""
    tokens = [await world.use.issuing.issue(queue.id, actor=build_actor()) for _ in range(number)]
    world.forget_events()
    return tokens


async def staff_actions_on(world: World, token: Token) -> list[tuple[UUID | None, str]]:
    """Who of the staff did what with it, oldest first."""
    return [
        (one.actor_id, one.event)
        for one in await world.history_of(token.id)
        if one.actor_role is not Role.PATIENT
    ]


async def test_the_lowest_waiting_number_is_called(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    first, _, _ = await waiting_in(world, queue, 3)
    at = world.clock.advance(minutes=1)
    called = await world.use.desk.call_next(queue.id, actor=staff)
    assert called == replace(
        first,
        status=TokenStatus.CALLED,
        version=2,
        called_at=at,
        assigned_to=staff.user_id,
    )
    stored = await world.queue_of(queue.id)
    assert (stored.now_serving, stored.waiting_count) == (1, 2)
    assert (await world.tokens_of(queue.id))[0] == called
    assert [type(event) for event in world.events] == [events.TokenCalled]
    assert await staff_actions_on(world, first) == [(staff.user_id, "TokenCalled")]


async def test_calling_the_next_finishes_the_callers_own_patients_and_nobody_elses(
    world: World,
) -> None:
    queue = await world.queue()
    one, other = [await world.staff_of(queue.clinic_id) for _ in range(2)]
    first, second, third, fourth = await waiting_in(world, queue, 4)
    await world.use.desk.call_next(queue.id, actor=one)
    await world.use.desk.call_next(queue.id, actor=other)
    await world.use.desk.start(second.id, actor=other)
    world.forget_events()
    called = await world.use.desk.call_next(queue.id, actor=one)
    assert called.id == third.id
    statuses = [token.status for token in await world.tokens_of(queue.id)]
    assert statuses == [
        TokenStatus.COMPLETED,
        TokenStatus.IN_PROGRESS,
        TokenStatus.CALLED,
        TokenStatus.WAITING,
    ]
    assert (await world.queue_of(queue.id)).last_served_number == 1
    assert len(world.told) == 1, "one change is one entry"
    assert [type(event) for event in world.events] == [events.TokenCompleted, events.TokenCalled]
    assert await staff_actions_on(world, first) == [
        (one.user_id, "TokenCalled"),
        (one.user_id, "TokenCompleted"),
    ]
    assert (await world.use.desk.call_next(queue.id, actor=other)).id == fourth.id
    statuses = [token.status for token in await world.tokens_of(queue.id)]
    assert statuses[1:3] == [TokenStatus.COMPLETED, TokenStatus.CALLED]


async def test_whoever_started_a_patient_has_them_in_hand_not_whoever_called(
    world: World,
) -> None:
    queue = await world.queue()
    caller, doctor = [await world.staff_of(queue.clinic_id) for _ in range(2)]
    await waiting_in(world, queue, 2)
    called = await world.use.desk.call_next(queue.id, actor=caller)
    await world.use.desk.start(called.id, actor=doctor)
    await world.use.desk.call_next(queue.id, actor=caller)
    assert (await world.tokens_of(queue.id))[0].status is TokenStatus.IN_PROGRESS


async def test_when_nobody_waits_the_caller_is_told_and_keeps_whom_they_have(
    world: World,
) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    await waiting_in(world, queue, 1)
    called = await world.use.desk.call_next(queue.id, actor=staff)
    world.forget_events()
    with pytest.raises(Conflict) as refused:
        await world.use.desk.call_next(queue.id, actor=staff)
    assert refused.value.code == "queue_empty"
    assert await world.tokens_of(queue.id) == [called]
    assert world.told == []


@pytest.mark.parametrize("callers", [2, 12])
async def test_many_who_call_at_once_never_get_the_same_token(world: World, callers: int) -> None:
    queue = await world.queue()
    staff = [await world.staff_of(queue.clinic_id) for _ in range(callers)]
    await waiting_in(world, queue, 10)
    called, refused = await outcomes(world.use.desk.call_next(queue.id, actor=one) for one in staff)
    numbers = [token.number for token in called]
    assert sorted(numbers) == list(range(1, min(callers, 10) + 1))
    assert [error.code for error in refused] == ["queue_empty"] * max(0, callers - 10)
    assert {token.assigned_to for token in called} <= {one.user_id for one in staff}
    stored = await world.queue_of(queue.id)
    assert stored.now_serving == max(numbers)
    assert stored.waiting_count == 10 - len(numbers)


async def test_a_patient_who_leaves_as_they_are_called_either_left_or_was_called(
    world: World,
) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    for first_to_act in ("staff", "patient"):
        patient = acting(build_user())
        token = await world.use.issuing.issue(queue.id, actor=patient)
        calls = world.use.desk.call_next(queue.id, actor=staff)
        leaves = world.use.tokens.cancel(
            token.id,
            actor=patient,
        )
        both: list[Awaitable[Token]] = [calls, leaves]
        if first_to_act == "patient":
            both.reverse()
        won, (lost,) = await outcomes(both)
        (stored,) = [one for one in await world.tokens_of(queue.id) if one.id == token.id]
        assert won == [stored]
        if first_to_act == "staff":
            assert (stored.status, lost.code) == (TokenStatus.CALLED, "illegal_transition")
        else:
            assert (stored.status, lost.code) == (TokenStatus.CANCELLED, "queue_empty")
        assert (await world.queue_of(queue.id)).waiting_count == 0


@pytest.mark.parametrize(
    ("move", "start", "to", "event"),
    [
        (
            Desk.start,
            TokenStatus.CALLED,
            TokenStatus.IN_PROGRESS,
            events.TokenStarted,
        ),
        (
            Desk.complete,
            TokenStatus.IN_PROGRESS,
            TokenStatus.COMPLETED,
            events.TokenCompleted,
        ),
        (
            Desk.complete,
            TokenStatus.CALLED,
            TokenStatus.COMPLETED,
            events.TokenCompleted,
        ),
        (
            Desk.skip,
            TokenStatus.CALLED,
            TokenStatus.SKIPPED,
            events.TokenSkipped,
        ),
        (
            Desk.skip,
            TokenStatus.WAITING,
            TokenStatus.SKIPPED,
            events.TokenSkipped,
        ),
    ],
)
@pytest.mark.parametrize("by", ["staff", "admin"])
@pytest.mark.parametrize("names_queue", [True, False])
async def test_staff_and_admins_move_a_token_and_it_is_written_down(
    world: World,
    move: Move,
    start: TokenStatus,
    to: TokenStatus,
    event: type[events.TokenChanged],
    by: str,
    names_queue: bool,
) -> None:
    queue = await world.queue(waiting_count=1, last_issued_number=1)
    actor = await (world.staff_of(queue.clinic_id) if by == "staff" else world.admin())
    token = build_token(queue, status=start)
    await world.keep(token)
    at = world.clock.advance(minutes=1)
    moved = await move(
        world.use.desk, token.id, queue_id=queue.id if names_queue else None, actor=actor
    )
    assert moved.status is to
    assert await world.tokens_of(queue.id) == [moved]
    assert (await world.queue_of(queue.id)).version == queue.version + 1
    (told,) = world.events
    assert isinstance(told, event)
    assert (told.token, told.from_status, told.actor) == (moved, start, actor)
    (written,) = await world.history_of(token.id)
    assert (written.actor_id, written.actor_role) == (actor.id, actor.role)
    assert (written.event, written.created_at) == (event.__name__, at)
    assert (written.from_status, written.to_status) == (start, to)


def moves() -> list[Any]:
    return [pytest.param(move, id=move.__name__) for move in (Desk.start, Desk.complete, Desk.skip)]


@pytest.mark.parametrize("move", moves())
async def test_a_move_that_is_not_allowed_changes_nothing_and_is_not_written_down(
    world: World, move: Move
) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    token = build_token(queue, status=TokenStatus.COMPLETED)
    await world.keep(token)
    with pytest.raises(Conflict) as refused:
        await move(world.use.desk, token.id, actor=staff)
    assert refused.value.code == "illegal_transition"
    assert await world.tokens_of(queue.id) == [token]
    assert await world.queue_of(queue.id) == queue
    assert (world.told, await world.history_of(token.id)) == ([], [])


async def strangers(world: World) -> list[Actor]:
    elsewhere = await world.clinic()
    return [await world.patient(), await world.staff_of(elsewhere.id)]


@pytest.mark.parametrize("move", moves())
async def test_patients_and_another_clinics_staff_move_nothing(world: World, move: Move) -> None:
    queue = await world.queue()
    token = build_token(queue, status=TokenStatus.CALLED)
    await world.keep(token)
    for actor in await strangers(world):
        with pytest.raises(Forbidden):
            await move(world.use.desk, token.id, actor=actor)
    assert await world.tokens_of(queue.id) == [token]


async def test_patients_and_another_clinics_staff_call_nobody(world: World) -> None:
    queue = await world.queue()
    (token,) = await waiting_in(world, queue, 1)
    for actor in await strangers(world):
        with pytest.raises(Forbidden):
            await world.use.desk.call_next(queue.id, actor=actor)
    assert await world.tokens_of(queue.id) == [token]


async def test_a_patient_learns_nothing_about_what_exists(world: World) -> None:
    patient = await world.patient()
    with pytest.raises(Forbidden):
        await world.use.desk.call_next(QueueId(new_id()), actor=patient)
    with pytest.raises(Forbidden):
        await world.use.desk.start(TokenId(new_id()), actor=patient)


@pytest.mark.parametrize("move", moves())
async def test_a_token_of_another_queue_is_not_found_in_this_one(world: World, move: Move) -> None:
    here, there = await world.queue(), await world.queue()
    token = build_token(there, status=TokenStatus.CALLED)
    await world.keep(token)
    with pytest.raises(NotFound) as refused:
        await move(world.use.desk, token.id, queue_id=here.id, actor=await world.admin())
    assert refused.value.code == "token_not_found"
    assert await world.tokens_of(there.id) == [token]


async def test_what_does_not_exist_is_not_found(world: World) -> None:
    admin, queue = await world.admin(), await world.queue()
    with pytest.raises(NotFound) as refused:
        await world.use.desk.call_next(QueueId(new_id()), actor=admin)
    assert refused.value.code == "queue_not_found"
    for queue_id in (None, queue.id):
        with pytest.raises(NotFound) as refused:
            await world.use.desk.skip(TokenId(new_id()), queue_id=queue_id, actor=admin)
        assert refused.value.code == "token_not_found"


async def test_a_call_that_lost_a_race_is_made_again_as_one_change(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    (token,) = await waiting_in(world, queue, 1)
    world.storage.commit_errors += [TransactionConflict(), TransactionConflict()]
    await world.use.desk.call_next(queue.id, actor=staff)
    assert len(world.told) == 1
    assert len(await staff_actions_on(world, token)) == 1


async def test_moves_are_repeated_too_when_a_race_was_lost(world: World) -> None:
    queue = await world.queue()
    token = build_token(queue, status=TokenStatus.CALLED)
    await world.keep(token)
    admin = await world.admin()
    world.storage.commit_errors.append(TransactionConflict())
    moved = await world.use.desk.start(token.id, actor=admin)
    assert moved.status is TokenStatus.IN_PROGRESS
