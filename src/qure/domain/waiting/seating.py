"""When each seat will be free for the next one, over all paths of a forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from qure.domain.waiting.draws import LEVELS, PATHS, Floats, levels_of, lognormal, order_of, spread
from qure.domain.waiting.pace import Pace
from qure.domain.waiting.scene import InHand, Line, Scene, Seat, SeatId
from qure.domain.waiting.usual import CONFIGURED_CV, UsualService

RESIDUAL, ABSENT, BEGIN, PAUSE, IDLE, BREAK, BREAK_COMES = range(10, 17)
"""What chance decides of a seat: one order each."""

IDLE_SECONDS: Final = 60.0
"""A seat that has called nobody for so long, though somebody waits, has another reason."""

LONGEST_IDLE: Final = 900.0
PAUSE_SECONDS: Final = 900.0
"""How long a pause lasts of which nobody says how long, before any was seen."""

FEWEST_PAUSES: Final = 3
RUNNING_OVER_LEVEL: Final = 0.99


@dataclass(frozen=True, slots=True)
class Seating:
    """``free[path, seat]`` in POSIX seconds; by seat the ``breaks`` that will probably be made,
    which begin then (never: infinite) and last so long, on each path; at which seats somebody is
    far longer than usual; and whether a first call is overdue."""

    free: Floats
    breaks: dict[int, tuple[Floats, Floats]]
    running_over: frozenset[SeatId]
    is_late: bool


def seating(scene: Scene, pace: Pace) -> Seating:
    """Of every seat of the scene, in its order."""
    free = np.empty((PATHS, len(scene.seats)))
    running_over, late = set(), False
    begins = _begin(scene, pace)
    for column, seat in enumerate(scene.seats):
        at, is_over = _free_at(seat, scene, pace)
        if is_over:
            running_over.add(seat.id)
        if begins is not None and seat.in_hand is None:
            at = np.maximum(at, begins)
            late = True
        free[:, column] = back_from_away(at, seat)
    is_late = late and scene.now > _could_begin(scene) + IDLE_SECONDS
    breaks = {
        column: made
        for column, seat in enumerate(scene.seats)
        if (made := _break_of(seat, scene, pace)) is not None
    }
    return Seating(free, breaks, frozenset(running_over), is_late)


def _break_of(seat: Seat, scene: Scene, pace: Pace) -> tuple[Floats, Floats] | None:
    """The one that it makes day after day, if it may come yet today."""
    habit = pace.usual.habits.get(seat.id)
    opens = [line.opens_at for line in scene.lines if line.service_id in seat.service_ids]
    if habit is None or not opens or seat.has_paused or seat.paused_since is not None or seat.away:
        return None
    begins = min(opens) + habit.offsets
    still = begins > scene.now
    if not still.any():
        return None
    # It has not come so far, as it would have on some of the days on which it comes.
    left = habit.share * float(still.mean())
    comes = levels_of(seat.id, BREAK_COMES) < left / (left + 1 - habit.share)
    order = order_of(seat.id, BREAK)
    at = np.where(comes, spread(begins[still])[order], np.inf)
    return at, spread(habit.lengths[still])[order]


def back_from_away(at: Floats, seat: Seat) -> Floats:
    """When the seat can call, if it were free then."""
    for begins, ends in seat.away:
        at = np.where((at >= begins) & (at < ends), ends, at)
    return at


def longer_than(sample: Floats, elapsed: float, *, most: float) -> Floats:
    """How much longer it takes, given that it has taken ``elapsed`` and is not over; in order.

    Beyond all that was seen: evenly up to as long again, at most ``most``.
    """
    left = sample[sample > elapsed]
    if len(left):
        return spread(left) - elapsed
    return LEVELS * min(max(elapsed, IDLE_SECONDS), most)


def _free_at(seat: Seat, scene: Scene, pace: Pace) -> tuple[Floats, bool]:
    now = scene.now
    if seat.paused_since is not None:
        pauses = pace.usual.pauses
        if len(pauses) < FEWEST_PAUSES:
            pauses = PAUSE_SECONDS * lognormal(CONFIGURED_CV)
        more = longer_than(pauses, now - seat.paused_since, most=LONGEST_IDLE)
        return now + more[order_of(seat.id, PAUSE)], False
    if seat.in_hand is not None:
        return _let_go_at(seat, seat.in_hand, now, pace)
    if any(line.not_before and line.not_before > now for line in _lines_of(scene, seat)):
        return np.full(PATHS, now), False  # A notice says why nobody is called.
    came = _first_came(scene, seat)
    idle = 0.0 if seat.idle_since is None else now - max(seat.idle_since, came)
    if idle < IDLE_SECONDS:
        return np.full(PATHS, now), False
    return now + levels_of(seat.id, IDLE) * min(idle, LONGEST_IDLE), False


def _let_go_at(seat: Seat, one: InHand, now: float, pace: Pace) -> tuple[Floats, bool]:
    usual = pace.usual
    mean = pace.mean(one.service_id, seat.id)
    mean *= float(pace.factor(one.service_id, np.array([one.called_at]))[0])
    lengths = mean * pace.shape(one.service_id)
    elapsed = max(0.0, now - one.called_at)
    order = order_of(seat.id, RESIDUAL)
    is_over = elapsed > lengths[int(RUNNING_OVER_LEVEL * PATHS)]
    more = longer_than(
        lengths if not is_over else lengths[:0], elapsed, most=float(lengths[PATHS // 2]) / 2
    )[order]
    if not one.has_come:
        # Still absent: the longer, the likelier that nobody comes.
        chance = pace.no_show(one.service_id)
        waited = float((usual.patience > elapsed).mean()) * chance
        with_them = float((lengths > elapsed).mean()) * (1 - chance)
        absent = waited / (waited + with_them) if waited + with_them else 0.0
        given_up = longer_than(usual.patience, elapsed, most=IDLE_SECONDS)[order]
        more = np.where(levels_of(seat.id, ABSENT) < absent, given_up, more)
    return now + more, is_over


def _first_came(scene: Scene, seat: Seat | None = None) -> float:
    """Since when somebody waits (for that seat); now when nobody does."""
    lines = scene.lines if seat is None else _lines_of(scene, seat)
    came = [
        max(one.since, min(line.not_before or 0.0, scene.now))
        for line in lines
        for one in line.waiting
        if one.chance == 1.0
    ]
    return min(came, default=scene.now)


def _lines_of(scene: Scene, seat: Seat) -> list[Line]:
    return [line for line in scene.lines if line.service_id in seat.service_ids]


def _could_begin(scene: Scene) -> float:
    """When the first call could have been made: open, and somebody there."""
    return max(min(line.opens_at for line in scene.lines), _first_came(scene))


def _begin(scene: Scene, pace: Pace) -> Floats | None:
    """When the first one is called, on each path; None when somebody has been."""
    if not scene.lines or any(line.has_begun for line in scene.lines):
        return None
    line = min(scene.lines, key=lambda one: one.opens_at)
    if line.not_before and line.not_before > scene.now:
        return np.full(PATHS, scene.now)  # A notice says when, whatever is usual.
    usual = _usual_of(line, pace)
    could = _could_begin(scene)
    elapsed = scene.now - could
    if usual is None or not len(usual.lateness):
        begins = np.full(PATHS, could)
        if elapsed > IDLE_SECONDS:
            begins = scene.now + LEVELS * min(elapsed, LONGEST_IDLE)
    elif elapsed > 0:
        begins = scene.now + longer_than(usual.lateness, elapsed, most=LONGEST_IDLE)
    else:
        begins = could + spread(usual.lateness)
    instants: Floats = np.maximum(begins, scene.now)[order_of(line.queue_id, BEGIN)]
    return instants


def _usual_of(line: Line, pace: Pace) -> UsualService | None:
    return pace.usual.of.get(line.service_id)
