"""Taking back the last move of a staff member: everything as before it, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qure.domain import calling, moves, undoing
from qure.domain.actor import SYSTEM, Actor, ActorKind, Role
from qure.domain.errors import Conflict
from qure.domain.events import Before, TokenCancelled, TokenChanged, TokenRestored
from qure.domain.ids import TokenId
from qure.domain.issuing import take_over
from qure.domain.token import (
    LAWFUL_MOVES,
    PLACE_STEP,
    CancelReason,
    Comeback,
    Move,
    Priority,
    Token,
    TokenStatus,
)
from qure.domain.undoing import UNDO_WITHIN
from tests.domain.every_move import (
    LATER,
    MADE,
    MOVES_OF_PATIENTS,
    PATIENT,
    STAFF,
    a_token,
    fields_of,
)
from tests.domain.kept import KeptQueue
from tests.support.builders import build_actor, build_admin, build_queue, build_token, new_id

COLLEAGUE = build_actor(role=Role.STAFF)
LATER_STILL = LATER + timedelta(seconds=30)
NORMAL, PRIORITY, URGENT = Priority

MOVES_OF_STAFF = [
    pytest.param(move, status, id=f"{move} from {status}")
    for move in Move
    if move not in MOVES_OF_PATIENTS | {Move.END_DAY}
    for status in LAWFUL_MOVES[move]
]


def a_queue(*classes: Priority) -> KeptQueue:
    """With one token of each of these classes, numbered in that order."""
    kept = KeptQueue(build_queue())
    for priority in classes:
        kept.take(priority)
    return kept


def token(kept: KeptQueue, number: int) -> Token:
    return list(kept.tokens.values())[number - 1]


def done_in(kept: KeptQueue) -> list[TokenChanged]:
    """The token's changes of the last move."""
    last = kept.queue.version
    told = [one for one in kept.queue.events if isinstance(one, TokenChanged)]
    return [one for one in told if one.queue.version == last]


def call_next(kept: KeptQueue, *, by: Actor = STAFF) -> list[TokenChanged]:
    called, completed = calling.call_next(kept.queue, kept.line(by), by=by, at=LATER)
    kept.keep(*completed, called)
    return done_in(kept)


def choose(kept: KeptQueue, number: int, *, by: Actor = STAFF) -> list[TokenChanged]:
    called, completed = calling.call(
        kept.queue, token(kept, number), kept.line(by), by=by, at=LATER
    )
    kept.keep(*completed, called)
    return done_in(kept)


def recall(kept: KeptQueue, number: int, *, by: Actor = STAFF) -> list[TokenChanged]:
    kept.keep(calling.recall(kept.queue, token(kept, number), by=by, at=LATER))
    return done_in(kept)


def complete(kept: KeptQueue, number: int, *, by: Actor = STAFF) -> list[TokenChanged]:
    kept.keep(moves.complete(kept.queue, token(kept, number), by=by, at=LATER))
    return done_in(kept)


def undo(kept: KeptQueue, done: Sequence[TokenChanged], *, by: Actor = STAFF) -> None:
    for change in reversed(done):
        current = kept.tokens[change.token.id]
        restored = undoing.restore(kept.queue, change, current, kept.line(), by=by, at=LATER_STILL)
        kept.keep(restored)


def numbers_called(kept: KeptQueue) -> list[int]:
    return [call.number for call in kept.queue.calls]


def as_it_was(kept: KeptQueue) -> dict[str, Any]:
    """What undoing gives back, if nothing has happened in between."""
    new = ("version", "updated_at", "last_place")
    return {
        "queue": {name: it for name, it in fields_of(kept.queue).items() if name not in new},
        "tokens": [replace(one, version=0) for one in kept.tokens.values()],
    }


def test_a_move_can_be_undone_for_a_minute() -> None:
    assert timedelta(seconds=60) == UNDO_WITHIN


