"""How quickly things go now: what is usual, drawn to what today shows."""

from __future__ import annotations

from typing import Final

import numpy as np

from qure.domain.ids import ServiceId
from qure.domain.waiting.draws import Floats
from qure.domain.waiting.scene import SeatId
from qure.domain.waiting.usual import (
    CONFIGURED_COUNTS,
    NO_SHOWS,
    OVERTAKING_HOURS,
    SHOWS,
    Level,
    Usual,
    clipped,
    level_of,
)
from qure.domain.waiting.visits import Today, Visit
from qure.domain.waiting.wait import Basis

HALF_LIFE_VISITS: Final = 10.0
"""Of today's visits each counts half as much as the one ten later."""

ENOUGH_TODAY: Final = 5
ENOUGH_ROWS: Final = 10
SLOWER, FASTER = 1.2, 0.8
"""From here on today is called slower or faster than usual."""


class Pace:
    """Of a clinic, as today stands. Made anew when something has ended."""

    def __init__(self, usual: Usual, today: Today) -> None:
        self.usual = usual
        self._today = today
        self._speed: dict[ServiceId, Level] = {}
        self._at: dict[ServiceId, dict[SeatId, float]] = {}
        self._no_show: dict[ServiceId, float] = {}
        self._count: dict[ServiceId, int] = {}
        visits: dict[ServiceId, list[Visit]] = {id: [] for id in usual.of}
        for visit in today.visits:
            if visit.service_id in visits:
                visits[visit.service_id].append(visit)
        for id, its in visits.items():
            served = [one for one in its if one.came]
            known = usual.of[id]
            missed = known.missed + len(its) - len(served)
            seen = known.came + known.missed + len(its)
            self._no_show[id] = (missed + NO_SHOWS) / (seen + NO_SHOWS + SHOWS)
            self._count[id] = len(served)
            self._look_at(id, served)

    def mean(self, service_id: ServiceId, seat_id: SeatId) -> float:
        """How long a visit takes there on average, in seconds."""
        usual = self.usual.of[service_id]
        own = usual.by_seat.get(seat_id, usual.mean)
        return own * self._at[service_id].get(seat_id, self._speed[service_id].mean)

    def factor(self, service_id: ServiceId, at: Floats) -> Floats:
        """How much longer than on average a visit takes that begins then."""
        opens_at = self._today.opens_at.get(service_id)
        if opens_at is None:
            return np.ones(len(at))
        return self.usual.of[service_id].trend.factor(at, opens_at)

    def shape(self, service_id: ServiceId) -> Floats:
        """Quantiles, in order, of a visit's length; their mean is 1."""
        return self.usual.of[service_id].shape

    def no_show(self, service_id: ServiceId) -> float:
        """The share of those called who do not come."""
        return self._no_show[service_id]

    def overtaking(self, service_id: ServiceId, hours_today: float) -> float:
        """How many a second come and go before those who wait."""
        usual = self.usual.of[service_id]
        count = usual.overtakers + self._today.overtakers.get(service_id, 0)
        return count / (usual.hours + hours_today + OVERTAKING_HOURS) / 3600

    def speed(self, service_id: ServiceId) -> float | None:
        """How long today's visits take against the usual ones; None while too few are over."""
        level = self._speed[service_id]
        return level.mean if self._count[service_id] >= ENOUGH_TODAY else None

    def basis(self, service_id: ServiceId) -> Basis:
        """What is known most of."""
        if self._count[service_id] >= ENOUGH_TODAY:
            return Basis.LIVE
        return Basis.HISTORY if self.usual.of[service_id].rows >= ENOUGH_ROWS else Basis.DEFAULT

    def _look_at(self, service_id: ServiceId, served: list[Visit]) -> None:
        usual = self.usual.of[service_id]
        strength = usual.between_days if usual.rows else CONFIGURED_COUNTS
        same = Level(0.0, 1.0, 0.0)
        if not served:
            self._speed[service_id], self._at[service_id] = same, {}
            return
        seconds = np.array([one.seconds for one in served])
        middle = usual.median or float(np.median(seconds))
        means = np.array(
            [
                usual.mean if one.seat_id is None else usual.by_seat.get(one.seat_id, usual.mean)
                for one in served
            ]
        )
        began = np.array([one.called_at for one in served])
        ratios = clipped(seconds, middle) / means / self.factor(service_id, began)
        whole = level_of(ratios, _recency(len(ratios))).under(same, strength)
        self._speed[service_id] = whole
        self._at[service_id] = at = {}
        rows: dict[SeatId, list[int]] = {}
        for row, one in enumerate(served):
            if one.seat_id is not None:
                rows.setdefault(one.seat_id, []).append(row)
        for seat, its in rows.items():
            own = ratios[its]
            level = level_of(own, _recency(len(own))).under(whole, strength)
            at[seat] = level.mean


def _recency(count: int) -> Floats:
    return np.exp2(-(np.arange(count)[::-1]) / HALF_LIFE_VISITS)
