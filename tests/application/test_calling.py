"""Staff call patients: the next one, a chosen one, the same one again."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from uuid import UUID

import pytest

from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import Actor, Role
from qure.domain.errors import Conflict, Forbidden, NotFound
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Token, TokenStatus
from tests.application.world import World, holding, outcomes
from tests.support.builders import build_guest, build_token, new_id


async def staff_actions_on(world: World, token: Token) -> list[tuple[UUID | None, str]]:
    """Who of the staff did what with it, oldest first."""
    return [
        (one.actor_id, one.event)
        for one in await world.history_of(token.id)
        if one.actor_role is not Role.PATIENT
    ]


async def statuses_in(world: World, queue: Queue) -> list[TokenStatus]:
    return [token.status for token in await world.tokens_of(queue.id)]


async def test_the_lowest_waiting_number_is_called(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    first, _, _ = await world.waiting_in(queue, 3)
    at = world.clock.advance(minutes=1)
    called = await world.use.calling.call_next(queue.id, actor=staff)
    assert called == replace(
        first,
        status=TokenStatus.CALLED,
        version=2,
        called_at=at,
        last_called_at=at,
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
    first, second, third, fourth = await world.waiting_in(queue, 4)
    await world.use.calling.call_next(queue.id, actor=one)
    await world.use.calling.call_next(queue.id, actor=other)
    await world.use.moves.start(second.id, actor=other)
    world.forget_events()
    called = await world.use.calling.call_next(queue.id, actor=one)
    assert called.id == third.id
    assert await statuses_in(world, queue) == [
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
    assert (await world.use.calling.call_next(queue.id, actor=other)).id == fourth.id
    assert (await statuses_in(world, queue))[1:3] == [TokenStatus.COMPLETED, TokenStatus.CALLED]


async def test_whoever_started_a_patient_has_them_in_hand_not_whoever_called(
    world: World,
) -> None:
    queue = await world.queue()
    caller, doctor = [await world.staff_of(queue.clinic_id) for _ in range(2)]
    await world.waiting_in(queue, 2)
    called = await world.use.calling.call_next(queue.id, actor=caller)
    await world.use.moves.start(called.id, actor=doctor)
    await world.use.calling.call_next(queue.id, actor=caller)
    assert (await statuses_in(world, queue))[0] is TokenStatus.IN_PROGRESS


async def test_when_nobody_waits_the_caller_is_told_and_keeps_whom_they_have(
    world: World,
) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    await world.waiting_in(queue, 1)
    called = await world.use.calling.call_next(queue.id, actor=staff)
    before = await world.queue_of(queue.id)
    world.forget_events()
    with pytest.raises(Conflict) as refused:
        await world.use.calling.call_next(queue.id, actor=staff)
    assert refused.value.code == "queue_empty"
    assert await world.tokens_of(queue.id) == [called]
    assert await world.queue_of(queue.id) == before
    assert world.told == []


@pytest.mark.parametrize("callers", [2, 12])
async def test_many_who_call_at_once_never_get_the_same_token(world: World, callers: int) -> None:
    queue = await world.queue()
    staff = [await world.staff_of(queue.clinic_id) for _ in range(callers)]
    await world.waiting_in(queue, 10)
    called, refused = await outcomes(
        world.use.calling.call_next(queue.id, actor=one) for one in staff
    )
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
        (token,) = await world.waiting_in(queue, 1)
        calls = world.use.calling.call_next(queue.id, actor=staff)
        leaves = world.use.moves.cancel(token.id, actor=holding(token))
        both: list[Awaitable[Token]] = [calls, leaves]
        if first_to_act == "patient":
            both.reverse()
        won, (lost,) = await outcomes(both)
        stored = await world.token_of(token.id)
        assert won == [stored]
        if first_to_act == "staff":
            assert (stored.status, lost.code) == (TokenStatus.CALLED, "illegal_transition")
        else:
            assert (stored.status, lost.code) == (TokenStatus.CANCELLED, "queue_empty")
        assert (await world.queue_of(queue.id)).waiting_count == 0


async def test_a_chosen_one_is_called_out_of_order_and_what_was_in_hand_is_finished(
    world: World,
) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    await world.waiting_in(queue, 3)
    first = await world.use.calling.call_next(queue.id, actor=staff)
    (chosen,) = [one for one in await world.tokens_of(queue.id) if one.number == 3]
    world.forget_events()
    called = await world.use.calling.call(
        chosen.id, queue_id=queue.id, reason="feels faint", actor=staff
    )
    assert (called.status, called.assigned_to) == (TokenStatus.CALLED, staff.user_id)
    assert (await world.token_of(first.id)).status is TokenStatus.COMPLETED
    stored = await world.queue_of(queue.id)
    assert (stored.now_serving, stored.last_served_number, stored.waiting_count) == (3, 1, 1)
    assert [type(event) for event in world.events] == [events.TokenCompleted, events.TokenChosen]
    written = (await world.history_of(chosen.id))[-1]
    assert (written.event, written.reason) == ("TokenChosen", "feels faint")


async def test_one_who_is_held_is_passed_over_by_the_next_call_and_may_be_chosen(
    world: World,
) -> None:
    queue = await world.queue()
    staff, colleague = [await world.staff_of(queue.clinic_id) for _ in range(2)]
    held, second = await world.waiting_in(queue, 2)
    await world.use.moves.hold(held.id, actor=holding(held))
    assert (await world.use.calling.call_next(queue.id, actor=staff)).id == second.id
    with pytest.raises(Conflict) as refused:
        await world.use.calling.call_next(queue.id, actor=staff)
    assert refused.value.code == "queue_empty"
    called = await world.use.calling.call(held.id, actor=colleague)
    assert (called.status, called.on_hold) == (TokenStatus.CALLED, False)
    stored = await world.queue_of(queue.id)
    assert (stored.waiting_count, stored.on_hold_count) == (0, 0)


@pytest.mark.parametrize("status", [one for one in TokenStatus if one is not TokenStatus.WAITING])
async def test_only_one_who_waits_is_chosen(world: World, status: TokenStatus) -> None:
    queue = await world.queue()
    token = build_token(queue, status=status)
    await world.keep(token)
    with pytest.raises(Conflict) as refused:
        await world.use.calling.call(token.id, actor=await world.admin())
    assert refused.value.code == "illegal_transition"
    assert (await world.tokens_of(queue.id), world.told) == ([token], [])


async def test_one_who_does_not_come_is_called_again_and_everyone_sees_it(world: World) -> None:
    queue = await world.queue()
    staff, colleague = [await world.staff_of(queue.clinic_id) for _ in range(2)]
    await world.waiting_in(queue, 2)
    called = await world.use.calling.call_next(queue.id, actor=staff)
    await world.use.calling.call_next(queue.id, actor=colleague)
    for count in (1, 2):
        world.forget_events()
        at = world.clock.advance(minutes=1)
        again = await world.use.calling.recall(called.id, queue_id=queue.id, actor=colleague)
        assert again == replace(
            called, recall_count=count, last_called_at=at, version=called.version + count
        )
        assert [type(event) for event in world.events] == [events.TokenRecalled]
        assert (await world.token_of(called.id)) == again
        shown = (await world.queue_of(queue.id)).calls
        assert [(call.number, call.recall_count) for call in shown] == [(2, 0), (1, count)]
        assert shown[1].called_at == called.called_at, "a recall is no call of its own"


@pytest.mark.parametrize("status", [one for one in TokenStatus if one is not TokenStatus.CALLED])
async def test_only_one_who_was_called_is_called_again(world: World, status: TokenStatus) -> None:
    queue = await world.queue()
    token = build_token(queue, status=status)
    await world.keep(token)
    with pytest.raises(Conflict) as refused:
        await world.use.calling.recall(token.id, actor=await world.admin())
    assert refused.value.code == "illegal_transition"
    assert (await world.tokens_of(queue.id), world.told) == ([token], [])


async def test_whoever_sits_at_a_desk_calls_from_there_and_who_sits_nowhere_from_nowhere(
    world: World,
) -> None:
    clinic = await world.clinic()
    queue, desk = await world.queue(clinic), await world.desk(clinic.id, name="Room 3")
    seated, standing = [await world.staff_of(clinic.id) for _ in range(2)]
    await world.use.desks.open(desk.id, actor=seated)
    _, second, third = await world.waiting_in(queue, 3)
    for called in (
        await world.use.calling.call_next(queue.id, actor=seated),
        await world.use.calling.call(third.id, actor=seated),
    ):
        assert (called.desk_id, called.desk_name) == (desk.id, "Room 3")
    without = await world.use.calling.call(second.id, actor=standing)
    assert (without.desk_id, without.desk_name) == (None, None)
    shown = (await world.queue_of(queue.id)).calls
    assert [(call.number, call.desk_id, call.desk_name) for call in shown] == [
        (2, None, None),
        (3, desk.id, "Room 3"),
        (1, desk.id, "Room 3"),
    ]
    written = (await world.history_of(third.id))[-1]
    assert (written.desk_id, written.desk_name) == (desk.id, "Room 3")


async def test_a_recall_flashes_at_the_desk_of_the_call(world: World) -> None:
    clinic = await world.clinic()
    queue, desk = await world.queue(clinic), await world.desk(clinic.id, name="Room 3")
    seated, standing = [await world.staff_of(clinic.id) for _ in range(2)]
    await world.use.desks.open(desk.id, actor=seated)
    await world.waiting_in(queue, 1)
    called = await world.use.calling.call_next(queue.id, actor=seated)
    again = await world.use.calling.recall(called.id, actor=standing)
    assert (again.desk_name, again.assigned_to) == ("Room 3", seated.user_id)


async def test_a_call_in_another_clinic_does_not_carry_the_desk_of_this_one(world: World) -> None:
    here, there = await world.clinic(), await world.queue()
    desk, admin = await world.desk(here.id), await world.admin()
    await world.use.desks.open(desk.id, actor=admin)
    await world.waiting_in(there, 1)
    called = await world.use.calling.call_next(there.id, actor=admin)
    assert called.desk_id is None


async def strangers(world: World) -> list[Actor]:
    elsewhere = await world.clinic()
    guest = await world.actor(build_guest())
    return [await world.patient(), guest, await world.staff_of(elsewhere.id)]


async def test_patients_guests_and_another_clinics_staff_call_nobody(world: World) -> None:
    queue = await world.queue()
    waiting, called = build_token(queue), build_token(queue, number=2, status=TokenStatus.CALLED)
    await world.keep(waiting, called)
    for actor in await strangers(world):
        with pytest.raises(Forbidden):
            await world.use.calling.call_next(queue.id, actor=actor)
        with pytest.raises(Forbidden):
            await world.use.calling.call(waiting.id, actor=actor)
        with pytest.raises(Forbidden):
            await world.use.calling.recall(called.id, actor=actor)
    assert await world.tokens_of(queue.id) == [waiting, called]


async def test_a_patient_learns_nothing_about_what_exists(world: World) -> None:
    patient = await world.patient()
    with pytest.raises(Forbidden):
        await world.use.calling.call_next(QueueId(new_id()), actor=patient)
    for move in (world.use.calling.call, world.use.calling.recall):
        with pytest.raises(Forbidden):
            await move(TokenId(new_id()), actor=patient)


async def test_what_does_not_exist_is_not_found(world: World) -> None:
    admin, queue = await world.admin(), await world.queue()
    with pytest.raises(NotFound) as refused:
        await world.use.calling.call_next(QueueId(new_id()), actor=admin)
    assert refused.value.code == "queue_not_found"
    for queue_id in (None, queue.id):
        for move in (world.use.calling.call, world.use.calling.recall):
            with pytest.raises(NotFound) as refused:
                await move(TokenId(new_id()), queue_id=queue_id, actor=admin)
            assert refused.value.code == "token_not_found"


async def test_a_token_of_another_queue_is_not_found_in_this_one(world: World) -> None:
    here, there = await world.queue(), await world.queue()
    waiting, called = build_token(there), build_token(there, number=2, status=TokenStatus.CALLED)
    await world.keep(waiting, called)
    admin = await world.admin()
    for move, token in ((world.use.calling.call, waiting), (world.use.calling.recall, called)):
        with pytest.raises(NotFound) as refused:
            await move(token.id, queue_id=here.id, actor=admin)
        assert refused.value.code == "token_not_found"
    assert await world.tokens_of(there.id) == [waiting, called]


async def test_a_call_that_lost_a_race_is_made_again_as_one_change(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    (token,) = await world.waiting_in(queue, 1)
    world.storage.commit_errors += [TransactionConflict(), TransactionConflict()]
    await world.use.calling.call_next(queue.id, actor=staff)
    assert len(world.told) == 1
    assert len(await staff_actions_on(world, token)) == 1
