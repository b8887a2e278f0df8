"""What is usual at a clinic, from its earlier days: pooled where little is known, and weighted by
age. Worked out once a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from qure.domain.ids import ServiceId
from qure.domain.waiting.draws import Floats, lognormal, spread
from qure.domain.waiting.habits import Habit, Openings, Trend, habits_of, trend_of
from qure.domain.waiting.scene import SeatId
from qure.domain.waiting.visits import EarlierDays, Expected, Pause, Session, Visit

CONFIGURED_CV: Final = 0.6
"""How much visits are thought to differ before any was seen."""

LEAST_CV: Final = 0.25
POOLING: Final = 8.0
"""What is known of a larger group counts as so many visits of the smaller one."""

CONFIGURED_COUNTS: Final = 3.0
"""What is configured counts as so many visits: clinics guess."""

HALF_LIFE_DAYS: Final = 28.0
SHAPE_ROWS: Final = 30
"""From so many visits on their own distribution is taken, not a lognormal."""

LEAST_BETWEEN_DAYS: Final = 0.04
MOST_POOLING: Final = 200.0
FEWEST_DAYS: Final = 4
"""From so many days on it is known how much days differ."""

SESSIONS: Final = 10
"""So many of the last days tell when a day begins, and with how many seats."""

NO_SHOWS, SHOWS = 1.0, 9.0
"""Of how many it is thought that they come, before any was seen: Beta(1, 9)."""

COMEBACKS, STAY_AWAYS = 1.0, 4.0
PATIENCE_SECONDS: Final = 120.0
"""How long somebody who does not come is waited for, before any was."""

OVERTAKING_HOURS: Final = 8.0
"""It is thought that nobody overtakes anybody, for so many hours' worth."""

DAY = 86_400.0
_CLIP_LOW, _CLIP_HIGH = 0.2, 6.0


@dataclass(frozen=True, slots=True)
class Level:
    """A mean and a variance, worth ``count`` observations."""

    count: float
    mean: float
    variance: float

    def under(self, parent: Level, strength: float) -> Level:
        """This one, drawn to its parent, which counts as ``strength`` observations."""
        share = self.count / (self.count + strength)
        return Level(
            self.count,
            share * self.mean + (1 - share) * parent.mean,
            share * self.variance + (1 - share) * parent.variance,
        )


def level_of(values: Floats, weights: Floats) -> Level:
    """Weighted; its count is (sum of w)^2 / sum of w^2."""
    if not len(values):
        return Level(0.0, 1.0, 0.0)
    total = weights.sum()
    mean = float((weights * values).sum() / total)
    variance = float((weights * (values - mean) ** 2).sum() / total)
    count = float(total * total / (weights * weights).sum())
    return Level(count, mean, variance * count / max(count - 1, 1.0))


def clipped(values: Floats, middle: float) -> Floats:
    """Winsorised to what is believable, beside the median ``middle``."""
    return np.clip(values, _CLIP_LOW * middle, _CLIP_HIGH * middle)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualService:
    """One service. Seconds; ``shape`` are quantiles of a visit's length, their mean 1.

    ``between_days`` is how many visits of a day what is usual counts as: the more alike the days,
    the more. ``median`` is None before any visit was seen, ``trend`` how visits change over a day.
    """

    rows: int
    mean: float
    cv: float
    by_seat: dict[SeatId, float]
    shape: Floats
    between_days: float
    median: float | None
    trend: Trend
    missed: float
    came: float
    lateness: Floats
    seats: int
    overtakers: float
    hours: float


class Usual:
    """What is usual at a clinic: each service, how long who does not come is waited for, how many
    of those come back, how long pauses last (in order; empty when none was seen), and which
    seats pause day after day."""

    def __init__(
        self,
        expected: Expected,
        of: Mapping[ServiceId, UsualService],
        absent: Sequence[Visit],
        pauses: Sequence[Pause],
        habits: Mapping[SeatId, Habit] | None = None,
    ) -> None:
        self.expected = dict(expected)
        self.of = dict(of)
        waits = sorted(one.seconds for one in absent if not one.rejoined)
        self.patience: Floats = (
            spread(np.array(waits))
            if len(waits) >= SESSIONS
            else PATIENCE_SECONDS * lognormal(CONFIGURED_CV)
        )
        back = sum(one.rejoined for one in absent)
        self.comeback = (back + COMEBACKS) / (len(absent) + COMEBACKS + STAY_AWAYS)
        self.pauses: Floats = np.array(sorted(one.end - one.begin for one in pauses))
        self.habits = dict(habits or {})

    @classmethod
    def learned(
        cls, expected: Expected, days: EarlierDays, *, now: float
    ) -> Generator[None, None, Usual]:
        """From earlier days. Works in slices: others may run whenever it yields."""
        served: dict[ServiceId, list[Visit]] = defaultdict(list)
        missed: dict[ServiceId, list[Visit]] = defaultdict(list)
        for visit in days.visits:
            if visit.service_id in expected:
                (served if visit.came else missed)[visit.service_id].append(visit)
        yield
        sessions: dict[ServiceId, list[Session]] = defaultdict(list)
        for session in days.sessions:
            sessions[session.service_id].append(session)
        columns = {}
        for id in expected:
            columns[id] = _Columns(served[id], now)
            yield
        clinic = _of_clinic(columns, expected)
        openings = Openings(days.sessions)
        of = {}
        for id, seconds in expected.items():
            last = sorted(sessions[id], key=lambda one: one.opens_at)[-SESSIONS:]
            of[id] = _service(seconds, columns[id], _ages(missed[id], now), last, clinic, openings)
            yield
        habits = habits_of(days.visits, days.pauses, openings)
        yield
        absent = [one for its in missed.values() for one in its]
        return cls(expected, of, absent, days.pauses, habits)


