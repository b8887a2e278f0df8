"""Whether one errs less than another: paired by day, since on a bad day both do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.waits.observing import MINUTE
from bench.waits.scores import Array, Score, Stat

RESAMPLES = 1000
LEVEL = 0.95


class Interval(NamedTuple):
    """A figure, and between what it lies with 95 % confidence."""

    value: float
    low: float
    high: float


def mse_difference(scores: Sequence[Score], one: str, other: str) -> Interval:
    """The mean squared error of ``one`` less that of ``other``, in minutes²; below 0 is better."""
    squared = [
        np.concatenate([each.of_day(name, Stat.SQUARED) for each in scores])
        for name in (one, other)
    ]
    rows = np.concatenate([each.of_day(one, Stat.ROWS) for each in scores])
    value, low, high = bootstrap_ratio(squared[0] - squared[1], rows)
    return Interval(value / MINUTE**2, low / MINUTE**2, high / MINUTE**2)


def bootstrap_ratio(sums: Array, counts: Array, *, seed: int = 0) -> Interval:
    """The sum by the count over all days, with the interval of resampling whole days."""
    chance = np.random.default_rng(seed)
    number = len(sums)
    ratios = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        days = chance.integers(0, number, number)
        ratios[i] = sums[days].sum() / max(counts[days].sum(), 1.0)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(sums.sum() / max(counts.sum(), 1.0)), float(low), float(high))
