"""A clinic's queues as a forecast sees them at one moment. All instants are POSIX seconds."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from qure.domain.ids import QueueId, ServiceId, TokenId
from qure.domain.token import Priority

SeatId = UUID
"""A desk's id, or that of a person who calls without a desk."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One who waits, since then; ``chance`` (0..1) is that they will be there to be called.

    It is less than 1 for those who do not wait now and may come back: who is held, or was skipped.
    """

    id: TokenId
    since: float
    priority: Priority = Priority.NORMAL
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class InHand:
    """Whom a seat has called, when, and whether they are known to have come."""

    service_id: ServiceId
    called_at: float
    has_come: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Somebody who calls patients of these services.

    ``idle_since`` is when it last let somebody go, or opened, while nobody is in hand. While it is
    away (from, to; ends may be infinite) nobody is called there. ``paused_since`` is set while it
    is away for nobody knows how long; ``has_paused`` if it was away today already.
    """

    id: SeatId
    service_ids: frozenset[ServiceId]
    in_hand: InHand | None = None
    idle_since: float | None = None
    paused_since: float | None = None
    away: tuple[tuple[float, float], ...] = ()
    has_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One queue: who waits, in the order of calls.

    ``has_begun`` is whether anybody has been called today. Before ``not_before`` nobody is called,
    by a notice, of a break if ``is_break``; ``is_paused`` is a notice whose end nobody knows.
    """

    queue_id: QueueId
    service_id: ServiceId
    waiting: tuple[Waiting, ...]
    opens_at: float
    closes_at: float
    has_begun: bool
    is_closed: bool = False
    not_before: float | None = None
    is_break: bool = False
    is_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All queues of a clinic and all who call for them, as they stand ``now``."""

    now: float
    lines: tuple[Line, ...]
    seats: tuple[Seat, ...]
