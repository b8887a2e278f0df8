"""What was said against what came, counted by hand; comparing by days; the gates."""

from __future__ import annotations

from math import nan, sqrt

import numpy as np
import pytest

from bench.waits.comparing import bootstrap_ratio, mse_difference
from bench.waits.gates import gates
from bench.waits.observing import MINUTE, Moment, Saying
from bench.waits.panel import UNKNOWN, Said
from bench.waits.report import errors_drawing, everything
from bench.waits.scores import Stat, merged, score
from tests.waits.support import SERVICE, around, asked, score_of


def test_the_sums_by_hand() -> None:
    point = Saying(nan, 1300.0, nan, nan)
    said = [
        Said(asked(1, 1), 7, 0.0, [around(0, 1200), point], 1000.0),  # by likely, not before low
        Said(asked(2, 4), 7, 0.0, [around(0, 1200), point], 2000.0),  # after high, 1800
        Said(asked(3, 6), 8, 100.0, [around(100, 1200), point], 600.0),  # before leave_by, 700
        Said(asked(3, 2, Moment.TWO_AHEAD), 8, 200.0, [UNKNOWN, point], 600.0),
    ]
    told = score(said, ["Qure", "B0"], range(7, 9), judged="Qure", means={SERVICE: 500.0})
    qure, b0 = told.sums("Qure"), told.sums("B0")

    assert (told.asked, told.unknown, told.days) == (4, 1, 2)
    assert qure[Stat.ROWS] == b0[Stat.ROWS] == 3
    assert qure[Stat.WAIT] == 1000 + 2000 + 500
    assert qure[Stat.ERROR] == 200 - 800 + 700
    assert qure[Stat.ABSOLUTE] == 200 + 800 + 700
    assert qure[Stat.SQUARED] == 200**2 + 800**2 + 700**2
    assert b0[Stat.SQUARED] == 300**2 + 700**2 + 700**2
    assert [qure[stat] for stat in (Stat.RANGES, Stat.BY_HIGH, Stat.BY_LIKELY)] == [3, 2, 2]
    assert [qure[stat] for stat in (Stat.BEFORE_LOW, Stat.BEFORE_LEAVE_BY)] == [1, 1]
    assert b0[Stat.RANGES] == 0
    assert told.of_day("Qure", Stat.ROWS).tolist() == [2, 1]
    assert told.sums("Qure", Moment.JOINING, 1)[Stat.ABSOLUTE] == 800
    assert told.sums("Qure", Moment.TWO_AHEAD)[Stat.ROWS] == 0
    assert told.relative[4].tolist() == [1, 4, 16]
    assert told.errors.sum() == 3


def test_scores_of_several_seeds_are_one_after_the_other() -> None:
    one, other = score_of(error=60.0), score_of(error=120.0, days=3)
    both = merged([one, other])

    assert both.days == 15
    assert both.sums("Qure")[Stat.ABSOLUTE] == 120 * 60 + 30 * 120
    assert both.asked == one.asked + other.asked


def test_the_oracle_is_compared_where_it_speaks() -> None:
    point = Saying(nan, 100.0, nan, nan)
    said = [
        Said(asked(1, 1), 0, 0.0, [point, around(0, 100)], 150.0),
        Said(asked(2, 1), 0, 0.0, [point, UNKNOWN], 950.0),
    ]
    told = score(said, ["B0", "Oracle"], range(1), judged=None, means={SERVICE: 500.0})

    assert told.sums("B0")[Stat.ABSOLUTE] == 50 + 850
    assert told.sums("B0")[Stat.ABSOLUTE_BESIDE] == 50
    assert told.sums("Oracle")[Stat.ROWS] == 1


def test_the_interval_of_the_bootstrap_is_as_wide_as_theory_says() -> None:
    chance = np.random.default_rng(5)
    sums = chance.normal(10.0, 20.0, 400)
    value, low, high = bootstrap_ratio(sums, np.ones(400))

    assert value == pytest.approx(sums.mean())
    assert high - low == pytest.approx(2 * 1.96 * sums.std() / sqrt(400), rel=0.1)
    assert bootstrap_ratio(sums, np.ones(400)) == (value, low, high)
    assert bootstrap_ratio(np.full(9, 6.0), np.full(9, 2.0)) == (3.0, 3.0, 3.0)


def test_a_difference_is_in_square_minutes_and_below_zero_where_the_first_is_better() -> None:
    value, low, high = mse_difference([score_of(error=600.0)], "Qure", "B2")

    assert value == low == high == 10**2 - 20**2


def test_good_figures_pass() -> None:
    scores = {name: score_of(error=5 * MINUTE) for name in ("S2 CV 0.4, 1 desk", "S3", "S10")}

    assert {gate.verdict for gate in gates(scores)} == {"PASS"}


@pytest.mark.parametrize(
    ("bad", "missed"),
    [
        ({"error": 19 * MINUTE}, "under the best of B0 and B5"),
        ({"error": 30 * MINUTE}, "under B2, S3"),
        ({"error": 7 * MINUTE}, "by the Oracle's, S3"),
        ({"held": 0.6}, "P(actual ≤ high), S3"),
        ({"held": 1.0}, "P(actual ≤ high)"),
        ({"spoken": 0.9}, "unknown"),
    ],
)
def test_a_bad_figure_is_said_to_be_missed(bad: dict[str, float], missed: str) -> None:
    scores = {
        "S3": score_of(
            error=bad.get("error", 5 * MINUTE),
            spoken=bad.get("spoken", 1.0),
            held=bad.get("held", 0.8),
        )
    }
    told = [gate.name for gate in gates(scores) if not gate.passed]

    assert any(missed in name for name in told), told


def test_a_bias_and_being_called_before_leave_by_are_missed() -> None:
    said = [
        Said(asked(n, 4), 0, 0.0, [around(0, 9000), *[around(0, 9000)] * 8], 3600.0)
        for n in range(9)
    ]
    names = ["Qure", "B0", "B1", "B2", "B3", "B4", "B5", "B6", "Oracle"]
    told = score(said, names, range(1), judged="Qure", means={SERVICE: 1.0})
    missed = {gate.name for gate in gates({"S3": told}) if not gate.passed}

    assert {"bias of likely", "bias of likely, S3", "called before leaveBy"} <= missed


def test_the_scenarios_that_are_not_listed_and_those_not_played_have_no_gates() -> None:
    assert gates({"S12": score_of()}) == []


def test_the_break_that_nobody_foresees_has_no_gate_on_its_ranges() -> None:
    told = [gate.name for gate in gates({"S6 unannounced": score_of(held=0.1)})]

    assert "P(actual ≤ high), S6 unannounced" not in told
    assert "P(actual ≤ high)" in told


def test_the_tables_and_the_histogram_can_be_read() -> None:
    scores = {"S3": score_of(error=7 * MINUTE)}
    page = everything(scores, gates(scores))

    assert "| MISSED |" in page
    assert "| S3 " in page
    lengths = {len(line) for line in page.splitlines() if line.startswith(("| S3", "| scenario"))}
    assert len(lengths) >= 2
    assert " -10 to -5 min  50.0%" in errors_drawing(scores)
