"""The rest of the day, played forward on ``PATHS`` paths at once: when is each one called?"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final
from uuid import UUID

import numpy as np

from qure.domain.waiting.draws import PATHS, Flags, Floats, Order, levels_of, order_of
from qure.domain.waiting.lanes import LATER, Lane, Visitor, groups_of, key_of
from qure.domain.waiting.overtakers import Overtakers
from qure.domain.waiting.pace import Pace
from qure.domain.waiting.scene import Scene
from qure.domain.waiting.seating import Seating, back_from_away

LENGTH, COMES, GIVEN_UP, COMES_BACK, IS_THERE = range(1, 6)
"""What chance decides of somebody who waits: one order each."""

_ROWS: Final[Order] = np.arange(PATHS)
_EVERY_PATH: Final[Flags] = np.ones(PATHS, dtype=bool)
SLICE = 8
"""So many calls are played before somebody else may run."""


class Play:
    """One playing of the scene. ``called[visitor]`` are the instants of the call, by path."""

    def __init__(self, scene: Scene, lanes: list[Lane], there: Seating, pace: Pace) -> None:
        self._scene = scene
        self._lanes = lanes
        self._free = there.free.copy()
        self._breaks = {seat: (at.copy(), lasts) for seat, (at, lasts) in there.breaks.items()}
        self._pace = pace
        self._at_seats: dict[int, Floats] = {}
        self.called: dict[UUID, Floats] = {}

    def run(self) -> Generator[None]:
        """Play it to the end; pauses after every ``SLICE`` calls."""
        for group in groups_of(self._lanes):
            if len(group) == 1:
                yield from self._one_lane(group[0])
            else:
                yield from self._many_lanes(group)

    def _one_lane(self, lane: Lane) -> Generator[None]:
        free = self._free[:, lane.seats]
        overtakers = self._overtakers(lane, lane.seats)
        for number, visitor in enumerate(lane.visitors):
            seat, at = self._first_free(lane.seats, free, lane.not_before)
            while overtakers is not None and (due := overtakers.due(at)).any():
                self._take(lane.seats, free, seat, at + overtakers.lengths(seat), due)
                seat, at = self._first_free(lane.seats, free, lane.not_before)
            self.called[visitor.waiting.id] = at
            if not visitor.is_asking:
                fixed, times = self._length(visitor)
                means = self._means(visitor, lane.seats)[seat] * self._factor(visitor, at)
                until = at + fixed + times * means
                self._take(lane.seats, free, seat, until, _EVERY_PATH)
            if number % SLICE == SLICE - 1:
                yield

    def _many_lanes(self, lanes: list[Lane]) -> Generator[None]:
        """Seats serve some lanes and not others: on each path each seat takes its own next."""
        seats = sorted({seat for lane in lanes for seat in lane.seats})
        free = self._free[:, seats]
        serves = np.array([[seat in lane.seats for lane in lanes] for seat in seats])
        not_before = np.array([lane.not_before for lane in lanes])
        everybody = [visitor for lane in lanes for visitor in lane.visitors]
        sizes = [len(lane.visitors) for lane in lanes]
        starts = np.cumsum([0, *sizes])[:-1]
        keys = np.full((len(lanes), max(sizes) + 1), np.inf)
        for row, lane in enumerate(lanes):
            keys[row, : sizes[row]] = [key_of(visitor.waiting) for visitor in lane.visitors]
        position = np.zeros((PATHS, len(lanes)), dtype=np.int64)
        called = np.full((len(everybody), PATHS), np.inf)
        means = np.stack([self._means(visitor, seats) for visitor in everybody])
        line_of = np.array([visitor.line for visitor in everybody])
        fixed, times = np.zeros((2, len(everybody), PATHS))
        for number, visitor in enumerate(everybody):
            if not visitor.is_asking:
                fixed[number], times[number] = self._length(visitor)
            if number % SLICE == SLICE - 1:
                yield
        overtakers = [self._overtakers(lane, seats) for lane in lanes]
        every_lane = np.arange(len(lanes))
        while (waits := np.isfinite(heads := keys[every_lane, position])).any():
            has_work = (waits[:, None, :] & serves[None, :, :]).any(axis=2)
            seat, at = self._first_free(seats, np.where(has_work, free, np.inf), 0.0)
            may = serves[seat]
            taken = ~np.isfinite(at)
            for row, those in enumerate(overtakers):
                if those is not None:
                    due = those.due(at, only=may[:, row] & ~taken & (at >= not_before[row]))
                    self._take(seats, free, seat, at + those.lengths(seat), due)
                    taken |= due
            # A line that may not be called yet comes behind those that may.
            order = np.where(may, heads + LATER * (not_before > at[:, None]), np.inf)
            lane_of = order.argmin(axis=1)
            goes = _ROWS[~taken]
            chosen = lane_of[goes]
            who = starts[chosen] + position[goes, chosen]
            begin = self._back(seats, seat, np.maximum(at, not_before[lane_of]))[goes]
            called[who, goes] = begin
            until = at.copy()
            lengths = means[who, seat[goes]] * self._factors(line_of[who], begin)
            until[goes] = begin + fixed[who, goes] + times[who, goes] * lengths
            self._take(seats, free, seat, until, ~taken)
            position[goes, chosen] += 1
            if not len(goes) and not np.isfinite(at).any():
                break
            yield
        for visitor, instants in zip(everybody, called, strict=True):
            self.called[visitor.waiting.id] = instants

    def _first_free(
        self, seats: list[int], free: Floats, not_before: float
    ) -> tuple[Order, Floats]:
        """Which seat calls next on each path, and when."""
        seat = free.argmin(axis=1)
        return seat, self._back(seats, seat, np.maximum(free[_ROWS, seat], not_before))

    def _back(self, seats: list[int], seat: Order, at: Floats) -> Floats:
        """When that seat is there to call, if it were free then."""
        for column, number in enumerate(seats):
            one = self._scene.seats[number]
            if one.away:
                at = np.where(seat == column, back_from_away(at, one), at)
        return at

    def _take(
        self, seats: list[int], free: Floats, seat: Order, until: Floats, where: Flags
    ) -> None:
        """On these paths that seat is taken until then, and for as long as it is away after."""
        until = self._back(seats, seat, until)
        for column, number in enumerate(seats):
            if number in self._breaks:
                at, lasts = self._breaks[number]
                begins = where & (seat == column) & (until >= at)
                until = np.where(begins, until + lasts, until)
                at[begins] = np.inf  # One a day.
        rows = _ROWS[where]
        free[rows, seat[rows]] = until[rows]

    def _means(self, visitor: Visitor, seats: list[int]) -> Floats:
        """How long a visit to them takes on average at each of these seats."""
        known = self._at_seats.get(visitor.line)
        if known is None:
            service = self._scene.lines[visitor.line].service_id
            known = np.array([self._pace.mean(service, one.id) for one in self._scene.seats])
            self._at_seats[visitor.line] = known
        return known[seats]

    def _factor(self, visitor: Visitor, at: Floats) -> Floats:
        return self._pace.factor(self._scene.lines[visitor.line].service_id, at)

    def _factors(self, line_of: Order, at: Floats) -> Floats:
        """As ``_factor``, of visitors of different lines."""
        factors = np.ones(len(at))
        for number in set(line_of):
            here = line_of == number
            service_id = self._scene.lines[number].service_id
            factors[here] = self._pace.factor(service_id, at[here])
        return factors

    def _length(self, visitor: Visitor) -> tuple[Floats, Floats]:
        """How long a seat is taken by them on each path: so long in any case, and so many times
        as long as a visit takes there on average."""
        pace, one = self._pace, visitor.waiting
        service = self._scene.lines[visitor.line].service_id
        times = pace.shape(service)[order_of(one.id, LENGTH)]
        absent = levels_of(one.id, COMES) < pace.no_show(service)
        fixed = absent * pace.usual.patience[order_of(one.id, GIVEN_UP)]
        # Who comes back later takes as long as anybody: it is counted here, where it is known.
        later = levels_of(one.id, COMES_BACK) < pace.usual.comeback
        times = times * (~absent | later)
        if one.chance < 1:
            is_there = levels_of(one.id, IS_THERE) < one.chance
            fixed, times = fixed * is_there, times * is_there
        return fixed, times

    def _overtakers(self, lane: Lane, seats: list[int]) -> Overtakers | None:
        if not lane.overtaking or not lane.visitors:
            return None
        first = lane.visitors[0]
        line = self._scene.lines[first.line]
        return Overtakers(
            line.queue_id,
            lane.overtaking,
            self._means(first, seats),
            self._pace.shape(line.service_id),
            now=self._scene.now,
            until=max(self._scene.lines[one.line].closes_at for one in lane.visitors),
        )
