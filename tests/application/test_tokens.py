"""Looking at tokens: a patient's own, the list that staff see, what has happened to one."""

from __future__ import annotations

import pytest

from qure.application.queueing.tokens import History
from qure.domain.actor import Actor, Role
from qure.domain.errors import Forbidden, NotFound
from qure.domain.ids import QueueId, TokenId
from qure.domain.token import Token, TokenStatus
from tests.application.world import World, acting, holding
from tests.support.builders import (
    build_clinic,
    build_display,
    build_display_user,
    build_guest,
    build_token,
    new_id,
)


async def test_a_patient_sees_the_active_token_with_the_lowest_number_or_none(
    world: World,
) -> None:
    actor = await world.patient()
    assert await world.use.tokens.active_of(actor.user_id, actor=actor) is None
    for number in (5, 3, 9):
        queue = await world.queue()
        await world.keep(build_token(queue, patient_id=actor.user_id, number=number))
    seen = await world.use.tokens.active_of(actor.user_id, actor=actor)
    assert seen is not None
    assert seen.number == 3


async def test_yesterdays_token_is_over(world: World) -> None:
    queue, actor = await world.queue(), await world.patient()
    token = await world.use.issuing.issue(queue.id, actor=actor)
    world.clock.advance(days=1)
    assert await world.use.tokens.active_of(actor.user_id, actor=actor) is None
    assert token.is_active


async def test_nobody_looks_at_anothers_token_and_only_patients_have_one(world: World) -> None:
    patient, other, admin = await world.patient(), await world.patient(), await world.admin()
    for whose, actor in ((patient, other), (patient, admin), (admin, admin)):
        with pytest.raises(Forbidden):
            await world.use.tokens.active_of(whose.user_id, actor=actor)
        with pytest.raises(Forbidden):
            await world.use.tokens.standing_of(whose.user_id, actor=actor)


async def test_a_patients_active_tokens_are_found_whichever_queue_they_are_in(world: World) -> None:
    actor = await world.patient()
    for number, status in enumerate(TokenStatus, start=1):
        queue = await world.queue()
        await world.keep(build_token(queue, patient_id=actor.user_id, number=number, status=status))
    active = await world.use.tokens.all_active_of(actor.user_id)
    assert [token.status for token in active] == [
        TokenStatus.WAITING,
        TokenStatus.CALLED,
        TokenStatus.IN_PROGRESS,
    ]


async def test_staff_and_admins_see_the_list_in_order_and_filtered(world: World) -> None:
    clinic = build_clinic()
    await world.keep(clinic)
    queue = await world.queue(clinic)
    tokens = [
        build_token(queue, number=2, status=TokenStatus.CALLED),
        build_token(queue, number=1, status=TokenStatus.WAITING),
        build_token(queue, number=3, status=TokenStatus.WAITING),
    ]
    await world.keep(*tokens)
    for actor in (await world.admin(), await world.staff_of(clinic.id)):

        async def numbers(
            number: int | None = None,
            status: TokenStatus | None = None,
            actor: Actor = actor,
        ) -> list[int]:
            seen = await world.use.tokens.list_all(
                queue.id, number=number, status=status, actor=actor
            )
            return [token.number for token in seen]

        assert await numbers() == [1, 2, 3]
        assert await numbers(number=2) == [2]
        assert await numbers(number=9) == []
        assert await numbers(status=TokenStatus.WAITING) == [1, 3]
        assert await numbers(number=2, status=TokenStatus.WAITING) == []


async def test_the_list_is_not_for_patients_nor_for_another_clinics_staff(world: World) -> None:
    queue, elsewhere = await world.queue(), await world.clinic()
    for actor in (await world.patient(), await world.staff_of(elsewhere.id)):
        with pytest.raises(Forbidden):
            await world.use.tokens.list_all(queue.id, number=None, status=None, actor=actor)


async def test_a_list_of_no_queue_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.use.tokens.list_all(
            QueueId(new_id()), number=None, status=None, actor=await world.admin()
        )
    assert refused.value.code == "queue_not_found"