class _Columns:
    """The visits of a service, in columns."""

    def __init__(self, visits: Sequence[Visit], now: float) -> None:
        self.seconds: Floats = np.array([one.seconds for one in visits], dtype=np.float64)
        self.called_at = np.array([one.called_at for one in visits], dtype=np.float64)
        self.weights = _ages(visits, now)
        seats = sorted({one.seat_id for one in visits if one.seat_id is not None})
        numbers: dict[SeatId | None, int] = {seat: number for number, seat in enumerate(seats)}
        self.seats = seats
        self.seat_of = np.array([numbers.get(one.seat_id, -1) for one in visits], dtype=np.int64)
        self.median = float(np.median(self.seconds)) if len(self.seconds) else None


def _ages(visits: Sequence[Visit], now: float) -> Floats:
    """How much each counts, by its age."""
    ended = np.array([one.ended_at for one in visits], dtype=np.float64)
    weights: Floats = np.exp2(-np.maximum(0.0, now - ended) / DAY / HALF_LIFE_DAYS)
    return weights


def _of_clinic(columns: Mapping[ServiceId, _Columns], expected: Expected) -> Level:
    """How visits of all services compare with what is configured for them."""
    ratios, weights = [], []
    for id, each in columns.items():
        if each.median is not None:
            ratios.append(clipped(each.seconds, each.median) / expected[id])
            weights.append(each.weights)
    configured = Level(0.0, 1.0, CONFIGURED_CV**2)
    if not ratios:
        return configured
    whole = level_of(np.concatenate(ratios), np.concatenate(weights))
    return whole.under(configured, CONFIGURED_COUNTS)


def _service(
    expected: float,
    seen: _Columns,
    missed: Floats,
    sessions: Sequence[Session],
    clinic: Level,
    openings: Openings,
) -> UsualService:
    ratios = seen.seconds
    if seen.median is not None:
        ratios = clipped(seen.seconds, seen.median) / expected
    whole = level_of(ratios, seen.weights).under(clinic, POOLING)
    by_seat: dict[SeatId, float] = {}
    own = np.full(len(ratios), whole.mean)
    for number, seat in enumerate(seen.seats):
        is_here = seen.seat_of == number
        level = level_of(ratios[is_here], seen.weights[is_here]).under(whole, POOLING)
        by_seat[seat] = level.mean * expected
        own[is_here] = level.mean
    relative = ratios / own
    trend, factors = trend_of(relative, seen.weights, seen.called_at, openings, CONFIGURED_CV)
    relative = relative / factors
    differing = level_of(relative, seen.weights).under(
        Level(0.0, 1.0, clinic.variance / clinic.mean**2), POOLING
    )
    cv = max(LEAST_CV, float(np.sqrt(differing.variance)))
    if seen.median and len(relative) >= SHAPE_ROWS:
        shape = spread(np.sort(relative))
        shape = shape / shape.mean()
    else:
        shape = lognormal(cv)
    return UsualService(
        rows=len(ratios),
        mean=whole.mean * expected,
        cv=cv,
        by_seat=by_seat,
        shape=shape,
        between_days=_between_days(seen.called_at // DAY, relative, cv),
        median=seen.median,
        trend=trend,
        missed=float(missed.sum()),
        came=float(seen.weights.sum()),
        lateness=np.array(sorted(one.lateness for one in sessions if one.lateness is not None)),
        seats=max((one.seats for one in sessions[-1:]), default=0),
        overtakers=float(sum(one.overtakers for one in sessions)),
        hours=sum(one.hours for one in sessions),
    )


def _between_days(days: Floats, relative: Floats, cv: float) -> float:
    """sigma^2 / tau^2: how the visits of a day differ, against how the days do (empirical Bayes).

    Days differ by at least ``LEAST_BETWEEN_DAYS``; before enough of them were seen, by as much as
    counts as ``POOLING`` visits.
    """
    _, day_of = np.unique(days, return_inverse=True)
    sizes = np.bincount(day_of)
    if not len(sizes) or (sizes >= FEWEST_DAYS).sum() < FEWEST_DAYS:
        return POOLING
    means = np.bincount(day_of, weights=relative)[sizes >= FEWEST_DAYS]
    sizes = sizes[sizes >= FEWEST_DAYS]
    within = float((cv * cv / sizes).mean())
    # What chance alone would make of equal days, and as much more as it may well make.
    by_chance = within * (1 + float(np.sqrt(2 / (len(sizes) - 1))))
    between = max(float(np.var(means / sizes, ddof=1)) - by_chance, LEAST_BETWEEN_DAYS**2)
    return float(np.clip(cv * cv / between, POOLING, MOST_POOLING))
