"""Learning from what became of what was told: how far off it was, and how often it held.

Bias follows the relative error, (actual - likely) / likely, so that on average nobody is called
later than told: ln(actual / likely) would forgive late calls for the sake of those that came at
once.

The upper and the lower bound are held by adaptive conformal inference (Gibbs & Candes 2021): each
call that came outside widens its bound by a step, each that came within narrows it a little, so
that in the long run the promised share holds whatever the distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from qure.domain.waiting.wait import Range

BUCKETS: Final = (0, 3, 6, 11)
"""Places in line that are learned about together begin at these numbers of people ahead."""

WARM_UP: Final = 50
"""What is not known yet counts as so many samples: what was learned early weighs no more than what
was learned late, and one odd day no more than its share."""

SLOWEST_BIAS: Final = 0.01
FASTEST_STEP, SLOWEST_STEP = 0.05, 0.02
LATE_SHARE: Final = 0.2
EARLY_SHARE: Final = 0.1
LEAST_BIAS, MOST_BIAS = 0.7, 1.5
LEAST_WIDENING, MOST_WIDENING = -0.3, 0.7
LEAST_EARLY: Final = 0.0
"""Whoever leaves late is not let off because others were lucky."""

SHORTEST_SECONDS: Final = 300.0
"""Of a shorter wait a minute is no greater part than of this."""

MOST_OFF: Final = 1.0


def bucket_of(ahead: int) -> int:
    """Which of ``BUCKETS`` (0..3) somebody with so many ahead belongs to."""
    return max(number for number, first in enumerate(BUCKETS) if ahead >= first)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of one service and bucket, learned from ``samples`` calls.

    ``bias`` multiplies waits (0.7..1.5); ``late`` (-0.3..0.7) and ``early`` (0..0.7) widen the
    range upwards and bring ``leave_by`` forward.
    """

    bias: float = 1.0
    late: float = 0.0
    early: float = 0.0
    samples: int = 0

    def applied(self, raw: Range, *, now: float) -> Range:
        """The range as it is meant; still in order, nothing before ``now``: the instant before
        which nobody can be called. What lies before it no experience makes shorter or longer."""
        likely = _after(raw.likely, now) * self.bias
        high = max(_after(raw.high, now) * self.bias * (1 + self.late), likely)
        low = min(_after(raw.low, now) * self.bias, likely)
        leave_by = min(_after(raw.leave_by, now) * self.bias * (1 - self.early), low)
        return Range(now + max(leave_by, 0.0), now + low, now + likely, now + high)

    def learned(self, told: Range, *, told_at: float, called_at: float) -> Calibration:
        """After one more call of somebody who was told this range then."""
        likely = max(told.likely - told_at, SHORTEST_SECONDS)
        off = min((called_at - told.likely) / likely, MOST_OFF)
        bias = self.bias * math.exp(max(SLOWEST_BIAS, 1 / (self.samples + WARM_UP)) * off)
        step = min(FASTEST_STEP, max(SLOWEST_STEP, 2 / (self.samples + WARM_UP)))
        return replace(
            self,
            bias=min(max(bias, LEAST_BIAS), MOST_BIAS),
            late=_stepped(self.late, called_at > told.high, LATE_SHARE, step),
            early=max(
                LEAST_EARLY, _stepped(self.early, called_at < told.leave_by, EARLY_SHARE, step)
            ),
            samples=self.samples + 1,
        )


def _after(instant: float, now: float) -> float:
    return max(0.0, instant - now)


def _stepped(widening: float, was_outside: bool, share: float, step: float) -> float:
    stepped = widening + step * (was_outside - share)
    return min(max(stepped, LEAST_WIDENING), MOST_WIDENING)
