"""What is done with a token beside calling: by whom, from where to where, and what is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.errors import Conflict, Forbidden, NotFound
from qure.domain.ids import TokenId
from qure.domain.queue import Queue
from qure.domain.token import CancelReason, Priority, SkipReason, Token, TokenStatus
from tests.application.world import World, holding
from tests.support.builders import build_actor, build_display, build_guest, build_token, new_id

WAITING, CALLED, IN_PROGRESS = TokenStatus.WAITING, TokenStatus.CALLED, TokenStatus.IN_PROGRESS
COMPLETED, SKIPPED, CANCELLED = (
    TokenStatus.COMPLETED,
    TokenStatus.SKIPPED,
    TokenStatus.CANCELLED,
)

STAFF = frozenset({"staff", "admin"})
HOLDER = frozenset({"patient", "guest"})


@dataclass(frozen=True)
class Row:
    """A move: what is said with it, who may, from which status to which, what is told."""

    move: str
    who: frozenset[str]
    leads: dict[TokenStatus, TokenStatus]
    event: type[events.TokenChanged]
    said: dict[str, Any]
    by_queue: bool = True

    def made(self, world: World, id: TokenId, actor: Actor, **more: Any) -> Awaitable[Token]:
        move: Callable[..., Awaitable[Token]] = getattr(world.use.moves, self.move)
        return move(id, **self.said, **more, actor=actor)


ROWS = [
    Row("start", STAFF, {CALLED: IN_PROGRESS}, events.TokenStarted, {}),
    Row(
        "complete",
        STAFF,
        {CALLED: COMPLETED, IN_PROGRESS: COMPLETED},
        events.TokenCompleted,
        {},
    ),
    Row("skip", STAFF, {WAITING: SKIPPED, CALLED: SKIPPED}, events.TokenSkipped, {}),
    Row(
        "return_to_line",
        STAFF,
        {CALLED: WAITING, IN_PROGRESS: WAITING},
        events.TokenReturned,
        {},
    ),
    Row(
        "change_priority",
        STAFF,
        {WAITING: WAITING},
        events.TokenPriorityChanged,
        {"priority": Priority.URGENT},
    ),
    Row("rejoin", STAFF | HOLDER, {SKIPPED: WAITING}, events.TokenRejoined, {}),
    Row("hold", STAFF | HOLDER, {WAITING: WAITING}, events.TokenHeld, {}),
    Row("cancel", STAFF, {WAITING: CANCELLED, CALLED: CANCELLED}, events.TokenCancelled, {}),
    Row("cancel", HOLDER, {WAITING: CANCELLED}, events.TokenCancelled, {}),
    Row(
        "postpone",
        HOLDER,
        {WAITING: WAITING},
        events.TokenPostponed,
        {"passing": 1},
        by_queue=False,
    ),
]
"""Each move as the contract has it. ``resume``, which needs a held token, is looked at apart."""


def rows(*, by_queue: bool | None = None) -> list[Any]:
    """All of them, or those that name a queue, with a name each."""
    return [
        pytest.param(row, id=f"{row.move} by {' and '.join(sorted(row.who))}")
        for row in ROWS
        if by_queue is None or row.by_queue is by_queue
    ]


@dataclass
class Scene:
    """A queue with one token that stands somewhere, another one behind it, and everybody."""

    world: World
    queue: Queue
    token: Token
    people: dict[str, Actor]


async def scene(world: World, status: TokenStatus, *, guest: bool = False) -> Scene:
    clinic, elsewhere = await world.clinic(), await world.clinic()
    waits = status is WAITING
    queue = await world.queue(clinic, waiting_count=1 + waits, last_issued_number=2)
    token = build_token(
        queue,
        status=status,
        guest=guest,
        rejoin_until=world.clock.now() + timedelta(minutes=30) if status is SKIPPED else None,
    )
    await world.keep(token, build_token(queue, number=2))
    people = {
        "patient": holding(token),
        "guest": build_actor(build_guest(id=token.patient_id)),
        "another patient": await world.patient(),
        "another guest": await world.actor(build_guest()),
        "staff": await world.staff_of(clinic.id),
        "staff elsewhere": await world.staff_of(elsewhere.id),
        "admin": await world.admin(),
        "display": build_actor(await display_user(world, clinic.id)),
    }
    world.forget_events()
    return Scene(world, queue, token, people)


async def display_user(world: World, clinic_id: Any) -> Any:
    display = build_display(clinic_id)
    await world.keep(display)
    return await world.user_of(display.id)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", rows())
async def test_a_move_leads_where_the_table_says_and_is_told_and_written_down(
    world: World, row: Row
) -> None:
    for start, to in row.leads.items():
        for who in sorted(row.who):
            it = await scene(world, start, guest=who == "guest")
            actor = it.people[who]
            at = world.clock.advance(minutes=1)
            moved = await row.made(world, it.token.id, actor)
            assert (moved.status, moved.version) == (to, it.token.version + 1)
            assert await world.token_of(it.token.id) == moved
            assert (await world.queue_of(it.queue.id)).version == it.queue.version + 1
            (told,) = world.events
            assert isinstance(told, row.event)
            assert (told.token, told.from_status, told.actor) == (moved, start, actor)
            (written,) = await world.history_of(it.token.id)
            assert (written.actor_id, written.actor_role) == (actor.id, actor.role)
            assert (written.event, written.created_at) == (row.event.__name__, at)
            assert (written.from_status, written.to_status) == (start, to)


@pytest.mark.parametrize("row", rows())
async def test_a_move_that_the_table_does_not_have_changes_nothing_and_is_not_written_down(
    world: World, row: Row
) -> None:
    for start in TokenStatus:
        if start in row.leads:
            continue
        for who in sorted(row.who):
            it = await scene(world, start, guest=who == "guest")
            with pytest.raises(Conflict) as refused:
                await row.made(world, it.token.id, it.people[who])
            assert refused.value.code == "illegal_transition", (start, who)
            assert await world.token_of(it.token.id) == it.token
            assert await world.queue_of(it.queue.id) == it.queue
            assert (world.told, await world.history_of(it.token.id)) == ([], [])


@pytest.mark.parametrize("move", sorted({row.move for row in ROWS} | {"resume"}))
async def test_nobody_else_may_make_the_move(world: World, move: str) -> None:
    all_rows = [row for row in ROWS if row.move == move] or [
        Row("resume", STAFF | HOLDER, {WAITING: WAITING}, events.TokenResumed, {})
    ]
    may = frozenset[str]().union(*(row.who for row in all_rows))
    row = all_rows[0]
    for start in row.leads:
        it = await scene(world, start)
        for who in sorted(it.people.keys() - may):
            with pytest.raises(Forbidden) as refused:
                await row.made(world, it.token.id, it.people[who])
            assert refused.value.code == "forbidden", who
        assert await world.token_of(it.token.id) == it.token
        assert await world.queue_of(it.queue.id) == it.queue
        assert world.told == []


@pytest.mark.parametrize("row", [one for one in rows() if "patient" not in one.id])
async def test_who_may_not_make_a_move_learns_nothing_about_what_exists(
    world: World, row: Row
) -> None:
    strangers = [await world.patient()] if row.move != "cancel" else []
    for actor in (*strangers, build_actor(await display_user(world, (await world.clinic()).id))):
        with pytest.raises(Forbidden):
            await row.made(world, TokenId(new_id()), actor)


@pytest.mark.parametrize("row", rows(by_queue=True))
async def test_a_move_may_name_its_queue_and_is_not_found_in_another_one(
    world: World, row: Row
) -> None:
    start, to = next(iter(row.leads.items()))
    who = min(row.who)
    elsewhere = await world.queue()
    it = await scene(world, start, guest=who == "guest")
    with pytest.raises(NotFound) as refused:
        await row.made(world, it.token.id, it.people[who], queue_id=elsewhere.id)
    assert refused.value.code == "token_not_found"
    assert (await world.token_of(it.token.id)) == it.token
    moved = await row.made(world, it.token.id, it.people[who], queue_id=it.queue.id)
    assert moved.status is to


@pytest.mark.parametrize("row", rows())
async def test_a_token_that_does_not_exist_is_not_found(world: World, row: Row) -> None:
    it = await scene(world, WAITING)
    who = it.people[min(row.who)]
    with pytest.raises(NotFound) as refused:
        await row.made(world, TokenId(new_id()), who)
    assert refused.value.code == "token_not_found"
    if row.by_queue:
        with pytest.raises(NotFound) as refused:
            await row.made(world, TokenId(new_id()), who, queue_id=it.queue.id)
        assert refused.value.code == "token_not_found"


async def test_moves_are_repeated_when_a_race_was_lost(world: World) -> None:
    it = await scene(world, CALLED)
    world.storage.commit_errors.append(TransactionConflict())
    moved = await world.use.moves.start(it.token.id, actor=it.people["admin"])
    assert moved.status is IN_PROGRESS
    assert len(world.told) == 1


async def test_whoever_starts_a_patient_has_them_in_hand(world: World) -> None:
    it = await scene(world, CALLED)
    at = world.clock.advance(minutes=2)
    started = await world.use.moves.start(it.token.id, actor=it.people["staff"])
    assert (started.assigned_to, started.started_at) == (it.people["staff"].id, at)


@pytest.mark.parametrize(
    ("start", "given", "reason"),
    [
        (CALLED, None, SkipReason.NO_SHOW),
        (WAITING, None, SkipReason.STAFF),
        (CALLED, SkipReason.STAFF, SkipReason.STAFF),
        (WAITING, SkipReason.NO_SHOW, SkipReason.NO_SHOW),
    ],
)
async def test_a_skip_says_why_and_until_when_the_patient_may_come_back(
    world: World, start: TokenStatus, given: SkipReason | None, reason: SkipReason
) -> None:
    it = await scene(world, start)
    async with world.storage.write() as uow:
        clinic = await uow.clinics.get(it.queue.clinic_id)
        assert clinic is not None
        await uow.clinics.save(replace(clinic, rejoin_minutes=12))
        await uow.commit()
    skipped = await world.use.moves.skip(it.token.id, reason=given, actor=it.people["staff"])
    assert (skipped.skip_reason, skipped.skipped_at) == (reason, world.clock.now())
    assert skipped.rejoin_until == world.clock.now() + timedelta(minutes=12)
    (written,) = await world.history_of(it.token.id)
    assert written.reason == reason.value


async def test_a_patient_leaves_and_everyone_is_told(world: World) -> None:
    queue, actor = await world.queue(), await world.patient()
    token = await world.use.issuing.issue(queue.id, actor=actor)
    world.forget_events()
    at = world.clock.advance(minutes=3)
    cancelled = await world.use.moves.cancel(token.id, actor=actor)
    assert cancelled == replace(
        token,
        status=CANCELLED,
        version=2,
        cancelled_at=at,
        cancel_reason=CancelReason.PATIENT,
    )
    assert await world.tokens_of(queue.id) == [cancelled]
    assert (await world.queue_of(queue.id)).waiting_count == 0
    assert [type(event) for event in world.events] == [events.TokenCancelled]


async def test_staff_take_out_whoever_waits_or_was_called_and_may_say_why(world: World) -> None:
    for start, said, reason in (
        (WAITING, None, CancelReason.STAFF.value),
        (CALLED, "came twice", "came twice"),
    ):
        it = await scene(world, start)
        gone = await world.use.moves.cancel(it.token.id, reason=said, actor=it.people["staff"])
        assert gone.cancel_reason is CancelReason.STAFF
        assert (await world.history_of(it.token.id))[-1].reason == reason


async def test_a_patient_who_was_called_can_no_longer_leave(world: World) -> None:
    it = await scene(world, CALLED)
    with pytest.raises(Conflict) as refused:
        await world.use.moves.cancel(it.token.id, actor=it.people["patient"])
    assert refused.value.code == "illegal_transition"


async def test_whoever_has_left_may_come_again_for_a_new_number(world: World) -> None:
    queue, actor = await world.queue(), await world.patient()
    token = await world.use.issuing.issue(queue.id, actor=actor)
    await world.use.moves.cancel(token.id, actor=actor)
    again = await world.use.issuing.issue(queue.id, actor=actor)
    assert again.number == 2
