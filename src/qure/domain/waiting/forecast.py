"""The forecast of a clinic: from one scene to what everybody who waits is told.

Forward Monte Carlo of the real queues (see ``paths``), on service times that are pooled and drawn
to today's (``usual``, ``pace``), calibrated by what came of earlier forecasts. The same scene,
experience and calibration give the same forecast, on any machine. Compare Ibrahim & Whitt 2009
(10.1287/msom.1080.0223) and Ang et al. 2016 (10.1287/msom.2015.0560).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

import numpy as np

from qure.domain.ids import QueueId, ServiceId, TokenId
from qure.domain.token import Priority
from qure.domain.waiting.calibration import Calibration, bucket_of
from qure.domain.waiting.draws import PATHS, Floats
from qure.domain.waiting.lanes import first_call, key_of, lanes_of
from qure.domain.waiting.pace import FASTER, SLOWER, Pace
from qure.domain.waiting.paths import Play
from qure.domain.waiting.scene import Line, Scene, Seat
from qure.domain.waiting.seating import seating
from qure.domain.waiting.wait import Basis, Range, Reason, Unknown

Calibrations = Mapping[tuple[ServiceId, int], Calibration]
"""By service and bucket; what was not learned yet is left out."""

_ASKING: Final = UUID("7f0c7a5e-6a2b-4a83-9f0a-3f6c0d5b1f11")
SORTED_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of one who waits, or who might join: unrounded; ``is_next`` if a desk is free for them."""

    ahead: int
    range: Range
    is_next: bool
    before_closing: float
    """The share of paths (0..1) on which they are called before the queue's closing time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueForecast:
    """One queue's: ``unknown`` says why nothing is known, and then nothing else is there.

    ``reasons`` hold for everybody in it. ``if_joined`` is of a newcomer, at the end of the line.
    """

    unknown: Unknown | None
    basis: Basis
    reasons: tuple[Reason, ...]
    waiting: Mapping[TokenId, Outlook]
    if_joined: Outlook | None


Forecast = Mapping[QueueId, QueueForecast]


def forecast(
    scene: Scene, pace: Pace, calibrations: Calibrations
) -> Generator[None, None, Forecast]:
    """Works in slices: whoever drives it may let others run whenever it yields."""
    # Somebody else decides about a newcomer's place than about who waits: none of them is moved.
    asking = {line.queue_id: uuid5(_ASKING, str(line.queue_id)) for line in scene.lines}
    there = seating(scene, pace)
    play = Play(scene, lanes_of(scene, asking, pace), there, pace)
    yield from play.run()
    yield
    found: dict[QueueId, QueueForecast] = {}
    for line in scene.lines:
        seats = [seat for seat in scene.seats if line.service_id in seat.service_ids]
        unknown = _unknown(line, seats)
        reasons = _reasons(scene, line, seats, pace)
        if there.is_late and not line.has_begun:
            reasons.append(Reason.DOCTOR_LATE)
        if any(seat.id in there.running_over for seat in seats):
            reasons.append(Reason.RUNNING_OVER)
        outlooks: dict[UUID, Outlook] = {}
        if unknown is None:
            outlooks = yield from _outlooks(scene, line, seats, play, asking, calibrations)
        if_joined = outlooks.pop(asking[line.queue_id], None)
        if unknown is None and if_joined is None and not outlooks:
            unknown = Unknown.NO_DESK
        found[line.queue_id] = QueueForecast(
            unknown=unknown,
            basis=pace.basis(line.service_id),
            reasons=tuple(sorted(set(reasons))),
            waiting={TokenId(id): one for id, one in outlooks.items()},
            if_joined=if_joined,
        )
    return found


def _unknown(line: Line, seats: list[Seat]) -> Unknown | None:
    if line.is_closed:
        return Unknown.CLOSED
    if line.is_paused:
        return Unknown.PAUSED
    if not seats:
        return Unknown.NO_DESK
    return None


def _reasons(scene: Scene, line: Line, seats: list[Seat], pace: Pace) -> list[Reason]:
    reasons = []
    speed = pace.speed(line.service_id)
    if speed is not None and speed > SLOWER:
        reasons.append(Reason.SLOWER_THAN_USUAL)
    if speed is not None and speed < FASTER:
        reasons.append(Reason.FASTER_THAN_USUAL)
    if line.not_before is not None and line.not_before > scene.now:
        reasons.append(Reason.BREAK_UNTIL if line.is_break else Reason.DOCTOR_LATE)
    if seats and all(_is_away(seat, scene.now) for seat in seats):
        reasons.append(Reason.BREAK_UNTIL)
    if any(one.priority is Priority.URGENT for one in line.waiting):
        reasons.append(Reason.URGENT_CASES)
    return reasons


def _is_away(seat: Seat, now: float) -> bool:
    return any(begins <= now < ends for begins, ends in seat.away)


def _outlooks(
    scene: Scene,
    line: Line,
    seats: list[Seat],
    play: Play,
    asking: Mapping[QueueId, UUID],
    calibrations: Calibrations,
) -> Generator[None, None, dict[UUID, Outlook]]:
    ids: list[UUID] = [one.id for one in line.waiting if one.chance == 1.0]
    ids.append(asking[line.queue_id])
    is_free = _is_next(scene, line, seats)
    begins = _earliest(scene, line, seats)
    found: dict[UUID, Outlook] = {}
    for start in range(0, len(ids), SORTED_AT_ONCE):
        some = ids[start : start + SORTED_AT_ONCE]
        instants = np.stack([play.called[id] for id in some])
        before = (instants <= line.closes_at).mean(axis=1)
        instants.sort(axis=1)
        early, low, middle, high = (_quantile(instants, level) for level in (0.1, 0.2, 0.5, 0.8))
        bounds = np.stack([early, low, _likely(middle, instants, low, high), high], axis=1)
        for number, id in enumerate(some):
            if not np.isfinite(bounds[number]).all():
                continue
            ahead = start + number
            raw = Range(*(float(one) for one in bounds[number]))
            calibration = calibrations.get((line.service_id, bucket_of(ahead)), Calibration())
            found[id] = Outlook(
                ahead,
                calibration.applied(raw, now=begins),
                is_next=ahead == 0 and is_free,
                before_closing=float(before[number]),
            )
        yield
    return found


def _earliest(scene: Scene, line: Line, seats: list[Seat]) -> float:
    """Nobody of the line can be called before: for a notice, or because all seats are away."""
    back = [
        max((ends for begins, ends in seat.away if begins <= scene.now < ends), default=scene.now)
        for seat in seats
    ]
    return max(first_call(scene, line), min(back))


def _is_next(scene: Scene, line: Line, seats: list[Seat]) -> bool:
    """Whether a desk is free for whoever is first in the line, and not for another line's first."""
    is_held_up = first_call(scene, line) > scene.now
    is_held_up |= not line.has_begun and line.opens_at > scene.now
    free = [
        seat
        for seat in seats
        if seat.in_hand is None and seat.paused_since is None and not _is_away(seat, scene.now)
    ]
    mine = min(map(key_of, line.waiting[:1]), default=np.inf)
    rivals = [
        other
        for other in scene.lines
        if other is not line
        and other.waiting
        and first_call(scene, other) <= scene.now
        and key_of(other.waiting[0]) < mine
        and any(other.service_id in seat.service_ids for seat in free)
    ]
    return not is_held_up and len(free) > len(rivals)


def _likely(middle: Floats, instants: Floats, low: Floats, high: Floats) -> Floats:
    """Half way from the median to the mean of the paths.

    Waits are skewed: the median alone comes too soon on average, by a tenth where service times
    are exponential; the mean alone is later than most calls.
    """
    mean = instants.mean(axis=1)
    return np.clip((middle + np.where(np.isfinite(mean), mean, middle)) / 2, low, high)


def _quantile(instants: Floats, level: float) -> Floats:
    """Of rows that are in order."""
    upper = int(level * PATHS)
    return (instants[:, upper - 1] + instants[:, upper]) / 2
