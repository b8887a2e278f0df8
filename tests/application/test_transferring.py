"""Staff hand a patient over to another service: the old token ends, a new one begins there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.errors import Conflict, Forbidden, Invalid, NotFound
from qure.domain.ids import ServiceId, TokenId
from qure.domain.issuing import MAX_TAKES
from qure.domain.queue import Queue
from qure.domain.service import Service
from qure.domain.token import ActiveTokenExists, CancelReason, Priority, Token, TokenStatus
from tests.application.world import MAX_ACTIVE, World, holding, outcomes
from tests.support.builders import NOW, build_actor, build_guest, build_token, new_id


@dataclass
class House:
    """A clinic with the queues of two services, and one of its staff."""

    world: World
    general: Queue
    blood: Service
    of_blood: Queue
    staff: Actor

    async def transfer(self, token: Token, actor: Actor | None = None, /, **said: Any) -> Token:
        return await self.world.use.transferring.transfer(
            token.id, **({"service_id": self.blood.id} | said), actor=actor or self.staff
        )

    async def given(self, gone: Token) -> Token:
        """The token of the other queue."""
        assert gone.transferred_to is not None
        return await self.world.token_of(gone.transferred_to)

    async def nothing_happened(self, *tokens: Token) -> bool:
        """Each token stands as it did, and nobody was told anything."""
        same = [await self.world.token_of(token.id) == token for token in tokens]
        return all(same) and self.world.told == []


@pytest.fixture
async def house(world: World) -> House:
    clinic = await world.clinic()
    blood = await world.service(clinic, name="Blood tests", prefix="B")
    return House(
        world,
        await world.queue(clinic),
        blood,
        await world.queue(clinic, service=blood),
        await world.staff_of(clinic.id),
    )


async def standing(house: House, status: TokenStatus, **fields: Any) -> Token:
    """A token of the first queue that stands so."""
    waits = int(status is TokenStatus.WAITING)
    queue = replace(house.general, last_issued_number=1, waiting_count=waits, events=[])
    async with house.world.storage.write() as uow:
        await uow.queues.save(queue)
        token = build_token(queue, status=status, **fields)
        await uow.tokens.add([token])
        await uow.commit()
    return token


@pytest.mark.parametrize(
    ("status", "ends", "reason"),
    [
        (TokenStatus.WAITING, TokenStatus.CANCELLED, CancelReason.TRANSFERRED),
        (TokenStatus.CALLED, TokenStatus.COMPLETED, None),
        (TokenStatus.IN_PROGRESS, TokenStatus.COMPLETED, None),
    ],
)
async def test_the_old_token_ends_and_a_new_one_waits_each_names_the_other(
    house: House, status: TokenStatus, ends: TokenStatus, reason: CancelReason | None
) -> None:
    token = await standing(
        house, status, name="Ada Lovelace", phone="0123", note="in a wheelchair", guest=True
    )
    at = house.world.clock.advance(minutes=1)
    gone = await house.transfer(token)
    new = await house.given(gone)
    assert (gone.status, gone.cancel_reason, gone.version) == (ends, reason, 2)
    assert await house.world.token_of(token.id) == gone
    assert new == build_token(
        house.of_blood,
        id=new.id,
        patient_id=token.patient_id,
        number=1,
        place=new.place,
        created_at=at,
        transferred_from=token.id,
        name="Ada Lovelace",
        phone="0123",
        note="in a wheelchair",
        guest=True,
    )
    assert new.label == "B001"
    general = await house.world.queue_of(house.general.id)
    of_blood = await house.world.queue_of(house.of_blood.id)
    assert (general.waiting_count, of_blood.waiting_count) == (0, 1)
    (entry,) = house.world.told
    assert [type(event) for event in entry.events] == [events.TokenTransferred, events.TokenIssued]
    assert {event.actor for event in entry.events} == {house.staff}
    assert (await house.world.history_of(token.id))[-1].reason == "TRANSFERRED"


async def test_a_held_one_goes_over_and_waits_there(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    held = await house.world.use.moves.hold(token.id, actor=holding(token))
    gone = await house.transfer(held)
    assert not gone.on_hold
    assert (await house.given(gone)).waits
    general = await house.world.queue_of(house.general.id)
    assert (general.waiting_count, general.on_hold_count) == (0, 0)


@pytest.mark.parametrize(
    ("said", "order"),
    [
        ({}, [1, 2, 3]),
        ({"first": True}, [3, 1, 2]),
        ({"priority": Priority.URGENT}, [3, 1, 2]),
    ],
)
async def test_they_come_last_or_first_or_in_another_class(
    house: House, said: dict[str, Any], order: list[int]
) -> None:
    await house.world.waiting_in(house.of_blood, 2)
    first, other = await house.world.waiting_in(house.general, 2)
    await house.transfer(first, **said)
    assert await house.world.line_of(house.of_blood.id) == order
    shown = (await house.world.queue_of(house.of_blood.id)).status().next
    assert shown == tuple(f"B{number:03d}" for number in order)
    assert await house.world.line_of(house.general.id) == [other.number]
    assert (await house.world.queue_of(house.general.id)).status().next == ("2",)


async def test_their_class_goes_with_them_unless_another_is_said(house: House) -> None:
    for said, priority in (
        ({}, Priority.PRIORITY),
        ({"priority": Priority.NORMAL}, Priority.NORMAL),
    ):
        (token,) = await house.world.waiting_in(house.general, 1)
        await house.world.use.moves.change_priority(
            token.id, priority=Priority.PRIORITY, actor=house.staff
        )
        assert (await house.given(await house.transfer(token, **said))).priority is priority


async def test_the_patient_goes_on_with_the_new_token(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    gone = await house.transfer(token, queue_id=house.general.id)
    patient = holding(token)
    seen = await house.world.use.tokens.active_of(patient.user_id, actor=patient)
    assert seen == await house.given(gone)
    called = await house.world.use.calling.call_next(house.of_blood.id, actor=house.staff)
    assert called.id == gone.transferred_to
    back = await house.transfer(called, service_id=house.general.service_id)
    assert (await house.given(back)).number == 2


# What it does not count as


async def test_it_is_no_take_whoever_has_taken_three_numbers_is_still_handed_over(
    house: House,
) -> None:
    patient = build_actor()
    for _ in range(MAX_TAKES):
        taken = await house.world.use.issuing.issue(house.of_blood.id, actor=patient)
        await house.world.use.moves.cancel(taken.id, actor=patient)
    token = await house.world.use.issuing.issue(house.general.id, actor=patient)
    new = await house.given(await house.transfer(token))
    assert new.number == MAX_TAKES + 1


async def test_it_uses_up_none_of_the_three_numbers_of_that_queue(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    patient = holding(token)
    new = await house.given(await house.transfer(token))
    await house.world.use.moves.cancel(new.id, actor=patient)
    for _ in range(MAX_TAKES):
        taken = await house.world.use.issuing.issue(house.of_blood.id, actor=patient)
        await house.world.use.moves.cancel(taken.id, actor=patient)
    with pytest.raises(Conflict) as refused:
        await house.world.use.issuing.issue(house.of_blood.id, actor=patient)
    assert refused.value.code == "too_many_takes"


async def test_it_does_not_count_towards_the_active_ones(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    patient = holding(token)
    others = [await house.world.queue() for _ in range(MAX_ACTIVE)]
    for queue in others[:-1]:
        await house.world.use.issuing.issue(queue.id, actor=patient)
    await house.transfer(token)
    assert (await house.world.use.issuing.issue(others[-1].id, actor=patient)).number == 1


# What is refused


@pytest.mark.parametrize(
    "status", [TokenStatus.COMPLETED, TokenStatus.SKIPPED, TokenStatus.CANCELLED]
)
async def test_one_that_is_over_goes_nowhere(house: House, status: TokenStatus) -> None:
    token = await standing(house, status)
    with pytest.raises(Conflict) as refused:
        await house.transfer(token)
    assert refused.value.code == "illegal_transition"
    assert await house.nothing_happened(token)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"is_active": False}, "queue_not_open"),
        ({"is_active": False, "closed_at": NOW}, "queue_not_open"),
        ({"last_issued_number": 50}, "queue_full"),
    ],
)
async def test_a_queue_that_takes_nobody_takes_nobody_over(
    house: House, fields: dict[str, Any], code: str
) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    async with house.world.storage.write() as uow:
        await uow.queues.save(replace(house.of_blood, **fields, events=[]))
        await uow.commit()
    with pytest.raises(Conflict) as refused:
        await house.transfer(token)
    assert refused.value.code == code
    assert await house.nothing_happened(token)


async def test_a_service_without_a_queue_today_takes_nobody_over(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    clinic = await house.world.clinic_of(house.general.clinic_id)
    x_rays = await house.world.service(clinic)
    yesterday = await house.world.service(clinic)
    await house.world.queue(clinic, service=yesterday, at=NOW - timedelta(days=1))
    house.world.forget_events()
    for service in (x_rays, yesterday):
        with pytest.raises(Conflict) as refused:
            await house.transfer(token, service_id=service.id)
        assert refused.value.code == "queue_not_open"
    assert await house.nothing_happened(token)


async def test_whoever_is_in_that_queue_already_is_not_handed_over_twice(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    there = await house.world.use.issuing.issue(house.of_blood.id, actor=holding(token))
    house.world.forget_events()
    with pytest.raises(ActiveTokenExists) as refused:
        await house.transfer(token)
    assert refused.value.token == there
    assert await house.nothing_happened(token, there)


async def test_the_service_they_are_in_is_no_other_one(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    with pytest.raises(Invalid) as refused:
        await house.transfer(token, service_id=house.general.service_id)
    assert [error.path for error in refused.value.errors] == ["serviceId"]
    assert await house.nothing_happened(token)


async def test_a_service_of_another_clinic_or_of_none_is_not_found(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    elsewhere = await house.world.queue()
    house.world.forget_events()
    for service_id in (elsewhere.service_id, ServiceId(new_id())):
        with pytest.raises(NotFound) as refused:
            await house.transfer(token, service_id=service_id)
        assert refused.value.code == "service_not_found"
    assert await house.nothing_happened(token)


async def test_a_token_of_another_queue_or_of_none_is_not_found(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    with pytest.raises(NotFound) as refused:
        await house.transfer(token, queue_id=house.of_blood.id)
    assert refused.value.code == "token_not_found"
    with pytest.raises(NotFound) as refused:
        await house.transfer(build_token(id=TokenId(new_id())))
    assert refused.value.code == "token_not_found"
    assert await house.nothing_happened(token)


async def test_nobody_but_staff_of_the_clinic_and_admins_hands_anybody_over(
    house: House,
) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    elsewhere = await house.world.clinic()
    strangers = [
        holding(token),
        await house.world.patient(),
        await house.world.actor(build_guest()),
        await house.world.staff_of(elsewhere.id),
    ]
    house.world.forget_events()
    for actor in strangers:
        with pytest.raises(Forbidden):
            await house.transfer(token, actor)
    assert await house.nothing_happened(token)
    gone = await house.transfer(token, await house.world.admin())
    assert gone.status is TokenStatus.CANCELLED


# At one moment


async def test_of_many_who_hand_one_over_at_once_one_does(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    done, refused = await outcomes(house.transfer(token) for _ in range(4))
    assert len(done) == 1
    assert [error.code for error in refused] == ["illegal_transition"] * 3
    assert len(await house.world.tokens_of(house.of_blood.id)) == 1


async def test_whoever_takes_a_number_there_at_that_moment_has_one_there(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    takes = house.world.use.issuing.issue(house.of_blood.id, actor=holding(token))
    done, refused = await outcomes([house.transfer(token), takes])
    assert len(done) == 1
    assert [error.code for error in refused] == ["active_token_exists"]
    assert len(await house.world.tokens_of(house.of_blood.id)) == 1


async def test_two_who_are_handed_over_the_opposite_ways_at_once_both_get_there(
    house: House,
) -> None:
    (one,) = await house.world.waiting_in(house.general, 1)
    (other,) = await house.world.waiting_in(house.of_blood, 1)
    _, refused = await outcomes(
        [house.transfer(one), house.transfer(other, service_id=house.general.service_id)]
    )
    assert refused == []
    for queue, patient in ((house.general, other), (house.of_blood, one)):
        (waits,) = [token for token in await house.world.tokens_of(queue.id) if token.waits]
        assert waits.patient_id == patient.patient_id


async def test_a_lost_race_is_run_again_as_one_change(house: House) -> None:
    (token,) = await house.world.waiting_in(house.general, 1)
    house.world.storage.commit_errors.append(TransactionConflict())
    await house.transfer(token)
    assert len(house.world.told) == 1
    assert len(await house.world.tokens_of(house.of_blood.id)) == 1