async def moved_about(world: World) -> tuple[Token, Actor, Actor]:
    """A token that was called twice from a desk, skipped, and whose patient came back; of whom,
    and by whom of the staff."""
    clinic = await world.clinic()
    queue, desk = await world.queue(clinic), await world.desk(clinic.id, name="Room 3")
    patient = await world.patient(first_name="Ada", last_name="Lovelace")
    staff = await world.staff_of(clinic.id, first_name="Grace", last_name="Hopper")
    await world.use.desks.open(desk.id, actor=staff)
    token = await world.use.issuing.issue(queue.id, actor=patient)
    world.clock.advance(minutes=1)
    await world.use.calling.call_next(queue.id, actor=staff)
    world.clock.advance(minutes=1)
    await world.use.calling.recall(token.id, actor=staff)
    world.clock.advance(minutes=1)
    await world.use.moves.skip(token.id, actor=staff)
    world.clock.advance(minutes=1)
    await world.use.moves.rejoin(token.id, actor=patient)
    return await world.token_of(token.id), patient, staff


def told_by(history: History) -> list[tuple[str, TokenStatus | None, TokenStatus | None]]:
    return [(one.event, one.from_status, one.to_status) for one in history.records]


async def test_every_move_of_a_token_is_told_oldest_first_issuing_is_the_first(
    world: World,
) -> None:
    token, patient, staff = await moved_about(world)
    history = await world.use.tokens.history_of(token.id, actor=staff)
    assert told_by(history) == [
        ("TokenIssued", None, TokenStatus.WAITING),
        ("TokenCalled", TokenStatus.WAITING, TokenStatus.CALLED),
        ("TokenRecalled", TokenStatus.CALLED, TokenStatus.CALLED),
        ("TokenSkipped", TokenStatus.CALLED, TokenStatus.SKIPPED),
        ("TokenRejoined", TokenStatus.SKIPPED, TokenStatus.WAITING),
    ]
    assert [one.created_at for one in history.records] == sorted(
        one.created_at for one in history.records
    )
    assert [one.actor_id for one in history.records] == [
        patient.id,
        staff.id,
        staff.id,
        staff.id,
        patient.id,
    ]
    called = history.records[1]
    assert (called.desk_name, called.actor_role) == ("Room 3", Role.STAFF)
    assert history.records[3].reason == "NO_SHOW"


async def test_staff_and_admins_see_who_did_it_by_name(world: World) -> None:
    token, patient, staff = await moved_about(world)
    for actor in (staff, await world.admin()):
        history = await world.use.tokens.history_of(token.id, actor=actor)
        assert history.is_for_staff
        assert history.names == {
            patient.user_id: "Ada Lovelace",
            staff.user_id: "Grace Hopper",
        }


async def test_its_patient_sees_the_same_moves_and_no_names(world: World) -> None:
    token, patient, staff = await moved_about(world)
    history = await world.use.tokens.history_of(token.id, actor=patient)
    assert (history.is_for_staff, history.names) == (False, {})
    of_staff = await world.use.tokens.history_of(token.id, actor=staff)
    assert told_by(history) == told_by(of_staff)


async def test_a_refused_move_is_not_in_the_history(world: World) -> None:
    token, patient, staff = await moved_about(world)
    with pytest.raises(Forbidden):
        await world.use.moves.start(token.id, actor=patient)
    with pytest.raises(Forbidden):
        await world.use.moves.hold(token.id, actor=await world.patient())
    assert len((await world.use.tokens.history_of(token.id, actor=staff)).records) == 5


async def test_what_the_clock_did_is_in_the_history_and_by_nobody(world: World) -> None:
    queue = await world.queue()
    (token,) = await world.waiting_in(queue, 1)
    world.clock.set(queue.day_ends_at)
    await world.use.closing.end_days()
    history = await world.use.tokens.history_of(token.id, actor=holding(token))
    last = history.records[-1]
    assert (last.event, last.actor_id, last.reason) == ("TokenCancelled", None, "DAY_ENDED")


async def test_nobody_else_reads_a_history(world: World) -> None:
    token, _, staff = await moved_about(world)
    assert staff.clinic_id is not None
    elsewhere = await world.clinic()
    display = build_display(staff.clinic_id)
    for actor in (
        await world.patient(),
        await world.actor(build_guest()),
        await world.staff_of(elsewhere.id),
        acting(build_display_user(display)),
    ):
        with pytest.raises(Forbidden):
            await world.use.tokens.history_of(token.id, actor=actor)


async def test_a_token_that_never_was_has_no_history(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.use.tokens.history_of(TokenId(new_id()), actor=await world.admin())
    assert refused.value.code == "token_not_found"
