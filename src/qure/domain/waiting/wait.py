"""What people are told of their wait: a range, why, and since when it is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

SHORT_SECONDS = 15 * 60
"""What comes sooner than this is said to 2 minutes, what comes later to 5."""

_FINE, _COARSE = 120, 300


class WaitState(StrEnum):
    """How much is known of a wait."""

    ESTIMATED = "estimated"
    NEXT = "next"
    """Nobody is before them, and a desk is free."""

    UNKNOWN = "unknown"


class Unknown(StrEnum):
    """Why nothing is known of a wait."""

    PAUSED = "paused"
    CLOSED = "closed"
    NO_DESK = "no_desk"
    ON_HOLD = "on_hold"
    NOT_WAITING = "not_waiting"


class Basis(StrEnum):
    """What a wait is reckoned from: this queue today, its service on earlier days, or no more than
    what the service is configured to take."""

    LIVE = "live"
    HISTORY = "history"
    DEFAULT = "default"


class Reason(StrEnum):
    """What a person can be told of why it is as it is."""

    DOCTOR_LATE = "doctor_late"
    BREAK_UNTIL = "break_until"
    URGENT_CASES = "urgent_cases"
    SLOWER_THAN_USUAL = "slower_than_usual"
    FASTER_THAN_USUAL = "faster_than_usual"
    MAY_NOT_BE_REACHED = "may_not_be_reached_today"
    RUNNING_OVER = "running_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """When somebody will be called, as told.

    ``low``, ``likely``, ``high`` and ``leave_by`` are None when ``state`` is UNKNOWN, and then
    ``unknown`` says why. ``as_of`` is the instant of what it was reckoned from, ``version`` the
    queue's then.
    """

    state: WaitState
    unknown: Unknown | None = None
    low: datetime | None = None
    likely: datetime | None = None
    high: datetime | None = None
    leave_by: datetime | None = None
    basis: Basis
    reasons: tuple[Reason, ...] = ()
    as_of: datetime
    version: int

    def says_the_same(self, other: Wait) -> bool:
        """Whether a person learns nothing new from the other one."""
        return (
            self.state is other.state
            and self.unknown is other.unknown
            and self.high == other.high
            and self.likely == other.likely
            and self.low == other.low
            and self.leave_by == other.leave_by
            and self.reasons == other.reasons
        )


@dataclass(frozen=True, slots=True)
class Range:
    """Instants of a call in POSIX seconds, not rounded: ``leave_by <= low <= likely <= high``."""

    leave_by: float
    low: float
    likely: float
    high: float


def rounded_down(instant: float, *, now: float) -> float:
    """To 5 minutes, or to 2 when it is less than 15 minutes away; POSIX seconds."""
    grid = _grid(instant, now)
    return math.floor(instant / grid) * grid


def rounded_up(instant: float, *, now: float) -> float:
    """See ``rounded_down``."""
    grid = _grid(instant, now)
    return math.ceil(instant / grid) * grid


def told(range_: Range, *, now: float) -> Range:
    """The range as it is said: rounded outwards, the likely instant to the nearest."""
    low = rounded_down(range_.low, now=now)
    high = rounded_up(range_.high, now=now)
    grid = _grid(range_.likely, now)
    likely = math.floor(range_.likely / grid + 0.5) * grid
    return Range(
        min(rounded_down(range_.leave_by, now=now), low), low, min(max(likely, low), high), high
    )


def instant_of(seconds: float) -> datetime:
    """POSIX seconds as an instant in UTC."""
    return _EPOCH + timedelta(seconds=seconds)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _grid(instant: float, now: float) -> int:
    return _FINE if instant - now < SHORT_SECONDS else _COARSE
