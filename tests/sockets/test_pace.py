"""So much at once, and so much a second; and log lines that strangers cannot multiply."""

from __future__ import annotations

import pytest

from qure.adapters.sockets import pace
from qure.adapters.sockets.pace import BURST, USER_SHARES, Bucket, Paces, Verdict
from qure.domain.ids import UserId
from tests.support.builders import new_id


def taken(bucket: Bucket, now: float) -> int:
    """How often it can be taken from at that time."""
    count = 0
    while bucket.take(now):
        count += 1
    return count


def test_a_bucket_is_full_at_first_and_fills_up_again_but_no_further() -> None:
    bucket = Bucket(10, 2.0)
    assert taken(bucket, 100.0) == 10
    assert taken(bucket, 101.0) == 2
    assert taken(bucket, 101.4) == 0
    assert taken(bucket, 101.5) == 1
    assert taken(bucket, 1000.0) == 10


def test_a_connection_that_goes_on_is_refused_as_often_as_it_was_heard_and_then_ended() -> None:
    one = Paces(20).of_connection()
    verdicts = [one.take(5.0) for _ in range(2 * BURST + 1)]
    assert verdicts == [Verdict.IN_TIME] * BURST + [Verdict.TOO_SOON] * BURST + [Verdict.TOO_MUCH]


def test_a_connection_that_keeps_to_the_rate_is_never_refused() -> None:
    one = Paces(20).of_connection()
    assert {one.take(5.0 + count / 20) for count in range(5000)} == {Verdict.IN_TIME}


def test_all_connections_of_a_user_together_have_a_few_times_as_much() -> None:
    paces, user = Paces(20), UserId(new_id())
    heard = 0
    for _ in range(3 * USER_SHARES):
        one = paces.of_connection()
        one.user = paces.of_user(user)
        heard += sum(one.take(5.0) is Verdict.IN_TIME for _ in range(BURST))
    assert heard == USER_SHARES * BURST
    other = paces.of_connection()
    other.user = paces.of_user(UserId(new_id()))
    assert other.take(5.0) is Verdict.IN_TIME


def test_users_are_remembered_without_end_neither_in_number_nor_in_vain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "REMEMBERED_USERS", 3)
    paces = Paces(20)
    first, *others = [UserId(new_id()) for _ in range(4)]
    bucket = paces.of_user(first)
    assert paces.of_user(first) is bucket
    for user in others:
        paces.of_user(user)
    assert len(paces._users) == 3
    assert paces.of_user(first) is not bucket
