"""What staff see of a queue: who is on it, in which order, and that changes carry it on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.domain import calling, moves
from qure.domain.actor import Role
from qure.domain.board import Board, is_on_board
from qure.domain.calling_order import MAX_PRIORITY_RUN, call_order
from qure.domain.events import QueueChanged
from qure.domain.queue import Queue
from qure.domain.token import ACTIVE, Priority, Token, TokenStatus
from tests.domain.kept import KeptQueue
from tests.support.builders import NOW, build_actor, build_queue, build_token

STAFF = build_actor(role=Role.STAFF)
QUEUE = build_queue()
NORMAL, PRIORITY, URGENT = Priority


def board_of(kept: KeptQueue) -> Board:
    """As it is read anew."""
    return Board(
        kept.queue.id,
        kept.tokens.values(),
        version=kept.queue.version,
        priority_run=kept.queue.priority_run,
    )


def numbers(board: Board) -> list[int]:
    return [token.number for token in board.order]


def seen(board: Board) -> object:
    """All that can be seen of it."""
    return board.version, board.priority_run, board.order, board.ahead


def changes_of(queue: Queue) -> list[QueueChanged]:
    """What the queue has to tell, once."""
    told = [one for one in queue.events if isinstance(one, QueueChanged)]
    queue.events.clear()
    return told


@pytest.mark.parametrize("status", TokenStatus)
def test_active_and_skipped_tokens_are_on_the_board(status: TokenStatus) -> None:
    token = build_token(QUEUE, status=status)
    assert is_on_board(token) == (status in ACTIVE | {TokenStatus.SKIPPED})
    board = Board(QUEUE.id, [token], version=3, priority_run=0)
    assert list(board.order) == ([token] if is_on_board(token) else [])
    assert (board.queue_id, board.version) == (QUEUE.id, 3)


def test_those_in_hand_come_first_then_who_waits_then_the_held_and_the_skipped_ones() -> None:
    def called(number: int, minutes: int, **fields: object) -> Token:
        at = {"last_called_at": NOW + timedelta(minutes=minutes)}
        return build_token(QUEUE, number=number, **{"status": TokenStatus.CALLED, **at, **fields})

    tokens = [
        build_token(QUEUE, number=9, status=TokenStatus.SKIPPED),
        build_token(QUEUE, number=8, on_hold=True, place=3),
        build_token(QUEUE, number=7, on_hold=True, place=9),
        build_token(QUEUE, number=6, on_hold=True, place=3),
        build_token(QUEUE, number=5),
        build_token(QUEUE, number=4, priority=URGENT),
        called(3, minutes=2),
        called(2, minutes=1, status=TokenStatus.IN_PROGRESS),
        called(10, minutes=1),
        called(11, minutes=0, last_called_at=None),
        build_token(QUEUE, number=1, status=TokenStatus.SKIPPED),
    ]
    board = Board(QUEUE.id, tokens, version=1, priority_run=0)
    assert numbers(board) == [11, 2, 10, 3, 4, 5, 6, 8, 7, 1, 9]


waiting = st.lists(
    st.tuples(st.sampled_from(Priority), st.booleans(), st.integers(0, 5)), max_size=12
)


@settings(max_examples=40, deadline=None, database=None)
@given(waiting, st.integers(0, MAX_PRIORITY_RUN))
def test_who_waits_is_in_the_order_of_calls_and_ahead_says_how_many_come_before(
    lives: list[tuple[Priority, bool, int]], priority_run: int
) -> None:
    tokens = [
        build_token(QUEUE, number=number, priority=priority, on_hold=on_hold, place=place)
        for number, (priority, on_hold, place) in enumerate(lives, start=1)
    ]
    board = Board(QUEUE.id, tokens, version=1, priority_run=priority_run)
    order = call_order([one for one in tokens if one.waits], priority_run=priority_run)
    assert board.order[: len(order)] == order
    assert board.ahead == {token.id: before for before, token in enumerate(order)}
    assert {one.id for one in board.order[len(order) :]} == {
        one.id for one in tokens if one.on_hold
    }


def test_a_change_carries_the_board_on_to_the_next_version() -> None:
    kept = KeptQueue(build_queue())
    first, second = kept.take(), kept.take(PRIORITY)
    board = board_of(kept)
    assert numbers(board) == [2, 1]
    changes_of(kept.queue)

    called, _ = calling.call_next(kept.queue, kept.line(), by=STAFF, at=NOW)
    kept.keep(called)
    assert board.apply(changes_of(kept.queue)) == [called]
    assert called.id == second.id
    assert board.ahead == {first.id: 0}
    assert seen(board) == seen(board_of(kept))

    done = moves.complete(kept.queue, called, by=STAFF, at=NOW)
    kept.keep(done)
    assert board.apply(changes_of(kept.queue)) == [done]
    assert numbers(board) == [1]
    assert seen(board) == seen(board_of(kept))


def test_all_the_changes_of_one_version_are_taken_in_together() -> None:
    kept = KeptQueue(build_queue())
    kept.take()
    called, _ = calling.call_next(kept.queue, kept.line(), by=STAFF, at=NOW)
    kept.keep(called)
    kept.take()
    board = board_of(kept)
    changes_of(kept.queue)
    again, completed = calling.call_next(kept.queue, kept.line(STAFF), by=STAFF, at=NOW)
    kept.keep(again, *completed)
    assert board.apply(changes_of(kept.queue)) == [*completed, again]
    assert numbers(board) == [2]
    assert seen(board) == seen(board_of(kept))


def test_a_token_that_ends_unseen_leaves_no_trace() -> None:
    kept = KeptQueue(build_queue())
    token = kept.take()
    board = Board(kept.queue.id, [], version=1, priority_run=0)
    changes_of(kept.queue)
    gone = moves.cancel(kept.queue, token, kept.line(), by=STAFF, at=NOW)
    assert board.apply(changes_of(kept.queue)) == [gone]
    assert numbers(board) == []


def test_a_change_of_the_queue_alone_leaves_the_order_as_it_was_worked_out() -> None:
    kept = KeptQueue(build_queue())
    kept.take()
    board = board_of(kept)
    order = board.order
    changes_of(kept.queue)
    kept.queue.set_desks(3, by=STAFF, at=NOW)
    assert board.apply(changes_of(kept.queue)) == []
    assert board.order is order
    assert board.version == kept.queue.version


def test_what_a_call_has_done_to_the_run_changes_the_order() -> None:
    kept = KeptQueue(build_queue())
    for priority in (PRIORITY, NORMAL):
        kept.take(priority)
    board = board_of(kept)
    assert numbers(board) == [1, 2]
    changes_of(kept.queue)
    kept.queue.priority_run = MAX_PRIORITY_RUN
    kept.queue.set_desks(3, by=STAFF, at=NOW)
    assert board.apply(changes_of(kept.queue)) == []
    assert numbers(board) == [2, 1]
    assert board.ahead == {token.id: 2 - token.number for token in kept.tokens.values()}


def test_places_that_a_token_has_anew_are_in_the_order_that_follows() -> None:
    kept = KeptQueue(build_queue())
    first, _ = kept.take(), kept.take()
    board = board_of(kept)
    assert board.ahead[first.id] == 0
    changes_of(kept.queue)
    back = moves.postpone(
        kept.queue,
        first,
        kept.line(),
        place=kept.place_after(first, 2),
        by=replace(STAFF, id=first.patient_id),
        at=NOW,
    )
    kept.keep(back)
    board.apply(changes_of(kept.queue))
    assert numbers(board) == [2, 1]
    assert board.ahead[first.id] == 1