@pytest.mark.parametrize(
    ("actor", "can_undo"),
    [
        (STAFF, True),
        (build_actor(build_admin()), True),
        (build_actor(), False),
        (build_actor(kind=ActorKind.GUEST), False),
        (SYSTEM, False),
    ],
    ids=["staff", "admin", "patient", "guest", "system"],
)
def test_only_what_staff_do_is_kept_for_undoing(actor: Actor, can_undo: bool) -> None:
    queue = build_queue(now_serving=4, last_served_number=3, priority_run=1)
    token = build_token(queue)
    before = undoing.state_before(queue, token, actor)
    assert before == (
        Before(token=token, now_serving=4, last_served_number=3, priority_run=1, calls=queue.calls)
        if can_undo
        else None
    )


@pytest.mark.parametrize(("move", "status"), MOVES_OF_STAFF)
def test_everything_is_as_before_the_move_but_the_versions(move: Move, status: TokenStatus) -> None:
    kept = a_queue(PRIORITY, NORMAL, NORMAL, NORMAL)
    call_next(kept)
    lives = {"number": 5, "on_hold": move is Move.RESUME}
    kept.keep(a_token(kept.queue, status, **lives))
    kept.queue.count(None, token(kept, 5))
    kept.queue.look_at(kept.line())
    before, version = as_it_was(kept), kept.queue.version
    kept.keep(MADE[move](kept.queue, token(kept, 5), kept.line()))
    assert as_it_was(kept) != before
    done = done_in(kept)
    undo(kept, done)
    assert as_it_was(kept) == before
    assert (kept.queue.version, kept.queue.updated_at) == (version + 2, LATER_STILL)
    assert token(kept, 5).version == done[0].token.version + 1


def test_undoing_is_told_by_whoever_undoes() -> None:
    kept = a_queue(NORMAL)
    undo(kept, call_next(kept))
    assert kept.queue.events[-1] == TokenRestored(
        token=token(kept, 1),
        from_status=TokenStatus.CALLED,
        actor=STAFF,
        at=LATER_STILL,
        queue=kept.queue.status(),
    )


def test_a_call_is_undone_with_the_completions_that_it_made() -> None:
    kept = a_queue(PRIORITY, NORMAL, PRIORITY, NORMAL)
    call_next(kept)
    choose(kept, 2)
    kept.keep(replace(token(kept, 1), status=TokenStatus.CALLED, completed_at=None))
    before = as_it_was(kept)
    done = call_next(kept)
    assert [one.token.number for one in done] == [1, 2, 3]
    assert kept.queue.last_served_number == 2
    undo(kept, done)
    assert as_it_was(kept) == before


def test_what_a_patient_or_the_clock_did_is_not_undone() -> None:
    kept = KeptQueue(build_queue(last_issued_number=2, waiting_count=1))
    waiting, called = (
        a_token(kept.queue, status, number=number)
        for number, status in enumerate((TokenStatus.WAITING, TokenStatus.CALLED), start=1)
    )
    kept.keep(waiting, called)
    kept.keep(moves.cancel(kept.queue, waiting, kept.line(), by=PATIENT, at=LATER))
    by_patient = done_in(kept)
    kept.keep(moves.skip(kept.queue, called, None, comeback=Comeback(), by=SYSTEM, at=LATER))
    for done in (by_patient, done_in(kept)):
        assert refused(kept, done) == "nothing_to_undo"


def refused(kept: KeptQueue, done: Sequence[TokenChanged]) -> str:
    """The code of the refusal, which leaves the queue as it was."""
    before, told = fields_of(kept.queue), list(kept.queue.events)
    with pytest.raises(Conflict) as caught:
        undo(kept, done)
    assert (fields_of(kept.queue), kept.queue.events) == (before, told)
    return caught.value.code


def test_a_move_whose_token_has_moved_since_is_not_undone() -> None:
    kept = a_queue(NORMAL)
    done = call_next(kept)
    kept.keep(moves.start(kept.queue, token(kept, 1), by=COLLEAGUE, at=LATER))
    assert refused(kept, done) == "nothing_to_undo"


def test_a_move_is_undone_once() -> None:
    kept = a_queue(NORMAL)
    done = call_next(kept)
    undo(kept, done)
    assert refused(kept, done) == "nothing_to_undo"


def test_undoing_is_not_undone() -> None:
    kept = a_queue(NORMAL)
    undo(kept, call_next(kept))
    assert refused(kept, done_in(kept)) == "nothing_to_undo"


