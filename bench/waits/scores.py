"""What was said against what came, added up. Spans are seconds, their squares seconds².

Everybody is scored on the same tokens and moments: those of which the judged one said something,
where one is judged. Only the Oracle speaks of a share of them, and is compared on that share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bench.waits.observing import MINUTE, Moment
from bench.waits.panel import Said

Array = NDArray[np.float64]

ORACLE = "Oracle"
BUCKETS = ((0, 2), (3, 5), (6, 10), (11, 10_000))
EDGES = (-inf, -60.0, -30.0, -20.0, -10.0, -5.0, -2.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, inf)
"""Of the histogram of errors, in minutes."""

MOST_AHEAD = 16


class Stat(IntEnum):
    """What is summed over the scored rows. An error is what was said less what came."""

    ROWS = 0
    WAIT = 1
    ERROR = 2
    ABSOLUTE = 3
    SQUARED = 4
    RANGES = 5
    BY_HIGH = 6  # called then or before
    BY_LIKELY = 7
    BEFORE_LOW = 8
    BEFORE_LEAVE_BY = 9
    BESIDE = 10  # rows of which the Oracle speaks too
    ABSOLUTE_BESIDE = 11
    SQUARED_BESIDE = 12


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody was told at joining, and when they were called: for the picture of a day."""

    joined: float
    low: float
    likely: float
    high: float
    leave_by: float
    called: float


@dataclass(slots=True)
class Score:
    """The sums of one scenario: by observer and day, and by observer, moment and place in line.

    ``relative`` holds by the number ahead at joining: how many, and the sums of their waits by the
    true mean service time, and of its squares.
    """

    names: tuple[str, ...]
    judged: str | None
    by_day: Array
    by_place: Array
    errors: NDArray[np.int64]
    relative: Array
    unknown: int = 0
    asked: int = 0
    spent: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    played: int = 0
    shown: list[Shown] = field(default_factory=list)

    @property
    def days(self) -> int:
        """So many were scored."""
        return int(self.by_day.shape[1])

    def sums(self, name: str, moment: Moment | None = None, bucket: int | None = None) -> Array:
        """By ``Stat``, of everything, or of one moment, or of one place in line."""
        part = self.by_place[self.names.index(name)]
        part = part.sum(0) if moment is None else part[moment]
        total: Array = part.sum(0) if bucket is None else part[bucket]
        return total

    def of_day(self, name: str, stat: Stat) -> Array:
        """Day by day."""
        return self.by_day[self.names.index(name), :, stat]


def merged(scores: Sequence[Score]) -> Score:
    """All of them in one, day after day."""
    first = scores[0]
    return Score(
        names=first.names,
        judged=first.judged,
        by_day=np.concatenate([one.by_day for one in scores], axis=1),
        by_place=np.sum([one.by_place for one in scores], axis=0),
        errors=np.sum([one.errors for one in scores], axis=0),
        relative=np.sum([one.relative for one in scores], axis=0),
        unknown=sum(one.unknown for one in scores),
        asked=sum(one.asked for one in scores),
        spent={name: sum(one.spent.get(name, 0.0) for one in scores) for name in first.names},
        seconds=sum(one.seconds for one in scores),
        played=sum(one.played for one in scores),
        shown=next((one.shown for one in scores if one.shown), []),
    )


def score(
    said: Sequence[Said],
    names: Sequence[str],
    days: range,
    *,
    judged: str | None,
    means: Mapping[UUID, float],
) -> Score:
    """Score what was said on these days; ``means`` are the true mean service times."""
    rows = np.array([_row(one, means) for one in said]).reshape(len(said), 6)
    sayings = np.array([one.sayings for one in said]).reshape(len(said), len(names), 4)
    spoken = np.ones(len(said), bool)
    if judged is not None:
        spoken = ~np.isnan(sayings[:, names.index(judged), 1])
    told = Score(
        names=tuple(names),
        judged=judged,
        by_day=np.zeros((len(names), len(days), len(Stat))),
        by_place=np.zeros((len(names), len(Moment), len(BUCKETS), len(Stat))),
        errors=np.zeros((len(BUCKETS), len(EDGES) - 1), np.int64),
        relative=_relative(rows),
        unknown=int((~spoken).sum()),
        asked=len(said),
    )
    beside = np.zeros(len(said), bool)
    if ORACLE in names:
        beside = ~np.isnan(sayings[:, names.index(ORACLE), 1])
    _add(told, rows[spoken], sayings[spoken], beside[spoken], days.start)
    return told


DAY_OF, MOMENT, AHEAD, NOW, CALLED, MEAN = range(6)


def _row(one: Said, means: Mapping[UUID, float]) -> tuple[float, ...]:
    asked = one.asked
    return one.day, asked.moment, asked.ahead, one.now, one.called, means[asked.service]


def _add(told: Score, rows: Array, sayings: Array, beside: NDArray[np.bool_], first: int) -> None:
    days = rows[:, DAY_OF].astype(int) - first
    moments = rows[:, MOMENT].astype(int)
    buckets = bucket_of(rows[:, AHEAD])
    for number, name in enumerate(told.names):
        stats = _stats(rows, sayings[:, number], beside)
        np.add.at(told.by_day[number], days, stats)
        np.add.at(told.by_place[number], (moments, buckets), stats)
        if name == (told.judged or ORACLE):
            errors = (sayings[:, number, 1] - rows[:, CALLED]) / MINUTE
            known = ~np.isnan(errors)
            bins = np.searchsorted(EDGES, errors[known], side="right") - 1
            np.add.at(told.errors, (buckets[known], bins), 1)


def _stats(rows: Array, sayings: Array, beside: NDArray[np.bool_]) -> Array:
    """Row by row what is added to the sums."""
    low, likely, high, leave_by = sayings.T
    called = rows[:, CALLED]
    speaks, ranges = ~np.isnan(likely), ~np.isnan(high)
    error = np.where(speaks, likely - called, 0.0)
    absolute, squared = np.abs(error), error * error
    columns = {
        Stat.ROWS: speaks,
        Stat.WAIT: np.where(speaks, called - rows[:, NOW], 0.0),
        Stat.ERROR: error,
        Stat.ABSOLUTE: absolute,
        Stat.SQUARED: squared,
        Stat.RANGES: ranges,
        Stat.BY_HIGH: ranges & (called <= high),
        Stat.BY_LIKELY: ranges & (called <= likely),
        Stat.BEFORE_LOW: ranges & (called < low),
        Stat.BEFORE_LEAVE_BY: ranges & (called < leave_by),
        Stat.BESIDE: speaks & beside,
        Stat.ABSOLUTE_BESIDE: np.where(beside, absolute, 0.0),
        Stat.SQUARED_BESIDE: np.where(beside, squared, 0.0),
    }
    return np.stack([columns[stat].astype(float) for stat in Stat], axis=1)


def bucket_of(ahead: Array) -> NDArray[np.int64]:
    """Which of ``BUCKETS`` so many ahead fall into."""
    return np.searchsorted([first for first, _ in BUCKETS], ahead, side="right") - 1


def _relative(rows: Array) -> Array:
    joining = rows[(rows[:, MOMENT] == Moment.JOINING) & (rows[:, AHEAD] < MOST_AHEAD)]
    waits = (joining[:, CALLED] - joining[:, NOW]) / joining[:, MEAN]
    told = np.zeros((MOST_AHEAD, 3))
    columns = np.stack([np.ones_like(waits), waits, waits * waits], axis=1)
    np.add.at(told, joining[:, AHEAD].astype(int), columns)
    return told
