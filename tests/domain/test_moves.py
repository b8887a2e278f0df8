"""Every move of the table: all that it changes, and that any other changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from qure.domain import events, moves
from qure.domain.actor import SYSTEM, Actor, ActorKind
from qure.domain.calling_order import Line
from qure.domain.errors import Conflict
from qure.domain.ids import TokenId
from qure.domain.queue import Queue
from qure.domain.queue_status import Call
from qure.domain.token import (
    LAWFUL_MOVES,
    MAX_POSTPONES,
    PLACE_STEP,
    ActiveTokenExists,
    CancelReason,
    Comeback,
    Move,
    Priority,
    SkipReason,
    Token,
    TokenStatus,
)
from tests.domain.every_move import (
    COLLEAGUE,
    COMEBACK,
    DESK,
    LATER,
    MADE,
    MOVES_OF_PATIENTS,
    NEW_PLACE,
    PATIENT,
    STAFF,
    TRANSFERRED_TO,
    a_token,
    fields_of,
)
from tests.domain.kept import line_of
from tests.support.builders import NOW, build_actor, build_queue, build_token, new_id

WAITING, CALLED, IN_PROGRESS, COMPLETED, SKIPPED, CANCELLED = TokenStatus

NUMBER = 3
"""Of the token that is moved: 4 and 5 wait behind it, 1 has been called before it."""

BACK_IN_LINE: Mapping[str, Any] = {
    "status": WAITING,
    "called_at": None,
    "last_called_at": None,
    "started_at": None,
    "skipped_at": None,
    "skip_reason": None,
    "rejoin_until": None,
    "recall_count": 0,
    "assigned_to": None,
    "desk_id": None,
    "desk_name": None,
    "place": NEW_PLACE,
}
IS_CANCELLED: Mapping[str, Any] = {"status": CANCELLED, "cancelled_at": LATER}
IS_COMPLETED: Mapping[str, Any] = {"status": COMPLETED, "completed_at": LATER}
IS_SKIPPED: Mapping[str, Any] = {
    "status": SKIPPED,
    "skipped_at": LATER,
    "rejoin_until": LATER + timedelta(minutes=30),
}


@dataclass(frozen=True)
class Row:
    """What a move makes of a token of that status, and of its queue: what is not named stays."""

    move: Move
    start: TokenStatus
    token: Mapping[str, Any]
    told: type[events.TokenChanged]
    reason: str | None = None
    queue: Mapping[str, Any] = field(default_factory=dict)
    next: tuple[str, ...] = ("4", "5")
    has: Mapping[str, Any] = field(default_factory=dict)
    """What the token has before."""


ROWS = [
    Row(
        Move.CALL,
        WAITING,
        {
            "status": CALLED,
            "called_at": LATER,
            "last_called_at": LATER,
            "assigned_to": STAFF.user_id,
            "desk_id": DESK.id,
            "desk_name": DESK.name,
        },
        events.TokenChosen,
        reason="late",
        queue={"waiting_count": 2, "now_serving": NUMBER, "priority_run": 0},
    ),
    Row(
        Move.RECALL,
        CALLED,
        {"recall_count": 2, "last_called_at": LATER},
        events.TokenRecalled,
    ),
    Row(
        Move.START,
        CALLED,
        {"status": IN_PROGRESS, "started_at": LATER, "assigned_to": STAFF.user_id},
        events.TokenStarted,
    ),
    Row(
        Move.COMPLETE,
        CALLED,
        IS_COMPLETED,
        events.TokenCompleted,
        queue={"last_served_number": NUMBER},
    ),
    Row(
        Move.COMPLETE,
        IN_PROGRESS,
        IS_COMPLETED,
        events.TokenCompleted,
        queue={"last_served_number": NUMBER},
    ),
    Row(
        Move.SKIP,
        WAITING,
        {**IS_SKIPPED, "skip_reason": SkipReason.STAFF},
        events.TokenSkipped,
        reason="STAFF",
        queue={"waiting_count": 2},
    ),
    Row(
        Move.SKIP,
        CALLED,
        {**IS_SKIPPED, "skip_reason": SkipReason.NO_SHOW},
        events.TokenSkipped,
        reason="NO_SHOW",
    ),
    Row(
        Move.REJOIN,
        SKIPPED,
        BACK_IN_LINE,
        events.TokenRejoined,
        queue={"waiting_count": 3},
        next=("4", "3", "5"),
    ),
    *(
        Row(
            Move.RETURN,
            start,
            BACK_IN_LINE,
            events.TokenReturned,
            reason="wrong room",
            queue={"waiting_count": 3},
            next=("4", "3", "5"),
        )
        for start in (CALLED, IN_PROGRESS)
    ),
    Row(
        Move.HOLD,
        WAITING,
        {"on_hold": True},
        events.TokenHeld,
        queue={"on_hold_count": 1},
    ),
    Row(
        Move.RESUME,
        WAITING,
        {"on_hold": False},
        events.TokenResumed,
        queue={"on_hold_count": 0},
        next=("3", "4", "5"),
        has={"on_hold": True},
    ),
    Row(
        Move.POSTPONE,
        WAITING,
        {"place": NEW_PLACE, "postpones": 2},
        events.TokenPostponed,
        next=("4", "3", "5"),
    ),
    Row(
        Move.PRIORITY,
        WAITING,
        {"priority": Priority.URGENT},
        events.TokenPriorityChanged,
        reason="URGENT",
        next=("3", "4", "5"),
    ),
    Row(
        Move.LEAVE,
        WAITING,
        {**IS_CANCELLED, "cancel_reason": CancelReason.PATIENT},
        events.TokenCancelled,
        reason="PATIENT",
        queue={"waiting_count": 2},
    ),
    Row(
        Move.CANCEL,
        WAITING,
        {**IS_CANCELLED, "cancel_reason": CancelReason.STAFF},
        events.TokenCancelled,
        reason="asked by phone",
        queue={"waiting_count": 2},
    ),
    Row(
        Move.CANCEL,
        CALLED,
        {**IS_CANCELLED, "cancel_reason": CancelReason.STAFF},
        events.TokenCancelled,
        reason="asked by phone",
    ),
    Row(
        Move.TRANSFER,
        WAITING,
        {
            **IS_CANCELLED,
            "cancel_reason": CancelReason.TRANSFERRED,
            "transferred_to": TRANSFERRED_TO,
        },
        events.TokenTransferred,
        reason="TRANSFERRED",
        queue={"waiting_count": 2},
    ),
    *(
        Row(
            Move.TRANSFER,
            start,
            {**IS_COMPLETED, "transferred_to": TRANSFERRED_TO},
            events.TokenTransferred,
            reason="TRANSFERRED",
            queue={"last_served_number": NUMBER},
        )
        for start in (CALLED, IN_PROGRESS)
    ),
    Row(
        Move.END_DAY,
        WAITING,
        {**IS_CANCELLED, "cancel_reason": CancelReason.DAY_ENDED},
        events.TokenCancelled,
        reason="DAY_ENDED",
        queue={"waiting_count": 2},
        next=(),
    ),
    Row(
        Move.END_DAY,
        CALLED,
        {**IS_CANCELLED, "cancel_reason": CancelReason.DAY_ENDED},
        events.TokenCancelled,
        reason="DAY_ENDED",
        next=(),
    ),
    Row(
        Move.END_DAY,
        IN_PROGRESS,
        IS_COMPLETED,
        events.TokenCompleted,
        reason="DAY_ENDED",
        queue={"last_served_number": NUMBER},
        next=(),
    ),
]

EACH_ROW = [pytest.param(row, id=f"{row.move} from {row.start}") for row in ROWS]


def in_a_queue(row: Row) -> tuple[Queue, Token, Line]:
    """A token that stands so, with others around it."""
    first_call = Call(
        token_id=TokenId(new_id()),
        label="1",
        number=1,
        desk_id=None,
        desk_name=None,
        called_at=NOW,
    )
    queue = build_queue(
        last_issued_number=5,
        last_place=6 * PLACE_STEP,
        now_serving=1,
        last_served_number=1,
        priority_run=1,
        calls=(first_call,),
        version=20,
    )
    token = a_token(queue, row.start, number=NUMBER, **row.has)
    others = [
        build_token(queue, number=4),
        build_token(queue, number=5, place=6 * PLACE_STEP),
    ]
    line = line_of([token, *others])
    for one in (token, *others):
        queue.count(None, one)
    queue.last_served_number = 1
    queue.look_at(line)
    return queue, token, line


def test_there_is_a_row_for_each_move_of_the_table() -> None:
    lawful = {(move, *way) for move, ways in LAWFUL_MOVES.items() for way in ways.items()}
    assert {(row.move, row.start, row.token.get("status", row.start)) for row in ROWS} == lawful
    assert len(ROWS) == len(lawful)


@pytest.mark.parametrize("row", EACH_ROW)
def test_the_token_is_changed_in_what_the_row_names_and_in_nothing_else(row: Row) -> None:
    queue, token, line = in_a_queue(row)
    moved = MADE[row.move](queue, token, line)
    assert moved == replace(token, **{"version": token.version + 1, **row.token})


@pytest.mark.parametrize("row", EACH_ROW)
def test_the_queue_is_changed_in_what_the_row_names_and_in_nothing_else(row: Row) -> None:
    queue, token, line = in_a_queue(row)
    before = fields_of(queue)
    MADE[row.move](queue, token, line)
    assert tuple(one.label for one in queue.upcoming) == row.next
    after = fields_of(queue)
    if row.move in (Move.CALL, Move.RECALL):
        assert [call.number for call in after.pop("calls")] == [NUMBER, 1]
        del before["calls"]
    expected = {**before, "version": 21, "updated_at": LATER, "upcoming": queue.upcoming}
    assert after == {**expected, **row.queue}


@pytest.mark.parametrize("row", EACH_ROW)
def test_the_move_is_told_with_all_that_undoing_needs_if_staff_made_it(row: Row) -> None:
    queue, token, line = in_a_queue(row)
    before = events.Before(
        token=token,
        now_serving=queue.now_serving,
        last_served_number=queue.last_served_number,
        priority_run=queue.priority_run,
        calls=queue.calls if row.move in (Move.CALL, Move.RECALL) else (),
    )
    moved = MADE[row.move](queue, token, line)
    can_be_undone = row.move not in MOVES_OF_PATIENTS | {Move.END_DAY}
    assert queue.events == [
        row.told(
            token=moved,
            from_status=row.start,
            reason=row.reason,
            before=before if can_be_undone else None,
            actor=PATIENT if row.move in MOVES_OF_PATIENTS else STAFF,
            at=LATER,
            queue=queue.status(),
        )
    ]


def refuses(queue: Queue, attempt: Callable[[], object]) -> Conflict:
    """How the attempt is refused; that it leaves everything as it was."""
    before, told = fields_of(queue), list(queue.events)
    with pytest.raises(Conflict) as refused:
        attempt()
    assert (fields_of(queue), queue.events) == (before, told)
    return refused.value


@pytest.mark.parametrize(
    ("move", "status"),
    [
        (move, status)
        for move, status in product(Move, TokenStatus)
        if status not in LAWFUL_MOVES[move]
    ],
)
def test_a_move_that_the_table_does_not_have_is_refused_and_changes_nothing(
    move: Move, status: TokenStatus
) -> None:
    queue = build_queue(waiting_count=3, last_issued_number=5, version=20)
    token = a_token(queue, status)
    line = line_of([build_token(queue, number=4)])
    refusal = refuses(queue, lambda: MADE[move](queue, token, line))
    assert refusal.code == "illegal_transition"


@pytest.mark.parametrize(("move", "on_hold"), [(Move.HOLD, True), (Move.RESUME, False)])
def test_holding_a_held_one_and_resuming_one_that_is_not_are_no_moves(
    move: Move, on_hold: bool
) -> None:
    queue = build_queue(waiting_count=1, on_hold_count=int(on_hold))
    token = a_token(queue, WAITING, on_hold=on_hold)
    refusal = refuses(queue, lambda: MADE[move](queue, token, line_of([token])))
    assert refusal.code == "illegal_transition"


@pytest.mark.parametrize(
    "move", [Move.CALL, Move.SKIP, Move.LEAVE, Move.CANCEL, Move.TRANSFER, Move.END_DAY]
)
def test_a_held_token_that_leaves_the_line_is_held_no_more(move: Move) -> None:
    queue = build_queue(waiting_count=1, on_hold_count=1)
    token = a_token(queue, WAITING, on_hold=True)
    moved = MADE[move](queue, token, line_of([token]))
    assert not moved.on_hold
    assert (queue.waiting_count, queue.on_hold_count) == (0, 0)


@pytest.mark.parametrize("move", [Move.POSTPONE, Move.PRIORITY])
def test_a_held_token_stays_held_where_it_waits_on(move: Move) -> None:
    queue = build_queue(waiting_count=1, on_hold_count=1)
    token = a_token(queue, WAITING, on_hold=True)
    moved = MADE[move](queue, token, line_of([token]))
    assert moved.on_hold
    assert (queue.waiting_count, queue.on_hold_count, queue.upcoming) == (1, 1, ())


# Skipping, and coming back


@pytest.mark.parametrize("status", [WAITING, CALLED])
@pytest.mark.parametrize("why", SkipReason)
def test_staff_may_say_why_they_skip(status: TokenStatus, why: SkipReason) -> None:
    queue = build_queue(waiting_count=1)
    token = a_token(queue, status)
    skipped = moves.skip(
        queue, token, line_of([token]), comeback=COMEBACK, why=why, by=STAFF, at=LATER
    )
    assert (skipped.skip_reason, queue.events[-1].at) == (why, LATER)


def test_a_no_show_by_the_clock_is_nobodys_move_and_cannot_be_undone() -> None:
    queue = build_queue()
    token = a_token(queue, CALLED)
    comeback = Comeback(within=timedelta(0))
    skipped = moves.skip(queue, token, None, comeback=comeback, by=SYSTEM, at=LATER)
    assert (skipped.skip_reason, skipped.rejoin_until) == (SkipReason.NO_SHOW, LATER)
    (told,) = queue.events
    assert isinstance(told, events.TokenSkipped)
    assert (told.actor, told.before) == (SYSTEM, None)


def rejoin(
    queue: Queue, token: Token, *, by: Actor, at: Any = LATER, taken: tuple[Token, ...] = ()
) -> Token:
    return moves.rejoin(
        queue,
        token,
        line_of([]),
        place=NEW_PLACE,
        taken=taken,
        comeback=COMEBACK,
        by=by,
        at=at,
    )


def test_a_patient_comes_back_by_themselves_until_the_time_is_over() -> None:
    queue = build_queue()
    token = a_token(queue, SKIPPED, rejoin_until=LATER, rejoins=0)
    refusal = refuses(
        queue, lambda: rejoin(queue, token, by=PATIENT, at=LATER + timedelta(microseconds=1))
    )
    assert refusal.code == "illegal_transition"
    assert "too late" in refusal.message
    back = rejoin(queue, token, by=PATIENT)
    assert (back.status, back.rejoins) == (WAITING, 1)


def test_a_patient_comes_back_by_themselves_twice_and_no_third_time() -> None:
    queue = build_queue()
    once, twice = (a_token(queue, SKIPPED, rejoins=rejoins) for rejoins in (1, 2))
    assert rejoin(queue, once, by=PATIENT).rejoins == 2
    refusal = refuses(queue, lambda: rejoin(queue, twice, by=PATIENT))
    assert refusal.code == "illegal_transition"
    assert "as often as you may" in refusal.message


def test_a_token_that_was_skipped_before_it_said_until_when_is_brought_back_by_staff_alone() -> (
    None
):
    queue = build_queue()
    token = a_token(queue, SKIPPED, rejoin_until=None)
    assert refuses(queue, lambda: rejoin(queue, token, by=PATIENT)).code == "illegal_transition"
    assert rejoin(queue, token, by=STAFF).status is WAITING


def test_staff_bring_anybody_back_all_day_and_that_is_not_counted() -> None:
    queue = build_queue()
    token = a_token(queue, SKIPPED, rejoins=2)
    back = rejoin(queue, token, by=STAFF, at=LATER + timedelta(hours=5))
    assert (back.status, back.rejoins) == (WAITING, 2)


@pytest.mark.parametrize("by", [PATIENT, STAFF], ids=["patient", "staff"])
def test_nobody_comes_back_into_a_closed_queue_or_with_a_second_token(by: Actor) -> None:
    queue = build_queue()
    token = a_token(queue, SKIPPED, rejoins=0)
    another = a_token(queue, WAITING, number=9)
    elsewhere = build_token(patient_id=token.patient_id)
    with pytest.raises(ActiveTokenExists) as refused:
        rejoin(queue, token, by=by, taken=(token, elsewhere, another))
    assert refused.value.token == another
    queue.close(by=SYSTEM, at=NOW)
    assert refuses(queue, lambda: rejoin(queue, token, by=by)).code == "queue_closed"


def test_who_was_not_skipped_hears_so_whatever_else_is_wrong() -> None:
    queue = build_queue(closed_at=NOW, is_active=False)
    token = a_token(queue, COMPLETED)
    assert refuses(queue, lambda: rejoin(queue, token, by=STAFF)).code == "illegal_transition"


@pytest.mark.parametrize("status", [CALLED, IN_PROGRESS])
def test_nobody_is_returned_into_a_closed_queue(status: TokenStatus) -> None:
    queue = build_queue(closed_at=NOW, is_active=False)
    token = a_token(queue, status)
    refusal = refuses(queue, lambda: MADE[Move.RETURN](queue, token, line_of([])))
    assert refusal.code == "queue_closed"


# The rest of the line


def test_who_postpones_a_fourth_time_is_refused() -> None:
    queue = build_queue(waiting_count=1)
    token = a_token(queue, WAITING, postpones=MAX_POSTPONES)
    refusal = refuses(queue, lambda: MADE[Move.POSTPONE](queue, token, line_of([token])))
    assert refusal.code == "illegal_transition"
    assert "3 times" in refusal.message


@pytest.mark.parametrize("priority", Priority)
def test_a_token_changes_its_class_and_keeps_its_place(priority: Priority) -> None:
    queue = build_queue(waiting_count=1)
    token = a_token(queue, WAITING)
    other = moves.change_priority(
        queue, token, line_of([token]), priority=priority, by=STAFF, at=LATER
    )
    assert (other.priority, other.place, other.number) == (priority, token.place, token.number)
    assert [one.priority for one in queue.upcoming] == [priority]


def test_whoever_is_seen_by_another_one_than_called_them_is_assigned_to_that_one() -> None:
    queue = build_queue()
    token = a_token(queue, CALLED)
    assert token.assigned_to == COLLEAGUE.user_id
    assert MADE[Move.START](queue, token, line_of([])).assigned_to == STAFF.user_id


@pytest.mark.parametrize("kind", [ActorKind.SYSTEM, ActorKind.DISPLAY])
def test_who_is_no_person_starts_nothing(kind: ActorKind) -> None:
    queue = build_queue()
    with pytest.raises(LookupError):
        moves.start(queue, a_token(queue, CALLED), by=replace(STAFF, kind=kind), at=LATER)


def test_a_guest_leaves_as_any_patient_does() -> None:
    queue = build_queue(waiting_count=1)
    guest = build_actor(kind=ActorKind.GUEST)
    token = a_token(queue, WAITING, patient_id=guest.user_id, guest=True)
    gone = moves.cancel(queue, token, line_of([token]), by=guest, at=LATER)
    assert gone.cancel_reason is CancelReason.PATIENT
    (told,) = queue.events
    assert isinstance(told, events.TokenCancelled)
    assert told.before is None


# The end of the day


def test_the_end_of_a_day_is_one_change_however_many_tokens_it_ends() -> None:
    queue = build_queue(waiting_count=2, on_hold_count=1, version=20)
    ended_from = [WAITING, CALLED, IN_PROGRESS, WAITING]
    tokens = [
        a_token(queue, status, number=number, on_hold=number == 4)
        for number, status in enumerate(ended_from, start=1)
    ]
    queue.look_at(line_of(tokens))
    ended = moves.end_day(queue, tokens, by=SYSTEM, at=LATER)
    assert [one.status for one in ended] == [CANCELLED, CANCELLED, COMPLETED, CANCELLED]
    assert (queue.waiting_count, queue.on_hold_count, queue.upcoming) == (0, 0, ())
    assert (queue.version, queue.last_served_number) == (21, 3)
    told = [one for one in queue.events if isinstance(one, events.TokenChanged)]
    assert [one.token for one in told] == ended
    assert {one.queue for one in told} == {queue.status()}


def test_a_day_without_active_tokens_ends_without_a_change() -> None:
    queue = build_queue()
    before = fields_of(queue)
    assert moves.end_day(queue, [], by=SYSTEM, at=LATER) == []
    assert (fields_of(queue), queue.events) == (before, [])


def test_one_token_that_has_ended_already_stops_the_end_of_the_day() -> None:
    queue = build_queue(waiting_count=1)
    tokens = [a_token(queue, WAITING), a_token(queue, COMPLETED)]
    refusal = refuses(queue, lambda: moves.end_day(queue, tokens, by=SYSTEM, at=LATER))
    assert refusal.code == "illegal_transition"
