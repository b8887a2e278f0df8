"""Who is in the day, what each of them means to do, and what became of it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from demo.lines import Line
from demo.pace import Bell
from demo.phones import CALLED, CHANGED, COMPLETED, SKIPPED, STARTED, App
from demo.ranges import call_and_range
from demo.visits import Patient, Twist

FEED_LENGTH = 200
FOLLOWED = (Twist.STEPS_OUT, Twist.NEEDS_MORE)
"""Of whom there is much to see, on every day and over most of it."""
_SAYINGS = {
    CALLED: "it is your turn",
    STARTED: "you are being seen",
    SKIPPED: "you were not there, and were skipped",
    COMPLETED: "all done, goodbye",
    CHANGED: "something has changed about your number",
}


@dataclass(slots=True, eq=False)
class Desk:
    """A member of staff at a desk, and what is special about their day.

    ``lines`` are the queues they call for. Without an ``id`` they call as older clients do: queue
    by queue. ``uses_http`` instead of the socket for what they do.
    """

    app: App
    name: str
    lines: list[Line]
    uses_http: bool = False
    comes_after: float = 0.0
    slips_once: bool = False
    fetches: bool = False
    leaves_it_open: bool = False
    pauses_after: tuple[int, ...] = ()
    id: str = ""
    doing: str = ""
    has_gone_home: bool = False


@dataclass(slots=True, eq=False)
class Clinic:
    """A clinic; ``host`` is the one of its staff who sees every line of it.

    ``wall`` is the screen in the waiting room, if there is one, ``visitor`` the one of its staff
    whom somebody may be who looks on in a browser; ``snapshots`` are boards that were read in the
    middle of the day.
    """

    name: str
    kind: str
    lines: list[Line]
    host: App
    desks: list[Desk]
    patients: list[Patient]
    wall: App | None = None
    visitor: App | None = None
    id: str = ""
    join_code: str = ""
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    desks_in_the_end: list[dict[str, Any]] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)

    @property
    def staff(self) -> list[App]:
        """Everybody who works there."""
        visitors = [self.visitor] if self.visitor is not None else []
        return list(dict.fromkeys([self.host, *(desk.app for desk in self.desks), *visitors]))

    @property
    def apps(self) -> list[App]:
        """Everything that listens."""
        walls = [self.wall] if self.wall is not None else []
        return [*self.staff, *walls, *(one.app for one in self.patients)]

    @property
    def early(self) -> list[Patient]:
        """Those who stand before the door when it opens."""
        return [one for one in self.patients if not one.comes_after]

    @property
    def followed(self) -> list[Patient]:
        """Guests among them, with phones that a browser may be."""
        return [one for twist in FOLLOWED for one in self.early if one.twist is twist]

    @property
    def is_over(self) -> bool:
        """Whether everybody has been seen, or does not want to be any more."""
        return all(patient.is_settled for patient in self.patients)


@dataclass(slots=True, eq=False)
class Day:
    """The whole day, and what was noted on the way; ``log`` is the service's, in the end.

    ``calls`` are those that phones have told of and no plain line yet; ``zone`` is the clinics'.
    """

    clinics: list[Clinic]
    chapter: str = ""
    began: float = field(default_factory=time.perf_counter)
    feed: deque[str] = field(default_factory=lambda: deque(maxlen=FEED_LENGTH))
    pictures_shown: int = 0
    pictures_given: int = 0
    calls: deque[str] = field(default_factory=deque)
    surprises: list[str] = field(default_factory=list)
    log: str = ""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Etc/GMT"))

    @property
    def patients(self) -> list[Patient]:
        """Everybody's patients."""
        return [patient for clinic in self.clinics for patient in clinic.patients]

    @property
    def apps(self) -> list[App]:
        """Everything that listens."""
        return [app for clinic in self.clinics for app in clinic.apps]

    @property
    def progress(self) -> tuple[int, int]:
        """Larger with everything that a phone or a desk hears of."""
        statuses = (len(heard) for app in self.apps for heard in app.statuses.values())
        return sum(len(app.heard) for app in self.apps), sum(statuses)

    def waiting(self) -> list[str]:
        """Who is still there, and what for, as phrases."""
        patients = [f"{one.app.name} {one.waits_for}" for one in self.patients if one.waits_for]
        desks = [desk for clinic in self.clinics for desk in clinic.desks if not desk.has_gone_home]
        return [*patients, *(f"{desk.app.name} {desk.doing}" for desk in desks)]

    def say(self, patient: Patient, saying: str) -> None:
        """Let the picture show what a phone has just said."""
        label = patient.token["label"] if patient.tokens else "?"
        said = f"{patient.app.name} ({label}): {_SAYINGS.get(saying, saying)}"
        if saying == CALLED and not patient.token["recallCount"]:
            said += f" {call_and_range(patient.app, patient.token['id'], self.zone)}"
            self.calls.append(said)
        self.feed.append(said)
