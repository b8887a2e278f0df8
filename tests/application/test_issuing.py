"""Taking a number: who may, how many, and what those get who ask at one moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qure.application.ports.storage import TransactionConflict
from qure.application.queueing.issuing import Issuing
from qure.application.transact import ATTEMPTS
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from qure.domain.ids import QueueId
from qure.domain.token import ActiveTokenExists, Priority, Token, TokenStatus
from tests.application.world import MAX_ACTIVE, World, outcomes
from tests.support.builders import NOW, build_actor, build_guest, build_token, new_id
from tests.support.waiting import eventually


def patients(number: int) -> list[Actor]:
    return [build_actor() for _ in range(number)]


async def test_a_patient_takes_the_next_number_and_everyone_is_told(world: World) -> None:
    queue, actor = await world.queue(), await world.patient()
    token = await world.use.issuing.issue(queue.id, actor=actor)
    assert (token.number, token.status, token.patient_id) == (
        1,
        TokenStatus.WAITING,
        actor.user_id,
    )
    assert await world.tokens_of(queue.id) == [token]
    stored = await world.queue_of(queue.id)
    assert (stored.version, stored.waiting_count) == (2, 1)
    assert world.events == [
        events.TokenIssued(
            token=token,
            from_status=None,
            actor=actor,
            at=world.clock.now(),
            queue=stored.status(),
        )
    ]


async def test_only_a_patient_takes_a_token(world: World) -> None:
    queue = await world.queue()
    for actor in (await world.admin(), await world.staff_of(queue.clinic_id)):
        with pytest.raises(Forbidden):
            await world.use.issuing.issue(queue.id, actor=actor)
    assert await world.tokens_of(queue.id) == []


async def test_sixty_ask_at_once_for_fifty_places_and_exactly_ten_find_it_full(
    world: World,
) -> None:
    queue = await world.queue(max_size=50)
    issued, refused = await outcomes(
        world.use.issuing.issue(queue.id, actor=one) for one in patients(60)
    )
    assert [token.number for token in issued] == list(range(1, 51))
    assert [error.code for error in refused] == ["queue_full"] * 10
    assert [token.number for token in await world.tokens_of(queue.id)] == list(range(1, 51))
    stored = await world.queue_of(queue.id)
    assert (stored.last_issued_number, stored.waiting_count, stored.version) == (50, 50, 51)


async def test_numbers_follow_the_order_of_asking(world: World) -> None:
    queue, asking = await world.queue(), patients(20)
    tokens = await asyncio.gather(*(world.use.issuing.issue(queue.id, actor=one) for one in asking))
    in_order = sorted(tokens, key=lambda one: one.number)
    assert [token.patient_id for token in in_order] == [one.user_id for one in asking]


async def test_one_who_is_refused_does_not_take_the_others_along(world: World) -> None:
    queue = await world.queue()
    active, *others = patients(4)
    await world.keep(build_token(queue, patient_id=active.user_id, number=1))
    async with world.storage.write() as uow:
        await uow.queues.save(replace(queue, last_issued_number=1, waiting_count=1))
        await uow.commit()
    issued, refused = await outcomes(
        world.use.issuing.issue(queue.id, actor=one) for one in (others[0], active, *others[1:])
    )
    assert [token.number for token in issued] == [2, 3, 4]
    assert [error.code for error in refused] == ["active_token_exists"]


async def test_a_patient_who_asks_twice_at_once_gets_one_token_and_is_shown_it(
    world: World,
) -> None:
    queue, (patient, other) = await world.queue(), patients(2)
    issued, refused = await outcomes(
        world.use.issuing.issue(queue.id, actor=one) for one in (other, patient, patient, patient)
    )
    assert len(issued) == 2
    assert len(refused) == 2
    for error in refused:
        assert isinstance(error, ActiveTokenExists)
        assert error.token == issued[1]


async def test_who_asks_alone_costs_one_transaction(world: World) -> None:
    queue = await world.queue()
    before = world.storage.writes
    await world.use.issuing.issue(queue.id, actor=build_actor())
    assert world.storage.writes == before + 1


async def test_who_asks_while_a_transaction_runs_shares_the_next_one(world: World) -> None:
    queue = await world.queue()
    before = world.storage.writes
    world.storage.may_commit.clear()
    first = asyncio.create_task(world.use.issuing.issue(queue.id, actor=build_actor()))
    await eventually(lambda: world.storage.writes == before + 1)
    others = [
        asyncio.create_task(world.use.issuing.issue(queue.id, actor=one)) for one in patients(30)
    ]
    await asyncio.sleep(0)
    world.storage.may_commit.set()
    tokens = await asyncio.gather(first, *others)
    assert [token.number for token in tokens] == list(range(1, 32))
    assert world.storage.writes == before + 2
    assert len(world.told) == 2


async def test_each_queue_has_a_line_and_numbers_of_its_own(world: World) -> None:
    here, there = await world.queue(), await world.queue()
    tokens = await asyncio.gather(
        *(
            world.use.issuing.issue(queue.id, actor=one)
            for one in patients(3)
            for queue in (here, there)
        )
    )
    for queue in (here, there):
        assert [token.number for token in tokens if token.queue_id == queue.id] == [1, 2, 3]


async def test_a_transaction_serves_only_so_many(world: World) -> None:
    line = Issuing(
        world.storage,
        world.clock,
        world.ids,
        max_active=MAX_ACTIVE,
        is_too_late=world.use.waits.is_too_late,
        max_batch=4,
    )
    queue = await world.queue()
    before = world.storage.writes
    tokens = await asyncio.gather(*(line.issue(queue.id, actor=one) for one in patients(10)))
    assert [token.number for token in tokens] == list(range(1, 11))
    assert world.storage.writes == before + 3


async def test_who_hangs_up_before_being_served_gets_no_number(world: World) -> None:
    queue, (early, gone, late) = await world.queue(), patients(3)
    before = world.storage.writes
    world.storage.may_commit.clear()
    first = asyncio.create_task(world.use.issuing.issue(queue.id, actor=early))
    await eventually(lambda: world.storage.writes == before + 1)
    second = asyncio.create_task(world.use.issuing.issue(queue.id, actor=gone))
    third = asyncio.create_task(world.use.issuing.issue(queue.id, actor=late))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait((second,))
    world.storage.may_commit.set()
    assert [(await first).number, (await third).number] == [1, 2]
    assert {token.patient_id for token in await world.tokens_of(queue.id)} == {
        early.user_id,
        late.user_id,
    }


async def test_when_all_have_hung_up_nothing_is_done_for_them(world: World) -> None:
    queue = await world.queue()
    before = world.storage.writes
    asking = asyncio.create_task(world.use.issuing.issue(queue.id, actor=build_actor()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait((asking,))
    await asyncio.sleep(0)
    assert world.storage.writes == before
    assert (await world.use.issuing.issue(queue.id, actor=build_actor())).number == 1


@pytest.mark.parametrize("fails", ["issued", "refused"])
async def test_who_hangs_up_while_being_served_disturbs_nobody(world: World, fails: str) -> None:
    queue = await world.queue(max_size=1 if fails == "refused" else 2)
    world.storage.may_commit.clear()
    before = world.storage.writes
    tasks = [
        asyncio.create_task(world.use.issuing.issue(queue.id, actor=one)) for one in patients(2)
    ]
    await eventually(lambda: world.storage.writes == before + 1)
    tasks[1].cancel()
    await asyncio.wait((tasks[1],))
    world.storage.may_commit.set()
    assert (await tasks[0]).number == 1
    expected = [1] if fails == "refused" else [1, 2]
    assert [token.number for token in await world.tokens_of(queue.id)] == expected


async def test_a_failing_storage_is_told_to_all_who_asked_and_the_line_lives_on(
    world: World,
) -> None:
    queue, asking = await world.queue(), patients(5)
    world.storage.commit_errors.append(Unavailable("The database is away."))
    issued, refused = await outcomes(world.use.issuing.issue(queue.id, actor=one) for one in asking)
    assert issued == []
    assert [error.code for error in refused] == ["service_unavailable"] * 5
    assert await world.tokens_of(queue.id) == []
    issued, refused = await outcomes(world.use.issuing.issue(queue.id, actor=one) for one in asking)
    assert [token.number for token in issued] == [1, 2, 3, 4, 5]


async def test_a_fault_nobody_thought_of_is_told_too_even_if_somebody_hung_up(
    world: World,
) -> None:
    queue = await world.queue()
    world.storage.may_commit.clear()
    world.storage.commit_errors.append(RuntimeError("a bug"))
    before = world.storage.writes
    tasks = [
        asyncio.create_task(world.use.issuing.issue(queue.id, actor=one)) for one in patients(2)
    ]
    await eventually(lambda: world.storage.writes == before + 1)
    tasks[0].cancel()
    await asyncio.wait((tasks[0],))
    world.storage.may_commit.set()
    with pytest.raises(RuntimeError, match="a bug"):
        await tasks[1]


async def test_a_lost_race_is_run_again_and_nobody_notices(world: World) -> None:
    queue = await world.queue()
    world.storage.commit_errors += [TransactionConflict() for _ in range(ATTEMPTS - 1)]
    issued, _ = await outcomes(world.use.issuing.issue(queue.id, actor=one) for one in patients(3))
    assert [token.number for token in issued] == [1, 2, 3]
    assert len(world.told) == 1


async def test_races_lost_again_and_again_are_owned_up_to(world: World) -> None:
    queue = await world.queue()
    world.storage.commit_errors += [TransactionConflict() for _ in range(ATTEMPTS)]
    with pytest.raises(TransactionConflict):
        await world.use.issuing.issue(queue.id, actor=build_actor())
    assert world.storage.commit_errors == []


async def test_a_line_that_is_ended_in_the_middle_leaves_nobody_waiting(world: World) -> None:
    queue = await world.queue()
    world.storage.may_commit.clear()
    before = world.storage.writes
    first = asyncio.create_task(world.use.issuing.issue(queue.id, actor=build_actor()))
    await eventually(lambda: world.storage.writes == before + 1)
    second = asyncio.create_task(world.use.issuing.issue(queue.id, actor=build_actor()))
    await asyncio.sleep(0)
    (serving,) = (task for task in asyncio.all_tasks() if task.get_name().startswith("batches of"))
    serving.cancel()
    _, refused = await outcomes((first, second))
    assert [error.code for error in refused] == ["service_unavailable"] * 2
    world.storage.may_commit.set()
    assert (await world.use.issuing.issue(queue.id, actor=build_actor())).number == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"is_active": False}, "queue_inactive"),
        ({"is_active": False, "closed_at": NOW}, "queue_closed"),
        ({"last_issued_number": 50}, "queue_full"),
    ],
)
async def test_a_queue_that_gives_no_tokens_says_why(
    world: World, fields: dict[str, Any], code: str
) -> None:
    queue = await world.queue(**fields)
    with pytest.raises(Conflict) as refused:
        await world.use.issuing.issue(queue.id, actor=build_actor())
    assert refused.value.code == code
    assert world.told == []


async def test_an_unknown_queue_and_yesterdays_are_not_found(world: World) -> None:
    yesterdays = await world.queue(at=world.clock.now() - timedelta(days=1))
    for queue_id in (QueueId(new_id()), yesterdays.id):
        with pytest.raises(NotFound) as refused:
            await world.use.issuing.issue(queue_id, actor=build_actor())
        assert refused.value.code == "queue_not_found"


async def taken(world: World) -> tuple[Token, Actor]:
    queue, actor = await world.queue(), await world.patient()
    token = await world.use.issuing.issue(queue.id, actor=actor)
    world.forget_events()
    return token, actor


async def test_whoever_takes_and_leaves_again_and_again_is_given_three_numbers(
    world: World,
) -> None:
    token, actor = await taken(world)
    for _ in range(2):
        await world.use.moves.cancel(token.id, actor=actor)
        token = await world.use.issuing.issue(token.queue_id, actor=actor)
    assert token.number == 3
    await world.use.moves.cancel(token.id, actor=actor)
    version = (await world.queue_of(token.queue_id)).version
    for _ in range(3):
        with pytest.raises(Conflict) as refused:
            await world.use.issuing.issue(token.queue_id, actor=actor)
        assert refused.value.code == "too_many_takes"
    assert (await world.queue_of(token.queue_id)).version == version
    assert (await world.use.issuing.issue((await world.queue()).id, actor=actor)).number == 1


async def test_a_patient_has_five_active_tokens_of_today_at_once_and_yesterdays_do_not_count(
    world: World,
) -> None:
    actor = await world.patient()
    for _ in range(MAX_ACTIVE):
        await world.use.issuing.issue((await world.queue()).id, actor=actor)
    world.clock.advance(days=1)
    clinics = [await world.clinic() for _ in range(MAX_ACTIVE + 1)]
    *queues, last = [await world.queue(clinic, at=world.clock.now()) for clinic in clinics]
    tokens = [await world.use.issuing.issue(queue.id, actor=actor) for queue in queues]
    with pytest.raises(Conflict) as refused:
        await world.use.issuing.issue(last.id, actor=actor)
    assert refused.value.code == "too_many_active_tokens"
    await world.use.moves.cancel(tokens[0].id, actor=actor)
    assert (await world.use.issuing.issue(last.id, actor=actor)).number == 1


async def test_a_patient_who_asks_everywhere_at_once_has_no_more_than_five(world: World) -> None:
    actor, queues = await world.patient(), [await world.queue() for _ in range(12)]
    issued, refused = await outcomes(
        world.use.issuing.issue(queue.id, actor=actor) for queue in queues
    )
    assert len(issued) == MAX_ACTIVE
    assert {error.code for error in refused} == {"too_many_active_tokens"}


async def test_a_guest_has_one_number_and_takes_no_second_one(world: World) -> None:
    queue, guest = await world.queue(), await world.actor(build_guest())
    with pytest.raises(Forbidden):
        await world.use.issuing.issue(queue.id, actor=guest)
    assert await world.tokens_of(queue.id) == []


async def test_staff_see_the_name_of_whoever_took_the_number(world: World) -> None:
    queue = await world.queue()
    actor = await world.patient(first_name="Ada", last_name="Lovelace")
    token = await world.use.issuing.issue(queue.id, actor=actor)
    assert (token.name, token.phone, token.note) == ("Ada Lovelace", None, None)
    assert not token.guest


async def test_the_label_is_the_services_prefix_and_the_number_in_three_digits(
    world: World,
) -> None:
    clinic = await world.clinic()
    plain = await world.queue(clinic)
    blood = await world.queue(clinic, service=await world.service(clinic, prefix="B"))
    for queue, labels in ((plain, ["1", "2"]), (blood, ["B001", "B002"])):
        assert [token.label for token in await world.waiting_in(queue, 2)] == labels
        assert {token.service_id for token in await world.tokens_of(queue.id)} == {queue.service_id}


async def test_who_is_next_is_shown_rightly_where_not_all_are_of_one_class(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    await world.waiting_in(queue, 1)
    for priority in (Priority.PRIORITY, Priority.URGENT):
        await world.use.guests.admit_walk_in(queue.id, priority=priority, actor=staff)
    await asyncio.gather(*(world.use.issuing.issue(queue.id, actor=one) for one in patients(3)))
    shown = (await world.queue_of(queue.id)).status().next
    assert shown == ("3", "2", "1", "4", "5")
    assert await world.line_of(queue.id) == [3, 2, 1, 4, 5, 6]
