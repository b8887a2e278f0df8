"""Displays: devices with a right to look, let in by staff (after RFC 8628)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from qure.domain.ids import ClinicId, DisplayId, ServiceId, UserId

PAIRING_LIFE = timedelta(minutes=10)
POLL_INTERVAL = timedelta(seconds=3)

USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no word comes out, and no letters that look like a digit (RFC 8628 §6.1)."""

USER_CODE_LENGTH = 8

MAX_DISPLAYS = 100
"""So many a clinic has at once."""


@dataclass(slots=True, kw_only=True)
class Display:
    """A device that shows a clinic's queues; ``id`` is also that of the user it acts as.

    It shows the queues of ``service_ids``, or of all services.
    """

    id: DisplayId
    clinic_id: ClinicId
    name: str
    service_ids: tuple[ServiceId, ...] | None
    created_at: datetime
    created_by: UserId
    ended_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class DisplayPairing:
    """A device that asks to be let in. ``digest`` is the SHA-256 of the code that it keeps.

    ``user_code`` is what it shows; ``display_id`` is set when staff have let it in.
    """

    digest: str
    user_code: str
    display_id: DisplayId | None = None
    polled_at: datetime | None = None
    created_at: datetime
    expires_at: datetime

    def polls_too_fast(self, at: datetime) -> bool:
        """Whether it asked less than ``POLL_INTERVAL`` ago."""
        return self.polled_at is not None and at - self.polled_at < POLL_INTERVAL
