"""Who is in the day, what each of them means to do, and what became of it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from qure.entrypoints.demo.clients import CALLED, COMPLETED, SKIPPED, STARTED, App

FEED_LENGTH = 200
_SAYINGS = {
    CALLED: "it is your turn",
    STARTED: "you are being seen",
    SKIPPED: "you were not there, and were skipped",
    COMPLETED: "all done, goodbye",
}


@dataclass(slots=True, eq=False)
class Patient:
    """A patient: when they come, and how they behave."""

    app: App
    comes_after: float
    leaves_after: float | None
    shows_up: bool
    is_offline_when_called: bool
    token: dict[str, Any] | None = None
    outcome: str = ""
    has_asked: asyncio.Event = field(default_factory=asyncio.Event)
    was_called: asyncio.Event = field(default_factory=asyncio.Event)
    is_at_desk: asyncio.Event = field(default_factory=asyncio.Event)
    is_finished: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class Desk:
    """A member of staff; ``uses_http`` instead of the socket for what they do."""

    app: App
    uses_http: bool
    doing: str = ""


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
    away: dict[str, asyncio.Event] = field(default_factory=dict)
    pictures_shown: int = 0
    pictures_given: int = 0

    @property
    def patients(self) -> list[Patient]:
        """Everybody's patients."""
        return [patient for clinic in self.clinics for patient in clinic.patients]

    def patient(self, user_id: str) -> Patient:
        """The patient with that account."""
        return next(patient for patient in self.patients if patient.app.id == user_id)

    def note_call(self, token: dict[str, Any], at: float) -> None:
        """A desk was told, at its question of the instant ``at``, that this token is called."""
        if token["id"] in self.calls:
            self.called_twice.append(token["id"])
        self.calls[token["id"]] = at
        if token["id"] in self.away:
            self.away[token["id"]].set()

    def say(self, patient: Patient, name: str) -> None:
        """Let the picture show what a phone has just said."""
        number = patient.token["tokenNumber"] if patient.token else "?"
        self.feed.append(f"{patient.app.name} ({number}): {_SAYINGS.get(name, name)}")
