"""Who is in the day, what each of them means to do, and what became of it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from demo.clients import CALLED, COMPLETED, SKIPPED, STARTED, App

FEED_LENGTH = 200
_SAYINGS = {
    CALLED: "it is your turn",
    STARTED: "you are being seen",
    SKIPPED: "you were not there, and were skipped",
    COMPLETED: "all done, goodbye",
}


@dataclass(slots=True, eq=False)
class Patient:
    """A patient: when they come, and how they behave.

    ``is_wanted`` when a desk has called them, ``was_called`` when their phone has said so.
    """

    app: App
    comes_after: float
    leaves_after: float | None
    shows_up: bool
    is_offline_when_called: bool
    token: dict[str, Any] | None = None
    outcome: str = ""
    waits_for: str = ""
    has_asked: asyncio.Event = field(default_factory=asyncio.Event)
    is_wanted: asyncio.Event = field(default_factory=asyncio.Event)
    was_called: asyncio.Event = field(default_factory=asyncio.Event)
    is_at_desk: asyncio.Event = field(default_factory=asyncio.Event)
    is_finished: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class Desk:
    """A member of staff; ``uses_http`` instead of the socket for what they do."""

    app: App
    uses_http: bool
    doing: str = ""
    has_gone_home: bool = False


@dataclass(slots=True, eq=False)
class Clinic:
    """A clinic and its queue, as its staff see it."""

    name: str
    kind: str
    max_queue_size: int
    desks: list[Desk]
    patients: list[Patient]
    id: str = ""
    queue_id: str = ""
    status: dict[str, Any] = field(default_factory=dict)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    has_changed: asyncio.Event = field(default_factory=asyncio.Event)
    everybody_came: bool = False

    @property
    def people(self) -> list[Desk | Patient]:
        """Its staff and its patients."""
        return [*self.desks, *self.patients]


@dataclass(slots=True, eq=False)
class Day:
    """The whole day, and what was noted on the way."""

    clinics: list[Clinic]
    chapter: str = ""
    began: float = field(default_factory=time.perf_counter)
    feed: deque[str] = field(default_factory=lambda: deque(maxlen=FEED_LENGTH))
    calls: dict[str, float] = field(default_factory=dict)
    called_twice: list[str] = field(default_factory=list)
    pictures_shown: int = 0
    pictures_given: int = 0

    @property
    def patients(self) -> list[Patient]:
        """Everybody's patients."""
        return [patient for clinic in self.clinics for patient in clinic.patients]

    @property
    def progress(self) -> tuple[int, int]:
        """Larger with everything that a phone or a desk hears of."""
        apps = [one.app for clinic in self.clinics for one in clinic.people]
        return sum(len(app.heard) for app in apps), sum(len(app.statuses) for app in apps)

    def waiting(self) -> list[str]:
        """Who is still there, and what for, as phrases."""
        patients = [f"{one.app.name} {one.waits_for}" for one in self.patients if one.waits_for]
        desks = [desk for clinic in self.clinics for desk in clinic.desks if not desk.has_gone_home]
        return [*patients, *(f"{desk.app.name} {desk.doing}" for desk in desks)]

    def patient(self, user_id: str) -> Patient:
        """The patient with that account."""
        return next(patient for patient in self.patients if patient.app.id == user_id)

    def note_call(self, token: dict[str, Any], at: float) -> None:
        """A desk was told, at its question of the instant ``at``, that this token is called."""
        if token["id"] in self.calls:
            self.called_twice.append(token["id"])
        self.calls[token["id"]] = at
        self.patient(token["patientId"]).is_wanted.set()

    def say(self, patient: Patient, name: str) -> None:
        """Let the picture show what a phone has just said."""
        number = patient.token["tokenNumber"] if patient.token else "?"
        self.feed.append(f"{patient.app.name} ({number}): {_SAYINGS.get(name, name)}")
