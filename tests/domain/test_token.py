"""The life of a token: which moves are lawful, what they stamp, in whose hands they put it."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from qure.domain.errors import Conflict
from qure.domain.ids import UserId
from qure.domain.token import ACTIVE, ASSIGNED, TRANSITIONS, Token, TokenStatus
from tests.builders import NOW, build_token, new_id

WAITING, CALLED, IN_PROGRESS, COMPLETED, SKIPPED, CANCELLED = TokenStatus

LAWFUL = {
    (WAITING, CALLED),
    (WAITING, SKIPPED),
    (WAITING, CANCELLED),
    (CALLED, IN_PROGRESS),
    (CALLED, COMPLETED),
    (CALLED, SKIPPED),
    (IN_PROGRESS, COMPLETED),
}
"""Written out again from the contract, so that a slip in the table is not a slip in its test."""

PAIRS = list(product(TokenStatus, TokenStatus))
LATER = NOW + timedelta(minutes=5)
STAFF = UserId(new_id())


def stamps(token: Token) -> dict[TokenStatus, object]:
    return {
        CALLED: token.called_at,
        IN_PROGRESS: token.started_at,
        COMPLETED: token.completed_at,
        SKIPPED: token.skipped_at,
        CANCELLED: token.cancelled_at,
    }


@pytest.mark.parametrize(("start", "to"), [pair for pair in PAIRS if pair in LAWFUL])
def test_a_lawful_move_is_made_and_stamped_with_its_time(
    start: TokenStatus, to: TokenStatus
) -> None:
    token = build_token(status=start)
    moved = token.moved_to(to, at=LATER, by=STAFF)
    assert moved.status is to
    assert stamps(moved) == {**dict.fromkeys(stamps(token)), to: LATER}
    assert (moved.id, moved.number, moved.created_at) == (token.id, token.number, token.created_at)


@pytest.mark.parametrize(("start", "to"), [pair for pair in PAIRS if pair not in LAWFUL])
def test_any_other_move_is_refused_and_says_why(start: TokenStatus, to: TokenStatus) -> None:
    token = build_token(number=12, status=start)
    with pytest.raises(Conflict) as refused:
        token.moved_to(to, at=LATER, by=STAFF)
    assert refused.value.code == "illegal_transition"
    assert refused.value.message == f"Token 12 is {start.value} and cannot become {to.value}."


def test_the_table_names_every_status_and_cannot_be_changed() -> None:
    assert set(TRANSITIONS) == set(TokenStatus)
    with pytest.raises(TypeError):
        TRANSITIONS[COMPLETED] = frozenset({WAITING})  # type: ignore[index]


def test_whoever_calls_or_starts_a_token_has_it_in_hand() -> None:
    caller, starter, finisher = (UserId(new_id()) for _ in range(3))
    called = build_token().moved_to(CALLED, at=NOW, by=caller)
    started = called.moved_to(IN_PROGRESS, at=NOW, by=starter)
    completed = started.moved_to(COMPLETED, at=NOW, by=finisher)
    assert (called.assigned_to, started.assigned_to, completed.assigned_to) == (
        caller,
        starter,
        starter,
    )


def test_a_patient_who_leaves_is_in_nobodys_hands() -> None:
    token = build_token()
    assert token.moved_to(CANCELLED, at=NOW, by=token.patient_id).assigned_to is None


def test_earlier_stamps_are_kept_by_later_moves() -> None:
    called = build_token().moved_to(CALLED, at=NOW, by=STAFF)
    completed = called.moved_to(COMPLETED, at=LATER, by=STAFF)
    assert (completed.called_at, completed.completed_at) == (NOW, LATER)


@pytest.mark.parametrize("status", TokenStatus)
def test_a_token_stands_until_it_is_completed_skipped_or_cancelled(status: TokenStatus) -> None:
    assert build_token(status=status).is_active == (status in {WAITING, CALLED, IN_PROGRESS})
    assert (status in ACTIVE) == bool(TRANSITIONS[status]), (
        "what stands can move, what ended cannot"
    )


def test_only_called_and_started_tokens_are_in_the_hands_of_staff() -> None:
    assert {CALLED, IN_PROGRESS} == ASSIGNED
