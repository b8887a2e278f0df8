"""The life of a token: which moves are allowed, what they stamp, what undoing gives back."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from qure.domain.errors import Conflict
from qure.domain.ids import DeskId, TokenId, UserId
from qure.domain.token import (
    ACTIVE,
    ASSIGNED,
    LAWFUL_MOVES,
    MAX_POSTPONES,
    PLACE_STEP,
    ActiveTokenExists,
    Comeback,
    Move,
    SkipReason,
    Token,
    TokenStatus,
    label_of,
)
from tests.domain.every_move import LATER, LIVED, a_token
from tests.support.builders import NOW, build_queue, build_token, new_id

WAITING, CALLED, IN_PROGRESS, COMPLETED, SKIPPED, CANCELLED = TokenStatus

CONTRACT = {
    Move.CALL: {(WAITING, CALLED)},
    Move.RECALL: {(CALLED, CALLED)},
    Move.START: {(CALLED, IN_PROGRESS)},
    Move.COMPLETE: {(CALLED, COMPLETED), (IN_PROGRESS, COMPLETED)},
    Move.SKIP: {(WAITING, SKIPPED), (CALLED, SKIPPED)},
    Move.REJOIN: {(SKIPPED, WAITING)},
    Move.RETURN: {(CALLED, WAITING), (IN_PROGRESS, WAITING)},
    Move.HOLD: {(WAITING, WAITING)},
    Move.RESUME: {(WAITING, WAITING)},
    Move.POSTPONE: {(WAITING, WAITING)},
    Move.PRIORITY: {(WAITING, WAITING)},
    Move.LEAVE: {(WAITING, CANCELLED)},
    Move.CANCEL: {(WAITING, CANCELLED), (CALLED, CANCELLED)},
    Move.TRANSFER: {(WAITING, CANCELLED), (CALLED, COMPLETED), (IN_PROGRESS, COMPLETED)},
    Move.END_DAY: {(WAITING, CANCELLED), (CALLED, CANCELLED), (IN_PROGRESS, COMPLETED)},
}
"""Written out again from the contract, so that a slip in the table is not a slip in its test."""

ALLOWED = [(move, start, to) for move, pairs in CONTRACT.items() for start, to in sorted(pairs)]
REFUSED = [
    (move, start)
    for move, start in product(Move, TokenStatus)
    if (move, start) not in {(move, start) for move, start, _ in ALLOWED}
]
QUEUE = build_queue()


def stamps(token: Token) -> dict[TokenStatus, object]:
    return {
        CALLED: token.called_at,
        IN_PROGRESS: token.started_at,
        COMPLETED: token.completed_at,
        SKIPPED: token.skipped_at,
        CANCELLED: token.cancelled_at,
    }


def test_the_table_is_that_of_the_contract() -> None:
    assert {move: set(ways.items()) for move, ways in LAWFUL_MOVES.items()} == CONTRACT


@pytest.mark.parametrize(("move", "start", "to"), ALLOWED)
def test_an_allowed_move_is_made_and_stamped_with_its_time(
    move: Move, start: TokenStatus, to: TokenStatus
) -> None:
    token = build_token(status=start)
    moved = token.moved(move, at=LATER)
    assert moved.status is to
    expected = dict.fromkeys(stamps(token))
    if to not in (start, WAITING):
        expected[to] = LATER
    assert stamps(moved) == expected
    assert moved.version == token.version + 1


@pytest.mark.parametrize(("move", "start", "to"), ALLOWED)
def test_no_move_changes_whose_token_it_is_or_what_is_printed_on_it(
    move: Move, start: TokenStatus, to: TokenStatus
) -> None:
    token = a_token(QUEUE, start)
    moved = token.moved(move, at=LATER)
    for name in (
        *("id", "queue_id", "service_id", "patient_id", "number", "label", "place", "priority"),
        *("created_at", "guest", "name", "phone", "note", "transferred_from"),
        *("rejoins", "postpones"),
    ):
        assert getattr(moved, name) == getattr(token, name), name


@pytest.mark.parametrize(("move", "start"), REFUSED)
def test_any_other_move_is_refused_and_says_why(move: Move, start: TokenStatus) -> None:
    token = build_token(QUEUE, number=12, status=start)
    for attempt in (lambda: token.require(move), lambda: token.moved(move, at=LATER)):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "illegal_transition"
        assert refused.value.message.startswith(f"Token 12 is {start.value}: ")
        assert refused.value.message.endswith(" is not possible.")


def test_the_table_names_every_move_and_cannot_be_changed() -> None:
    assert set(LAWFUL_MOVES) == set(Move)
    with pytest.raises(TypeError):
        LAWFUL_MOVES[Move.CALL] = {COMPLETED: WAITING}  # type: ignore[index]
    with pytest.raises(TypeError):
        LAWFUL_MOVES[Move.CALL][COMPLETED] = WAITING  # type: ignore[index]


def test_what_a_move_says_of_its_own_wins() -> None:
    staff = UserId(new_id())
    called = build_token().moved(Move.CALL, at=NOW, assigned_to=staff, last_called_at=NOW)
    assert (called.assigned_to, called.last_called_at) == (staff, NOW)


def test_earlier_stamps_are_kept_by_later_moves() -> None:
    called = build_token().moved(Move.CALL, at=NOW)
    completed = called.moved(Move.COMPLETE, at=LATER)
    assert (completed.called_at, completed.completed_at) == (NOW, LATER)


@pytest.mark.parametrize(
    ("move", "start"),
    [(Move.RETURN, CALLED), (Move.RETURN, IN_PROGRESS), (Move.REJOIN, SKIPPED)],
)
def test_whoever_is_back_in_line_was_never_called_started_or_skipped(
    move: Move, start: TokenStatus
) -> None:
    back = a_token(QUEUE, start).moved(move, at=LATER)
    assert back == a_token(
        QUEUE, WAITING, id=back.id, transferred_from=back.transferred_from, version=8
    )


@pytest.mark.parametrize(("move", "start", "to"), ALLOWED)
def test_only_a_token_that_waits_is_held(move: Move, start: TokenStatus, to: TokenStatus) -> None:
    if start is WAITING:
        moved = build_token(on_hold=True).moved(move, at=LATER)
        assert moved.on_hold == (to is WAITING)


@pytest.mark.parametrize("status", TokenStatus)
def test_a_token_is_active_until_it_is_completed_skipped_or_cancelled(status: TokenStatus) -> None:
    assert build_token(status=status).is_active == (status in {WAITING, CALLED, IN_PROGRESS})
    can_move = any(status in ways for ways in LAWFUL_MOVES.values())
    assert can_move == (status in ACTIVE | {SKIPPED}), "what ended cannot move, who is away may"


@pytest.mark.parametrize("status", TokenStatus)
def test_a_token_waits_while_it_is_waiting_and_not_held(status: TokenStatus) -> None:
    assert build_token(status=status).waits == (status is WAITING)
    assert not build_token(status=status, on_hold=True).waits


def test_only_called_and_started_tokens_are_assigned() -> None:
    assert {CALLED, IN_PROGRESS} == ASSIGNED


def test_a_patient_lets_others_pass_three_times() -> None:
    assert MAX_POSTPONES == 3
    assert [build_token(postpones=done).postpones_left for done in range(4)] == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("prefix", "number", "label"),
    [
        ("", 1, "1"),
        ("", 12, "12"),
        ("", 1000, "1000"),
        ("B", 1, "B001"),
        ("B", 12, "B012"),
        ("B", 1000, "B1000"),
        ("X7A", 250, "X7A250"),
    ],
)
def test_a_label_is_prefix_and_three_digits_or_the_bare_number(
    prefix: str, number: int, label: str
) -> None:
    assert label_of(prefix, number) == label


@pytest.mark.parametrize(("move", "start", "to"), ALLOWED)
def test_restoring_gives_back_everything_but_the_version(
    move: Move, start: TokenStatus, to: TokenStatus
) -> None:
    before = a_token(QUEUE, start)
    after = before.moved(
        move,
        at=LATER,
        place=9 * PLACE_STEP,
        desk_id=DeskId(new_id()),
        skip_reason=SkipReason.STAFF,
        transferred_to=TokenId(new_id()),
    )
    assert after.restored(before, after) == replace(before, version=before.version + 2)


def test_a_place_that_the_move_left_alone_stays_what_it_is_now() -> None:
    before = build_token(place=PLACE_STEP)
    after = before.moved(Move.HOLD, at=LATER, on_hold=True)
    spaced_out = replace(after, place=2 * PLACE_STEP)
    assert spaced_out.restored(before, after) == replace(
        before, version=before.version + 2, place=2 * PLACE_STEP
    )


def test_whoever_was_not_there_may_come_back_twice_in_half_an_hour_after_two_unless_said() -> None:
    comeback = Comeback()
    assert (comeback.within.total_seconds() / 60, comeback.at_most, comeback.after) == (30, 2, 2)


def test_the_refusal_of_a_second_token_shows_the_first() -> None:
    token = build_token()
    refusal = ActiveTokenExists(token)
    assert (refusal.code, refusal.token) == ("active_token_exists", token)


def test_the_lives_that_tests_give_to_tokens_are_those_of_every_status() -> None:
    assert set(LIVED) == set(TokenStatus)
