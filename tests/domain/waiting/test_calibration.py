"""What is learned from calls: how far off, and how often outside."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.domain.waiting.calibration import (
    FASTEST_STEP,
    LATE_SHARE,
    LEAST_BIAS,
    LEAST_EARLY,
    LEAST_WIDENING,
    MOST_BIAS,
    MOST_WIDENING,
    SLOWEST_STEP,
    WARM_UP,
    Calibration,
    bucket_of,
)
from qure.domain.waiting.wait import Range
from tests.domain.waiting.scenes import HOUR, MINUTE, NOW

quick = settings(max_examples=40, deadline=None, database=None)

seconds = st.floats(0, 10 * HOUR)
ranges = st.lists(seconds, min_size=4, max_size=4).map(
    lambda them: Range(*(NOW + one for one in sorted(them)))
)
calibrations = st.builds(
    Calibration,
    bias=st.floats(LEAST_BIAS, MOST_BIAS),
    late=st.floats(LEAST_WIDENING, MOST_WIDENING),
    early=st.floats(LEAST_EARLY, MOST_WIDENING),
)

RAW = Range(*(NOW + minutes * MINUTE for minutes in (10, 15, 30, 50)))


@pytest.mark.parametrize(
    ("ahead", "bucket"), [(0, 0), (2, 0), (3, 1), (5, 1), (6, 2), (10, 2), (11, 3), (500, 3)]
)
def test_places_are_learned_about_together(ahead: int, bucket: int) -> None:
    assert bucket_of(ahead) == bucket


# Applied


def test_before_anything_was_learned_a_range_stays_as_it_is() -> None:
    applied = Calibration().applied(RAW, now=NOW)
    assert applied == RAW


def test_bias_stretches_the_wait_not_the_clock() -> None:
    found = Calibration(bias=1.5).applied(RAW, now=NOW)
    assert found == Range(*(NOW + minutes * MINUTE for minutes in (15, 22.5, 45, 75)))


def test_widening_moves_only_the_outer_bounds() -> None:
    found = Calibration(late=0.5, early=0.5).applied(RAW, now=NOW)
    assert found == Range(*(NOW + minutes * MINUTE for minutes in (5, 15, 30, 75)))


def test_narrowing_stops_at_the_bound_within() -> None:
    raw = Range(*(NOW + minutes * MINUTE for minutes in (29, 30, 30, 31)))
    found = Calibration(late=-0.3, early=-0.3).applied(raw, now=NOW)
    assert found == Range(*[NOW + 30 * MINUTE] * 4)


@quick
@given(ranges, calibrations, st.floats(-HOUR, HOUR))
def test_a_calibrated_range_is_in_order_and_never_over(
    raw: Range, calibration: Calibration, later: float
) -> None:
    now = NOW + later
    found = calibration.applied(raw, now=now)
    assert now <= found.leave_by <= found.low <= found.likely <= found.high


# Learned


@quick
@given(calibrations, st.lists(st.tuples(ranges, st.floats(-HOUR, 9e4))))
def test_what_is_learned_stays_in_its_bounds(
    calibration: Calibration, calls: list[tuple[Range, float]]
) -> None:
    for told, after in calls:
        calibration = calibration.learned(told, told_at=NOW, called_at=NOW + after)
        assert LEAST_BIAS <= calibration.bias <= MOST_BIAS
        assert LEAST_WIDENING <= calibration.late <= MOST_WIDENING
        assert LEAST_EARLY <= calibration.early <= MOST_WIDENING
    assert calibration.samples == len(calls)


def test_a_call_outside_widens_and_one_within_narrows_a_little() -> None:
    def learned(minutes: float) -> Calibration:
        return Calibration().learned(RAW, told_at=NOW, called_at=NOW + minutes * MINUTE)

    step = 2 / WARM_UP
    assert SLOWEST_STEP < step < FASTEST_STEP
    assert learned(51).late == pytest.approx(step * (1 - LATE_SHARE))
    assert learned(50).late == pytest.approx(-step * LATE_SHARE)
    assert learned(9).early == pytest.approx(step * 0.9)
    assert learned(10).early == 0
    assert learned(30).bias == 1
    assert learned(15).bias < 1 < learned(60).bias
    assert learned(60).bias > learned(45).bias
    assert learned(600).bias == learned(6_000).bias


def test_a_minute_matters_less_where_little_was_to_be_waited() -> None:
    soon = Range(NOW, NOW, NOW + 1, NOW + 2)
    at_once, later = (
        Calibration().learned(soon, told_at=NOW, called_at=NOW + after).bias for after in (1, 61)
    )
    assert at_once == 1
    assert 1 < later < 1.011


@pytest.mark.parametrize("truth", [0.8, 1.0, 1.3])
def test_bias_is_learned_so_that_on_average_nobody_is_called_later(truth: float) -> None:
    chance = Random(7)
    calibration, seen = Calibration(), []
    for _ in range(600):
        told = calibration.applied(RAW, now=NOW)
        actual = 30 * MINUTE * truth * math.exp(chance.gauss(-0.045, 0.3))
        calibration = calibration.learned(told, told_at=NOW, called_at=NOW + actual)
        seen.append(calibration.bias)
    assert sum(seen[100:]) / 500 == pytest.approx(truth, rel=0.04)


@pytest.mark.parametrize("noise", [0.25, 0.4, 0.5])
def test_in_the_long_run_a_fifth_come_later_and_a_tenth_too_early(noise: float) -> None:
    """However far the raw bounds are off; bias is left out of it."""
    narrow = Range(*(NOW + minutes * MINUTE for minutes in (26, 29, 30, 33)))
    chance = Random(11)
    calibration = Calibration()
    late = early = 0
    count = 4_000
    for _ in range(count):
        told = calibration.applied(narrow, now=NOW)
        called_at = NOW + 30 * MINUTE * math.exp(chance.gauss(0, noise))
        late += called_at > told.high
        early += called_at < told.leave_by
        calibration = replace(calibration.learned(told, told_at=NOW, called_at=called_at), bias=1.0)
    assert late / count == pytest.approx(0.2, abs=0.02)
    assert early / count == pytest.approx(0.1, abs=0.02)


def test_that_nobody_was_called_too_early_puts_off_no_ones_leaving() -> None:
    calibration = Calibration(early=0.05)
    for _ in range(100):
        calibration = calibration.learned(RAW, told_at=NOW, called_at=NOW + 30 * MINUTE)
    assert calibration.early == 0
    assert calibration.late == LEAST_WIDENING


def test_the_more_was_learned_the_less_one_call_teaches() -> None:
    def moved(samples: int) -> tuple[float, float]:
        learned = Calibration(samples=samples).learned(RAW, told_at=NOW, called_at=NOW + HOUR)
        return learned.bias - 1, learned.late

    steps = [moved(samples) for samples in (0, 50, 5_000)]
    assert steps == sorted(steps, reverse=True)
    assert moved(5_000) == moved(50_000)
    assert min(moved(50_000)) > 0
