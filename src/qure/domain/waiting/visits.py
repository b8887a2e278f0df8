"""What has been seen of how long patients take, and of how the days of a clinic go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from qure.domain.ids import ServiceId
from qure.domain.waiting.scene import SeatId


@dataclass(frozen=True, slots=True)
class Visit:
    """One who was called, and let go: served, or given up because they did not come.

    Instants in POSIX seconds. ``rejoined`` is of one who did not come then, and came back later:
    how long they were waited for is not known any more. ``caller_id`` is who called without a desk.
    """

    service_id: ServiceId
    seat_id: SeatId | None
    called_at: float
    ended_at: float
    came: bool = True
    rejoined: bool = False
    caller_id: UUID | None = None

    @property
    def seconds(self) -> float:
        """From the call to being let go."""
        return self.ended_at - self.called_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A service's day: opened and first called then, with so many seats at work; ``hours`` long.

    ``overtakers`` are those who came and went before others: URGENT and PRIORITY ones.
    ``first_call_at`` is None when nobody was called; ``first_arrival_at`` when nobody came.
    """

    service_id: ServiceId
    opens_at: float
    first_arrival_at: float | None
    first_call_at: float | None
    seats: int
    overtakers: int = 0
    hours: float = 0.0

    @property
    def lateness(self) -> float | None:
        """Seconds from when the first call could have been made to when it was (negative: before
        the opening)."""
        if self.first_call_at is None or self.first_arrival_at is None:
            return None
        return self.first_call_at - max(self.opens_at, self.first_arrival_at)


@dataclass(frozen=True, slots=True)
class Pause:
    """Nobody was called at that seat from then to then, POSIX seconds; staff had said so."""

    seat_id: SeatId
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierDays:
    """What earlier days have left behind."""

    visits: tuple[Visit, ...] = ()
    sessions: tuple[Session, ...] = ()
    pauses: tuple[Pause, ...] = ()


@dataclass(slots=True)
class Today:
    """What today has shown so far, in the order in which it ended; when each service opened."""

    visits: list[Visit] = field(default_factory=list)
    overtakers: dict[ServiceId, int] = field(default_factory=dict)
    opens_at: dict[ServiceId, float] = field(default_factory=dict)


Expected = Mapping[ServiceId, float]
"""How long a visit is configured to take, in seconds, by service."""