def test_a_place_that_was_numbered_anew_meanwhile_is_in_the_same_order() -> None:
    kept = a_queue(NORMAL, NORMAL, NORMAL)
    kept.keep(moves.hold(kept.queue, token(kept, 2), kept.line(), by=STAFF, at=LATER))
    done = done_in(kept)
    kept.keep(replace(token(kept, 3), place=PLACE_STEP * 9))
    kept.space_out(NORMAL)
    undo(kept, done)
    assert [one.place // PLACE_STEP for one in kept.tokens.values()] == [7, 8, 9]
    assert kept.queue.status().next == ("1", "2", "3")


# The current and the last served number


def test_the_current_number_and_the_run_stay_when_somebody_has_called_since() -> None:
    kept = a_queue(PRIORITY, PRIORITY, NORMAL)
    done = call_next(kept)
    call_next(kept, by=COLLEAGUE)
    undo(kept, done)
    assert (kept.queue.now_serving, kept.queue.priority_run) == (2, 2)
    assert kept.queue.status().next == ("3", "1")


def test_when_the_later_call_is_undone_too_it_is_as_before_that_one() -> None:
    kept = a_queue(NORMAL, NORMAL)
    first = call_next(kept)
    second = call_next(kept, by=COLLEAGUE)
    undo(kept, second, by=COLLEAGUE)
    assert (kept.queue.now_serving, numbers_called(kept)) == (1, [1])
    undo(kept, first)
    assert (kept.queue.now_serving, numbers_called(kept)) == (0, [])


def test_the_last_served_number_stays_when_somebody_has_completed_since() -> None:
    kept = a_queue(NORMAL, NORMAL)
    call_next(kept)
    call_next(kept, by=COLLEAGUE)
    done = complete(kept, 1)
    complete(kept, 2, by=COLLEAGUE)
    undo(kept, done)
    assert kept.queue.last_served_number == 2


def test_the_last_served_number_goes_back_when_nobody_has() -> None:
    kept = a_queue(NORMAL, NORMAL)
    call_next(kept)
    call_next(kept, by=COLLEAGUE)
    complete(kept, 1)
    done = complete(kept, 2)
    undo(kept, done)
    assert kept.queue.last_served_number == 1


# The calls that are shown


def seven_called() -> KeptQueue:
    """Each by somebody else; the first call is shown no longer. Five more wait."""
    kept = a_queue(*[NORMAL] * 12)
    for _ in range(7):
        call_next(kept, by=build_actor(role=Role.STAFF))
    return kept


def test_a_call_that_is_undone_is_gone_and_what_it_had_pushed_out_is_shown_again() -> None:
    kept = seven_called()
    done = call_next(kept)
    assert numbers_called(kept) == [8, 7, 6, 5, 4, 3]
    undo(kept, done)
    assert numbers_called(kept) == [7, 6, 5, 4, 3, 2]


def test_so_it_is_when_somebody_has_called_since() -> None:
    kept = seven_called()
    done = call_next(kept)
    call_next(kept, by=COLLEAGUE)
    assert numbers_called(kept) == [9, 8, 7, 6, 5, 4]
    undo(kept, done)
    assert numbers_called(kept) == [9, 7, 6, 5, 4, 3]


def test_a_call_that_is_shown_no_longer_is_undone_without_a_change_of_what_is_shown() -> None:
    kept = a_queue(*[NORMAL] * 8)
    done = call_next(kept)
    for _ in range(6):
        call_next(kept, by=build_actor(role=Role.STAFF))
    undo(kept, done)
    assert numbers_called(kept) == [7, 6, 5, 4, 3, 2]


@pytest.mark.parametrize("called_since", [False, True])
def test_when_a_second_call_is_undone_the_first_one_is_shown_where_it_was(
    called_since: bool,
) -> None:
    kept = a_queue(*[NORMAL] * 4)
    for _ in range(2):
        call_next(kept, by=build_actor(role=Role.STAFF))
    back = moves.return_to_line(
        kept.queue, token(kept, 1), kept.line(), place=0, by=COLLEAGUE, at=LATER
    )
    kept.keep(back)
    done = call_next(kept)
    assert numbers_called(kept) == [1, 2]
    if called_since:
        call_next(kept, by=COLLEAGUE)
    undo(kept, done)
    assert numbers_called(kept) == [3, 2, 1] if called_since else [2, 1]


def test_what_was_recalled_since_stays_recalled() -> None:
    kept = seven_called()
    done = call_next(kept)
    recall(kept, 5, by=COLLEAGUE)
    undo(kept, done)
    shown = [(call.number, call.recall_count) for call in kept.queue.calls]
    assert shown == [(7, 0), (6, 0), (5, 1), (4, 0), (3, 0), (2, 0)]


def test_a_call_that_was_undone_since_does_not_come_back() -> None:
    kept = a_queue(*[NORMAL] * 4)
    first = call_next(kept, by=COLLEAGUE)
    call_next(kept, by=build_actor(role=Role.STAFF))
    third = call_next(kept)
    undo(kept, first, by=COLLEAGUE)
    undo(kept, third)
    assert numbers_called(kept) == [2]


def test_a_recall_that_is_undone_leaves_the_call_as_it_was() -> None:
    kept = a_queue(NORMAL, NORMAL, NORMAL)
    call_next(kept)
    recall(kept, 1)
    done = recall(kept, 1)
    call_next(kept, by=COLLEAGUE)
    undo(kept, done)
    shown = [(call.number, call.recall_count) for call in kept.queue.calls]
    assert shown == [(2, 0), (1, 1)]
    assert token(kept, 1).recall_count == 1


def test_a_recall_that_brought_a_call_back_is_undone_and_what_it_had_pushed_out_is_shown() -> None:
    kept = seven_called()
    done = recall(kept, 1)
    assert numbers_called(kept) == [1, 7, 6, 5, 4, 3]
    undo(kept, done)
    assert numbers_called(kept) == [7, 6, 5, 4, 3, 2]


def test_so_it_is_when_somebody_has_called_since_the_recall() -> None:
    kept = seven_called()
    done = recall(kept, 1)
    call_next(kept, by=COLLEAGUE)
    assert numbers_called(kept) == [8, 1, 7, 6, 5, 4]
    undo(kept, done)
    assert numbers_called(kept) == [8, 7, 6, 5, 4, 3]


# A transfer


@pytest.mark.parametrize("status", [TokenStatus.WAITING, TokenStatus.CALLED])
def test_a_transfer_is_undone_by_cancelling_what_it_gave(status: TokenStatus) -> None:
    source, target = a_queue(NORMAL, NORMAL), a_queue(NORMAL)
    if status is TokenStatus.CALLED:
        call_next(source)
    before, line_before = as_it_was(source), target.queue.upcoming
    first = token(source, 1)
    given = take_over(
        target.queue,
        first,
        id=TokenId(new_id()),
        first=True,
        priority=None,
        taken=(),
        line=target.line(),
        by=STAFF,
        at=LATER,
    )
    target.keep(given)
    source.keep(moves.transfer(source.queue, first, source.line(), to=given.id, by=STAFF, at=LATER))
    done = done_in(source)
    gone = undoing.withdraw(target.queue, given, target.line(), by=STAFF, at=LATER_STILL)
    target.keep(gone)
    undo(source, done)
    assert as_it_was(source) == before
    assert target.queue.upcoming == line_before
    assert (gone.status, gone.cancel_reason) == (TokenStatus.CANCELLED, CancelReason.STAFF)
    assert target.queue.waiting_count == 1
    assert target.queue.events[-1] == TokenCancelled(
        token=gone,
        from_status=TokenStatus.WAITING,
        reason="UNDO",
        actor=STAFF,
        at=LATER_STILL,
        queue=target.queue.status(),
    )


def test_what_a_transfer_gave_is_not_withdrawn_once_it_is_being_seen() -> None:
    queue = build_queue()
    given = build_token(queue, status=TokenStatus.IN_PROGRESS)
    with pytest.raises(Conflict) as refusal:
        undoing.withdraw(queue, given, KeptQueue(queue).line(), by=STAFF, at=LATER)
    assert refusal.value.code == "illegal_transition"
