"""Whoever sits at a desk calls the next of all the queues that it serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.desk import Desk
from qure.domain.errors import Conflict, Forbidden, NotFound
from qure.domain.events import DeskState
from qure.domain.ids import DeskId
from qure.domain.queue import Queue
from qure.domain.token import Priority, Token, TokenStatus
from tests.application.world import World, outcomes
from tests.support.builders import build_guest, build_token, new_id
from tests.support.memory.places import MemoryDesks


class Clinic:
    """Two services with a queue each, and a desk that serves both, at which ``staff`` sits."""

    def __init__(self, world: World, general: Queue, blood: Queue, desk: Desk, staff: Actor):
        self.world = world
        self.general, self.blood = general, blood
        self.desk, self.staff = desk, staff

    async def take(self, queue: Queue, *, priority: Priority = Priority.NORMAL) -> Token:
        """Somebody comes, a minute after whoever came before."""
        self.world.clock.advance(minutes=1)
        admitted = await self.world.use.guests.admit_walk_in(
            queue.id, priority=priority, actor=self.staff
        )
        self.world.forget_events()
        return admitted.token

    async def call(self, actor: Actor | None = None) -> Token:
        return await self.world.use.calling.call_next_at(self.desk.id, actor=actor or self.staff)

    async def colleague_at(self, name: str, *queues: Queue) -> tuple[Actor, Desk]:
        """Somebody else of the clinic, at a desk of their own for these queues."""
        colleague = await self.world.staff_of(self.desk.clinic_id)
        desk = await self.world.desk(self.desk.clinic_id, name=name)
        services = [queue.service_id for queue in queues]
        await self.world.use.desks.open(desk.id, service_ids=services, actor=colleague)
        return colleague, desk

    async def statuses(self) -> dict[str, TokenStatus]:
        tokens = [
            *await self.world.tokens_of(self.general.id),
            *await self.world.tokens_of(self.blood.id),
        ]
        return {token.label: token.status for token in tokens}


@pytest.fixture
async def clinic(world: World) -> Clinic:
    at = await world.clinic()
    blood = await world.service(at, name="Blood tests", prefix="B")
    general = await world.queue(at)
    of_blood = await world.queue(at, service=blood)
    staff, desk = await world.staff_of(at.id), await world.desk(at.id, name="Room 1")
    await world.use.desks.open(desk.id, actor=staff)
    world.forget_events()
    return Clinic(world, general, of_blood, desk, staff)


async def test_of_all_queues_of_the_desk_whoever_has_waited_longest_is_called(
    clinic: Clinic,
) -> None:
    for queue in (clinic.blood, clinic.general, clinic.general, clinic.blood):
        await clinic.take(queue)
    called = [await clinic.call() for _ in range(4)]
    assert [token.label for token in called] == ["B001", "1", "2", "B002"]
    assert {token.desk_name for token in called} == {"Room 1"}


async def test_the_best_class_goes_before_whoever_has_waited_longest(clinic: Clinic) -> None:
    await clinic.take(clinic.general)
    await clinic.take(clinic.blood, priority=Priority.PRIORITY)
    await clinic.take(clinic.general, priority=Priority.URGENT)
    called = [await clinic.call() for _ in range(3)]
    assert [token.label for token in called] == ["2", "B001", "1"]


async def test_each_queue_names_its_next_by_its_own_rule(clinic: Clinic) -> None:
    await clinic.take(clinic.general)
    for _ in range(3):
        await clinic.take(clinic.general, priority=Priority.PRIORITY)
    await clinic.take(clinic.blood)
    called = [await clinic.call() for _ in range(5)]
    # After two of them in a row a NORMAL one of the same queue is due, which has waited longest.
    assert [token.label for token in called] == ["2", "3", "1", "4", "B001"]


async def test_a_desk_calls_for_its_own_services_only(clinic: Clinic) -> None:
    colleague, desk = await clinic.colleague_at("Laboratory", clinic.blood)
    await clinic.take(clinic.general)
    with pytest.raises(Conflict) as refused:
        await clinic.world.use.calling.call_next_at(desk.id, actor=colleague)
    assert refused.value.code == "queue_empty"
    await clinic.take(clinic.blood)
    called = await clinic.world.use.calling.call_next_at(desk.id, actor=colleague)
    assert (called.label, called.desk_name) == ("B001", "Laboratory")


async def test_what_the_caller_had_in_hand_in_any_of_the_queues_is_finished_in_the_same_change(
    clinic: Clinic,
) -> None:
    for queue in (clinic.blood, clinic.general, clinic.general):
        await clinic.take(queue)
    await clinic.call()
    assert (await clinic.call()).label == "1"
    assert (await clinic.statuses())["B001"] is TokenStatus.COMPLETED
    in_one = {type(event) for event in clinic.world.told[-1].events}
    assert in_one == {events.TokenCompleted, events.TokenCalled}
    assert (await clinic.world.queue_of(clinic.blood.id)).last_served_number == 1
    assert (await clinic.world.queue_of(clinic.general.id)).now_serving == 1
    assert (await clinic.call()).label == "2"
    assert (await clinic.statuses())["1"] is TokenStatus.COMPLETED


async def test_desks_with_queues_in_common_call_at_once_and_nobody_is_called_twice(
    clinic: Clinic,
) -> None:
    for queue in (clinic.general, clinic.blood) * 6:
        await clinic.take(queue)
    seats = [
        (clinic.staff, clinic.desk),
        await clinic.colleague_at("Room 2", clinic.general),
        await clinic.colleague_at("Room 3", clinic.blood),
        await clinic.colleague_at("Room 4", clinic.blood, clinic.general),
    ]
    called, refused = await outcomes(
        clinic.world.use.calling.call_next_at(desk.id, actor=who)
        for _ in range(4)
        for who, desk in seats
    )
    labels = [token.label for token in called]
    assert len(labels) == len(set(labels)) == 12
    assert {error.code for error in refused} == {"queue_empty"}
    assert (await clinic.world.queue_of(clinic.general.id)).waiting_count == 0
    assert (await clinic.world.queue_of(clinic.blood.id)).waiting_count == 0


async def test_calling_at_a_desk_that_pauses_resumes_it_first(clinic: Clinic) -> None:
    await clinic.take(clinic.blood)
    await clinic.world.use.desks.pause(clinic.desk.id, actor=clinic.staff)
    assert (await clinic.world.queue_of(clinic.general.id)).open_desks == 0
    clinic.world.forget_events()
    at = clinic.world.clock.advance(minutes=1)
    await clinic.call()
    desk = await clinic.world.desk_of(clinic.desk.id)
    assert (desk.state, desk.since) == (DeskState.OPEN, at)
    for queue in (clinic.general, clinic.blood):
        assert (await clinic.world.queue_of(queue.id)).open_desks == 1
    (entry,) = clinic.world.told
    assert {type(event) for event in entry.events} == {
        events.TokenCalled,
        events.DeskResumed,
        events.QueueDesksChanged,
    }


@pytest.mark.parametrize("pauses", [False, True])
async def test_where_nobody_waits_nothing_changes_not_even_a_pause(
    clinic: Clinic, pauses: bool
) -> None:
    token = await clinic.take(clinic.general)
    await clinic.call()
    if pauses:
        await clinic.world.use.desks.pause(clinic.desk.id, actor=clinic.staff)
    clinic.world.forget_events()
    before = [await clinic.world.queue_of(one.id) for one in (clinic.general, clinic.blood)]
    with pytest.raises(Conflict) as refused:
        await clinic.call()
    assert refused.value.code == "queue_empty"
    after = [await clinic.world.queue_of(one.id) for one in (clinic.general, clinic.blood)]
    assert (after, clinic.world.told) == (before, [])
    assert (await clinic.world.token_of(token.id)).status is TokenStatus.CALLED
    state = DeskState.PAUSED if pauses else DeskState.OPEN
    assert (await clinic.world.desk_of(clinic.desk.id)).state is state


async def test_a_desk_without_a_queue_today_calls_nobody(clinic: Clinic) -> None:
    await clinic.take(clinic.general)
    clinic.world.clock.advance(days=1)
    with pytest.raises(Conflict) as refused:
        await clinic.call()
    assert refused.value.code == "queue_empty"


async def test_nobody_is_called_to_a_desk_at_which_nobody_sits(clinic: Clinic) -> None:
    await clinic.take(clinic.general)
    await clinic.world.use.desks.close(clinic.desk.id, actor=clinic.staff)
    with pytest.raises(Conflict) as refused:
        await clinic.call()
    assert refused.value.code == "desk_closed"


async def test_only_whoever_sits_there_calls_there_admins_are_no_exception(
    clinic: Clinic,
) -> None:
    world = clinic.world
    token = await clinic.take(clinic.general)
    elsewhere, admin = await world.clinic(), await world.admin()
    for actor in (
        admin,
        await world.staff_of(clinic.desk.clinic_id),
        await world.staff_of(elsewhere.id),
        await world.patient(),
        await world.actor(build_guest()),
    ):
        with pytest.raises(Forbidden):
            await clinic.call(actor)
    assert (await world.token_of(token.id)).status is TokenStatus.WAITING
    await world.use.desks.close(clinic.desk.id, actor=clinic.staff)
    await world.use.desks.open(clinic.desk.id, actor=admin)
    assert (await clinic.call(admin)).id == token.id


async def test_a_desk_that_does_not_exist_is_not_found_by_staff(clinic: Clinic) -> None:
    with pytest.raises(NotFound) as refused:
        await clinic.world.use.calling.call_next_at(DeskId(new_id()), actor=clinic.staff)
    assert refused.value.code == "desk_not_found"
    with pytest.raises(Forbidden):
        await clinic.world.use.calling.call_next_at(
            DeskId(new_id()), actor=await clinic.world.patient()
        )


async def test_held_ones_are_passed_over_in_every_queue(clinic: Clinic) -> None:
    held = await clinic.take(clinic.blood)
    await clinic.take(clinic.general)
    await clinic.world.use.moves.hold(held.id, actor=clinic.staff)
    assert (await clinic.call()).label == "1"
    with pytest.raises(Conflict):
        await clinic.call()


async def test_a_call_that_lost_a_race_is_made_again(clinic: Clinic) -> None:
    await clinic.take(clinic.general)
    clinic.world.storage.commit_errors.append(TransactionConflict())
    assert (await clinic.call()).label == "1"
    assert len(clinic.world.told) == 1


@pytest.mark.parametrize(
    "as_seen",
    [
        pytest.param(lambda desk: replace(desk, service_ids=()), id="other services"),
        pytest.param(lambda desk: replace(desk, state=DeskState.PAUSED), id="a pause"),
    ],
)
async def test_a_desk_that_changes_before_it_is_locked_is_looked_at_once_more(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, as_seen: Callable[[Desk], Desk]
) -> None:
    await clinic.take(clinic.general)
    get: Callable[..., Awaitable[Desk]] = MemoryDesks.get  # type: ignore[assignment]
    looks: list[bool] = []

    async def get_an_old_one_first(
        desks: MemoryDesks, id: DeskId, *, lock: bool = False
    ) -> Desk | None:
        looks.append(lock)
        desk = await get(desks, id, lock=lock)
        return as_seen(desk) if len(looks) == 1 else desk

    monkeypatch.setattr(MemoryDesks, "get", get_an_old_one_first)
    assert (await clinic.call()).label == "1"
    assert looks == [False, True] * 2


async def test_yesterdays_tokens_are_not_called_at_todays_desk(clinic: Clinic) -> None:
    world = clinic.world
    service = await world.service_of(clinic.general.service_id)
    yesterday = await world.queue(
        await world.clinic_of(clinic.desk.clinic_id),
        service=replace(service, name="Yesterday"),
        at=world.clock.now() - timedelta(days=1),
    )
    await world.keep(build_token(yesterday))
    with pytest.raises(Conflict) as refused:
        await clinic.call()
    assert refused.value.code == "queue_empty"
