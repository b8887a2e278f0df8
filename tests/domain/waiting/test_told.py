"""A range as it is said: rounded outwards, the finer the sooner."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.domain.waiting.wait import (
    SHORT_SECONDS,
    Basis,
    Range,
    Reason,
    Unknown,
    Wait,
    WaitState,
    instant_of,
    rounded_down,
    rounded_up,
    told,
)
from tests.domain.waiting.scenes import HOUR, MINUTE, NOW

quick = settings(max_examples=60, deadline=None, database=None)

moments = st.floats(NOW, NOW + HOUR)
ranges = st.lists(st.floats(0, 3 * HOUR), min_size=4, max_size=4).map(sorted)


def grid_of(wait: float) -> int:
    return 120 if wait < SHORT_SECONDS else 300


@pytest.mark.parametrize(
    ("minutes", "down", "up"),
    [(0, 0, 0), (3, 2, 4), (4, 4, 4), (14.9, 14, 16), (15, 15, 15), (16, 15, 20), (61, 60, 65)],
)
def test_soon_is_said_to_two_minutes_and_later_to_five(
    minutes: float, down: float, up: float
) -> None:
    assert rounded_down(NOW + minutes * MINUTE, now=NOW) == NOW + down * MINUTE
    assert rounded_up(NOW + minutes * MINUTE, now=NOW) == NOW + up * MINUTE


@quick
@given(moments, ranges)
def test_a_range_is_said_outwards_in_order_and_on_its_grid(now: float, waits: list[float]) -> None:
    meant = Range(*(now + wait for wait in waits))
    said = told(meant, now=now)
    assert said.leave_by <= said.low <= said.likely <= said.high
    assert said.leave_by <= meant.leave_by
    assert said.low <= meant.low
    assert said.high >= meant.high
    for instant, exact in ((said.low, meant.low), (said.high, meant.high)):
        grid = grid_of(exact - now)
        assert instant % grid == 0
        assert abs(instant - exact) < grid
    on_grid = said.likely % grid_of(meant.likely - now) == 0
    assert on_grid or said.likely in (said.low, said.high)


@quick
@given(moments, ranges)
def test_likely_is_said_to_the_nearest(now: float, waits: list[float]) -> None:
    meant = Range(*(now + wait for wait in waits))
    assert abs(told(meant, now=now).likely - meant.likely) <= grid_of(meant.likely - now) / 2


def test_likely_is_said_within_what_is_said() -> None:
    meant = Range(*(NOW + minutes * MINUTE for minutes in (14, 14.9, 15, 15)))
    assert told(meant, now=NOW) == Range(*(NOW + minutes * MINUTE for minutes in (14, 14, 15, 15)))


def test_who_should_leave_later_than_low_should_leave_then() -> None:
    meant = Range(*(NOW + minutes * MINUTE for minutes in (14.9, 15.1, 20, 25)))
    said = told(meant, now=NOW + 2 * MINUTE)
    assert said.leave_by == NOW + 14 * MINUTE
    assert said.low == NOW + 14 * MINUTE


def test_instants_are_in_utc() -> None:
    assert instant_of(NOW + 0.25) == datetime(2025, 12, 30, 15, 0, 0, 250_000, tzinfo=UTC)
    assert instant_of(NOW).utcoffset() == timedelta(0)


# Told anew


WAIT = Wait(
    state=WaitState.ESTIMATED,
    low=instant_of(NOW),
    likely=instant_of(NOW + 300),
    high=instant_of(NOW + 600),
    leave_by=instant_of(NOW),
    basis=Basis.LIVE,
    as_of=instant_of(NOW),
    version=3,
)


def test_the_same_wait_of_a_later_version_says_the_same() -> None:
    later = replace(WAIT, version=4, as_of=instant_of(NOW + 30))
    assert WAIT.says_the_same(later)


@pytest.mark.parametrize(
    "other",
    [
        {"state": WaitState.NEXT},
        {"unknown": Unknown.PAUSED},
        {"low": None},
        {"likely": instant_of(NOW + 360)},
        {"high": instant_of(NOW + 900)},
        {"leave_by": None},
        {"reasons": (Reason.URGENT_CASES,)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_whatever_a_person_is_told_differently_is_told_anew(other: dict[str, object]) -> None:
    changed = replace(WAIT, **other)  # type: ignore[arg-type]
    assert not WAIT.says_the_same(changed)
    assert not changed.says_the_same(WAIT)
