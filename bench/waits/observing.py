"""What a forecaster hears of a simulated day, as it happens, and what it is asked.

All instants and spans are seconds, as floats; instants count from midnight of day 0 without time
zones, so that day ``d`` lasts from ``86400 * d`` on. Events come in the order of time; several may
share an instant. Nothing here tells what has not happened yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import nan
from typing import NamedTuple, Protocol
from uuid import UUID

DAY = 86400.0
MINUTE = 60.0

REJOIN_BEHIND = 2
"""Who rejoins comes behind the next so many of their class (a clinic's ``rejoin_after``)."""

MAX_PRIORITY_RUN = 2
"""So many PRIORITY tokens are called in a row while a NORMAL one waits."""


class Class(IntEnum):
    """Of whom is called before whom; the smaller goes first."""

    URGENT = 0
    PRIORITY = 1
    NORMAL = 2


class Moment(IntEnum):
    """When a forecast is scored."""

    JOINING = 0
    FIVE_AHEAD = 1
    TWO_AHEAD = 2


AHEAD_AT = {5: Moment.FIVE_AHEAD, 2: Moment.TWO_AHEAD}


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """A service as the clinic has set it up. ``expected_minutes`` may be wrong, as it often is."""

    id: UUID
    expected_minutes: float


@dataclass(frozen=True, slots=True)
class DeskPlan:
    """A desk that opens some time today, and the services it calls for when it does."""

    id: UUID
    services: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What stands fixed before the first patient joins; ``begins`` is then.

    ``number`` counts a clinic's days from 0 on. Nobody joins after ``closes``; who waits then is
    still called, for two hours at most.
    """

    number: int
    begins: float
    opens: float
    closes: float
    services: tuple[ServicePlan, ...]
    desks: tuple[DeskPlan, ...]


class Saying(NamedTuple):
    """When a token will be called: instants. A baseline says only ``likely``, the rest is nan.

    ``low`` is the 20th, ``likely`` the 50th, ``high`` the 80th percentile; ``leave_by`` the 10th.
    """

    low: float
    likely: float
    high: float
    leave_by: float


def only(likely: float) -> Saying:
    """What a baseline says: one instant, no range."""
    return Saying(nan, likely, nan, nan)


class Asked(NamedTuple):
    """A token whose forecast is scored at this moment.

    ``ahead`` waiting tokens of its service are called before it as things stand.
    """

    token: UUID
    service: UUID
    ahead: int
    moment: Moment


class Observer(Protocol):
    """A forecaster. It hears everything, and is asked once an instant at the most."""

    def day_begins(self, plan: DayPlan) -> None:
        """A new day; nothing of yesterday's line is left."""

    def arrived(self, token: UUID, service: UUID, urgency: Class, at: float) -> None:
        """A token was issued and waits, at the end of its class."""

    def called(self, token: UUID, desk: UUID, at: float) -> None:
        """Called to that desk, which had released what it had."""

    def started(self, token: UUID, desk: UUID, at: float) -> None:
        """The patient is there. Told only where staff press "start": in few scenarios."""

    def released(self, token: UUID, desk: UUID, at: float) -> None:
        """Completed, as recorded: by calling the next one at the same instant, or before."""

    def skipped(self, token: UUID, desk: UUID, at: float) -> None:
        """Did not come: the desk is free again."""

    def rejoined(self, token: UUID, at: float) -> None:
        """A skipped one waits again, behind the next ``REJOIN_BEHIND`` of its class."""

    def left(self, token: UUID, at: float) -> None:
        """A waiting one has gone."""

    def desk_opened(self, desk: UUID, at: float) -> None:
        """Somebody sits there now, and calls."""

    def desk_paused(self, desk: UUID, until: float | None, at: float) -> None:
        """A break that was announced at its beginning; ``until`` as it was said, if it was."""

    def desk_resumed(self, desk: UUID, at: float) -> None:
        """The break is over, a little before or after what was said."""

    def desk_closed(self, desk: UUID, at: float) -> None:
        """Nobody calls there any more today."""

    def notice(self, service: UUID, minutes: float | None, at: float) -> None:
        """DELAY: the next call comes so many minutes from now at the earliest. None: taken away."""

    def day_ends(self, at: float) -> None:
        """Everybody has gone; who still waited was not called."""

    def say(self, now: float, asked: Sequence[Asked]) -> Mapping[UUID, Saying | None]:
        """When these will be called; None, or nothing, where that is not known.

        Asked once an instant, after all its events, for those of the line that are scored now;
        there may be others in the answer.
        """

    def told_at_joining(self, token: UUID, ahead: int, saying: Saying | None) -> None:
        """What this observer itself has said of it at joining; its call, if any, follows."""


class Quiet:
    """An observer that does nothing of it: for those who listen to a part."""

    def day_begins(self, plan: DayPlan) -> None:
        """See ``Observer``."""

    def arrived(self, token: UUID, service: UUID, urgency: Class, at: float) -> None:
        """See ``Observer``."""

    def called(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""

    def started(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""

    def released(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""

    def skipped(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""

    def rejoined(self, token: UUID, at: float) -> None:
        """See ``Observer``."""

    def left(self, token: UUID, at: float) -> None:
        """See ``Observer``."""

    def desk_opened(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""

    def desk_paused(self, desk: UUID, until: float | None, at: float) -> None:
        """See ``Observer``."""

    def desk_resumed(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""

    def desk_closed(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""

    def notice(self, service: UUID, minutes: float | None, at: float) -> None:
        """See ``Observer``."""

    def day_ends(self, at: float) -> None:
        """See ``Observer``."""

    def told_at_joining(self, token: UUID, ahead: int, saying: Saying | None) -> None:
        """See ``Observer``."""
