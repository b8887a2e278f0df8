"""The life of a token: which moves are allowed, what they stamp, whom they assign it to."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from qure.domain.actor import SYSTEM, Role
from qure.domain.errors import Conflict
from qure.domain.token import ACTIVE, ASSIGNED, TRANSITIONS, Token, TokenStatus
from tests.support.builders import NOW, build_actor, build_token

WAITING, CALLED, IN_PROGRESS, COMPLETED, SKIPPED, CANCELLED = TokenStatus

ALLOWED = {
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
STAFF = build_actor(role=Role.STAFF)


def stamps(token: Token) -> dict[TokenStatus, object]:
    return {
        CALLED: token.called_at,
        IN_PROGRESS: token.started_at,
        COMPLETED: token.completed_at,
        SKIPPED: token.skipped_at,
        CANCELLED: token.cancelled_at,
    }


@pytest.mark.parametrize(("start", "to"), [pair for pair in PAIRS if pair in ALLOWED])
def test_an_allowed_move_is_made_and_stamped_with_its_time(
    start: TokenStatus, to: TokenStatus
) -> None:
    token = build_token(status=start)
    moved = token.moved_to(to, at=LATER, by=STAFF)
    assert moved.status is to
    assert stamps(moved) == {**dict.fromkeys(stamps(token)), to: LATER}
    assert (moved.id, moved.number, moved.place, moved.created_at) == (
        token.id,
        token.number,
        token.place,
        token.created_at,
    )
    assert moved.version == token.version + 1


@pytest.mark.parametrize(("start", "to"), [pair for pair in PAIRS if pair not in ALLOWED])
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
    caller, starter, finisher = (build_actor(role=Role.STAFF) for _ in range(3))
    called = build_token().moved_to(CALLED, at=NOW, by=caller)
    started = called.moved_to(IN_PROGRESS, at=NOW, by=starter)
    completed = started.moved_to(COMPLETED, at=NOW, by=finisher)
    assert (called.assigned_to, started.assigned_to, completed.assigned_to) == (
        caller.user_id,
        starter.user_id,
        starter.user_id,
    )


def test_a_patient_who_leaves_is_assigned_to_nobody() -> None:
    token = build_token()
    assert token.moved_to(CANCELLED, at=NOW, by=build_actor(token.patient_id)).assigned_to is None


def test_earlier_stamps_are_kept_by_later_moves() -> None:
    called = build_token().moved_to(CALLED, at=NOW, by=STAFF)
    completed = called.moved_to(COMPLETED, at=LATER, by=STAFF)
    assert (completed.called_at, completed.completed_at) == (NOW, LATER)


@pytest.mark.parametrize("status", TokenStatus)
def test_a_token_is_active_until_it_is_completed_skipped_or_cancelled(status: TokenStatus) -> None:
    assert build_token(status=status).is_active == (status in {WAITING, CALLED, IN_PROGRESS})
    assert (status in ACTIVE) == bool(TRANSITIONS[status]), (
        "what is active can move, what ended cannot"
    )


def test_only_called_and_started_tokens_are_assigned() -> None:
    assert {CALLED, IN_PROGRESS} == ASSIGNED


def test_who_is_no_person_calls_nobody_but_may_end_a_token() -> None:
    with pytest.raises(LookupError):
        build_token().moved_to(CALLED, at=NOW, by=SYSTEM)
    assert build_token().moved_to(SKIPPED, at=NOW, by=SYSTEM).assigned_to is None
