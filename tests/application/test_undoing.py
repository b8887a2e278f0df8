"""Staff take back their last move: everything is as it was before it, once, for a minute."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import pytest

from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import TransactionConflict
from qure.application.queueing.moves import ReturnTo
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.desk import Desk
from qure.domain.errors import Conflict, Forbidden, NotFound
from qure.domain.ids import QueueId, UserId
from qure.domain.queue import Queue
from qure.domain.token import ActiveTokenExists, CancelReason, Priority, Token, TokenStatus
from qure.domain.undoing import UNDO_WITHIN
from tests.application.world import World, holding, outcomes
from tests.support.builders import build_guest, new_id
from tests.support.memory.journal import MemoryJournal

Snapshot = dict[str, Any]


@dataclass
class Day:
    """A clinic with the queues of two services, and two of its staff; ``grace`` sits at a desk
    that serves both. In the first queue five have come: the first was served, the second is seen
    by ``ada``, the third was called by ``grace``, the others wait."""

    world: World
    queue: Queue
    of_blood: Queue
    desk: Desk
    ada: Actor
    grace: Actor

    async def undo(
        self, actor: Actor | None = None, queue: Queue | None = None
    ) -> tuple[Token, ...]:
        return await self.world.use.undoing.undo((queue or self.queue).id, actor=actor or self.ada)

    async def token(self, number: int, queue: Queue | None = None) -> Token:
        return (await self.world.tokens_of((queue or self.queue).id))[number - 1]

    async def snapshot(self) -> Snapshot:
        """Every column of every token, and of both queues, that undoing gives back.

        A version goes on, and so does the time of the last change. The last place that was given
        is never given again.
        """
        all_of_it: Snapshot = {}
        for queue in (self.queue, self.of_blood):
            stored = asdict(await self.world.queue_of(queue.id))
            for name in ("version", "updated_at", "last_place", "events"):
                del stored[name]
            all_of_it |= {f"{queue.service_name}: {name}": one for name, one in stored.items()}
            for token in await self.world.tokens_of(queue.id):
                columns = asdict(token)
                del columns["version"]
                all_of_it[f"token {token.label}"] = columns
        return all_of_it


@pytest.fixture
async def day(world: World) -> Day:
    clinic = await world.clinic()
    blood = await world.service(clinic, name="Blood tests", prefix="B")
    queue, of_blood = await world.queue(clinic), await world.queue(clinic, service=blood)
    ada, grace = await world.staff_of(clinic.id), await world.staff_of(clinic.id)
    desk = await world.desk(clinic.id, name="Room 1")
    await world.use.desks.open(desk.id, actor=grace)
    await world.waiting_in(queue, 5)
    for _ in range(2):
        world.clock.advance(minutes=1)
        called = await world.use.calling.call_next(queue.id, actor=ada)
    await world.use.moves.start(called.id, actor=ada)
    await world.use.calling.call_next(queue.id, actor=grace)
    world.clock.advance(minutes=5)
    world.forget_events()
    return Day(world, queue, of_blood, desk, ada, grace)


MoveOf = Callable[[Day, Token], Awaitable[Token]]


def moves() -> list[Any]:
    """Each move of staff: the number of the token it is made with, and how."""
    table: dict[str, tuple[int, MoveOf]] = {
        "call next": (
            4,
            lambda day, _: day.world.use.calling.call_next(day.queue.id, actor=day.ada),
        ),
        "call": (5, lambda day, one: day.world.use.calling.call(one.id, actor=day.ada)),
        "recall": (3, lambda day, one: day.world.use.calling.recall(one.id, actor=day.ada)),
        "start": (3, lambda day, one: day.world.use.moves.start(one.id, actor=day.ada)),
        "complete": (2, lambda day, one: day.world.use.moves.complete(one.id, actor=day.ada)),
        "skip a waiting one": (4, lambda day, one: day.world.use.moves.skip(one.id, actor=day.ada)),
        "skip a called one": (3, lambda day, one: day.world.use.moves.skip(one.id, actor=day.ada)),
        "return first": (
            2,
            lambda day, one: day.world.use.moves.return_to_line(one.id, actor=day.ada),
        ),
        "return last": (
            3,
            lambda day, one: day.world.use.moves.return_to_line(
                one.id, to=ReturnTo.LAST, actor=day.ada
            ),
        ),
        "return after one": (
            3,
            lambda day, one: day.world.use.moves.return_to_line(
                one.id, to=ReturnTo.AFTER, after=1, actor=day.ada
            ),
        ),
        "hold": (4, lambda day, one: day.world.use.moves.hold(one.id, actor=day.ada)),
        "priority": (
            5,
            lambda day, one: day.world.use.moves.change_priority(
                one.id, priority=Priority.URGENT, actor=day.ada
            ),
        ),
        "cancel a waiting one": (
            4,
            lambda day, one: day.world.use.moves.cancel(one.id, actor=day.ada),
        ),
        "cancel a called one": (
            3,
            lambda day, one: day.world.use.moves.cancel(one.id, actor=day.ada),
        ),
    }
    return [pytest.param(number, move, id=name) for name, (number, move) in table.items()]


@pytest.mark.parametrize(("number", "move"), moves())
async def test_everything_is_as_it_was_before_the_move(day: Day, number: int, move: MoveOf) -> None:
    token, before = await day.token(number), await day.snapshot()
    version = (await day.world.queue_of(day.queue.id)).version
    await move(day, token)
    assert await day.snapshot() != before
    day.world.forget_events()
    at = day.world.clock.advance(seconds=60)
    restored = await day.undo()
    assert await day.snapshot() == before
    stored = [await day.world.token_of(one.id) for one in restored]
    assert stored == list(restored)
    assert (await day.token(number)).version == token.version + 2
    assert (await day.world.queue_of(day.queue.id)).version > version
    (entry,) = day.world.told
    assert {type(event) for event in entry.events} == {events.TokenRestored}
    assert {(event.actor, event.at) for event in entry.events} == {(day.ada, at)}
    assert (await day.world.history_of(token.id))[-1].event == "TokenRestored"


@pytest.mark.parametrize(("number", "move"), moves())
async def test_an_admin_takes_back_their_own_as_well(day: Day, number: int, move: MoveOf) -> None:
    day.ada = await day.world.admin()
    before = await day.snapshot()
    await move(day, await day.token(number))
    await day.undo()
    assert await day.snapshot() == before


async def test_what_was_skipped_is_brought_back_and_then_not(day: Day) -> None:
    token = await day.token(4)
    await day.world.use.moves.skip(token.id, actor=day.ada)
    before = await day.snapshot()
    await day.world.use.moves.rejoin(token.id, actor=day.ada)
    assert (await day.undo())[0].status is TokenStatus.SKIPPED
    assert await day.snapshot() == before


async def test_a_held_one_is_resumed_or_called_and_then_held_again(day: Day) -> None:
    token = await day.token(4)
    await day.world.use.moves.hold(token.id, actor=holding(token))
    before = await day.snapshot()
    for move in (day.world.use.moves.resume, day.world.use.calling.call):
        await move(token.id, actor=day.grace)
        await day.undo(day.grace)
        assert await day.snapshot() == before


# Calls


async def test_a_call_is_undone_with_the_completion_it_made(day: Day) -> None:
    before = await day.snapshot()
    await day.world.use.calling.call_next(day.queue.id, actor=day.ada)
    assert (await day.token(2)).status is TokenStatus.COMPLETED
    restored = await day.undo()
    assert {(one.number, one.status) for one in restored} == {
        (2, TokenStatus.IN_PROGRESS),
        (4, TokenStatus.WAITING),
    }
    assert await day.snapshot() == before


async def test_a_call_at_a_desk_is_undone_in_both_queues_from_either_of_them(day: Day) -> None:
    await day.world.waiting_in(day.of_blood, 1)
    for token in (await day.token(4), await day.token(5)):
        await day.world.use.moves.hold(token.id, actor=day.ada)
    before = await day.snapshot()
    for queue in (day.queue, day.of_blood):
        called = await day.world.use.calling.call_next_at(day.desk.id, actor=day.grace)
        assert called.label == "B001"
        assert (await day.token(3)).status is TokenStatus.COMPLETED
        restored = await day.undo(day.grace, queue)
        assert {one.label for one in restored} == {"3", "B001"}
        assert await day.snapshot() == before
        with pytest.raises(Conflict):
            await day.undo(day.grace, queue)


async def test_what_the_call_had_pushed_out_of_the_last_six_is_shown_again(day: Day) -> None:
    await day.world.waiting_in(day.queue, 4)
    for _ in range(4):
        await day.world.use.calling.call_next(day.queue.id, actor=day.ada)
    before = (await day.world.queue_of(day.queue.id)).calls
    assert len(before) == 6
    await day.world.use.calling.call_next(day.queue.id, actor=day.ada)
    assert before[-1] not in (await day.world.queue_of(day.queue.id)).calls
    await day.undo()
    assert (await day.world.queue_of(day.queue.id)).calls == before


async def test_after_a_colleague_has_called_too_the_current_number_stays_theirs(
    day: Day,
) -> None:
    await day.world.use.calling.call_next(day.queue.id, actor=day.ada)
    await day.world.use.calling.call_next(day.queue.id, actor=day.grace)
    assert [call.number for call in (await day.world.queue_of(day.queue.id)).calls] == [
        5,
        4,
        3,
        2,
        1,
    ]
    await day.undo()
    stored = await day.world.queue_of(day.queue.id)
    assert (stored.now_serving, stored.last_served_number) == (5, 3)
    assert [call.number for call in stored.calls] == [5, 3, 2, 1]
    assert await day.world.line_of(day.queue.id) == [4]


async def test_the_run_of_priority_calls_is_taken_back_too(day: Day) -> None:
    await day.world.use.guests.admit_walk_in(
        day.queue.id, priority=Priority.PRIORITY, actor=day.ada
    )
    before = await day.snapshot()
    for _ in range(3):
        called = await day.world.use.calling.call_next(day.queue.id, actor=day.grace)
        assert called.number == 6
        await day.undo(day.grace)
        assert await day.snapshot() == before


# Transfers


@pytest.mark.parametrize("number", [2, 3, 4])
async def test_a_transfer_is_undone_and_its_new_token_cancelled(day: Day, number: int) -> None:
    token, before = await day.token(number), await day.snapshot()
    gone = await day.world.use.transferring.transfer(
        token.id, service_id=day.of_blood.service_id, actor=day.ada
    )
    assert gone.transferred_to is not None
    day.world.forget_events()
    await day.undo()
    new = await day.world.token_of(gone.transferred_to)
    assert (new.status, new.cancel_reason) == (TokenStatus.CANCELLED, CancelReason.STAFF)
    after = await day.snapshot()
    assert after.pop("token B001")["transferred_from"] == token.id
    assert after.pop("Blood tests: last_issued_number") == 1, "the number is not given again"
    del before["Blood tests: last_issued_number"]
    assert after == before
    (entry,) = day.world.told
    assert {type(event) for event in entry.events} == {
        events.TokenRestored,
        events.TokenCancelled,
    }
    assert (await day.world.history_of(new.id))[-1].reason == "UNDO"


async def test_a_transfer_is_not_undone_when_the_new_token_has_moved(day: Day) -> None:
    gone = await day.world.use.transferring.transfer(
        (await day.token(4)).id, service_id=day.of_blood.service_id, actor=day.ada
    )
    assert gone.transferred_to is not None
    await day.world.use.moves.hold(gone.transferred_to, actor=holding(gone))
    before = await day.snapshot()
    with pytest.raises(Conflict) as refused:
        await day.undo()
    assert refused.value.code == "nothing_to_undo"
    assert await day.snapshot() == before


async def test_a_transfer_is_not_undone_when_the_other_queue_has_closed(day: Day) -> None:
    await day.world.use.transferring.transfer(
        (await day.token(4)).id, service_id=day.of_blood.service_id, actor=day.ada
    )
    await day.world.use.closing.close(day.of_blood.id, actor=day.grace)
    with pytest.raises(Conflict) as refused:
        await day.undo()
    assert refused.value.code == "nothing_to_undo"


# What can no longer, or never, be undone


async def test_it_is_taken_back_once(day: Day) -> None:
    await day.world.use.moves.hold((await day.token(4)).id, actor=day.ada)
    await day.world.use.moves.hold((await day.token(5)).id, actor=day.ada)
    await day.undo()
    before = await day.snapshot()
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            await day.undo()
        assert refused.value.code == "nothing_to_undo"
    assert await day.snapshot() == before
    await day.world.use.moves.hold((await day.token(5)).id, actor=day.ada)
    await day.undo()
    assert await day.snapshot() == before


async def test_of_many_who_take_back_at_once_one_does(day: Day) -> None:
    await day.world.use.moves.hold((await day.token(4)).id, actor=day.ada)
    done, refused = await outcomes(day.undo() for _ in range(4))
    assert len(done) == 1
    assert [error.code for error in refused] == ["nothing_to_undo"] * 3


async def test_after_a_minute_it_stands(day: Day) -> None:
    await day.world.use.moves.hold((await day.token(4)).id, actor=day.ada)
    day.world.clock.set(day.world.clock.now() + UNDO_WITHIN + timedelta(milliseconds=1))
    with pytest.raises(Conflict) as refused:
        await day.undo()
    assert refused.value.code == "nothing_to_undo"


@pytest.mark.parametrize("by", ["a colleague", "the patient", "the clock"])
async def test_whatever_has_touched_the_token_since_stands(day: Day, by: str) -> None:
    token = await day.token(4)
    if by == "a colleague":
        await day.world.use.moves.hold(token.id, actor=day.ada)
        await day.world.use.calling.call(token.id, actor=day.grace)
    elif by == "the patient":
        await day.world.use.moves.hold(token.id, actor=day.ada)
        await day.world.use.moves.resume(token.id, actor=holding(token))
    else:
        async with day.world.storage.write() as uow:
            clinic = await uow.clinics.get(day.queue.clinic_id)
            assert clinic is not None
            clinic.no_show_minutes = 1
            await uow.clinics.save(clinic)
            await uow.commit()
        day.world.clock.advance(seconds=1)
        await day.world.use.calling.call(token.id, actor=day.ada)
        day.world.clock.advance(seconds=60)
        await day.world.use.closing.skip_no_shows()
    before = await day.snapshot()
    with pytest.raises(Conflict) as refused:
        await day.undo()
    assert refused.value.code == "nothing_to_undo"
    assert await day.snapshot() == before


async def test_one_of_two_tokens_that_has_moved_since_keeps_both(day: Day) -> None:
    await day.world.use.calling.call_next(day.queue.id, actor=day.ada)
    await day.world.use.calling.recall((await day.token(4)).id, actor=day.grace)
    before = await day.snapshot()
    with pytest.raises(Conflict):
        await day.undo()
    assert await day.snapshot() == before


@pytest.mark.parametrize("how", ["skip", "cancel", "complete"])
async def test_a_patient_who_has_taken_another_number_keeps_that(day: Day, how: str) -> None:
    token = await day.token(3)
    move: Callable[..., Awaitable[Token]] = getattr(day.world.use.moves, how)
    await move(token.id, actor=day.ada)
    other = await day.world.use.issuing.issue(day.queue.id, actor=holding(token))
    before = await day.snapshot()
    with pytest.raises(ActiveTokenExists) as refused:
        await day.undo()
    assert refused.value.token == other
    assert await day.snapshot() == before


async def test_a_number_taken_elsewhere_stands_in_no_ones_way(day: Day) -> None:
    token = await day.token(4)
    await day.world.use.moves.cancel(token.id, actor=day.ada)
    await day.world.use.issuing.issue(day.of_blood.id, actor=holding(token))
    assert (await day.undo())[0].status is TokenStatus.WAITING


async def test_each_takes_back_their_own_last_move_in_that_queue(day: Day) -> None:
    (in_other,) = await day.world.waiting_in(day.of_blood, 1)
    await day.world.use.moves.hold((await day.token(4)).id, actor=day.ada)
    await day.world.use.moves.hold((await day.token(5)).id, actor=day.grace)
    await day.world.use.moves.hold(in_other.id, actor=day.ada)
    (undone,) = await day.undo(day.ada)
    assert undone.label == "4"
    (undone,) = await day.undo(day.ada, day.of_blood)
    assert undone.label == "B001"
    (undone,) = await day.undo(day.grace)
    assert undone.label == "5"


async def test_what_was_no_move_of_a_token_is_not_undone_nor_in_the_way(day: Day) -> None:
    before = await day.token(4)
    await day.world.use.moves.hold(before.id, actor=day.ada)
    await day.world.use.guests.admit_walk_in(day.queue.id, actor=day.ada)
    await day.world.use.queues.set_active(day.queue.id, active=False, actor=day.ada)
    (undone,) = await day.undo()
    assert (undone.id, undone.on_hold) == (before.id, False)
    assert len(await day.world.tokens_of(day.queue.id)) == 6


async def test_where_nothing_was_done_nothing_is_undone(day: Day) -> None:
    for queue in (day.queue, day.of_blood):
        with pytest.raises(Conflict) as refused:
            await day.undo(await day.world.admin(), queue)
        assert refused.value.code == "nothing_to_undo"


async def test_the_end_of_the_day_is_not_undone(day: Day) -> None:
    await day.world.use.moves.hold((await day.token(4)).id, actor=day.grace)
    await day.world.use.closing.close(day.queue.id, actor=day.ada)
    for actor in (day.ada, day.grace):
        with pytest.raises(Conflict) as refused:
            await day.undo(actor)
        assert refused.value.code == "nothing_to_undo"


async def test_nobody_else_undoes_anything(day: Day) -> None:
    token = await day.token(4)
    await day.world.use.moves.hold(token.id, actor=holding(token))
    elsewhere = await day.world.clinic()
    for actor in (
        holding(token),
        await day.world.patient(),
        await day.world.actor(build_guest()),
        await day.world.staff_of(elsewhere.id),
    ):
        with pytest.raises(Forbidden):
            await day.undo(actor)


async def test_a_queue_that_does_not_exist_has_nothing_to_undo(day: Day) -> None:
    with pytest.raises(NotFound) as refused:
        await day.world.use.undoing.undo(QueueId(new_id()), actor=day.ada)
    assert refused.value.code == "queue_not_found"


# Races


async def test_a_lost_race_is_run_again_as_one_change(day: Day) -> None:
    await day.world.use.moves.hold((await day.token(4)).id, actor=day.ada)
    day.world.forget_events()
    day.world.storage.commit_errors.append(TransactionConflict())
    await day.undo()
    assert len(day.world.told) == 1


@pytest.mark.parametrize("seen_first", ["nothing", "an older move"])
async def test_what_they_did_before_it_was_locked_is_looked_at_once_more(
    day: Day, monkeypatch: pytest.MonkeyPatch, seen_first: str
) -> None:
    await day.world.use.moves.hold((await day.token(4)).id, actor=day.ada)
    last_move: Callable[..., Awaitable[JournalEntry | None]] = MemoryJournal.last_move
    older = day.world.told[-1] if seen_first == "an older move" else None
    await day.world.use.moves.hold((await day.token(5)).id, actor=day.ada)
    looks = 0

    async def see_an_older_one_first(
        journal: MemoryJournal, queue: Queue, actor_id: UserId, **since: Any
    ) -> JournalEntry | None:
        nonlocal looks
        looks += 1
        return older if looks == 1 else await last_move(journal, queue, actor_id, **since)

    monkeypatch.setattr(MemoryJournal, "last_move", see_an_older_one_first)
    (undone,) = await day.undo()
    assert (undone.number, looks) == (5, 4)
