"""What comes again at the same time of day: breaks, and how much quicker people get."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from qure.domain.waiting.draws import Floats, Order
from qure.domain.waiting.scene import SeatId
from qure.domain.waiting.visits import Pause, Session, Visit

HOUR: Final = 3600.0
DAYS_SEEN: Final = 10
"""So many of the last days tell what is usual."""

FEWEST_DAYS: Final = 4
OFTEN: Final = 0.5
"""What comes on fewer days than this is no habit."""

TREND_PER_HOUR: Final = 0.05
"""By how much visits may be thought to get shorter or longer in an hour, before any was seen."""

LEAST_FACTOR, MOST_FACTOR = 0.5, 2.0
_LONGEST_DAY: Final = 20 * HOUR
_EARLY: Final = 2 * HOUR
"""A call so long before the opening belongs to the day that begins then."""


@dataclass(frozen=True, slots=True)
class Habit:
    """On that share (0..1) of the days there is a break; seconds after the opening (in order), and
    how long each of them was."""

    share: float
    offsets: Floats
    lengths: Floats


@dataclass(frozen=True, slots=True)
class Trend:
    """How visits change over the day: by so much an hour, beside the hour in which they are as
    long as on average."""

    per_hour: float = 0.0
    middle: float = 0.0

    def factor(self, at: Floats, opens_at: float) -> Floats:
        """How much longer a visit that begins then takes than on average."""
        # A seat that never comes free calls nobody: when does not matter.
        hours = np.minimum((at - opens_at) / HOUR, _LONGEST_DAY / HOUR)
        factors: Floats = np.clip(
            1 + self.per_hour * (hours - self.middle), LEAST_FACTOR, MOST_FACTOR
        )
        return factors


class Openings:
    """When each earlier day began, in order: what is after it and before the next belongs to it."""

    def __init__(self, sessions: Iterable[Session]) -> None:
        opens: list[float] = []
        for at in sorted(one.opens_at for one in sessions):
            if not opens or at - opens[-1] > _LONGEST_DAY / 2:
                opens.append(at)
        self.at: Floats = np.array(opens)

    def day_of(self, at: Floats) -> Order:
        """The number of the day, -1 for an instant of none."""
        if not len(self.at):
            return np.full(len(at), -1)
        day = np.searchsorted(self.at - _EARLY, at, side="right") - 1
        since = at - self.at[np.maximum(day, 0)]
        days: Order = np.where((day >= 0) & (since < _LONGEST_DAY), day, -1)
        return days


def trend_of(
    relative: Floats, weights: Floats, called_at: Floats, openings: Openings, cv: float
) -> tuple[Trend, Floats]:
    """Ridge regression of visits' lengths, by the average of their seat, on the hour of the day;
    and by which factor each of them was longer for it."""
    day = openings.day_of(called_at)
    known = day >= 0
    factors = np.ones(len(relative))
    if not known.any():
        return Trend(), factors
    hours = (called_at[known] - openings.at[day[known]]) / HOUR
    weight = weights[known]
    middle = float((weight * hours).sum() / weight.sum())
    across = hours - middle
    prior = (cv / TREND_PER_HOUR) ** 2
    level = float((weight * relative[known]).sum() / weight.sum())
    slope = float(
        (weight * across * (relative[known] / level - 1)).sum()
        / ((weight * across**2).sum() + prior)
    )
    factors[known] = np.clip(1 + slope * across, LEAST_FACTOR, MOST_FACTOR)
    return Trend(slope, middle), factors


def habits_of(
    visits: Sequence[Visit], pauses: Sequence[Pause], openings: Openings
) -> Mapping[SeatId, Habit]:
    """Of each seat that pauses often; of several pauses of a day the longest."""
    last = len(openings.at) - DAYS_SEEN
    worked: dict[SeatId, set[int]] = defaultdict(set)
    days = openings.day_of(np.array([one.called_at for one in visits]))
    for visit, day in zip(visits, days, strict=True):
        if visit.seat_id is not None and day >= max(last, 0):
            worked[visit.seat_id].add(int(day))
    longest: dict[SeatId, dict[int, Pause]] = defaultdict(dict)
    of_pauses = openings.day_of(np.array([one.begin for one in pauses]))
    for pause, day in zip(pauses, of_pauses, strict=True):
        if day in worked.get(pause.seat_id, ()):
            known = longest[pause.seat_id].get(int(day))
            if known is None or pause.end - pause.begin > known.end - known.begin:
                longest[pause.seat_id][int(day)] = pause
    habits = {}
    for seat, by_day in longest.items():
        share = len(by_day) / len(worked[seat])
        if share < OFTEN or len(worked[seat]) < FEWEST_DAYS:
            continue
        seen = sorted(
            (one.begin - openings.at[day], one.end - one.begin) for day, one in by_day.items()
        )
        habits[seat] = Habit(
            share, np.array([begin for begin, _ in seen]), np.array([length for _, length in seen])
        )
    return habits
