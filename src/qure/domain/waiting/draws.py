"""Chance that is the same whenever it is asked for: by who it is for, and what it decides.

A quantity takes, over the paths of a forecast, each of its ``PATHS`` quantiles once, in an order
that belongs to the one it is for (Latin hypercube sampling: McKay, Beckman & Conover 1979). So few
paths do, and what is forecast for one patient does not tremble because another came.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

PATHS: Final = 200

Floats = NDArray[np.float64]
Order = NDArray[np.int64]
Flags = NDArray[np.bool_]

LEVELS: Final[Floats] = (np.arange(PATHS) + 0.5) / PATHS
"""The quantiles' levels, in order."""

_ROWS: Final = 509
_MIX: Final = 0x9E3779B97F4A7C15
_64_BITS: Final = (1 << 64) - 1


def _table() -> Order:
    """Rows of permutations, the same with every version of numpy: the order of the outputs of
    SplitMix64 (Steele, Lea & Flood 2014). Its own generators cost 7 MB and may change."""
    state = np.arange(1, _ROWS * PATHS + 1, dtype=np.uint64) * np.uint64(_MIX)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    rows = np.argsort(state.reshape(_ROWS, PATHS), axis=1, kind="stable")
    # Twice over: every rotation of a row is a slice of it.
    return np.ascontiguousarray(np.concatenate([rows, rows], axis=1).astype(np.int64))


_TABLE: Final = _table()


def order_of(id: UUID, purpose: int) -> Order:
    """In which order the quantiles come for it: each of 0..PATHS-1 once. Not to be written to."""
    mixed = (id.int ^ (id.int >> 64) ^ (purpose * 0xD1B54A32D192ED03)) & _64_BITS
    mixed = (mixed * _MIX) & _64_BITS
    mixed ^= mixed >> 29
    mixed = (mixed * _MIX) & _64_BITS
    row, start = (mixed >> 12) % _ROWS, (mixed >> 40) % PATHS
    order: Order = _TABLE[row, start : start + PATHS]
    return order


def levels_of(id: UUID, purpose: int) -> Floats:
    """Evenly spread over (0, 1), in its own order."""
    return LEVELS[order_of(id, purpose)]


def spread(values: Floats) -> Floats:
    """``PATHS`` quantiles, in order, of a sample that is in order and not empty."""
    at = LEVELS * len(values) - 0.5
    return np.interp(at, np.arange(len(values)), values)


def lognormal(cv: float) -> Floats:
    """``PATHS`` quantiles, in order, of a lognormal with mean 1 and that coefficient of variation.

    The mean of the quantiles themselves is 1.
    """
    known = _LOGNORMAL.get(key := round(cv, 2))
    if known is None:
        sigma = np.sqrt(np.log1p(key * key))
        values = np.exp(sigma * _NORMAL)
        known = _LOGNORMAL[key] = values / values.mean()
    return known


def _normal_quantiles() -> Floats:
    inverse = NormalDist().inv_cdf
    return np.array([inverse(float(level)) for level in LEVELS])


_NORMAL: Final = _normal_quantiles()
_LOGNORMAL: dict[float, Floats] = {}
