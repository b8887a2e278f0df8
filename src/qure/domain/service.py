"""A service: what patients stand in line for. Every clinic has one by default."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from string import ascii_uppercase

from qure.domain.actor import Actor
from qure.domain.events import ClinicChanged, Event
from qure.domain.ids import ClinicId, ServiceId

DEFAULT_NAME = "General"
DEFAULT_QUEUE_SIZE = 50
DEFAULT_EXPECTED_MINUTES = 10

MAX_SERVICES = 50
"""So many a clinic has at once, the retired ones not counted."""


@dataclass(slots=True, kw_only=True)
class Service:
    """What a clinic offers, with a queue of its own each local day.

    ``prefix`` (0..3 of A-Z and 0-9) comes before the numbers of its tokens; ``expected_minutes``
    (1..240) is how long one visit is thought to take. ``position`` orders a clinic's services.
    ``next_opening_at`` is the instant of the local midnight at which its queue opens by itself
    next, None when it does not.
    """

    id: ServiceId
    clinic_id: ClinicId
    name: str = DEFAULT_NAME
    prefix: str = ""
    expected_minutes: int = DEFAULT_EXPECTED_MINUTES
    max_queue_size: int = DEFAULT_QUEUE_SIZE
    auto_open_queue: bool = False
    next_opening_at: datetime | None = None
    is_default: bool = True
    is_active: bool = True
    position: int = 0
    created_at: datetime
    updated_at: datetime
    events: list[Event] = field(default_factory=list, compare=False, repr=False)

    def changed(self, *, by: Actor, at: datetime) -> None:
        """Something that others may see of it, and so of its clinic, is different now."""
        self.updated_at = at
        self.events.append(ClinicChanged(clinic_id=self.clinic_id, actor=by, at=at))

    def is_due(self, at: datetime) -> bool:
        """Whether its queue ought to have been opened by then."""
        return self.next_opening_at is not None and self.next_opening_at <= at


def free_prefix(name: str, taken: Collection[str]) -> str | None:
    """The first letter of the name that no other service has, else of the alphabet.

    None when all letters are taken.
    """
    letters = [letter for letter in name.upper() if letter in ascii_uppercase]
    return next((one for one in (*letters, *ascii_uppercase) if one not in taken), None)
